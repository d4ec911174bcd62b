/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a command line asks for: the operation, signers and recipients, and what stock
 * reads besides the message.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "common/shim.h"
#include "starve.h"
#include "stock/request.h"
#include "tool/run/ciphers.h"
#include "verdicts.h"

static struct shim_args args;
static struct shim_request request;

/* In words of the caller's, as of main(). */
static int parse(const char *const *words)
{
    static char *words_of_row[11];

    memcpy(words_of_row, words, 10 * sizeof(words[0]));
    return shim_request_parse(SHIM_CMS, words_of_row, shim_cipher_is_known, &args, &request);
}

static void forget(void)
{
    shim_request_clear(&request);
    shim_args_free(&args);
}

/* What a command line asks for: "operation signers recipients", "-" for none. */
static const struct {
    const char *words[10];
    const char *request;
} requests[] = {
    { { NULL }, "- - -" },
    { { "-sign", "-encrypt" }, "encrypt - -" },
    { { "-signer", "a" }, "- a:a -" },
    { { "-signer", "a", "-inkey", "k" }, "- a:k -" },
    { { "-inkey", "k", "-signer", "a" }, "- a:k -" },
    { { "-inkey", "k" }, "- - -" },
    { { "-signer", "a", "-signer", "b" }, "- a:a,b:b -" },
    { { "-signer", "a", "-signer", "b", "-inkey", "k" }, "- a:a,b:k -" },
    { { "-signer", "a", "-inkey", "k", "-signer", "b" }, "- a:k,b:b -" },
    { { "-inkey", "k", "-signer", "a", "-inkey", "l", "-signer", "b" }, "- a:k,b:l -" },
    { { "-signer", "a", "-inkey", "k", "-inkey", "l", "-signer", "b" }, "- a:k,b:l -" },
    { { "-inkey", "k", "-inkey", "l", "-signer", "a" }, "- a:l -" },
    { { "-recip", "a", "-recip=b", "c", "d" }, "- - a,b,c,d" },
};

START_TEST(requests_are_read)
{
    char text[100] = "", word[40];

    ck_assert_int_eq(parse(requests[_i].words), SHIM_OK);
    strcat(text, request.operation == NULL ? "-" : request.operation);
    strcat(text, request.signer_count == 0 ? " -" : " ");
    for (size_t i = 0; i < request.signer_count; i++) {
        (void)snprintf(word, sizeof(word), "%s%s:%s", i == 0 ? "" : ",", request.signers[i].cert,
                       request.signers[i].key);
        strcat(text, word);
    }
    strcat(text, request.recipient_count == 0 ? " -" : " ");
    for (size_t i = 0; i < request.recipient_count; i++) {
        (void)snprintf(word, sizeof(word), "%s%s", i == 0 ? "" : ",", request.recipients[i]);
        strcat(text, word);
    }
    ck_assert_str_eq(text, requests[_i].request);
    forget();
}
END_TEST

START_TEST(the_last_algorithm_counts)
{
    const char *const words[10] = { "-aes128", "--aes256", "-wrap", "x",      "-aes128-wrap",
                                    "-md",     "sha1",     "-md",   "sha512", "-help" };

    ck_assert_int_eq(parse(words), SHIM_OK);
    ck_assert_str_eq(request.cipher, "aes256");
    ck_assert_str_eq(request.wrap, "aes128-wrap");
    ck_assert_str_eq(request.digest, "sha512");
    ck_assert(request.help);
    forget();
}
END_TEST

/* What was not read can be cleared, too. */
START_TEST(what_is_no_request)
{
    static const char *const words[10] = { "-sign", "-sig" };

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(parse(words), SHIM_USAGE);
    sp_expect_captured(STDERR_FILENO, "unknown option -sig");
    forget();
}
END_TEST

START_TEST(without_memory)
{
    static const char *const words[10] = { "-sign", "-signer", "a", "-recip", "b" };
    bool starved = true;

    for (long number = 1; starved; number++) {
        int code;

        sp_capture_begin(STDERR_FILENO);
        sp_starve(number);
        code = parse(words);
        starved = sp_starve_end();
        sp_expect_captured(STDERR_FILENO, starved ? "out of memory" : NULL);
        ck_assert_int_eq(code, starved ? SHIM_SYSTEM : SHIM_OK);
        forget();
        ck_assert_ptr_null(request.signers);
        ck_assert_ptr_null(request.recipients);
    }
}
END_TEST

/* Only S/MIME has the header of a mail; stock looks at the first letter, too. */
START_TEST(forms_with_a_header)
{
    static const struct {
        const char *words[10];
        bool has;
    } rows[] = {
        { { "-sign" }, true },
        { { "-outform", "smime" }, true },
        { { "-outform", "SMIME" }, true },
        { { "-outform", "PEM", "-outform", "s" }, true },
        { { "-outform", "DER" }, false },
        { { "-outform", "asn1" }, false },
        { { "-outform", "PSK" }, false },
    };

    for (int i = 0; i < SP_ROWS(rows); i++) {
        ck_assert_int_eq(parse(rows[i].words), SHIM_OK);
        ck_assert_int_eq(shim_writes_header(&args), rows[i].has);
        forget();
    }
}
END_TEST

/* Whether stock would read something else than the message from its standard input. */
static const struct {
    const char *words[10];
    bool reads;
} inputs[] = {
    { { "-in", "-", "-signer", "a", "-passin", "pass:-" }, false },
    { { "-passin", "file:x", "-recip", "stdin" }, false },
    { { "-passin", "stdin" }, true },
    { { "-passin", "fd:3" }, true },
    { { "-passin", "file:/dev/stdin" }, true },
    { { "-signer", "-" }, true },
    { { "-signer", "-", "-inkey", "k", "-signer", "a" }, true },
    { { "-recip", "-", "-signer", "a" }, true },
    { { "-inkey", "-" }, true },
    { { "-signer", "a", "-inkey", "-", "-signer", "b", "-inkey", "k" }, true },
    { { "-signer", "a", "-inkey", "/proc/self/fd/0" }, true },
    { { "-recip", "file:/dev/fd/0" }, true },
    { { "a", "-" }, true },
    { { "-recip", "a" }, false },
    { { "-recip", "-", "a" }, true },
    { { "-certfile", "/dev/stdin" }, true },
    { { "-originator", "-" }, true },
};

START_TEST(standard_input_is_the_message)
{
    ck_assert_int_eq(parse(inputs[_i].words), SHIM_OK);
    ck_assert_int_eq(shim_request_reads_stdin(&request), inputs[_i].reads);
    forget();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tests = tcase_create("request");

    if (!sp_starve_watch())
        return 1;
    tcase_add_loop_test(tests, requests_are_read, 0, SP_ROWS(requests));
    tcase_add_test(tests, the_last_algorithm_counts);
    tcase_add_test(tests, what_is_no_request);
    tcase_add_test(tests, without_memory);
    tcase_add_test(tests, forms_with_a_header);
    tcase_add_loop_test(tests, standard_input_is_the_message, 0, SP_ROWS(inputs));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
