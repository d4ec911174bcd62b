/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "progress.h"

static bool is_large(int fd, off_t *size)
{
    struct stat is;

    if (fstat(fd, &is) != 0 || !S_ISREG(is.st_mode))
        return false;
    *size = is.st_size;
    return is.st_size > SHIM_PROGRESS_FROM;
}

int shim_progress_open(const char *path)
{
    int fd = isatty(STDERR_FILENO) == 1 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    off_t size;

    if (fd >= 0 && !is_large(fd, &size)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void shim_progress_begin(struct shim_progress *progress, int fd)
{
    progress->fd = fd;
    progress->on = isatty(STDERR_FILENO) == 1 && is_large(fd, &progress->size);
    if (progress->on)
        fputs("\r  0 %", stderr);
}

void shim_progress_show(struct shim_progress *progress)
{
    off_t at = progress->on ? lseek(progress->fd, 0, SEEK_CUR) : -1;
    int part = (int)(at < 0 ? 0 : at / (progress->size / 100));

    if (part > progress->shown)
        fprintf(stderr, "\r%3d %%", part);
    if (part > progress->shown)
        progress->shown = part;
}

void shim_progress_end(struct shim_progress *progress)
{
    if (progress->on)
        fputs("\r\033[K", stderr);
    progress->on = false;
}
