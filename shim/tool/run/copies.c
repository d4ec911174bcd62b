/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "base/text.h"
#include "tool/run/copies.h"

bool shim_copy_has(const struct shim_selected *recipient, size_t copy)
{
    return recipient->copy == copy || recipient->copy == SHIM_EVERY_COPY;
}

size_t shim_copy_first(const struct shim_selection *selection)
{
    if (!selection->separates || selection->bcc_copies == 0)
        return 0;
    for (size_t i = 0; i < selection->recipient_count; i++)
        if (shim_copy_has(&selection->recipients[i], 0))
            return 0;
    return 1;
}

char *shim_copy_file(const struct shim_operation *operation, size_t copy)
{
    const char *out = shim_args_value(operation->args, "out");

    return copy == 0 ? OPENSSL_strdup(out) : sp_format("%s.bcc%zu", out, copy);
}

/* Another run may have left it, and who sends all copies would send that one, too. */
static int check_free(const struct shim_operation *operation, size_t copy)
{
    char *file = shim_copy_file(operation, copy);
    struct stat is;
    int code = SHIM_OK;

    if (file == NULL)
        return shim_no_memory();
    if (lstat(file, &is) == 0) {
        shim_error(
            "%s exists, and would be taken for one of the copies; remove it, or name another "
            "file with -out",
            file);
        code = SHIM_SYSTEM;
    }
    OPENSSL_free(file);
    return code;
}

int shim_copies_check(const struct shim_operation *operation)
{
    int code = SHIM_OK;

    if (!operation->selection.separates)
        return SHIM_OK;
    if (shim_copy_first(&operation->selection) > 0)
        code = check_free(operation, 0);
    for (size_t copy = 1; code == SHIM_OK && copy <= SHIM_MOST_ADDRESSES; copy++)
        code = check_free(operation, copy);
    return code;
}

static void tell(const struct shim_operation *operation, const struct shim_selected *recipient)
{
    char *file = shim_copy_file(operation, recipient->copy);

    if (file != NULL)
        shim_error("%s is for %s", file, recipient->address);
    OPENSSL_free(file);
}

void shim_copies_tell(const struct shim_operation *operation)
{
    const struct shim_selection *selection = &operation->selection;

    if (shim_copy_first(selection) > 0)
        shim_error("%s is not written: the mail names nobody in To or Cc",
                   shim_args_value(operation->args, "out"));
    for (size_t i = 0; i < selection->recipient_count; i++)
        if (selection->recipients[i].copy != 0 && selection->recipients[i].copy != SHIM_EVERY_COPY)
            tell(operation, &selection->recipients[i]);
}

static json_t *copy_json(const struct shim_operation *operation, size_t copy)
{
    const struct shim_selection *selection = &operation->selection;
    char *file = shim_copy_file(operation, copy);
    json_t *readers = json_array();
    json_t *object = json_pack("{s:o, s:o}", "file", sp_json_text(file), "recipients", readers);

    OPENSSL_free(file);
    for (size_t i = 0; object != NULL && i < selection->recipient_count; i++)
        if (shim_copy_has(&selection->recipients[i], copy))
            json_array_append_new(readers, sp_json_text(selection->recipients[i].address));
    return object;
}

json_t *shim_copies_json(const struct shim_operation *operation)
{
    const struct shim_selection *selection = &operation->selection;
    json_t *files = json_array();

    for (size_t copy = shim_copy_first(selection); copy <= selection->bcc_copies; copy++)
        json_array_append_new(files, copy_json(operation, copy));
    return files;
}
