/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files in memory, and how openssl opens what it inherits.
 */
#ifndef SHIM_MEMORY_FILE_H
#define SHIM_MEMORY_FILE_H

#include <stddef.h>

/*
 * A file in memory with |bytes|, for a configuration, certificates or keys.
 *
 * @return a file descriptor (close-on-exec) for shim_fd_path(), or -1 with the
 *         reason on stderr
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
