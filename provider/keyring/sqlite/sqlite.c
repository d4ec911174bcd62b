/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "keyring/sqlite/sqlite.h"

#include <stdbool.h>

#include <openssl/crypto.h>

#include "base/symbol.h"
#include "keyring/forks.h"

/* Written once, under |once|. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct sp_sqlite loaded;
static bool complete;

#define FEW_PAGES 8

/*
 * Settings for a process that asks a few questions: SQLite prepares the pages of its cache, and
 * each is a page fault.  They are settings of the process, which elsewhere are the program's.
 */
static void save_memory(void)
{
    (void)loaded.config(SQLITE_CONFIG_PAGECACHE, NULL, 0, FEW_PAGES);
    (void)loaded.config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void load(void)
{
#define X(name) "sqlite3_" #name "\0"
    complete = sp_symbols_load("libsqlite3.so.0\0", SP_SQLITE_FUNCTIONS(X), &loaded);
#undef X
    if (complete && sp_keyring_is_in_command())
        save_memory();
}

const struct sp_sqlite *sp_sqlite(void)
{
    return CRYPTO_THREAD_run_once(&once, load) == 1 && complete ? &loaded : NULL;
}
