/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside, made safe to show to people.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/shown.h"
#include "verdicts.h"

/* The text for a terminal, for a log, and with only its secrets masked. */
static const struct {
    const char *given;
    const char *shown;
    const char *readable; /* NULL: as |shown| */
    const char *masked;   /* NULL: as |readable| */
} rows[] = {
    { "", "", NULL, NULL },
    { "alice.pem", "alice.pem", NULL, NULL },
    { "K\xc3\xa4the \xe2\x82\xac \xf0\x9f\x98\x80", "K\xc3\xa4the \xe2\x82\xac \xf0\x9f\x98\x80",
      NULL, NULL },
    { "a\nb\033[2J\177", "a\\0Ab\\1B[2J\\7F", "a\nb\033[2J\177", NULL },
    /* C1, a line end and a direction mark of Unicode, and an invisible tag. */
    { "\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xf3\xa0\x80\x81",
      "\\C2\\9B\\E2\\80\\A8\\E2\\80\\AE\\F3\\A0\\80\\81",
      "\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xf3\xa0\x80\x81", NULL },
    { "\xff\xc3(", "\\FF\\C3(", NULL, "\xff\xc3(" },
    /* A surrogate, a code point that is too large, and a character that is cut. */
    { "\xed\xa0\x80", "\\ED\\A0\\80", NULL, "\xed\xa0\x80" },
    { "\xf4\x90\x80\x80", "\\F4\\90\\80\\80", NULL, "\xf4\x90\x80\x80" },
    { "\xe2\x82", "\\E2\\82", NULL, "\xe2\x82" },
    { "pkcs11:token=a;pin-value=1234", "pkcs11:token=a;pin-value=***", NULL, NULL },
    { "pkcs11:a?pin-value=1234&pin-source=/p&b", "pkcs11:a?pin-value=***&pin-source=***&b", NULL,
      NULL },
    { "PIN-Value=1 pin-value=2\npin-value=3", "PIN-Value=*** pin-value=***\\0Apin-value=***",
      "PIN-Value=*** pin-value=***\npin-value=***", NULL },
    /* An encoded name is recognised; one that only looks encoded is not. */
    { "p%69n%2dvalue=12", "p%69n%2dvalue=***", NULL, NULL },
    { "p%6gn-value=12 %", "p%6gn-value=12 %", NULL, NULL },
    { "pin-value 12", "pin-value 12", NULL, NULL },
    { "pin-value=", "pin-value=***", NULL, NULL },
    /* Text around the URI stays; no part of a PIN does. */
    { "(pkcs11:pin-value=12): no", "(pkcs11:pin-value=***): no", NULL, NULL },
    { "[a](pin-value=1)2)", "[a](pin-value=***)", NULL, NULL },
    { "'pin-value=12'", "'pin-value=***'", NULL, NULL },
    { "() pin-value=12)", "() pin-value=***", NULL, NULL },
    { "pin-value=12: no", "pin-value=***: no", NULL, NULL },
};

static void expect(char *text, const char *expected)
{
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, expected);
    OPENSSL_free(text);
}

START_TEST(as_shown)
{
    const char *readable = rows[_i].readable != NULL ? rows[_i].readable : rows[_i].shown;

    expect(sp_shown(rows[_i].given), rows[_i].shown);
    expect(sp_readable(rows[_i].given), readable);
    expect(sp_masked(rows[_i].given), rows[_i].masked != NULL ? rows[_i].masked : readable);
}
END_TEST

/* A bracket that is opened far away is not looked for: then less is shown. */
START_TEST(bracket_far_away)
{
    static const char secret[] = "pin-value=12)";
    static char text[2000];

    for (int far = 0; far < 2; far++) {
        size_t gap = far ? 1100 : 900;
        char *shown;

        memset(text, 'a', gap);
        text[0] = '(';
        memcpy(text + gap, secret, sizeof(secret));
        shown = sp_shown(text);
        ck_assert_ptr_nonnull(shown);
        ck_assert_str_eq(shown + gap, far ? "pin-value=***" : "pin-value=***)");
        OPENSSL_free(shown);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shown");
    TCase *tcase = tcase_create("shown");

    tcase_add_loop_test(tcase, as_shown, 0, SP_ROWS(rows));
    tcase_add_test(tcase, bracket_far_away);
    suite_add_tcase(suite, tcase);
    return sp_run(suite);
}
