/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables of algorithms that one load of the provider hands to the core.
 */
#ifndef SP_GATED_TABLES_H
#define SP_GATED_TABLES_H

#include "backend/instance.h"

/*
 * Build the gated tables of |instance| over its backend.
 *
 * False if out of memory or if an algorithm could not be given its gate: then
 * the provider must not start.
 */
bool sp_instance_build(struct sp_instance *instance);
/* Accepts any half-built instance. */
void sp_instance_free(struct sp_instance *instance);

#endif
