/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "base/text.h"
#include "common/colour.h"

/* The widths of the columns but the last two.  They are fixed, as rows are printed one by one. */
#define ROLE        12
#define ROLE_NARROW 8
#define STATE       13
#define USES        30
#define USES_NARROW 4
#define DATE        10
#define ORIGIN      9
#define SHORT_PRINT 16
#define GAP         2
#define ADDRESSES   30
#define WIDE        157

/* The number of bytes of the first |most| characters of UTF-8 |text|. */
static size_t characters(const char *text, size_t most)
{
    size_t at = 0;

    for (size_t count = 0; text[at] != '\0'; at++)
        if (((unsigned char)text[at] & 0xc0) != 0x80 && count++ == most)
            break;
    return at;
}

/* Print a column.  |text| is printable ASCII, so a byte is a character. */
static void column(const char *text, size_t width)
{
    printf("%-*.*s%*s", (int)width, (int)width, text, GAP, "");
}

void shim_table_begin(struct shim_table *table)
{
    struct winsize size;

    *table = (struct shim_table){ .colour = shim_colour_on(STDOUT_FILENO) };
    if (isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        table->width = size.ws_col;
    table->narrow = table->width > 0 && table->width < WIDE;
}

static size_t role_width(const struct shim_table *table)
{
    return table->narrow ? ROLE_NARROW : ROLE;
}

static size_t uses_width(const struct shim_table *table)
{
    return table->narrow ? USES_NARROW : USES;
}

/* The width that is left for addresses and subject; 0: no limit. */
static size_t room(const struct shim_table *table)
{
    size_t taken = role_width(table) + STATE + uses_width(table) + DATE + SHORT_PRINT +
                   (size_t)5 * GAP + (table->narrow ? 0 : ORIGIN + DATE + (size_t)2 * GAP);

    if (table->width == 0)
        return 0;
    return table->width > taken + 10 ? table->width - taken : 10;
}

static void tail(const struct shim_table *table, const char *addresses, const char *rest)
{
    size_t left = room(table);
    size_t length = strlen(addresses);
    size_t first = length < ADDRESSES ? ADDRESSES : length;

    if (left == 0)
        printf("%-*s  %s\n", ADDRESSES, addresses, rest);
    else if (left <= first + GAP)
        printf("%.*s\n", (int)left, addresses);
    else
        printf("%-*s  %.*s\n", (int)first, addresses, (int)characters(rest, left - first - GAP),
               rest);
}

static void headline(struct shim_table *table)
{
    if (table->begun)
        return;
    table->begun = true;
    column("ROLE", role_width(table));
    column("STATE", STATE);
    column("USES", uses_width(table));
    column("NOT AFTER", DATE);
    if (!table->narrow) {
        column("ORIGIN", ORIGIN);
        column("SINCE", DATE);
    }
    column("FINGERPRINT", SHORT_PRINT);
    tail(table, "ADDRESSES", "SUBJECT");
}

/* The initials of the uses, each in its own place, such as "sed v". */
static char *initials(const struct shim_entry *entry)
{
    static const smimepolicy_use order[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_ENCRYPT,
                                             SMIMEPOLICY_VERIFY, SMIMEPOLICY_DECRYPT };
    char *text = OPENSSL_zalloc(USES_NARROW + 1);

    for (size_t i = 0; text != NULL && i < USES_NARROW; i++) {
        bool may = (entry->stored.uses & 1U << order[i]) != 0;

        text[i] = '-';
        if (may)
            text[i] = *smimepolicy_use_name(order[i]);
    }
    if (text != NULL && entry->stored.vouches) {
        text[0] = 'C';
        text[1] = 'A';
    }
    return text;
}

static void state_column(const struct shim_table *table, const struct shim_entry *entry)
{
    static const smimepolicy_severity weights[] = {
        [SP_STORED_USABLE] = SMIMEPOLICY_IGNORE,      [SP_STORED_EXPIRED] = SMIMEPOLICY_WARN,
        [SP_STORED_NOT_YET_VALID] = SMIMEPOLICY_NOTE, [SP_STORED_UNUSABLE] = SMIMEPOLICY_DENY,
        [SP_STORED_REVOKED] = SMIMEPOLICY_DENY,
    };

    if (table->colour)
        fputs(shim_colour_begin(entry->waits ? SMIMEPOLICY_NOTE : weights[entry->stored.state]),
              stdout);
    printf("%-*s", STATE, shim_entry_state(entry));
    printf("%s%*s", table->colour ? shim_colour_end : "", GAP, "");
}

int shim_table_row(struct shim_table *table, const struct shim_entry *entry)
{
    char fingerprint[SP_FINGERPRINT_TEXT];
    char *uses = table->narrow ? initials(entry) : shim_entry_uses(entry);
    char *until = shim_moment_text(X509_get0_notAfter(entry->cert));
    char *since = sp_format_time(entry->record.uploaded);
    char *addresses = shim_entry_addresses(entry);
    char *rules = shim_entry_rules(entry);
    char *rest = rules == NULL || rules[0] == '\0'
                     ? sp_format("%s", shim_entry_subject(entry))
                     : sp_format("[%s] %s", rules, shim_entry_subject(entry));
    bool done = uses != NULL && until != NULL && since != NULL && addresses != NULL && rest != NULL;

    sp_fingerprint_text(entry->record.fingerprint, fingerprint);
    if (done) {
        headline(table);
        column(sp_role_name(entry->record.role), role_width(table));
        state_column(table, entry);
        column(uses[0] == '\0' ? "-" : uses, uses_width(table));
        column(entry->waits ? "-" : until, DATE);
        if (!table->narrow) {
            column(shim_entry_origin(entry), ORIGIN);
            column(since, DATE);
        }
        column(fingerprint, SHORT_PRINT);
        tail(table, addresses[0] == '\0' ? "-" : addresses, rest);
    }
    OPENSSL_free(uses);
    OPENSSL_free(until);
    OPENSSL_free(since);
    OPENSSL_free(addresses);
    OPENSSL_free(rules);
    OPENSSL_free(rest);
    return done ? SHIM_OK : shim_no_memory();
}
