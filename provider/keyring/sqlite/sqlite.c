/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "keyring/sqlite/sqlite.h"

#include <stdbool.h>

#include <openssl/crypto.h>

#include "base/symbol.h"

/* Written once, under |once|. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct sp_sqlite loaded;
static bool complete;

static void load(void)
{
#define X(name) "sqlite3_" #name "\0"
    complete = sp_symbols_load("libsqlite3.so.0\0", SP_SQLITE_FUNCTIONS(X), &loaded);
#undef X
}

const struct sp_sqlite *sp_sqlite(void)
{
    return CRYPTO_THREAD_run_once(&once, load) == 1 && complete ? &loaded : NULL;
}
