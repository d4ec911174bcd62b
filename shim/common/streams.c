/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing, temporary files, and the signals meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/output.h"
#include "common/limit.h"
#include "base/allocate.h"
#include "base/text.h"
#include "common/message.h"

#define LOOK_EVERY 50 /* milliseconds */

/* Written once, by main(). */
static sighandler_t inherited = SIG_DFL;

void shim_limit_begin(void)
{
    inherited = signal(SIGXFSZ, SIG_IGN);
}

void shim_limit_end(void)
{
    (void)signal(SIGXFSZ, inherited);
}

bool shim_signal_ends(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN;
}

bool shim_is_to_end(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    sigset_t pending;
    bool ends = false;

    /* One that is held back is pending even if it is ignored. */
    for (size_t i = 0; sigpending(&pending) == 0 && i < 3; i++)
        ends = ends || (sigismember(&pending, numbers[i]) == 1 && shim_signal_ends(numbers[i]));
    return ends;
}

bool shim_wait_to_write(int fd)
{
    struct pollfd on = { .fd = fd, .events = POLLOUT };

    do
        if (shim_is_to_end()) {
            errno = EINTR;
            return false;
        }
    while (poll(&on, 1, LOOK_EVERY) == 0 && fd >= 0);
    return true;
}

bool shim_write_all(int fd, const void *bytes, size_t len)
{
    const char *next = bytes;

    while (len > 0) {
        ssize_t written = write(fd, next, len);

        if (written < 0 && (errno == EINTR || (errno == EAGAIN && shim_wait_to_write(fd))))
            continue;
        if (written < 0)
            return false;
        next += written;
        len -= (size_t)written;
    }
    return true;
}

bool shim_copy_rest(int from, int to)
{
    char block[16384]; /* each page of it costs as much as a read */
    ssize_t got;

    while ((got = read(from, block, sizeof(block))) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || !shim_write_all(to, block, (size_t)got))
            return false;
    }
    return true;
}

bool shim_copy_all(int from, int to)
{
    return lseek(from, 0, SEEK_SET) == 0 && shim_copy_rest(from, to);
}

bool shim_open_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) != stream) {
            shim_error("cannot open /dev/null: %s", strerror(errno));
            return false;
        }
    return true;
}

const char *shim_spool_dir(void)
{
    const char *dir = secure_getenv("TMPDIR");

    return dir != NULL && dir[0] == '/' ? dir : "/tmp";
}

int shim_temporary(char **path, const char *name, const char *dir)
{
    int fd;

    *path = sp_format("%s%s", dir, name);
    if (*path == NULL) {
        errno = ENOMEM;
        return -1;
    }
    fd = mkostemp(*path, O_CLOEXEC);
    if (fd < 0) {
        OPENSSL_free(*path);
        *path = NULL;
    }
    return fd;
}

int shim_spool(void)
{
    sigset_t before;
    char *path;
    int fd;

    /* A signal between the two would leave the file. */
    shim_hold_signals(&before);
    fd = shim_temporary(&path, "/smime-policy.XXXXXX", shim_spool_dir());
    if (fd >= 0)
        unlink(path);
    sigprocmask(SIG_SETMASK, &before, NULL);
    OPENSSL_free(path);
    return fd;
}

void shim_hold_signals(sigset_t *before)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGPIPE);
    sigprocmask(SIG_BLOCK, &held, before);
}
