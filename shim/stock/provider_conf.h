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

/*
 * A file in memory with |bytes|, for certificates and keys.  Returned as by
 * shim_provider_conf().
 */
int shim_memory_file(const char *name, const char *bytes, size_t len);

/*
 * The path by which openssl opens the descriptor |fd|, which it inherits:
 * "/proc/self/fd/N".
 *
 * @return a new string; NULL with the reason on stderr, if there is no /proc
 */
char *shim_fd_path(int fd);

#endif
