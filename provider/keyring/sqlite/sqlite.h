/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * SQLite, loaded when a keyring is opened.  Most processes with the provider never
 * open one.
 */
#ifndef SP_SQLITE_H
#define SP_SQLITE_H

#include <sqlite3.h>

#define SP_SQLITE_FUNCTIONS(X)                                                                     \
    X(backup_finish)                                                                               \
    X(backup_init)                                                                                 \
    X(backup_step)                                                                                 \
    X(bind_blob)                                                                                   \
    X(bind_int64)                                                                                  \
    X(bind_null)                                                                                   \
    X(bind_text)                                                                                   \
    X(busy_timeout)                                                                                \
    X(changes64)                                                                                   \
    X(clear_bindings)                                                                              \
    X(close_v2)                                                                                    \
    X(column_blob)                                                                                 \
    X(column_bytes)                                                                                \
    X(column_int64)                                                                                \
    X(column_text)                                                                                 \
    X(column_type)                                                                                 \
    X(config)                                                                                      \
    X(errmsg)                                                                                      \
    X(errstr)                                                                                      \
    X(exec)                                                                                        \
    X(extended_errcode)                                                                            \
    X(finalize)                                                                                    \
    X(free)                                                                                        \
    X(get_autocommit)                                                                              \
    X(libversion)                                                                                  \
    X(limit)                                                                                       \
    X(mprintf)                                                                                     \
    X(open_v2)                                                                                     \
    X(prepare_v2)                                                                                  \
    X(reset)                                                                                       \
    X(sql)                                                                                         \
    X(step)                                                                                        \
    X(system_errno)

struct sp_sqlite {
#define X(name) __typeof__(sqlite3_##name) *name;
    SP_SQLITE_FUNCTIONS(X)
#undef X
};

/* The functions of SQLite; NULL if the library cannot be loaded or lacks one. */
const struct sp_sqlite *sp_sqlite(void);

#endif
