/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "backend/backend.h"

#include <string.h>
#include <strings.h>

bool sp_backend_load(struct sp_backend *backend, OSSL_LIB_CTX *libctx, const char *name)
{
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(libctx, name);

    if (provider == NULL)
        return false;
    backend->provider = provider;
    backend->provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
    for (int operation = 1; operation < SP_OPERATIONS; operation++)
        backend->tables[operation] =
            OSSL_PROVIDER_query_operation(provider, operation, &backend->no_cache[operation]);
    /*
     * An active backend would answer fetches beside us, without gates.  Activations are
     * counted, so a program that has activated it by itself keeps it.
     */
    OSSL_PROVIDER_unload(provider);
    return backend->tables[OSSL_OP_KEYMGMT] != NULL;
}

void (*sp_dispatch_find(const OSSL_DISPATCH *table, int id))(void)
{
    for (; table->function_id != 0; table++)
        if (table->function_id == id)
            return table->function;
    return NULL;
}

static bool next_name(const char **list, const char **name, size_t *length)
{
    const char *end;

    if (**list == '\0')
        return false;
    end = strchrnul(*list, ':');
    *name = *list;
    *length = (size_t)(end - *list);
    *list = *end == ':' ? end + 1 : end;
    return true;
}

bool sp_names_meet(const char *a, const char *b)
{
    const char *left, *right;
    size_t left_length, right_length;

    while (next_name(&a, &left, &left_length)) {
        const char *rest = b;

        while (next_name(&rest, &right, &right_length))
            if (left_length == right_length && strncasecmp(left, right, left_length) == 0)
                return true;
    }
    return false;
}

bool sp_names_hold(const char *names, const char *name)
{
    return sp_names_meet(names, name);
}

bool sp_sha256_from(struct sp_sha256 *sha, const struct sp_backend *backend)
{
    const OSSL_ALGORITHM *algorithm = backend->tables[OSSL_OP_DIGEST];

    while (algorithm != NULL && algorithm->algorithm_names != NULL &&
           !sp_names_hold(algorithm->algorithm_names, "SHA2-256"))
        algorithm++;
    if (algorithm == NULL || algorithm->algorithm_names == NULL)
        return false;
    *sha = (struct sp_sha256){ .provctx = backend->provctx };
    for (const OSSL_DISPATCH *fn = algorithm->implementation; fn->function_id != 0; fn++) {
        switch (fn->function_id) {
        case OSSL_FUNC_DIGEST_NEWCTX:
            sha->newctx = OSSL_FUNC_digest_newctx(fn);
            break;
        case OSSL_FUNC_DIGEST_INIT:
            sha->init = OSSL_FUNC_digest_init(fn);
            break;
        case OSSL_FUNC_DIGEST_UPDATE:
            sha->update = OSSL_FUNC_digest_update(fn);
            break;
        case OSSL_FUNC_DIGEST_FINAL:
            sha->final = OSSL_FUNC_digest_final(fn);
            break;
        case OSSL_FUNC_DIGEST_FREECTX:
            sha->freectx = OSSL_FUNC_digest_freectx(fn);
            break;
        default:
            break;
        }
    }
    return sha->newctx != NULL && sha->init != NULL && sha->update != NULL && sha->final != NULL &&
           sha->freectx != NULL;
}
