/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "keyring/sqlite/sqlite.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/symbol.h"

#define LIBRARY "libsqlite3.so.0"

/* Written once, under |once|. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct sp_sqlite loaded;
static bool complete;

/* Load the library.  It is never closed: the program may use it, too, and threads may be inside. */
static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        return;
    complete = true;
#define X(name)                                                                                    \
    if (!sp_symbol(library, "sqlite3_" #name, &loaded.name, sizeof(loaded.name)))                  \
        complete = false;
    SP_SQLITE_FUNCTIONS(X)
#undef X
}

const struct sp_sqlite *sp_sqlite(void)
{
    return CRYPTO_THREAD_run_once(&once, load) == 1 && complete ? &loaded : NULL;
}
