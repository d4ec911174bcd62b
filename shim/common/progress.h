/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The progress of stock in a large file, shown on a terminal.
 */
#ifndef SHIM_PROGRESS_H
#define SHIM_PROGRESS_H

#include <stdbool.h>
#include <sys/types.h>

#define SHIM_PROGRESS_FROM ((off_t)64 << 20)

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

#endif
