/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "stock/empty_input.h"
#include "common/message.h"

static bool is_terminal(const char *path)
{
    int fd = path == NULL ? STDIN_FILENO : open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    bool is = isatty(fd) == 1;

    if (path != NULL)
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
