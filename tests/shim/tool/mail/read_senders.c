/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * read_senders: each line of standard input is a header in hexadecimal.  It prints
 * the sender by the rules: an address, "entity" if there is nothing to compare, or
 * "refused".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/mail.h"

static void tell(const struct shim_mail *mail)
{
    const char *address = sp_sender_address(&mail->sender);

    if (!sp_has_sender(&mail->sender))
        puts("entity");
    else
        puts(address != NULL ? address : "refused");
}

int main(void)
{
    static char line[4 * SHIM_MAX_HEADER];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct shim_mail mail;
        size_t digits = strcspn(line, "\n");
        size_t len = 0;
        unsigned char *header = malloc(digits / 2 + 1);

        line[digits] = '\0';
        if (header == NULL ||
            (digits > 0 && OPENSSL_hexstr2buf_ex(header, digits / 2 + 1, &len, line, '\0') != 1) ||
            !shim_mail_read((const char *)header, len, &mail))
            return 1;
        tell(&mail);
        shim_mail_clear(&mail);
        free(header);
    }
    return ferror(stdin) ? 1 : 0;
}
