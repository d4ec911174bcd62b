/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What libcrypto's parser of configuration files has no bound on: it follows
 * files that include each other until the descriptors run out, waits at a
 * named pipe, and reads /dev/zero for ever.
 */
#ifndef SP_CONF_BOUNDS_H
#define SP_CONF_BOUNDS_H

#include <stdbool.h>

/*
 * May libcrypto be given |path|?  Every file that it includes is looked at.
 *
 * @param why  where it may not: the file, the fault and the way out, to be
 *             freed with OPENSSL_free(); NULL if out of memory
 */
bool sp_conf_is_bounded(const char *path, char **why);

/* What the line `.include PATH` or `.include = PATH` names, cut out of it; NULL: another line. */
char *sp_conf_included(char *line);

#endif
