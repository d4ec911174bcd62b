/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The openssl.cnf of the launcher's child, as a file in memory.
 */
#ifndef SHIM_LAUNCH_CONF_H
#define SHIM_LAUNCH_CONF_H

#include "launcher/launch.h"
#include "launcher/told.h"

/*
 * Write it: the module, the policy file, which the module reads, and the pipe |report|.
 * |is_light|: for a light start, without the keys that the rules refuse.
 * The keyring that is meant goes into |*keyring|, for the caller to free; NULL: none.
 *
 * @return its descriptor; -1 if it cannot be written, or not in characters that mean
 *         themselves to libcrypto
 */
int shim_launch_conf(const struct shim_launch *launch, const char *module, const char *nonce,
                     int report, bool is_light, char **keyring);

#endif
