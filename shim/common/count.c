/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How much of something was done, as a number on the terminal.
 */
#include <stdio.h>
#include <time.h>

#include "common/message.h"
#include "common/progress.h"

#define ERASE "\r\033[K"
/* When to show a number, in milliseconds. */
#define SHOW_EVERY 200
#define SHOW_FROM  1000

/* The line of the process: its one thread writes it. */
static struct {
    const char *what; /* borrowed; NULL: nothing is counted, or nobody sees it */
    unsigned long done;
    int64_t next; /* when to show it, in milliseconds */
    bool shown;
} count;

int64_t shim_milliseconds(void)
{
    struct timespec at = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

void shim_count_begin(const char *what)
{
    count.what = shim_progress_wanted() ? what : NULL;
    shim_messages_follow(shim_count_erase);
    count.done = 0;
    count.next = shim_milliseconds() + SHOW_FROM;
}

void shim_count_step(void)
{
    const int64_t at = shim_milliseconds();

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
