/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stock/delivery.h"
#include "base/allocate.h"
#include "common/message.h"

enum shim_secrecy shim_secrecy_of(const struct shim_request *request)
{
    const char *asked = request->operation;

    return asked != NULL &&
                   (strcmp(asked, "decrypt") == 0 || strcmp(asked, "EncryptedData_decrypt") == 0)
               ? SHIM_MAIL
               : SHIM_PUBLIC;
}

bool shim_content_is_optional(enum shim_api api, const struct shim_request *request)
{
    const char *asked = request->operation;

    return api == SHIM_SMIME && asked != NULL && strcmp(asked, "verify") == 0;
}

bool shim_delivery_to(struct shim_delivery *delivery, const char *path)
{
    struct shim_output *output = &delivery->outputs[delivery->output_count];

    if (strcmp(path, "-") == 0)
        return true;
    delivery->output_count++;
    if (!shim_output_begin(output, path, delivery->secrecy))
        return false;
    delivery->sink = shim_output_open(output);
    delivery->sink_name = output->wanted;
    return delivery->sink >= 0;
}

bool shim_delivery_open(struct shim_delivery *delivery)
{
    if (delivery->sink >= 0)
        return true;
    delivery->spools = true;
    delivery->sink_name = "a temporary file in $TMPDIR";
    delivery->sink = shim_spool();
    if (delivery->sink < 0)
        shim_error("cannot make a temporary file in %s: %s; set TMPDIR to a directory that can be "
                   "written",
                   shim_spool_dir(), strerror(errno));
    return delivery->sink >= 0;
}

/* Make the existing output file private, and print that others could read it. */
static bool make_private(const struct shim_delivery *delivery)
{
    struct stat before = { 0 };
    struct stat after = { 0 };

    (void)fstat(STDOUT_FILENO, &before);
    if (!shim_make_private(STDOUT_FILENO, delivery->secrecy, "standard output"))
        return false;
    (void)fstat(STDOUT_FILENO, &after);
    if (delivery->for_people && before.st_size > 0 && after.st_mode != before.st_mode)
        shim_error("standard output is a file that others could read: from now on its owner alone "
                   "can (mode %04o, it was %04o)",
                   after.st_mode & 07777, before.st_mode & 07777);
    return true;
}

bool shim_delivery_hand_over(struct shim_delivery *delivery, bool optional)
{
    if (delivery->spools && !make_private(delivery))
        return false;
    for (size_t i = 0; i < delivery->output_count; i++)
        if (!shim_output_commit(&delivery->outputs[i]))
            return false;
    if (optional)
        signal(SIGPIPE, SIG_IGN);
    /* Signals act again from here on.  A pending one, such as SIGPIPE, ends us here. */
    sigprocmask(SIG_SETMASK, &delivery->before, NULL);
    if (!delivery->spools || shim_copy_all(delivery->sink, STDOUT_FILENO) ||
        (optional && errno == EPIPE))
        return true;
    shim_error("cannot write to standard output: %s", strerror(errno));
    return false;
}

void shim_delivery_end(struct shim_delivery *delivery)
{
    for (size_t i = 0; i < delivery->output_count; i++)
        shim_output_end(&delivery->outputs[i]);
    sigprocmask(SIG_SETMASK, &delivery->before, NULL);
    if (delivery->sink >= 0)
        close(delivery->sink);
    OPENSSL_free(delivery->outputs);
}
