/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/run/run.h"

/* Is there space for a certificate?  False with errno set. */
static bool has_room(int fd)
{
    char block[4096] = "";

    return pwrite(fd, block, sizeof(block), 0) == (ssize_t)sizeof(block) && ftruncate(fd, 0) == 0;
}

static bool ends_whole(int fd)
{
    static const char end[] = "-----END CERTIFICATE-----\n";
    char last[sizeof(end) - 1];
    off_t at = lseek(fd, -(off_t)sizeof(last), SEEK_END);

    errno = ENOSPC;
    return at >= 0 && read(fd, last, sizeof(last)) == (ssize_t)sizeof(last) &&
           memcmp(last, end, sizeof(last)) == 0;
}

enum shim_written shim_certificates_written(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    enum shim_written written = SHIM_NOT_WRITTEN;
    struct stat is;
    int reason;

    if (fd >= 0 && fstat(fd, &is) == 0) {
        if (is.st_size == 0)
            written = has_room(fd) ? SHIM_NOTHING_WRITTEN : SHIM_NOT_WRITTEN;
        else
            written = ends_whole(fd) ? SHIM_WRITTEN : SHIM_NOT_WRITTEN;
    }
    reason = errno;
    if (fd >= 0)
        close(fd);
    errno = reason;
    return written;
}
