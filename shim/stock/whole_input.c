/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stock/whole_input.h"
#include "common/message.h"

/* Must the input be read to its end?  In other operations the message has an end of its own. */
static bool is_all_read(const struct shim_request *request)
{
    static const char *const operations[] = { "sign", "encrypt", "EncryptedData_encrypt" };

    for (size_t i = 0; !request->help && i < sizeof(operations) / sizeof(operations[0]); i++)
        if (request->operation != NULL && strcmp(request->operation, operations[i]) == 0)
            return true;
    return false;
}

static const char *named_file(const struct shim_args *args)
{
    const char *in = shim_args_value(args, "in");

    return in == NULL || strcmp(in, "-") == 0 ? NULL : in;
}

int shim_whole_open(const struct shim_args *args, const struct shim_request *request)
{
    const char *path = named_file(args);
    struct stat is = { 0 };

    if (path != NULL && is_all_read(request) && !shim_request_reads_stdin(request))
        (void)stat(path, &is);
    /* Not a pipe: opening and closing it would end its writer. */
    return S_ISREG(is.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static bool is_file(int fd, struct stat *is)
{
    *is = (struct stat){ 0 };
    (void)fstat(fd, is);
    return S_ISREG(is->st_mode);
}

/* Signing and encrypting always give output; other operations may give none. */
bool shim_whole_made_nothing(enum shim_api api, const struct shim_request *request, bool complained,
                             int made)
{
    struct stat is;

    return api == SHIM_SMIME &&
           (complained || request->operation == NULL || is_all_read(request)) &&
           is_file(made, &is) && is.st_size == 0;
}

bool shim_whole_was_read(const struct shim_args *args, const struct shim_request *request,
                         int input, int made)
{
    const char *path = named_file(args);
    int fd = input >= 0 ? input : path == NULL ? STDIN_FILENO : -1;
    struct stat is;
    char more;
    ssize_t got;

    /* After some usage errors stock writes nothing and reports success. */
    if (!is_all_read(request) || (is_file(made, &is) && is.st_size == 0) || !is_file(fd, &is))
        return true;
    got = read(fd, &more, sizeof(more));
    if (got == 0)
        return true;
    shim_error("cannot read %s: %s", path != NULL ? path : "standard input",
               got < 0 ? strerror(errno) : "openssl did not read it to its end");
    return false;
}
