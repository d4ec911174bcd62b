/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts that grow, and what is written in them.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/json_text.h"
#include "base/key_marks.h"
#include "base/sha256.h"
#include "base/text.h"
#include "starve.h"
#include "verdicts.h"

static void expect_text(char *text, const char *expected)
{
    ck_assert_pstr_eq(text, expected);
    OPENSSL_free(text);
}

/* Of every length about which its memory grows. */
START_TEST(grows)
{
    for (size_t length = 0; length < 300; length++) {
        struct sp_text text = { 0 };
        char expected[301] = "";

        for (size_t i = 0; i < length; i++) {
            expected[i] = (char)('a' + i % 26);
            sp_text_add_bytes(&text, expected + i, 1);
            ck_assert_uint_lt(text.len, text.size);
        }
        ck_assert_uint_eq(text.len, length);
        expect_text(sp_text_take(&text), expected);
        ck_assert(text.data == NULL && text.len == 0 && text.size == 0 && !text.failed);
        /* The same at once. */
        sp_text_add(&text, expected);
        ck_assert_uint_lt(text.len, text.size);
        ck_assert_uint_le(text.size, length < 64 ? 64 : 2 * length);
        expect_text(sp_text_take(&text), expected);
    }
}
END_TEST

START_TEST(written)
{
    struct sp_text text = { 0 };

    sp_text_add_item(&text, "a");
    sp_text_add_item(&text, "b");
    sp_text_add_octets(&text, "\x00\x9f\xff", 3);
    expect_text(sp_text_take(&text), "a, b\\00\\9F\\FF");
    expect_text(sp_escape("\x1f \x7e\x7f\\\x80z", 7), "\\1F ~\\7F\\5C\\80z");
    expect_text(sp_escape("", 0), "");
    expect_text(sp_format("%s-%d", "x", 7), "x-7");
    expect_text(sp_format("%s", ""), "");
}
END_TEST

static const struct {
    time_t at;
    const char *text;
} times[] = {
    { 0, "1970-01-01T00:00:00Z" },
    { 1709251199, "2024-02-29T23:59:59Z" },
    { 253402300799, "9999-12-31T23:59:59Z" },
    { 253402300800, "10000-01-01T00:00:00Z" },
    { -62167219200, "0000-01-01T00:00:00Z" },
    { -62167219201, "-1-12-31T23:59:59Z" },
    { 1796131425, "2026-12-01T13:23:45Z" },
    /* The year has no place in an int. */
    { 9223372036854775807, "9223372036854775807" },
};

START_TEST(a_time)
{
    expect_text(sp_format_time(times[_i].at), times[_i].text);
}
END_TEST

START_TEST(folded)
{
    static const char from[] = "@AMZ[`amz{\xc4", to[] = "@amz[`amz{\xc4";

    for (size_t i = 0; i < sizeof(from); i++)
        ck_assert_int_eq(sp_fold(from[i]), to[i]);
}
END_TEST

START_TEST(a_fingerprint)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    char text[SP_FINGERPRINT_TEXT];

    for (size_t i = 0; i < sizeof(fingerprint); i++)
        fingerprint[i] = (unsigned char)(i * 7 + 9);
    sp_fingerprint_text(fingerprint, text);
    ck_assert_str_eq(text, "0910171e252c333a41484f565d646b727980878e959ca3aab1b8bfc6cdd4dbe2");
}
END_TEST

START_TEST(in_json)
{
    json_t *value = sp_json_text(NULL);

    ck_assert(json_is_null(value));
    json_decref(value);
    value = sp_json_text("a\xc3\xa4");
    ck_assert_str_eq(json_string_value(value), "a\xc3\xa4");
    json_decref(value);
    value = sp_json_text("");
    ck_assert_str_eq(json_string_value(value), "");
    json_decref(value);
}
END_TEST

/* The identifiers are found wherever they are, and only whole. */
START_TEST(marks_of_keys)
{
    static const unsigned char ec[] = { 1, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };
    static const unsigned char pss[] = { 1, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 10 };

    ck_assert(sp_may_be_ec(ec, sizeof(ec)) && !sp_may_be_pss(ec, sizeof(ec)));
    ck_assert(sp_may_be_pss(pss, sizeof(pss)) && !sp_may_be_ec(pss, sizeof(pss)));
    ck_assert(!sp_may_be_ec(ec, sizeof(ec) - 1) && !sp_may_be_pss(pss, sizeof(pss) - 1));
    for (size_t i = 1; i < sizeof(ec); i++) {
        unsigned char other[sizeof(ec)];

        memcpy(other, ec, sizeof(ec));
        other[i]++;
        ck_assert(!sp_may_be_ec(other, sizeof(other)));
    }
    for (size_t i = 1; i < sizeof(pss); i++) {
        unsigned char other[sizeof(pss)];

        memcpy(other, pss, sizeof(pss));
        other[i]++;
        ck_assert(!sp_may_be_pss(other, sizeof(other)));
    }
}
END_TEST

static char *try_text(void)
{
    struct sp_text text = { 0 };

    for (int i = 0; i < 100; i++)
        sp_text_add_item(&text, "word");
    return sp_text_take(&text);
}

static char *try_format(void)
{
    return sp_format("%d", 1);
}

static char *try_time(void)
{
    return sp_format_time(0);
}

static char *try_escape(void)
{
    return sp_escape("\\", 1);
}

START_TEST(memory_runs_out)
{
    static char *(*const tried[])(void) = { try_text, try_format, try_time, try_escape };
    long number = 0;
    bool starved;
    long kept;

    /* From 3.2 on libcrypto tells its error queue of what fails. */
    ERR_clear_error();
    kept = sp_starve_kept();
    do {
        char *text;

        sp_starve(++number);
        text = tried[_i]();
        starved = sp_starve_end();
        ck_assert_int_eq(text == NULL, starved);
        OPENSSL_free(text);
        ERR_clear_error();
        ck_assert_int_eq(sp_starve_kept(), kept);
    } while (starved);
    ck_assert_int_gt(number, 1);
}
END_TEST

START_TEST(json_without_memory)
{
    json_t *value;

    sp_starve(1);
    value = sp_json_text("a");
    ck_assert(sp_starve_end());
    ck_assert_ptr_null(value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_add_test(tests, grows);
    tcase_add_test(tests, written);
    tcase_add_loop_test(tests, a_time, 0, SP_ROWS(times));
    tcase_add_test(tests, folded);
    tcase_add_test(tests, a_fingerprint);
    tcase_add_test(tests, in_json);
    tcase_add_test(tests, marks_of_keys);
    tcase_add_loop_test(tests, memory_runs_out, 0, 4);
    tcase_add_test(tests, json_without_memory);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
