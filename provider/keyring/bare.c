/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Parsing a certificate without decoding its key.
 *
 * d2i_X509() decodes every public key, which is nine tenths of its time in OpenSSL
 * 3.0, as it collects all decoders anew each time.  The rules and the keyring read
 * the key's DER alone.
 */
#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "keyring/keyring.h"

/* Written once, under |once|: a library context without decoders. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static OSSL_LIB_CTX *nothing;

static void make_nothing(void)
{
    nothing = OSSL_LIB_CTX_new();
    /* Without the null provider `default` would be loaded at the first fetch. */
    if (nothing != NULL && OSSL_PROVIDER_load(nothing, "null") == NULL) {
        OSSL_LIB_CTX_free(nothing);
        nothing = NULL;
    }
}

X509 *sp_cert_without_key(const unsigned char **der, long length)
{
    if (CRYPTO_THREAD_run_once(&once, make_nothing) != 1 || nothing == NULL)
        return d2i_X509(NULL, der, length);
    return (X509 *)ASN1_item_d2i_ex(NULL, der, length, ASN1_ITEM_rptr(X509), nothing, NULL);
}
