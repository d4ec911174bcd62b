/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Decrypting what is encrypted under a passphrase (RFC 8018, RFC 7292), also with
 * the old ciphers of Windows, macOS and Firefox.
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
 * The legacy provider, which alone has RC2, RC4 and DES.  It is loaded for one file,
 * into a library context of its own, so that nothing else of the process uses it.
 */
struct shim_legacy {
    OSSL_LIB_CTX *context; /* owned; NULL until it is needed */
    OSSL_PROVIDER *standard, *legacy;
    char *cipher; /* owned: the first cipher that was needed */
    bool used;    /* something was decrypted with it */
};

/* A passphrase.  For some algorithms an empty one is not the same as none. */
struct shim_pass {
    const char *text;
    int length;
};

/*
 * Find out where |pbe| can be decrypted.
 *
 * @param context  set to NULL for the default one
 * @param why      to free: why it cannot, and the remedy
 * @return false if it cannot
 */
bool shim_pbe_find(struct shim_legacy *legacy, const X509_ALGOR *pbe, OSSL_LIB_CTX **context,
                   char **why);

/* The cipher, to free with EVP_CIPHER_free(); NULL with |*why|. */
EVP_CIPHER *shim_pbe_cipher(struct shim_legacy *legacy, const char *name, OSSL_LIB_CTX **context,
                            char **why);

/* Decrypt |closed| into an |item|; NULL if the passphrase is wrong. */
void *shim_pbe_open(struct shim_legacy *legacy, const X509_ALGOR *pbe,
                    const ASN1_OCTET_STRING *closed, const ASN1_ITEM *item,
                    const struct shim_pass *pass, OSSL_LIB_CTX *context);

/* The name of |object|, or its number. */
void shim_object_text(const ASN1_OBJECT *object, char *text, int size);

void shim_legacy_clear(struct shim_legacy *legacy);

#endif
