/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smimepolicy: URIs, read and written.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "harness.h"
#include "store/uri.h"

#define ZEROS16 "00000000000000000000000000000000"
#define HASH    "0123456789abcdefABCDEF" ZEROS16 "0000000fff"

static const struct good {
    const char *text;
    enum sp_uri_kind kind;
    const char *address;
} good[] = {
    { "smimepolicy:identity/alice@example.com", SP_URI_IDENTITY, "alice@example.com" },
    { "SMIMEPolicy:contact/Alice@Example.COM", SP_URI_CONTACT, "alice@example.com" },
    { "smimepolicy:contact/o%27brien%2Fx@example.com", SP_URI_CONTACT, "o'brien/x@example.com" },
    { "smimepolicy:contact/%41%5a%7e@example.com", SP_URI_CONTACT, "az~@example.com" },
    { "smimepolicy:contact/a%20b%25%3f%23%22@example.com", SP_URI_CONTACT, "a b%?#\"@example.com" },
    { "smimepolicy:contact/!$&*+-=^_`{|}~:;,.@[]()<>\\x", SP_URI_CONTACT,
      "!$&*+-=^_`{|}~:;,.@[]()<>\\x" },
    { "smimepolicy:contact/%C3%9C@example.com", SP_URI_CONTACT, "\xc3\x9c@example.com" },
    { "smimepolicy:issuers/alice@example.com", SP_URI_ISSUERS, "alice@example.com" },
    { "smimepolicy:chain/alice@example.com", SP_URI_CHAIN, "alice@example.com" },
    { "smimepolicy:trust", SP_URI_TRUST, NULL },
    { "smimepolicy:cert/" HASH, SP_URI_CERT, NULL },
};

START_TEST(read_good)
{
    const struct good *row = &good[_i];
    struct sp_uri uri;
    char *why = NULL;

    ck_assert_msg(sp_uri_read(&uri, row->text, &why), "%s: %s", row->text, why);
    ck_assert_ptr_null(why);
    ck_assert_int_eq(uri.kind, row->kind);
    ck_assert_pstr_eq(uri.address, row->address);
    sp_uri_clear(&uri);
}
END_TEST

static const char *const bad[] = {
    "",
    "smimepolicy",
    "file:identity/alice@example.com",
    "smimepolicy:",
    "smimepolicy:alice@example.com",
    "smimepolicy:identity",
    "smimepolicy:identity/",
    "smimepolicy:IDENTITY/alice@example.com",
    "smimepolicy:/identity/alice@example.com",
    "smimepolicy://identity/alice@example.com",
    "smimepolicy:issuers",
    "smimepolicy:chain/",
    "smimepolicy:trust/",
    "smimepolicy:trust?x",
    "smimepolicy:contact/a%",
    "smimepolicy:contact/a%4",
    "smimepolicy:contact/a%4g@example.com",
    "smimepolicy:contact/a%%41@example.com",
    "smimepolicy:contact/a/b@example.com",
    "smimepolicy:contact/a b@example.com",
    "smimepolicy:contact/a?@example.com",
    "smimepolicy:contact/a#@example.com",
    "smimepolicy:contact/'a'@example.com",
    "smimepolicy:contact/\"a\"@example.com",
    "smimepolicy:contact/a\n@example.com",
    "smimepolicy:contact/a\x7f@example.com",
    "smimepolicy:contact/\xc3\x9c@example.com",
    "smimepolicy:contact/a%00@example.com",
    "smimepolicy:contact/a%1F@example.com",
    "smimepolicy:contact/a%7f@example.com",
    "smimepolicy:cert/",
    "smimepolicy:cert/" ZEROS16,
    "smimepolicy:cert/" HASH "00",
    "smimepolicy:cert/" HASH HASH HASH HASH HASH HASH HASH HASH,
    "smimepolicy:cert/" HASH ":",
    "smimepolicy:cert/:" HASH,
    "smimepolicy:cert/0:" HASH,
    "smimepolicy:cert/0x" ZEROS16 ZEROS16,
    "smimepolicy:cert/" ZEROS16 "0000000000000000000000000000000g",
    "smimepolicy:cert/" ZEROS16 "000000000000000000000000000000g0",
};

START_TEST(read_bad)
{
    struct sp_uri uri;
    char *why = NULL;

    ck_assert_msg(!sp_uri_read(&uri, bad[_i], &why), "%s", bad[_i]);
    ck_assert_ptr_nonnull(why);
    ck_assert_ptr_null(uri.address);
    OPENSSL_free(why);
}
END_TEST

/* What is not plain is to be escaped, and what is no part of an address may not be there. */
static const struct {
    const char *text, *why;
} characters[] = {
    { "smimepolicy:contact/a\x7f", "written as %XX" },
    { "smimepolicy:contact/a\x1f", "written as %XX" },
    { "smimepolicy:contact/a%7f", "no control characters" },
    { "smimepolicy:contact/a%1f", "no control characters" },
    { "smimepolicy:contact/a%00", "no control characters" },
    { "smimepolicy:contact/a%g0", "written as %XX" },
    { "smimepolicy:contact/a%0g", "written as %XX" },
};

START_TEST(why_not)
{
    struct sp_uri uri;
    char *why = NULL;

    ck_assert(!sp_uri_read(&uri, characters[_i].text, &why));
    ck_assert_msg(strstr(why, characters[_i].why) != NULL, "%s", why);
    OPENSSL_free(why);
}
END_TEST

START_TEST(read_fingerprint)
{
    static const char *const spellings[] = { "smimepolicy:cert/00112233445566778899AABBCCDDEEFF"
                                             "00112233445566778899aabbccddeeff",
                                             "smimepolicy:cert/"
                                             "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:"
                                             "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF" };
    struct sp_uri uri;
    char *why = NULL;

    ck_assert(sp_uri_read(&uri, spellings[_i], &why));
    for (int i = 0; i < SP_SHA256_LENGTH; i++)
        ck_assert_uint_eq(uri.fingerprint[i], 0x11U * (unsigned)(i % 16));
    sp_uri_clear(&uri);
}
END_TEST

/* Every byte that an address may have can be written with an escape. */
START_TEST(escaped_is_read)
{
    char address[256] = { 0 }, text[1024] = "smimepolicy:identity/", *end = text + strlen(text);
    size_t length = 0;
    struct sp_uri uri;
    char *why = NULL;

    for (int c = 0x20; c < 0x100; c++)
        if (c != 0x7f && (c < 'A' || c > 'Z')) {
            address[length++] = (char)c;
            end += snprintf(end, sizeof(text) - (size_t)(end - text), "%%%02X", (unsigned)c);
        }
    ck_assert_msg(sp_uri_read(&uri, text, &why), "%s: %s", text, why);
    ck_assert_str_eq(uri.address, address);
    ck_assert_int_eq(uri.kind, SP_URI_IDENTITY);
    sp_uri_clear(&uri);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("uri");
    TCase *tests = sp_case(suite, "uri");

    tcase_add_loop_test(tests, read_good, 0, SP_ROWS(good));
    tcase_add_loop_test(tests, read_bad, 0, SP_ROWS(bad));
    tcase_add_loop_test(tests, why_not, 0, SP_ROWS(characters));
    tcase_add_loop_test(tests, read_fingerprint, 0, 2);
    tcase_add_test(tests, escaped_is_read);
    return sp_run_forked(suite);
}
