/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finding certificates by the first digits of their fingerprint.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/sqlite/store.h"

#define DIGITS ((size_t)2 * SP_SHA256_LENGTH)

/* Fill |digits| up with |fill| to the length of a fingerprint. */
static void fill_up(char text[DIGITS + 1], const char *digits, char fill)
{
    size_t length = strspn(digits, "0123456789abcdefABCDEF");

    memset(text, fill, DIGITS);
    memcpy(text, digits, length < DIGITS ? length : DIGITS);
    text[DIGITS] = '\0';
}

struct sp_cursor *sp_store_find_prefix(struct sp_database *keyring, const struct sp_query *query)
{
    char first[DIGITS + 1];
    char last[DIGITS + 1];
    struct sp_cursor *cursor = NULL;
    char *from;

    fill_up(first, query->text, '0');
    fill_up(last, query->text, 'f');
    /*
     * The SQL holds hexadecimal digits alone.  The "+" keeps SQLite from walking the
     * whole table in the order of id.
     */
    from = sp_format("main.certificate c WHERE ?1 IS NULL AND c.fingerprint BETWEEN x'%s' AND x'%s'"
                     " AND +c.id > ?2",
                     first, last);
    if (from == NULL)
        (void)sp_store_set_why(keyring, NULL);
    else
        cursor = sp_store_find(keyring, from,
                               &(struct sp_query){ .index = SP_ALL, .roles = query->roles });
    OPENSSL_free(from);
    return cursor;
}
