/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The openssl.cnf with which stock runs, as a file in memory.
 */
#ifndef SHIM_PROVIDER_CONF_H
#define SHIM_PROVIDER_CONF_H

#include "settings/settings.h"

/*
 * Write it into memory: the module and every setting, but nothing of the system's
 * configuration.
 *
 * @return a file descriptor (close-on-exec) for shim_fd_path(), or -1 with the
 *         reason on stderr
 */
int shim_provider_conf(const char *module, const smimepolicy_settings *settings);

#endif
