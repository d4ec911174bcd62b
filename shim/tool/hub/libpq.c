/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/hub/libpq.h"

#include <stdbool.h>

#include <openssl/crypto.h>

#include "base/symbol.h"
#include "tool/hub/hub.h"

const struct shim_libpq *shim_libpq(void)
{
    static struct shim_libpq loaded;
    static bool complete;

#define X(name) "PQ" #name "\0"
    complete = complete || sp_symbols_load("libpq.so.5\0", SHIM_LIBPQ_FUNCTIONS(X), &loaded);
#undef X
    return complete ? &loaded : NULL;
}

bool shim_hub_ready(char **why)
{
    const bool is_there = shim_libpq() != NULL;

    *why = is_there ? NULL : OPENSSL_strdup(SHIM_NO_LIBPQ);
    return is_there;
}
