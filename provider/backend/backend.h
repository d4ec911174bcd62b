/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room backend: the provider whose algorithms we export again, and what the core
 * gives to each load of ours.
 *
 * This header: loading the backend and reading its tables.
 */
#ifndef SP_BACKEND_H
#define SP_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/provider.h>

#include "base/sha256.h"

/* Operation numbers are small; STORE (22) is the highest in use up to 4.0. */
#define SP_OPERATIONS 64

struct sp_backend {
    OSSL_PROVIDER *provider; /* borrowed: lives as long as its library context */
    void *provctx;           /* borrowed from |provider| */
    const OSSL_ALGORITHM *tables[SP_OPERATIONS]; /* borrowed; NULL where it has none */
    int no_cache[SP_OPERATIONS];
};

/*
 * Load the provider |name| into |libctx| and remember its tables.
 *
 * It is deactivated again, so that fetches find our tables and not its own.  Its
 * object and its tables live as long as the library context.
 */
bool sp_backend_load(struct sp_backend *backend, OSSL_LIB_CTX *libctx, const char *name);

/* The function |id| of a dispatch table, or NULL. */
void (*sp_dispatch_find(const OSSL_DISPATCH *table, int id))(void);

/* Does |names| ("A:B:1.2.3") hold |name|, whatever its case? */
bool sp_names_hold(const char *names, const char *name);
/* Do two such lists have a name in common? */
bool sp_names_meet(const char *a, const char *b);

/* Take SHA-256 from |backend|; false if it has none. */
bool sp_sha256_from(struct sp_sha256 *sha, const struct sp_backend *backend);

#endif
