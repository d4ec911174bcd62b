/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/output.h"
#include "common/message.h"

bool shim_write_all(int fd, const void *bytes, size_t len)
{
    const char *next = bytes;

    while (len > 0) {
        ssize_t written = write(fd, next, len);

        if (written < 0 && errno == EINTR)
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
    char block[65536];
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
