/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Has stock read all that it was given, and has it made something?
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "capture.h"
#include "common/output.h"
#include "keyrings.h"
#include "stock/whole_input.h"
#include "tool/run/ciphers.h"

#define TEXT "the message\n"

static char *place; /* the name of a file */

static void set_up(void)
{
    place = sp_make_place();
}

static void tear_down(void)
{
    (void)unlink(place);
    sp_remove_place(place);
}

static int make_file(void)
{
    const int fd = open(place, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert(shim_write_all(fd, TEXT, strlen(TEXT)));
    return fd;
}

static struct shim_args args;
static struct shim_request request;

static void parse(const char *const *given)
{
    char *words[6];

    memcpy(words, given, sizeof(words));
    ck_assert_int_eq(shim_request_parse(SHIM_CMS, words, shim_cipher_is_known, &args, &request), 0);
}

static void forget(void)
{
    shim_request_clear(&request);
    shim_args_free(&args);
}

/* What is read to its end; FILE is that of the test. */
static const struct {
    const char *words[6];
    bool opened;    /* we share it with stock */
    bool from_file; /* else from standard input, if it is read to its end */
    bool all_read;
} inputs[] = {
    { { "-sign", "-in", "FILE" }, true, true, true },
    { { "-encrypt", "-in", "FILE" }, true, true, true },
    { { "-EncryptedData_encrypt", "-in", "FILE" }, true, true, true },
    { { "-sign", "-in", "-" }, false, false, true },
    { { "-sign" }, false, false, true },
    { { "-sign", "-in", "/dev/null" }, false, true, true },
    { { "-sign", "-in", "/nonexistent" }, false, true, true },
    { { "-sign", "-in", "FILE", "-passin", "stdin" }, false, true, true },
    { { "-verify", "-in", "FILE" }, false, true, false },
    { { "-sign", "-help", "-in", "FILE" }, false, true, false },
    { { "-in", "FILE" }, false, true, false },
};

/* It is at its end, before its end, or cannot be read. */
START_TEST(is_read_to_its_end)
{
    const char *words[6];
    const int file = make_file(), made = fileno(tmpfile()), none = fileno(tmpfile());
    const bool told = inputs[_i].all_read && (inputs[_i].opened || !inputs[_i].from_file);
    char *said = sp_format("cannot read %s: openssl did not read it to its end",
                           inputs[_i].from_file ? place : "standard input");
    int input;

    ck_assert_int_eq(write(made, "x", 1), 1);
    for (int i = 0; i < 6; i++)
        words[i] = inputs[_i].words[i] != NULL && strcmp(inputs[_i].words[i], "FILE") == 0
                       ? place
                       : inputs[_i].words[i];
    parse(words);
    ck_assert_int_eq(dup2(file, STDIN_FILENO), STDIN_FILENO);
    input = shim_whole_open(&args, &request);
    ck_assert_int_eq(input >= 0, inputs[_i].opened);
    ck_assert(input < 0 || fcntl(input, F_GETFD) == FD_CLOEXEC);

    ck_assert_int_eq(lseek(STDIN_FILENO, 0, SEEK_SET), 0);
    /* Without anything made there was a usage error. */
    ck_assert(shim_whole_was_read(&args, &request, input, none));
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_whole_was_read(&args, &request, input, made), !told);
    sp_expect_captured(STDERR_FILENO, told ? said : NULL);
    OPENSSL_free(said);
    /* What it made is no file, and has no size. */
    ck_assert_int_eq(lseek(input >= 0 ? input : STDIN_FILENO, 0, SEEK_SET), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_whole_was_read(&args, &request, input, open("/dev/null", O_RDWR)), !told);
    (void)lseek(input >= 0 ? input : STDIN_FILENO, 0, SEEK_SET);
    ck_assert_int_eq(shim_whole_was_read(&args, &request, input, -1), !told);
    sp_expect_captured(STDERR_FILENO, told ? "to its end" : NULL);
    ck_assert_int_ge(lseek(input >= 0 ? input : STDIN_FILENO, 0, SEEK_END), 0);
    ck_assert(shim_whole_was_read(&args, &request, input, made));
    /* What is no file cannot be asked. */
    ck_assert_int_eq(dup2(open("/dev/zero", O_RDONLY), STDIN_FILENO), STDIN_FILENO);
    ck_assert(input >= 0 || shim_whole_was_read(&args, &request, input, made));
    ck_assert_int_eq(dup2(open(place, O_WRONLY), STDIN_FILENO), STDIN_FILENO);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_whole_was_read(&args, &request, told ? STDIN_FILENO : input, made),
                     !told);
    sp_expect_captured(STDERR_FILENO, told ? "Bad file descriptor" : NULL);
    forget();
}
END_TEST

static const struct {
    const char *words[6];
    bool complained;
    bool nothing; /* under smime, if the file is empty */
} nothings[] = {
    { { "-sign" }, false, true },     { { "-verify" }, false, false },
    { { "-verify" }, true, true },    { { "-out", "x" }, false, true },
    { { "-decrypt" }, false, false },
};

START_TEST(made_nothing)
{
    const int empty = fileno(tmpfile()), made = fileno(tmpfile());
    const bool complained = nothings[_i].complained;

    ck_assert_int_eq(write(made, "x", 1), 1);
    parse(nothings[_i].words);
    ck_assert_int_eq(shim_whole_made_nothing(SHIM_SMIME, &request, complained, empty),
                     nothings[_i].nothing);
    ck_assert(!shim_whole_made_nothing(SHIM_CMS, &request, complained, empty));
    ck_assert(!shim_whole_made_nothing(SHIM_SMIME, &request, complained, made));
    ck_assert(!shim_whole_made_nothing(SHIM_SMIME, &request, complained, -1));
    ck_assert(
        !shim_whole_made_nothing(SHIM_SMIME, &request, complained, open("/dev/null", O_RDWR)));
    forget();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("whole_input");
    TCase *tests = tcase_create("whole_input");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, is_read_to_its_end, 0, SP_ROWS(inputs));
    tcase_add_loop_test(tests, made_nothing, 0, SP_ROWS(nothings));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
