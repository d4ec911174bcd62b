/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How far stock has read a large file, for somebody who watches a terminal.
 */
#ifndef SHIM_PROGRESS_H
#define SHIM_PROGRESS_H

#include <stdbool.h>
#include <sys/types.h>

#define SHIM_PROGRESS_FROM ((off_t)64 << 20)

/* Zero-initialise it: nothing is shown. */
struct shim_progress {
    int fd; /* shares its offset with the reader */
    off_t size;
    int shown; /* per cent */
    bool on;
};

/*
 * Is there somebody to show the reading of |path| to: a file larger than
 * SHIM_PROGRESS_FROM, and a terminal?  Then the file, open; else -1.
 */
int shim_progress_open(const char *path);

/* Show the beginning of |fd|, if it is large and somebody watches. */
void shim_progress_begin(struct shim_progress *progress, int fd);
void shim_progress_show(struct shim_progress *progress);
/* Leave the line as it was. */
void shim_progress_end(struct shim_progress *progress);

#endif
