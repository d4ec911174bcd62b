/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/hub/libpq.h"

#include <dlfcn.h>
#include <stdbool.h>

#include <openssl/crypto.h>

#include "base/symbol.h"
#include "tool/hub/hub.h"

#define LIBRARY "libpq.so.5"

const struct shim_libpq *shim_libpq(void)
{
    static struct shim_libpq loaded;
    static bool complete;
    void *library = complete ? NULL : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (library != NULL) {
        complete = true;
#define X(name)                                                                                    \
    if (!sp_symbol(library, "PQ" #name, &loaded.name, sizeof(loaded.name)))                        \
        complete = false;
        SHIM_LIBPQ_FUNCTIONS(X)
#undef X
    }
    return complete ? &loaded : NULL;
}

bool shim_hub_ready(char **why)
{
    const bool is_there = shim_libpq() != NULL;

    *why = is_there ? NULL : OPENSSL_strdup(SHIM_NO_LIBPQ);
    return is_there;
}
