/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is encrypted under a passphrase (RFC 8018, RFC 7292), with the old ciphers too that
 * Windows, macOS and Firefox write.
 */
#ifndef SHIM_PBE_H
#define SHIM_PBE_H

#include <stdbool.h>

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

/*
 * RC2, RC4 and DES are in OpenSSL's legacy provider alone.  It is loaded for one
 * file, in a library context of its own: nothing else of the process can use it.
 */
struct shim_legacy {
    OSSL_LIB_CTX *context; /* owned; NULL until it is needed */
    OSSL_PROVIDER *standard, *legacy;
    char *cipher; /* owned: the first one that was needed */
    bool used;    /* it opened something */
};

/* A passphrase; none and an empty one are different to some algorithms. */
struct shim_pass {
    const char *text;
    int length;
};

/*
 * Find where |pbe| can be decrypted.
 *
 * @param context  NULL for the default one
 * @param why      to free; why it cannot, and the way out
 * @return false if it cannot
 */
bool shim_pbe_find(struct shim_legacy *legacy, const X509_ALGOR *pbe, OSSL_LIB_CTX **context,
                   char **why);

/* The cipher itself, to free with EVP_CIPHER_free(); NULL with |*why|. */
EVP_CIPHER *shim_pbe_cipher(struct shim_legacy *legacy, const char *name, OSSL_LIB_CTX **context,
                            char **why);

/* The |item| in |closed|; NULL if the passphrase does not open it. */
void *shim_pbe_open(struct shim_legacy *legacy, const X509_ALGOR *pbe,
                    const ASN1_OCTET_STRING *closed, const ASN1_ITEM *item,
                    const struct shim_pass *pass, OSSL_LIB_CTX *context);

/* What can be said of |object|: its name, or its number. */
void shim_object_text(const ASN1_OBJECT *object, char *text, int size);

void shim_legacy_clear(struct shim_legacy *legacy);

#endif
