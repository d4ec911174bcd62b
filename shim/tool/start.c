/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "backend/backend.h"
#include "tool/start.h"

/* The default provider, and the decoders that we give out of it.  Written once. */
static struct sp_backend standard;
static OSSL_ALGORITHM *decoders;

/*
 * Keep the decoders of the public key of a certificate, of every kind.  Before 3.2 OpenSSL
 * walks all decoders for each certificate that it parses, and most are for private keys.
 */
static bool keep_decoders(const OSSL_ALGORITHM *all)
{
    size_t count = 0;

    while (all[count].algorithm_names != NULL)
        count++;
    decoders = OPENSSL_zalloc((count + 1) * sizeof(*decoders));
    for (size_t kept = 0; decoders != NULL && all->algorithm_names != NULL; all++)
        if (strstr(all->property_definition, "structure=SubjectPublicKeyInfo") != NULL)
            decoders[kept++] = *all;
    return decoders != NULL;
}

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
    (void)provctx;
    if (operation <= 0 || operation >= SP_OPERATIONS)
        return NULL;
    *no_cache = standard.no_cache[operation];
    return operation == OSSL_OP_DECODER ? decoders : standard.tables[operation];
}

static int provide(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                   const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query }, { 0, NULL }
    };

    (void)handle, (void)in;
    *out = functions;
    *provctx = standard.provctx;
    return 1;
}

static bool provide_certificates(void)
{
    return sp_backend_load(&standard, NULL, "default") &&
           standard.tables[OSSL_OP_DECODER] != NULL &&
           keep_decoders(standard.tables[OSSL_OP_DECODER]) &&
           OSSL_PROVIDER_add_builtin(NULL, "certificates", provide) == 1 &&
           OSSL_PROVIDER_load(NULL, "certificates") != NULL;
}

bool shim_start(enum shim_start how)
{
    uint64_t flags = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT;

    /* The names of all ciphers take as long as two certificates, and the reasons as one. */
    if (how != START_WHOLE)
        flags |= OPENSSL_INIT_NO_ADD_ALL_CIPHERS;
    if (how == START_KEYRING)
        flags |= OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS;
    return OPENSSL_init_crypto(flags, NULL) == 1 && (how == START_WHOLE || provide_certificates());
}
