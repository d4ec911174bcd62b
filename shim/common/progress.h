/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Progress, shown on a terminal that can erase a line: of stock in a large file, and of
 * what a command has counted.  A terminal of TERM=dumb, as screen readers and editors
 * have it, gets none.
 */
#ifndef SHIM_PROGRESS_H
#define SHIM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SHIM_PROGRESS_FROM ((off_t)64 << 20)

/* Is standard error a terminal that can erase a line? */
bool shim_progress_wanted(void);

/* Zero-initialised, it shows nothing. */
struct shim_progress {
    int fd; /* shares its offset with the reader */
    off_t size;
    int shown; /* per cent */
    bool on;
};

/*
 * Open |path| if its progress is to be shown: it is larger than SHIM_PROGRESS_FROM
 * and stderr is a terminal.  Else -1.
 */
int shim_progress_open(const char *path);

/* Begin to show the progress in |fd|, if it is large and stderr is a terminal. */
void shim_progress_begin(struct shim_progress *progress, int fd);
void shim_progress_show(struct shim_progress *progress);
/* Clear the line. */
void shim_progress_end(struct shim_progress *progress);

/* Milliseconds of a clock that nobody sets. */
int64_t shim_milliseconds(void);

/*
 * Count what is done, and show the number, with |what| behind it, from the first second
 * on.  There is one such line in a process; shim_count_erase() removes it before anything
 * else is written to standard error.
 */
void shim_count_begin(const char *what);
void shim_count_step(void);
void shim_count_end(void);
void shim_count_erase(void);

#endif
