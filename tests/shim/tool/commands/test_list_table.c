/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table of `smime-policy list`: it fits the terminal, and its columns stand below each other.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "keyrings.h"
#include "tool/commands/commands.h"

/* Whoever is listed, and how the row begins without a terminal: its columns are two spaces apart.
 */
static const struct {
    struct sp_recipe recipe;
    enum sp_role role;
    const char *wide, *narrow; /* up to the fingerprint */
    const char *tail;          /* addresses and subject */
} rows[] = {
    { { .subject = "Bob",
        .san = "email:bob@example.org",
        .usage = "digitalSignature,keyEncipherment" },
      SP_ROLE_IDENTITY,
      "identity      usable         sign, encrypt, verify, decrypt  2024-07-31  uploaded   "
      "2023-08-01  ",
      "identity  usable         sevd  2024-07-31  ",
      "bob@example.org                 CN=Bob" },
    { { .subject = "Carol", .san = "email:carol@example.org", .usage = "digitalSignature" },
      SP_ROLE_CONTACT,
      "contact       usable         verify                          2024-07-31  uploaded   "
      "2023-08-01  ",
      "contact   usable         --v-  2024-07-31  ",
      "carol@example.org               CN=Carol" },
    { { .subject = "Dave",
        .san = "email:dave@example.org",
        .usage = "digitalSignature",
        .not_after = "20231001000000Z" },
      SP_ROLE_CONTACT,
      "contact       expired        verify                          2023-10-01  uploaded   "
      "2023-08-01  ",
      "contact   expired        --v-  2023-10-01  ",
      "dave@example.org                CN=Dave" },
    { { .subject = "",
        .san = "email:erin@a-domain-with-a-long-name.example.org,email:e@b.c",
        .usage = "digitalSignature,keyEncipherment" },
      SP_ROLE_CONTACT,
      "contact       usable         encrypt, verify                 2024-07-31  uploaded   "
      "2023-08-01  ",
      "contact   usable         -ev-  2024-07-31  ",
      "erin@a-domain-with-a-long-name.example.org, e@b.c  (no subject)" },
    { { .subject = "Frank", .san = "email:frank@example.org", .usage = "cRLSign" },
      SP_ROLE_CONTACT,
      "contact       unusable       -                               2024-07-31  uploaded   "
      "2023-08-01  ",
      "contact   unusable       ----  2024-07-31  ",
      "frank@example.org               [key-usage, usage-encrypt, signer-certificate] CN=Frank" },
    { { .subject = "CA", .basic = "critical,CA:TRUE", .usage = "critical,keyCertSign" },
      SP_ROLE_CA,
      "ca            usable         vouches                         2024-07-31  uploaded   "
      "2023-08-01  ",
      "ca        usable         CA--  2024-07-31  ",
      "-                               CN=CA" },
};

static const size_t widths[] = { 0, 20, 74, 80, 100, 156, 157, 170, 300 };

static void read_entry(struct shim_entry *entry, int row)
{
    struct shim shim = { 0 };
    X509 *cert = sp_make_cert(&rows[row].recipe);
    struct sp_record record = { .role = rows[row].role,
                                .origin = SP_ORIGIN_UPLOADED,
                                .uploaded = 1690900000 };
    int length = i2d_X509(cert, &record.der);

    shim.settings = smimepolicy_settings_new();
    ck_assert_int_gt(length, 0);
    record.der_length = (size_t)length;
    sp_fingerprint(cert, record.fingerprint);
    ck_assert_int_eq(shim_entry_read(entry, &record, SP_NOW, &shim), SHIM_OK);
    smimepolicy_settings_free(shim.settings);
    X509_free(cert);
}

/* The headline and the row, in a terminal of that width. */
static void print_table(size_t width, int row, char **headline, char **line)
{
    struct shim_entry entry;
    struct shim_table table;
    char *text;

    read_entry(&entry, row);
    sp_capture_begin(STDOUT_FILENO);
    shim_table_begin(&table);
    ck_assert(table.width == 0 && !table.narrow && !table.colour);
    table.width = width;
    table.narrow = width > 0 && width < 157;
    ck_assert_int_eq(shim_table_row(&table, &entry), SHIM_OK);
    ck_assert_int_eq(shim_table_row(&table, &entry), SHIM_OK);
    text = sp_capture_end(STDOUT_FILENO);
    *headline = strdup(strtok(text, "\n"));
    *line = strdup(strtok(NULL, "\n"));
    /* The headline comes once. */
    ck_assert_str_eq(strtok(NULL, "\n"), *line);
    ck_assert_ptr_null(strtok(NULL, "\n"));
    free(text);
    shim_entry_clear(&entry);
}

START_TEST(nothing_is_cut_without_a_terminal)
{
    size_t begin = strlen(rows[_i].wide);
    char *headline, *line;

    print_table(0, _i, &headline, &line);
    ck_assert_int_eq(strncmp(line, rows[_i].wide, begin), 0);
    ck_assert_uint_eq(strspn(line + begin, "0123456789abcdef"), 16);
    ck_assert_str_eq(line + begin + 18, rows[_i].tail);
    free(headline);
    free(line);
}
END_TEST

/* Of every width the row is a beginning of what it is without an end. */
START_TEST(it_fits_the_terminal)
{
    static const char *const names[] = { "ROLE",      "STATE",       "USES",
                                         "NOT AFTER", "FINGERPRINT", "ADDRESSES" };
    size_t width = widths[_i];

    for (int row = 0; row < SP_ROWS(rows); row++) {
        bool narrow = width > 0 && width < 157;
        const char *begin = narrow ? rows[row].narrow : rows[row].wide;
        size_t fixed = strlen(begin) + 18;
        char *headline, *line;

        print_table(width, row, &headline, &line);
        ck_assert_int_eq(strncmp(line, begin, strlen(begin)), 0);
        ck_assert_int_eq(strncmp(line + fixed, rows[row].tail, strlen(line + fixed)), 0);
        /* Ten columns of the address are shown at the least. */
        if (width > 0)
            ck_assert_uint_le(strlen(line), width > fixed + 10 ? width : fixed + 10);
        if (width == 300)
            ck_assert_str_eq(line + fixed, rows[row].tail);
        for (int i = 0; i < SP_ROWS(names); i++) {
            const char *found = strstr(headline, names[i]);

            ck_assert_ptr_nonnull(found);
            ck_assert(found == headline || found[-1] == ' ');
            ck_assert(line[found - headline] != ' ');
            ck_assert(found == headline || line[found - headline - 1] == ' ');
        }
        free(headline);
        free(line);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("list_table");
    TCase *tests = tcase_create("list_table");

    tcase_add_loop_test(tests, nothing_is_cut_without_a_terminal, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, it_fits_the_terminal, 0, SP_ROWS(widths));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
