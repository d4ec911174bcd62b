/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The openssl.cnf that the stock program runs with.
 */
#ifndef SHIM_PROVIDER_CONF_H
#define SHIM_PROVIDER_CONF_H

#include "settings/settings.h"

/*
 * Write it into memory: the module, every setting, nothing of the system's.
 *
 * @return a file descriptor (close-on-exec) to reach by shim_fd_path(), or -1
 *         with the reason on stderr
 */
int shim_provider_conf(const char *module, const smimepolicy_settings *settings);

/* |bytes| as such a file, for certificates and keys made on the fly. */
int shim_memory_file(const char *name, const char *bytes, size_t len);

/*
 * How openssl opens the descriptor |fd|, which it inherits: "/proc/self/fd/N".
 *
 * @return a new string; NULL with the reason on stderr, if there is no /proc
 */
char *shim_fd_path(int fd);

#endif
