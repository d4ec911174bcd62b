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

/* An include in |line| of |file| that libcrypto passes over without a word. */
struct sp_conf_lost {
    const char *file, *path;
    unsigned line;
    int error; /* of the system; 0: where it is depends on the directory that a program is in */
};
typedef void sp_conf_lost_fn(const struct sp_conf_lost *lost, void *data);

/*
 * May libcrypto read |path|?  Every file that it includes is checked.
 *
 * @param lost  told of each include, in whatever file, that is passed over; NULL: nobody is
 * @param why  where it may not: the file, the fault and the way out, to be
 *             freed with OPENSSL_free(); NULL if out of memory
 */
bool sp_conf_is_bounded(const char *path, sp_conf_lost_fn *lost, void *data, char **why);

/*
 * The PATH of a line `.include PATH` or `.include = PATH`, cut out of |line|.  NULL
 * for another line.
 */
char *sp_conf_included(char *line);

#endif
