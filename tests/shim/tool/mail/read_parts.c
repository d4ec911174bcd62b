/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * read_parts: each line of standard input is a mail in hexadecimal.  It prints a
 * line for each: the types of the parts, where their bodies begin and their lengths;
 * or "refused".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/mail.h"

#define MAX_MAIL (1 << 20)

static void tell(const struct shim_tree *tree, const char *mail)
{
    for (size_t i = 0; tree->fault == NULL && i < tree->count; i++) {
        const struct shim_mime *part = &tree->parts[i];

        printf("%s%zu %s %td %zu", i == 0 ? "" : ",", part->parent, part->type, part->body - mail,
               part->len);
    }
    puts(tree->fault == NULL ? "" : "refused");
}

int main(void)
{
    static char line[2 * MAX_MAIL + 2];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct shim_tree tree;
        size_t digits = strcspn(line, "\n");
        size_t len = 0;
        unsigned char *mail = malloc(digits / 2 + 1);

        line[digits] = '\0';
        if (mail == NULL ||
            (digits > 0 && OPENSSL_hexstr2buf_ex(mail, digits / 2 + 1, &len, line, '\0') != 1) ||
            !shim_tree_read((const char *)mail, len, &tree))
            return 1;
        tell(&tree, (const char *)mail);
        shim_tree_clear(&tree);
        free(mail);
    }
    return ferror(stdin) ? 1 : 0;
}
