/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What stock was given to read, what it made of it, how that is handed over, and with
 * which exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "capture.h"
#include "common/message.h"
#include "keyrings.h"
#include "stock/conf_head.h"
#include "stock/delivery.h"
#include "stock/stock_exit.h"
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

static int make_file(const char *content, mode_t mode)
{
    const int fd = open(place, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert(shim_write_all(fd, content, strlen(content)));
    return fd;
}

static mode_t mode_of(int fd)
{
    struct stat is;

    ck_assert_int_eq(fstat(fd, &is), 0);
    return is.st_mode & 07777;
}

static const struct {
    const char *operation;
    enum shim_secrecy secrecy;
    bool optional; /* under smime */
} kinds[] = {
    { "decrypt", SHIM_MAIL, false }, { "EncryptedData_decrypt", SHIM_MAIL, false },
    { "sign", SHIM_PUBLIC, false },  { "verify", SHIM_PUBLIC, true },
    { NULL, SHIM_PUBLIC, false },
};

START_TEST(kinds_of_messages)
{
    const struct shim_request request = { .operation = kinds[_i].operation };

    ck_assert_int_eq(shim_secrecy_of(&request), kinds[_i].secrecy);
    ck_assert_int_eq(shim_content_is_optional(SHIM_SMIME, &request), kinds[_i].optional);
    ck_assert(!shim_content_is_optional(SHIM_CMS, &request));
}
END_TEST

static void expect_content(int fd, const char *expected)
{
    char content[200] = "";

    ck_assert_int_ge(pread(fd, content, sizeof(content) - 1, 0), 0);
    ck_assert_str_eq(content, expected);
}

/* Where the message goes: to a file, or by a spool to standard output. */
static const struct {
    bool named;
    bool people;
    enum shim_secrecy secrecy;
    mode_t before, after; /* of the file that standard output is */
    const char *was;      /* what was in it */
    const char *said;
} deliveries[] = {
    { true, true, SHIM_PUBLIC, 0644, 0644, "", NULL },
    { false, true, SHIM_PUBLIC, 0644, 0644, "", NULL },
    { false, true, SHIM_MAIL, 0600, 0600, "before ", NULL },
    { false, true, SHIM_MAIL, 0644, 0600, "", NULL },
    { false, true, SHIM_MAIL, 0644, 0600, "before ",
      "could read: from now on its owner alone can (mode 0600, it was 0644)" },
    { false, true, SHIM_MAIL, 0644, 0600, "b", "(mode 0600, it was 0644)" },
    { false, false, SHIM_MAIL, 0644, 0600, "before ", NULL },
};

START_TEST(is_handed_over)
{
    struct shim_delivery delivery = { .secrecy = deliveries[_i].secrecy,
                                      .for_people = deliveries[_i].people,
                                      .outputs = OPENSSL_zalloc(sizeof(*delivery.outputs)),
                                      .sink = -1 };
    const int out = make_file(deliveries[_i].was, deliveries[_i].before);
    char *named = sp_format("%s.named", place), *expected;
    const int shown = dup(STDOUT_FILENO);
    sigset_t held;
    int fd;

    shim_hold_signals(&delivery.before);
    ck_assert(shim_delivery_to(&delivery, deliveries[_i].named ? named : "-"));
    ck_assert(shim_delivery_open(&delivery));
    ck_assert_int_eq(delivery.spools, !deliveries[_i].named);
    ck_assert_ptr_nonnull(delivery.sink_name);
    ck_assert(shim_write_all(delivery.sink, TEXT, strlen(TEXT)));
    /* Not before it is complete. */
    ck_assert_int_ne(access(named, F_OK), 0);
    expect_content(out, deliveries[_i].was);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &held), 0);
    ck_assert_int_eq(sigismember(&held, SIGTERM), 1);

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
    ck_assert(shim_delivery_hand_over(&delivery, false));
    ck_assert_int_eq(dup2(shown, STDOUT_FILENO), STDOUT_FILENO);
    sp_expect_captured(STDERR_FILENO, deliveries[_i].said);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &held), 0);
    ck_assert_int_eq(sigismember(&held, SIGTERM), 0);
    shim_delivery_end(&delivery);
    expected = sp_format("%s%s", deliveries[_i].was, deliveries[_i].named ? "" : TEXT);
    expect_content(out, expected);
    ck_assert_uint_eq(mode_of(out), deliveries[_i].after);
    fd = open(named, O_RDONLY);
    ck_assert_int_eq(fd >= 0, deliveries[_i].named);
    if (fd >= 0)
        expect_content(fd, TEXT);
    (void)unlink(named);
    OPENSSL_free(expected);
    OPENSSL_free(named);
}
END_TEST

