/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What stock says on its standard error: what it means, and what of it is shown.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "capture.h"
#include "policy/reasons.h"
#include "stock/stock_said.h"
#include "tool/run/watch.h"
#include "verdicts.h"

/* What is understood of it: "r" refused, "d" distrusted, "u" unloaded, "s" spoke. */
static void expect_flags(const struct shim_watch *watch, const char *expected)
{
    char flags[5];

    snprintf(flags, sizeof(flags), "%s%s%s%s", watch->refused ? "r" : "",
             watch->distrusted ? "d" : "", watch->unloaded ? "u" : "", watch->spoke ? "s" : "");
    ck_assert_str_eq(flags, expected);
}

/* Lines, cut in two wherever a read may end. */
static void expect_watched(const char *said, const char *expected)
{
    size_t len = strlen(said);

    for (size_t cut = 0; cut <= len; cut++) {
        struct shim_watch watch = { 0 };

        shim_watch_hear(&watch, said, cut);
        shim_watch_hear(&watch, said + cut, len - cut);
        expect_flags(&watch, expected);
    }
}

#define CHAIN "00:error:17000064:CMS routines:cms_signerinfo_verify_cert:certificate verify error:"

static const struct {
    const char *said;
    const char *flags;
} lines[] = {
    { "", "" },
    { "CMS Verification successful\n", "" },
    { "Verification successful\n", "" },
    { "Error reading S/MIME message\n", "s" },
    { "Verification successful\nError\n", "s" },
    { "no line yet", "" },
    { "00:error:0500000B:smimepolicy:f:reason:c:1:\n", "rs" },
    { "before\n00:error:05000001:smimepolicy::x:c:1:\nbehind\n", "rs" },
    { "00:error:0500000B:smimepolicy2:f:reason:c:1:\n", "s" },
    { "00:error:0500000B:CMS routines:f:smimepolicy:c:1:\n", "s" },
    { "smimepolicy: an error\n", "s" },
    { "cms: unable to load provider smimepolicy\n", "us" },
    { "cms: unable to load provider default\n", "s" },
    { CHAIN "apps/cms.c:1:Verify error: unable to get local issuer certificate\n", "ds" },
    { CHAIN "c:1:Verify error: self-signed certificate in certificate chain\n", "ds" },
    { CHAIN "c:1:Verify error: certificate has expired\n", "s" },
    { CHAIN "c:1:Verify error: unable to get local issuer certificate at all\n", "s" },
    { "Verify error: unable to get local issuer certificate\n", "s" },
};

START_TEST(lines_are_understood)
{
    expect_watched(lines[_i].said, lines[_i].flags);
}
END_TEST

/* Longer than what is looked at: it is a line all the same, and the next one is a new one. */
START_TEST(a_long_line_hides_nothing)
{
    static const char refusal[] = "\n00:error:0500000B:smimepolicy:f:reason:c:1:\n";
    struct shim_watch watch = { 0 };

    for (int i = 0; i < 5000; i++)
        shim_watch_hear(&watch, "x", 1);
    shim_watch_hear(&watch, refusal, sizeof(refusal) - 1);
    expect_flags(&watch, "rs");
}
END_TEST

/* An error as libcrypto itself prints it. */
static char *printed_error(int library, int reason)
{
    sp_capture_begin(STDERR_FILENO);
    ERR_raise(library, reason);
    ERR_print_errors_fp(stderr);
    return sp_capture_end(STDERR_FILENO);
}

START_TEST(errors_of_the_provider_are_refusals)
{
    static const struct {
        int reason;
        const char *flags;
    } rows[] = {
        { 1, "rs" },
        { SP_REASON_LOCKED, "rs" },
        { SP_REASON_KEYRING, "rs" },
        /* What is not in the keyring is missing, and not refused. */
        { SP_REASON_URI, "s" },
        { SP_REASON_NOT_STORED, "s" },
        { SP_REASON_KEY, "s" },
    };
    static ERR_STRING_DATA ours[] = { { 0, "smimepolicy" }, { 0, NULL } };
    int library = ERR_get_next_error_library();
    char *said;

    ours[0].error = ERR_PACK(library, 0, 0);
    ck_assert_int_eq(ERR_load_strings(library, ours), 1);
    for (int i = 0; i < SP_ROWS(rows); i++) {
        said = printed_error(library, rows[i].reason);
        expect_watched(said, rows[i].flags);
        free(said);
    }
    said = printed_error(ERR_LIB_CMS, 1);
    expect_watched(said, "s");
    free(said);
}
END_TEST

/* As libcrypto words them; nobody vouched for the sender. */
START_TEST(a_chain_without_anchor_is_distrust)
{
    static const int errors[] = { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
                                  X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                                  X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
                                  X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                                  X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE };

    for (int error = 1; error <= X509_V_ERR_INVALID_CA; error++) {
        char line[400];
        bool distrusted = false;

        for (int i = 0; i < SP_ROWS(errors); i++)
            distrusted = distrusted || errors[i] == error;
        snprintf(line, sizeof(line), CHAIN "c:1:Verify error: %s\n",
                 X509_verify_cert_error_string(error));
        expect_watched(line, distrusted ? "ds" : "s");
    }
}
END_TEST

