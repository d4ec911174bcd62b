/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One load of the provider: the core's upcalls and the gated tables.
 */
#ifndef SP_INSTANCE_H
#define SP_INSTANCE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "backend/backend.h"
#include "backend/upcalls.h"
#include "base/sha256.h"

/* A property definition of the backend, and the same with ours added. */
struct sp_properties {
    const char *original; /* borrowed from the backend */
    char *extended;       /* owned */
    struct sp_properties *next;
};

struct sp_instance {
    struct sp_upcalls up;
    struct sp_backend backend;
    struct sp_sha256 sha;
    OSSL_ALGORITHM *tables[SP_OPERATIONS]; /* owned; NULL where the backend has none */
    struct sp_properties *properties;      /* owned: what the tables refer to */
    unsigned int loads;                    /* how often the core shares it */
    bool foreign;     /* the core is not our libcrypto: no tables, everything fails */
    atomic_bool gone; /* torn down, kept because others may still walk the list */
    struct sp_instance *next;
};

/* The live instance whose functions are handed |provctx|, or NULL. */
struct sp_instance *sp_instance_for(const void *provctx);

/* These three only with the life lock held (register/locks.h). */
void sp_instances_add(struct sp_instance *instance);
/* One that is live and not foreign, or NULL. */
const struct sp_instance *sp_instances_any(void);
/* All of them, linked by |next|, to be freed by the caller; then there is none. */
struct sp_instance *sp_instances_take(void);

#endif