/* Nothing is left of what was not handed over. */
START_TEST(is_taken_back)
{
    struct shim_delivery delivery = { .outputs = OPENSSL_zalloc(sizeof(*delivery.outputs)),
                                      .sink = -1 };
    const int before = dup(STDIN_FILENO);
    sigset_t held;

    close(before);
    shim_hold_signals(&delivery.before);
    ck_assert(shim_delivery_to(&delivery, place));
    ck_assert(shim_write_all(delivery.sink, TEXT, strlen(TEXT)));
    shim_delivery_end(&delivery);
    ck_assert_int_ne(access(place, F_OK), 0);
    ck_assert_int_eq(fcntl(before, F_GETFD), -1);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &held), 0);
    ck_assert_int_eq(sigismember(&held, SIGINT), 0);
}
END_TEST

/* Standard output: others may read it, it is full, or nobody reads it. */
static const struct {
    enum shim_secrecy secrecy;
    bool full, optional;
    const char *said; /* NULL: it is done */
} lost[] = {
    { SHIM_KEYS, false, false, "cannot write standard output: others may read it" },
    { SHIM_PUBLIC, true, false, "cannot write to standard output: No space left on device" },
    { SHIM_PUBLIC, true, true, "cannot write to standard output: No space left on device" },
    { SHIM_PUBLIC, false, false, "cannot write to standard output: Broken pipe" },
    { SHIM_PUBLIC, false, true, NULL },
};

START_TEST(cannot_be_handed_over)
{
    struct shim_delivery delivery = { .secrecy = lost[_i].secrecy, .sink = -1 };
    const int shown = dup(STDOUT_FILENO);
    int ends[2];
    bool done;

    /* Else it would end us where the message is not optional. */
    if (!lost[_i].optional)
        ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    shim_hold_signals(&delivery.before);
    ck_assert(shim_delivery_open(&delivery));
    ck_assert(shim_write_all(delivery.sink, TEXT, strlen(TEXT)));
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    sp_capture_begin(STDERR_FILENO);
    if (lost[_i].secrecy == SHIM_KEYS)
        ck_assert_int_ge(dup2(make_file("", 0644), STDOUT_FILENO), 0);
    else
        ck_assert_int_ge(dup2(lost[_i].full ? open("/dev/full", O_WRONLY) : ends[1], STDOUT_FILENO),
                         0);
    done = shim_delivery_hand_over(&delivery, lost[_i].optional);
    ck_assert_int_eq(dup2(shown, STDOUT_FILENO), STDOUT_FILENO);
    sp_expect_captured(STDERR_FILENO, lost[_i].said);
    ck_assert_int_eq(done, lost[_i].said == NULL);
    shim_delivery_end(&delivery);
}
END_TEST

START_TEST(no_place_for_it)
{
    struct shim_delivery delivery = { .outputs = OPENSSL_zalloc(sizeof(*delivery.outputs)),
                                      .sink = -1 };

    shim_hold_signals(&delivery.before);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_delivery_to(&delivery, "/dev/null/x"));
    sp_expect_captured(STDERR_FILENO, "cannot write /dev/null/x: Not a directory");
    shim_delivery_end(&delivery);
}
END_TEST