/* What is shown of what was said: as it is, with secrets left out, or for people. */
static const struct {
    const char *said;
    const char *passed;
    const char *shown;
} shown[] = {
    { "one\ntwo\n", "one\ntwo\n", "one\ntwo\n" },
    { "no end", "no end", "no end" },
    { "\n\n", "\n\n", "\n\n" },
    { "a\x1b[2Jb\n", "a\x1b[2Jb\n", "a\\1B[2Jb\n" },
    { "pkcs11:object=a?pin-value=1234\nx", "pkcs11:object=a?pin-value=***\nx",
      "pkcs11:object=a?pin-value=***\nx" },
};

struct heard {
    char bytes[70000];
    size_t length;
};

static void hear(void *listener, const char *bytes, size_t len)
{
    struct heard *heard = listener;

    ck_assert_uint_le(heard->length + len, sizeof(heard->bytes));
    memcpy(heard->bytes + heard->length, bytes, len);
    heard->length += len;
}

/* A line is not waited for without end, and a zero byte ends none of it. */
START_TEST(a_long_line_is_passed_on)
{
    static struct heard heard;
    struct shim_said to = { .filter = hear, .listener = &heard };

    shim_said_feed(&to, "a\0b\n", 4);
    ck_assert_uint_eq(heard.length, 4);
    ck_assert_mem_eq(heard.bytes, "a\0b\n", 4);
    heard.length = 0;
    for (int i = 0; i < 65536; i++)
        shim_said_feed(&to, "x", 1);
    ck_assert_uint_eq(heard.length, 0);
    shim_said_feed(&to, "y", 1);
    ck_assert_uint_eq(heard.length, 65537);
    ck_assert_mem_eq(heard.bytes + 65534, "xxy", 3);
    shim_said_flush(&to);
    ck_assert_uint_eq(heard.length, 65537);
}
END_TEST

/* What comes of |said|, cut in two at |cut|. */
static char *passed_on(struct shim_said *to, const char *said, size_t cut)
{
    sp_capture_begin(STDERR_FILENO);
    shim_said_feed(to, said, cut);
    shim_said_feed(to, said + cut, strlen(said) - cut);
    shim_said_flush(to);
    if (to->filter != NULL)
        shim_unverified_end(to->listener);
    return sp_capture_end(STDERR_FILENO);
}

START_TEST(secrets_and_controls_are_not_shown)
{
    for (size_t cut = 0; cut <= strlen(shown[_i].said); cut++)
        for (int people = 0; people < 2; people++) {
            struct shim_said to = { .shows = people == 1 };
            char *passed = passed_on(&to, shown[_i].said, cut);

            ck_assert_str_eq(passed, people == 1 ? shown[_i].shown : shown[_i].passed);
            free(passed);
        }
}
END_TEST

#define INSTEAD "Unverified: the signature fits the content, but nobody checked whose it is\n"

/* After -noverify: a success that is none. */
static const struct {
    const char *said;
    const char *passed;
} unverified[] = {
    { "Verification successful\n", INSTEAD },
    { "CMS Verification successful\n", INSTEAD },
    { "x\nCMS Verification successful\ny\n", "x\n" INSTEAD "y\n" },
    { "Verification successful\nVerification successful\n", INSTEAD INSTEAD },
    { "Verification failure\n", "Verification failure\n" },
    { " Verification successful\n", " Verification successful\n" },
    { "Verification successful", "Verification successful" },
    { "Verification successful!\n", "Verification successful!\n" },
    { "C\nV\n\n", "C\nV\n\n" },
};

START_TEST(an_unverified_success_is_not_reported)
{
    for (size_t cut = 0; cut <= strlen(unverified[_i].said); cut++) {
        struct shim_unverified filter = { .len = 0 };
        struct shim_said to = { .filter = shim_unverified_hear, .listener = &filter };
        char *passed = passed_on(&to, unverified[_i].said, cut);

        ck_assert_str_eq(passed, unverified[_i].passed);
        free(passed);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stock_said");
    TCase *tests = tcase_create("stock_said");

    tcase_add_loop_test(tests, lines_are_understood, 0, SP_ROWS(lines));
    tcase_add_test(tests, a_long_line_hides_nothing);
    tcase_add_test(tests, errors_of_the_provider_are_refusals);
    tcase_add_test(tests, a_chain_without_anchor_is_distrust);
    tcase_add_test(tests, a_long_line_is_passed_on);
    tcase_add_loop_test(tests, secrets_and_controls_are_not_shown, 0, SP_ROWS(shown));
    tcase_add_loop_test(tests, an_unverified_success_is_not_reported, 0, SP_ROWS(unverified));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
