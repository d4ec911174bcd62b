/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * libcrypto tries every URI as the name of a file first.  A file `smimepolicy:trust`
 * in the directory of a program would be taken instead of the keyring's trust.  So
 * the backend's file loader is told that there is no such file.
 */
#include <stdatomic.h>

#include "gates/slots.h"
#include "store/uri.h"

/* Written while providers are loaded, which module/provider.c serializes. */
static _Atomic(OSSL_FUNC_store_open_fn *) open_file;

static void *open_other(void *provctx, const char *uri)
{
    OSSL_FUNC_store_open_fn *open = atomic_load(&open_file);

    return sp_uri_is_ours(uri) ? NULL : open(provctx, uri);
}

OSSL_DISPATCH *sp_gate_store(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                             bool *untouched)
{
    static const struct sp_gate gate = { OSSL_FUNC_STORE_OPEN, (void (*)(void))open_other };
    OSSL_FUNC_store_open_fn *open = (OSSL_FUNC_store_open_fn *)sp_dispatch_find(
        algorithm->implementation, OSSL_FUNC_STORE_OPEN);
    OSSL_FUNC_store_open_fn *none = NULL;

    (void)backend;
    /* The file loader of another backend than the first one's is left as it is. */
    *untouched = !sp_names_hold(algorithm->algorithm_names, "file") || open == NULL ||
                 (!atomic_compare_exchange_strong(&open_file, &none, open) && none != open);
    return *untouched ? NULL : sp_splice(algorithm->implementation, &gate, 1);
}
