/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/progress.h"

bool shim_progress_wanted(void)
{
    const char *terminal = secure_getenv("TERM");

    return terminal != NULL && strcmp(terminal, "dumb") != 0 && isatty(STDERR_FILENO) == 1;
}

/* What is no file has the size 0. */
static bool is_large(const struct stat *is)
{
    return is->st_size > SHIM_PROGRESS_FROM;
}

int shim_progress_open(const char *path)
{
    struct stat is;

    /* The file is not opened to find out: opening and closing a pipe would end its writer. */
    if (!shim_progress_wanted() || stat(path, &is) != 0 || !is_large(&is))
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC);
}

void shim_progress_begin(struct shim_progress *progress, int fd)
{
    struct stat is;

    progress->fd = fd;
    progress->on = shim_progress_wanted() && fstat(fd, &is) == 0 && is_large(&is);
    if (!progress->on)
        return;
    progress->size = is.st_size;
    fputs("\r  0 %", stderr);
}

void shim_progress_show(struct shim_progress *progress)
{
    off_t at = progress->on ? lseek(progress->fd, 0, SEEK_CUR) : -1;
    int part = (int)(at < 0 ? 0 : at / (progress->size / 100));

    if (part > progress->shown) {
        fprintf(stderr, "\r%3d %%", part);
        progress->shown = part;
    }
}

void shim_progress_end(struct shim_progress *progress)
{
    if (progress->on)
        fputs("\r\033[K", stderr);
    progress->on = false;
}
