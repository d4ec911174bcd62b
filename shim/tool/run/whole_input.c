/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/run/whole_input.h"

/* Must the input be read to its end?  In other operations the message has an end of its own. */
static bool is_all_read(const struct shim_request *request)
{
    static const char *const operations[] = { "sign", "encrypt", "EncryptedData_encrypt" };

    for (size_t i = 0; !request->help && i < sizeof(operations) / sizeof(operations[0]); i++)
        if (request->operation != NULL && strcmp(request->operation, operations[i]) == 0)
            return true;
    return false;
}

static const char *named_file(const struct shim_operation *operation)
{
    const char *in = shim_args_value(operation->args, "in");

    return in == NULL || strcmp(in, "-") == 0 ? NULL : in;
}

int shim_whole_open(struct shim_operation *operation)
{
    const char *path = named_file(operation);
    struct stat is;
    int fd;

    /* Not a pipe: opening and closing it would end its writer. */
    if (path == NULL || operation->takes_input || !is_all_read(operation->request) ||
        shim_request_reads_stdin(operation->request) || stat(path, &is) != 0 ||
        !S_ISREG(is.st_mode))
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        operation->takes_input = true;
        operation->input = fd;
    }
    return fd;
}

static bool is_file(int fd, struct stat *is)
{
    return fd >= 0 && fstat(fd, is) == 0 && S_ISREG(is->st_mode);
}

/* Signing and encrypting always give output; other operations may give none. */
bool shim_whole_made_nothing(const struct shim_operation *operation,
                             const struct shim_stock_result *result, int made)
{
    const struct shim_request *request = operation->request;
    struct stat is;

    return operation->api == SHIM_SMIME &&
           (result->complained || request->operation == NULL || is_all_read(request)) &&
           is_file(made, &is) && is.st_size == 0;
}

bool shim_whole_was_read(const struct shim_operation *operation, int made)
{
    const char *path = named_file(operation);
    int fd = operation->takes_input ? operation->input : path == NULL ? STDIN_FILENO : -1;
    struct stat is;
    char more;
    ssize_t got;

    /* After some usage errors stock writes nothing and reports success. */
    if (!is_all_read(operation->request) || (is_file(made, &is) && is.st_size == 0) ||
        !is_file(fd, &is))
        return true;
    got = read(fd, &more, 1);
    if (got == 0)
        return true;
    shim_error("cannot read %s: %s", path != NULL ? path : "standard input",
               got < 0 ? strerror(errno) : "openssl did not read it to its end");
    return false;
}
