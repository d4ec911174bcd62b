/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/message.h"
#include "common/output.h"

static bool flush(FILE *to)
{
    return fflush(to) == 0 && ferror(to) == 0 && fsync(fileno(to)) == 0;
}

static int write_stream(FILE *to, const char *path, int (*write)(FILE *to, void *data), void *data)
{
    /* What a library could not hold is missing in what it has written. */
    int code = shim_memory_end(write(to, data));

    if (code == SHIM_OK && !flush(to)) {
        shim_error("cannot write %s: %s", path, strerror(errno));
        code = SHIM_SYSTEM;
    }
    fclose(to);
    return code;
}

int shim_output_stream(const char *path, enum shim_secrecy secrecy,
                       int (*write)(FILE *to, void *data), void *data)
{
    struct shim_output output;
    FILE *to = NULL;
    int code = SHIM_SYSTEM;
    int fd = -1;

    if (shim_output_begin(&output, path, secrecy))
        fd = shim_output_open(&output);
    if (fd >= 0 && (to = fdopen(fd, "w")) == NULL) {
        close(fd);
        (void)shim_no_memory();
    }
    if (to != NULL)
        code = write_stream(to, path, write, data);
    if (code == SHIM_OK && !shim_output_commit(&output))
        code = SHIM_SYSTEM;
    shim_output_end(&output);
    return code;
}
