/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SHIM_FOLLOW_H
#define SHIM_FOLLOW_H

#include "tool/hub/talk.h"

/* Told of each sync that has changed something. */
typedef void shim_synced_fn(const struct shim *shim, const struct shim_synced *synced);

/* Follow the hub until SIGTERM or SIGINT; a SHIM code. */
int shim_follow(struct shim *shim, shim_synced_fn *tell);
/* Tell systemd, if it has started us, as sd_notify() does. */
void shim_follow_notify(const char *state);

#endif
