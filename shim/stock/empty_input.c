/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stock/empty_input.h"
#include "common/message.h"

static bool is_empty_pipe(int fd)
{
    struct pollfd on = { fd, POLLIN, 0 };
    struct stat is;
    int waiting = 0;

    return fstat(fd, &is) == 0 && S_ISFIFO(is.st_mode) && poll(&on, 1, -1) == 1 &&
           (on.revents & POLLHUP) != 0 && ioctl(fd, FIONREAD, &waiting) == 0 && waiting == 0;
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

static bool is_terminal(const char *path)
{
    int fd = path == NULL ? STDIN_FILENO : open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    bool is = fd >= 0 && isatty(fd) == 1;

    if (path != NULL && fd >= 0)
        close(fd);
    return is;
}

/* What is wrong with |path|, NULL for standard input; NULL if nothing is, or stock says it. */
static const char *fault_of(const char *path, const struct shim_manner *manner)
{
    struct stat is;

    if (manner->reports_faults && path != NULL && access(path, R_OK) != 0)
        return strerror(errno);
    if ((path == NULL ? fstat(STDIN_FILENO, &is) : stat(path, &is)) != 0)
        return NULL;
    if (S_ISDIR(is.st_mode))
        return "it is a directory";
    if (S_ISBLK(is.st_mode))
        return "it is a device";
    if (!S_ISCHR(is.st_mode) || is_terminal(path) ||
        (manner->takes_null && is.st_rdev == makedev(1, 3))) /* /dev/null */
        return NULL;
    return "it is a device, and no terminal";
}

static bool is_unfit(const char *path, const struct shim_manner *manner)
{
    const char *named = path == NULL || strcmp(path, "-") == 0 ? NULL : path;
    const char *fault = fault_of(named, manner);

    if (fault != NULL)
        shim_error("cannot read the message from %s: %s; give a file or a pipe",
                   named != NULL ? named : "standard input", fault);
    return fault != NULL;
}

bool shim_input_is_unfit(const struct shim_args *args, const struct shim_request *request,
                         const struct shim_manner *manner)
{
    const char *content = shim_args_value(args, "content");

    if (request->help || request->operation == NULL)
        return false;
    return is_unfit(shim_args_value(args, "in"), manner) ||
           (content != NULL && is_unfit(content, manner));
}
