/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "backend/instance.h"

#include <stddef.h>

/* A list to which items are added at the head only.  It is freed with the last instance. */
static _Atomic(struct sp_instance *) instances;

struct sp_instance *sp_instance_for(const void *provctx)
{
    for (struct sp_instance *i = atomic_load(&instances); i != NULL; i = i->next)
        if (!atomic_load(&i->gone) &&
            (i->foreign ? (const void *)i : i->backend.provctx) == provctx)
            return i;
    return NULL;
}

void sp_instances_add(struct sp_instance *instance)
{
    instance->next = atomic_load(&instances);
    atomic_store(&instances, instance);
}

const struct sp_instance *sp_instances_any(void)
{
    const struct sp_instance *any = atomic_load(&instances);

    while (any != NULL && (atomic_load(&any->gone) || any->foreign))
        any = any->next;
    return any;
}

struct sp_instance *sp_instances_take(void)
{
    return atomic_exchange(&instances, NULL);
}
