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

/* A property definition of the backend, without and with our property. */
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
    /* owned; with `keys = mail` those of DECODER and ENCODER, with entries of |tables| */
    OSSL_ALGORITHM *mail_tables[SP_OPERATIONS];
    struct sp_properties *properties; /* owned: what the tables refer to */
    unsigned int loads;               /* how many loads of the core share this instance */
    bool foreign;     /* the core is not our libcrypto: no tables, everything fails */
    atomic_bool gone; /* torn down; not freed, as other threads may still walk the list */
    struct sp_instance *next;
};

/* The live instance that |provctx| belongs to, or NULL. */
struct sp_instance *sp_instance_for(const void *provctx);

/* The caller of these three holds the life lock (register/locks.h). */
void sp_instances_add(struct sp_instance *instance);
/* A live instance that is not foreign, or NULL. */
const struct sp_instance *sp_instances_any(void);
/* Take all instances off the list.  They are linked by |next|; the caller frees them. */
struct sp_instance *sp_instances_take(void);

#endif
