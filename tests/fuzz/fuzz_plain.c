/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: the strict reader of plain header fields.  What it takes the full reader has to read
 * in the same way, address for address.
 */
#include <stdlib.h>
#include <string.h>

#include "header/plain_fields.h"
#include "tool/mail/mail.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_same(const struct shim_plain_list *plain, const struct shim_addresses *full)
{
    check(full->unreadable == SP_READABLE && full->count == plain->count);
    for (size_t i = 0; i < plain->count; i++)
        check(strcmp(plain->each[i], full->each[i]) == 0);
}

static void read_mail(const char *text, size_t size)
{
    size_t len = shim_plain_header_length(text, size);
    struct shim_plain_mail plain = { .from.count = 0 };
    struct shim_mail full;

    if (len > 0 && shim_plain_mail_read(&plain, text, len)) {
        check(len == shim_header_length(text, size) && shim_mail_read(text, len, &full));
        check(full.sender.header == SP_READABLE && full.sender.from_fields == 1 &&
              full.sender.sender == NULL && !full.has_bcc && sp_has_sender(&full.sender));
        check(strcmp(sp_sender_address(&full.sender), plain.from.each[0]) == 0);
        check_same(&plain.from, &full.from);
        check_same(&plain.to, &full.to);
        shim_mail_clear(&full);
    }
    shim_plain_mail_clear(&plain);
    if (len > 0 && shim_plain_is_bare(text, len)) {
        check(shim_mail_read(text, len, &full) && !sp_has_sender(&full.sender));
        shim_mail_clear(&full);
    }
}

static void read_list(const char *text)
{
    struct shim_plain_list plain = { .count = 0 };
    struct shim_mail full;

    if (shim_plain_list_given(&plain, text)) {
        check(shim_mail_from(text, &full));
        check_same(&plain, &full.from);
        shim_mail_clear(&full);
    }
    shim_plain_list_clear(&plain);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char *text = malloc(size + 1);

    check(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    read_mail(text, size);
    read_list(text);
    free(text);
    return 0;
}
