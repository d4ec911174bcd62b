/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: the header of a mail.
 */
#include "mail.h"

const char *__lsan_default_suppressions(void);

/* GMime 3.2 loses the display name of an address that it gives up on. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libgmime-3.0\n";
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct shim_mail mail;

    (void)shim_mail_read((const char *)data, size, &mail);
    shim_mail_clear(&mail);
    return 0;
}
