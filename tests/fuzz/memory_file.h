/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The input of a fuzzer as a file, for functions that read only files.
 */
#ifndef SP_MEMORY_FILE_H
#define SP_MEMORY_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The path of a file with |data|, valid until the next call.  There is one file at a time. */
static inline const char *sp_memory_file(const unsigned char *data, size_t size)
{
    static int file = -1;
    static char path[32];

    if (file >= 0)
        close(file);
    file = memfd_create("input", MFD_CLOEXEC);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    return path;
}

#endif
