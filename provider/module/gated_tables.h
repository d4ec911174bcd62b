/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room module: the entry of the provider, its configuration, and its tables of
 * algorithms.
 *
 * This header: the backend's tables, with gates, that one load of the provider gives
 * to the core.
 */
#ifndef SP_GATED_TABLES_H
#define SP_GATED_TABLES_H

#include "backend/instance.h"

/*
 * Build the gated tables of |instance| from its backend.  False if out of memory or
 * if an algorithm cannot get its gate: then the provider must not start.
 */
bool sp_instance_build(struct sp_instance *instance);
/* Free it.  NULL and a half-built instance are accepted. */
void sp_instance_free(struct sp_instance *instance);

#endif
