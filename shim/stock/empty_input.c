/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stock/empty_input.h"
#include "common/message.h"

static bool is_empty_pipe(int fd)
{
    struct pollfd on = { .fd = fd, .events = POLLIN };
    struct stat is = { 0 };
    int waiting;

    (void)fstat(fd, &is);
    /* Wait until something is in it, or nobody can write to it any more. */
    return S_ISFIFO(is.st_mode) && poll(&on, 1, -1) == 1 && ioctl(fd, FIONREAD, &waiting) == 0 &&
           waiting == 0;
}

bool shim_input_is_empty(const struct shim_args *args, const struct shim_request *request)
{
    const char *in = shim_args_value(args, "in");

    if (request->help || request->operation == NULL ||
        (strcmp(request->operation, "sign") != 0 && strcmp(request->operation, "encrypt") != 0) ||
        (in != NULL && strcmp(in, "-") != 0) || !is_empty_pipe(STDIN_FILENO))
        return false;
    shim_error("nothing to %s: standard input is an empty pipe; see whether the program before "
               "this one was refused",
               request->operation);
    return true;
}
