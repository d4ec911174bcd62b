/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside, made safe to show to people.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/shown.h"
#include "base/text.h"
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
    { "\xf8\x90\x80\x80", "\\F8\\90\\80\\80", NULL, "\xf8\x90\x80\x80" },
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
    { "pin-value=12:", "pin-value=***", NULL, NULL },
    { "pin-value=12:;", "pin-value=***;", NULL, NULL },
    { "pin-value=: no", "pin-value=***: no", NULL, NULL },
    { "[pin-value=12]]", "[pin-value=***]", NULL, NULL },
    { "[(pin-value=12)]", "[(pin-value=***)]", NULL, NULL },
    { "(pin-value=12]", "(pin-value=***", NULL, NULL },
    { "`pin-value=12`", "`pin-value=***`", NULL, NULL },
    { "(a) (pin-value=12))", "(a) (pin-value=***)", NULL, NULL },
    { "(pin-value=1;pin-source=2)", "(pin-value=***;pin-source=***)", NULL, NULL },
    { "(pin-value=1);pin-source=2)", "(pin-value=***);pin-source=***", NULL, NULL },
    { "pin-valu=1 pin-values=2 pin-value", "pin-valu=1 pin-values=2 pin-value", NULL, NULL },
    { "%70in-value%3d1 %70IN-value=1", "%70in-value%3d1 %70IN-value=***", NULL, NULL },
    { "p%4Fn-value=1 p%4fn-value=1", "p%4Fn-value=1 p%4fn-value=1", NULL, NULL },
    { "%7xin-value=1 %x0in-value=1", "%7xin-value=1 %x0in-value=1", NULL, NULL },
    { "\xc2\x80", "\\C2\\80", "\xc2\x80", NULL },
    { "p%49n-value=1 p%4", "p%49n-value=*** p%4", NULL, NULL },
    { "pin-value=1\tb\r", "pin-value=***\\09b\\0D", "pin-value=***\tb\r", NULL },
    { "pin-value=1\"b", "pin-value=***\"b", NULL, NULL },
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

/* |point| in so many bytes, more than it needs perhaps. */
static void encode(char to[5], unsigned long point, size_t length)
{
    static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    to[length] = '\0';
    for (size_t i = length - 1; i > 0; i--, point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3f));
    to[0] = (char)(first[length] | point);
}

static void expect_character(const char *text, bool is_plain)
{
    char *shown = sp_shown(text);
    char *escaped = sp_escape(text, strlen(text));

    ck_assert_str_eq(shown, is_plain ? text : escaped);
    OPENSSL_free(escaped);
    OPENSSL_free(shown);
}

static size_t length_of(unsigned long point)
{
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

/* The first and last character of each range that a terminal does not get, and their neighbours. */
START_TEST(borders_of_control_characters)
{
    static const unsigned long ranges[][2] = {
        { 0x01, 0x1f },     { 0x7f, 0x9f },     { 0x61c, 0x61c },     { 0x200b, 0x200b },
        { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },   { 0xfeff, 0xfeff },
        { 0xfff9, 0xfffb }, { 0xd800, 0xdfff }, { 0xe0000, 0xe007f },
    };
    char text[5];

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        for (unsigned long point = ranges[i][0] - 1; point <= ranges[i][1] + 1; point++) {
            encode(text, point, length_of(point));
            expect_character(text, point < ranges[i][0] || point > ranges[i][1]);
        }
}
END_TEST

/* Each length from its least to its greatest character, and what is longer than it need be. */
START_TEST(borders_of_utf8)
{
    static const unsigned long points[] = { 0x20,   0x7e,   0xa0,    0x7ff,    0x800,   0xfff,
                                            0xffff, 0x1000, 0x10000, 0x10ffff, 0x110000 };
    char text[5];

    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        for (size_t length = length_of(points[i]); length <= 4; length++) {
            encode(text, points[i], length);
            expect_character(text, length == length_of(points[i]) && points[i] <= 0x10ffff);
            /* Cut, and with a byte that begins another character. */
            if (length > 1) {
                text[length - 1] = '\xc0';
                expect_character(text, false);
                text[length - 1] = '\0';
                expect_character(text, false);
            }
        }
    expect_character("\x80", false);
    expect_character("\xbf\xbf", false);
    /* They would be characters if such a byte began one. */
    expect_character("\x84\x80", false);
    expect_character("\x81\x80\x80", false);
    expect_character("\x81\x80\x80\x80", false);
    expect_character("\xf8\x88\x80\x80", false);
    expect_character("\xff", false);
}
END_TEST

/* A bracket that is opened far away is not looked for: then less is shown. */
START_TEST(bracket_far_away)
{
    static const char secret[] = "pin-value=12)";
    static char text[2000];

    for (int far = 0; far < 2; far++) {
        size_t gap = far ? 1025 - strlen("pin-value=") : 1024 - strlen("pin-value=");
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
    tcase_add_test(tcase, borders_of_control_characters);
    tcase_add_test(tcase, borders_of_utf8);
    tcase_add_test(tcase, bracket_far_away);
    suite_add_tcase(suite, tcase);
    return sp_run(suite);
}
