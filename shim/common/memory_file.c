/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/memory_file.h"
#include "base/allocate.h"
#include "base/text.h"
#include "common/message.h"
#include "common/output.h"

int shim_memory_file(const char *name, const char *bytes, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd >= 0 && shim_write_all(fd, bytes, len))
        return fd;
    shim_error("cannot make a file in memory: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

char *shim_fd_path(int fd)
{
    char *path = sp_format("/proc/self/fd/%d", fd);

    if (path == NULL) {
        shim_no_memory();
    } else if (access(path, R_OK) != 0) {
        /* Without its configuration openssl would go on silently. */
        shim_error("cannot hand files to openssl: %s: %s; mount /proc", path, strerror(errno));
        OPENSSL_free(path);
        path = NULL;
    }
    return path;
}
