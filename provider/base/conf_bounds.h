/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Limits for configuration files.
 *
 * libcrypto's parser has none: it follows files that include each other until the
 * file descriptors run out, waits for a writer of a named pipe, and reads /dev/zero
 * for ever.
 */
#ifndef SP_CONF_BOUNDS_H
#define SP_CONF_BOUNDS_H

#include <stdbool.h>

/*
 * May libcrypto read |path|?  Every file that it includes is checked.
 *
 * @param why  set if not: one line with the file, the fault and the remedy, to free
 *             with OPENSSL_free(); NULL if out of memory
 */
bool sp_conf_is_bounded(const char *path, char **why);

/*
 * The PATH of a line `.include PATH` or `.include = PATH`, cut out of |line|.  NULL
 * for another line.
 */
char *sp_conf_included(char *line);

#endif
