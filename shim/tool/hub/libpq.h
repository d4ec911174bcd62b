/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * PostgreSQL's libpq, loaded when a hub is asked.  Most commands never ask one.
 */
#ifndef SHIM_LIBPQ_H
#define SHIM_LIBPQ_H

#include <libpq-fe.h>

#define SHIM_LIBPQ_FUNCTIONS(X)                                                                    \
    X(clear)                                                                                       \
    X(connectdbParams)                                                                             \
    X(conninfoFree)                                                                                \
    X(conninfoParse)                                                                               \
    X(consumeInput)                                                                                \
    X(errorMessage)                                                                                \
    X(finish)                                                                                      \
    X(flush)                                                                                       \
    X(freemem)                                                                                     \
    X(getResult)                                                                                   \
    X(getisnull)                                                                                   \
    X(getlength)                                                                                   \
    X(getvalue)                                                                                    \
    X(isBusy)                                                                                      \
    X(notifies)                                                                                    \
    X(ntuples)                                                                                     \
    X(putCopyData)                                                                                 \
    X(putCopyEnd)                                                                                  \
    X(resultErrorField)                                                                            \
    X(resultStatus)                                                                                \
    X(sendQuery)                                                                                   \
    X(sendQueryParams)                                                                             \
    X(setNoticeReceiver)                                                                           \
    X(setnonblocking)                                                                              \
    X(socket)                                                                                      \
    X(status)

#define SHIM_NO_LIBPQ "libpq cannot be loaded; install it (Debian: libpq5)"

struct shim_libpq {
#define X(name) __typeof__(PQ##name) *name;
    SHIM_LIBPQ_FUNCTIONS(X)
#undef X
};

/* The functions of libpq; NULL if the library cannot be loaded or lacks one. */
const struct shim_libpq *shim_libpq(void);

#endif
