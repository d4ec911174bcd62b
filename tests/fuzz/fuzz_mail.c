/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: the header of a mail.
 */
#include <stdlib.h>
#include <string.h>

#include "tool/mail/mail.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* It has one "@", and nothing that would need quotes. */
static void check_address(const char *address)
{
    const char *sign = strchr(address, '@');

    if (sign == NULL || sign == address || sign[1] == '\0' || strchr(sign + 1, '@') != NULL)
        abort();
    for (; *address != '\0'; address++)
        if ((unsigned char)*address <= ' ' || strchr("<>()\",;", *address) != NULL)
            abort();
}

/* A header with a stray carriage return or a NUL must not be read. */
static bool is_broken(const char *header, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (header[i] == '\0' || (header[i] == '\r' && (i + 1 == len || header[i + 1] != '\n')))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct shim_mail mail;

    if (shim_mail_read((const char *)data, size, &mail)) {
        if (is_broken((const char *)data, size) && mail.sender.header == SP_READABLE)
            abort();
        if (!sp_has_sender(&mail.sender) && mail.sender.from_fields > 0)
            abort();
        for (size_t i = 0; i < mail.sender.from_count; i++)
            check_address(mail.sender.from[i]);
        for (size_t i = 0; i < mail.to.count; i++)
            check_address(mail.to.each[i]);
    }
    shim_mail_clear(&mail);
    return 0;
}
