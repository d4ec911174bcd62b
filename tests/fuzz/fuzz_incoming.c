/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a whole mail, as the command reads it before stock does.
 */
#include "tool/mail/mail.h"
#include "memory_file.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Every signature has a signer; a multipart is split into both parts or not at all. */
static void check(const struct shim_incoming *incoming)
{
    for (size_t i = 0; i < incoming->count; i++)
        if (incoming->signatures[i].cert == NULL || incoming->signatures[i].facts == NULL)
            abort();
    if ((incoming->content == NULL) != (incoming->signature == NULL) ||
        (incoming->content != NULL && incoming->cms == NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char *const forms[] = { NULL, "PEM", "DER" };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct shim_covered covered = { 0 };
        struct shim_incoming_from from = {
            .form = forms[i], .may_split = true, .quiet = true, .covered = &covered
        };
        struct shim_incoming incoming;

        from.path = sp_memory_file(data, size);
        if (shim_incoming_read(&incoming, &from) == 0)
            check(&incoming);
        shim_incoming_clear(&incoming);
        shim_covered_clear(&covered);
    }
    return 0;
}