START_TEST(no_spool)
{
    struct shim_delivery delivery = { .sink = -1 };

    ck_assert_int_eq(setenv("TMPDIR", "/dev/null", 1), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_delivery_open(&delivery));
    sp_expect_captured(STDERR_FILENO, "cannot make a temporary file in /dev/null: Not a directory");
    ck_assert_int_lt(delivery.sink, 0);
}
END_TEST

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
    const int file = make_file(TEXT, 0600), made = fileno(tmpfile()), none = fileno(tmpfile());
    const bool told = inputs[_i].all_read && (inputs[_i].opened || !inputs[_i].from_file);
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
    sp_expect_captured(STDERR_FILENO, told ? "openssl did not read it to its end" : NULL);
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

/* Of stock's exit code and of what was seen: that of a verb, and under a stock name. */
static const struct {
    struct shim_stock_result result;
    int verb, stock;
} exits[] = {
    { { .code = 0 }, SHIM_OK, 0 },
    { { .code = 1 }, SHIM_USAGE, 1 },
    { { .code = 2 }, SHIM_INPUT, 2 },
    { { .code = 3 }, SHIM_CRYPTO, 3 },
    { { .code = 4 }, SHIM_CRYPTO, 4 },
    { { .code = 5 }, SHIM_SYSTEM, 5 },
    { { .code = 6 }, SHIM_SYSTEM, 6 },
    { { .code = 7 }, SHIM_SYSTEM, 7 },
    { { .code = 127 }, SHIM_SYSTEM, 127 },
    { { .code = -1, .signal = SIGKILL }, SHIM_SYSTEM, 137 },
    { { .code = -1, .signal = SIGHUP }, SHIM_SYSTEM, 129 },
    { { .code = 0, .refused = true }, SHIM_REFUSED, SHIM_REFUSED },
    { { .code = 3, .refused = true }, SHIM_REFUSED, 3 },
    { { .code = 2, .refused = true }, SHIM_REFUSED, 2 },
    { { .code = 4, .distrusted = true }, SHIM_REFUSED, 4 },
    { { .code = 0, .distrusted = true }, SHIM_OK, 0 },
};

START_TEST(exit_codes)
{
    ck_assert_int_eq(shim_verb_exit(&exits[_i].result), exits[_i].verb);
    ck_assert_int_eq(shim_stock_exit(&exits[_i].result), exits[_i].stock);
}
END_TEST

/* Of a signal that somebody sends to end a program, nothing is said. */
static const struct {
    int signal;
    const char *said;
} signals[] = {
    { 0, NULL },
    { SIGHUP, NULL },
    { SIGINT, NULL },
    { SIGPIPE, NULL },
    { SIGTERM, NULL },
    { SIGKILL, "openssl was ended by signal 9, Killed\n" },
    { SIGSEGV, "openssl was ended by signal 11, Segmentation fault\n" },
};

START_TEST(signals_are_told)
{
    const struct shim_stock_result result = { .code = -1, .signal = signals[_i].signal };

    sp_capture_begin(STDERR_FILENO);
    shim_stock_tell_signal(&result);
    sp_expect_captured(STDERR_FILENO, signals[_i].said);
}
END_TEST

/* Every byte: what libcrypto would read otherwise is not plain. */
START_TEST(plain_bytes)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "/._-+@%,:?";

    for (int byte = 0; byte < 256; byte++)
        ck_assert_int_eq(shim_conf_is_plain((unsigned char)byte),
                         byte >= 0x80 || (byte != 0 && strchr(plain, byte) != NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("delivery");
    TCase *tests = tcase_create("delivery");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, kinds_of_messages, 0, SP_ROWS(kinds));
    tcase_add_loop_test(tests, is_handed_over, 0, SP_ROWS(deliveries));
    tcase_add_test(tests, is_taken_back);
    tcase_add_loop_test(tests, cannot_be_handed_over, 0, SP_ROWS(lost));
    tcase_add_test(tests, no_place_for_it);
    tcase_add_test(tests, no_spool);
    tcase_add_loop_test(tests, is_read_to_its_end, 0, SP_ROWS(inputs));
    tcase_add_loop_test(tests, made_nothing, 0, SP_ROWS(nothings));
    tcase_add_loop_test(tests, exit_codes, 0, SP_ROWS(exits));
    tcase_add_loop_test(tests, signals_are_told, 0, SP_ROWS(signals));
    tcase_add_test(tests, plain_bytes);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
