/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/quiet_write.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static const int raised[] = { SIGPIPE, SIGXFSZ };

#define RAISED (sizeof(raised) / sizeof(raised[0]))

static void consume(int number)
{
    const struct timespec now = { 0 };
    sigset_t one;

    (void)sigemptyset(&one);
    (void)sigaddset(&one, number);
    /* Linux interrupts no wait that takes no time. */
    (void)sigtimedwait(&one, NULL, &now);
}

void sp_quiet_begin(struct sp_quiet *quiet)
{
    sigset_t held;

    (void)sigemptyset(&held);
    (void)sigemptyset(&quiet->pending);
    for (size_t i = 0; i < RAISED; i++)
        (void)sigaddset(&held, raised[i]);
    (void)pthread_sigmask(SIG_BLOCK, &held, &quiet->before);
    (void)sigpending(&quiet->pending);
}

void sp_quiet_end(const struct sp_quiet *quiet)
{
    const int saved = errno;

    for (size_t i = 0; i < RAISED; i++)
        if (sigismember(&quiet->pending, raised[i]) != 1)
            consume(raised[i]);
    (void)pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
    errno = saved;
}

ssize_t sp_quiet_write(int fd, const void *bytes, size_t length)
{
    struct sp_quiet quiet;
    ssize_t written;

    sp_quiet_begin(&quiet);
    written = write(fd, bytes, length);
    sp_quiet_end(&quiet);
    return written;
}
