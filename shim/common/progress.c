/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/progress.h"

#define ERASE "\r\033[K"
/* When to show a number again, in milliseconds. */
#define SHOW_EVERY 200
#define SHOW_FROM  1000

static bool is_wanted(void)
{
    const char *terminal = secure_getenv("TERM");

    return terminal != NULL && strcmp(terminal, "dumb") != 0 && isatty(STDERR_FILENO) == 1;
}

static bool is_large(const struct stat *is)
{
    return S_ISREG(is->st_mode) && is->st_size > SHIM_PROGRESS_FROM;
}

int shim_progress_open(const char *path)
{
    struct stat is;

    /* The file is not opened to find out: opening and closing a pipe would end its writer. */
    if (!is_wanted() || stat(path, &is) != 0 || !is_large(&is))
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC);
}

void shim_progress_begin(struct shim_progress *progress, int fd)
{
    struct stat is;

    progress->fd = fd;
    progress->on = is_wanted() && fstat(fd, &is) == 0 && is_large(&is);
    if (!progress->on)
        return;
    progress->size = is.st_size;
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
        fputs(ERASE, stderr);
    progress->on = false;
}

/* The line of the process: its one thread writes it. */
static struct {
    const char *what; /* borrowed; NULL: nothing is counted, or nobody sees it */
    unsigned long done;
    int64_t next; /* when to show it, in milliseconds */
    bool shown;
} count;

static int64_t now(void)
{
    struct timespec at = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

void shim_count_begin(const char *what)
{
    count.what = is_wanted() ? what : NULL;
    count.done = 0;
    count.next = now() + SHOW_FROM;
}

void shim_count_step(void)
{
    int64_t at = count.what == NULL ? 0 : now();

    count.done++;
    if (count.what == NULL || at < count.next)
        return;
    fprintf(stderr, ERASE "%lu %s", count.done, count.what);
    count.shown = true;
    count.next = at + SHOW_EVERY;
}

void shim_count_erase(void)
{
    if (count.shown)
        fputs(ERASE, stderr);
    count.shown = false;
}

void shim_count_end(void)
{
    shim_count_erase();
    count.what = NULL;
}
