/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How what stock made is handed over, and with which exit code.
 */
#include <dirent.h>
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
    { true, true, SHIM_MAIL, 0644, 0644, "before ", NULL },
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

/* The files in the directory of |place|. */
static int count_files(void)
{
    char *dir = sp_format("%.*s", (int)(strrchr(place, '/') - place), place);
    DIR *files = opendir(dir);
    int count = 0;

    ck_assert_ptr_nonnull(files);
    for (const struct dirent *file; (file = readdir(files)) != NULL;)
        count += file->d_name[0] != '.' || strlen(file->d_name) > 2;
    closedir(files);
    OPENSSL_free(dir);
    return count;
}

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
    ck_assert_int_eq(count_files(), 1);
    shim_delivery_end(&delivery);
    ck_assert_int_eq(count_files(), 0);
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

/* Its place has become a directory: nothing is handed over, to nobody. */
START_TEST(the_place_is_taken)
{
    struct shim_delivery delivery = { .outputs = OPENSSL_zalloc(sizeof(*delivery.outputs)),
                                      .sink = -1 };

    shim_hold_signals(&delivery.before);
    ck_assert(shim_delivery_to(&delivery, place));
    ck_assert_int_eq(mkdir(place, 0700), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_delivery_hand_over(&delivery, false));
    sp_expect_captured(STDERR_FILENO, "cannot write ");
    shim_delivery_end(&delivery);
    ck_assert_int_eq(rmdir(place), 0);
}
END_TEST

/* Where standard output is closed. */
START_TEST(nowhere_to_hand_it_over)
{
    struct shim_delivery delivery = { .secrecy = SHIM_MAIL, .for_people = true, .sink = -1 };
    const int shown = dup(STDOUT_FILENO);
    bool done;

    shim_hold_signals(&delivery.before);
    ck_assert(shim_delivery_open(&delivery));
    sp_capture_begin(STDERR_FILENO);
    close(STDOUT_FILENO);
    done = shim_delivery_hand_over(&delivery, false);
    ck_assert_int_eq(dup2(shown, STDOUT_FILENO), STDOUT_FILENO);
    sp_expect_captured(STDERR_FILENO, "cannot write standard output: Bad file descriptor");
    ck_assert(!done);
    shim_delivery_end(&delivery);
}
END_TEST

/* A umask that takes the temporary file from its owner, who must not be root. */
START_TEST(cannot_be_opened)
{
    struct shim_delivery delivery = { .outputs = OPENSSL_zalloc(sizeof(*delivery.outputs)),
                                      .sink = -1 };
    char *dir = sp_format("%.*s", (int)(strrchr(place, '/') - place), place);

    if (geteuid() == 0) {
        ck_assert_int_eq(chmod(dir, 0777), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    (void)umask(0777);
    shim_hold_signals(&delivery.before);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_delivery_to(&delivery, place));
    sp_expect_captured(STDERR_FILENO, ": Permission denied");
    shim_delivery_end(&delivery);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    OPENSSL_free(dir);
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
    tcase_add_test(tests, the_place_is_taken);
    tcase_add_test(tests, nowhere_to_hand_it_over);
    tcase_add_test(tests, cannot_be_opened);
    tcase_add_test(tests, no_place_for_it);
    tcase_add_test(tests, no_spool);
    tcase_add_loop_test(tests, exit_codes, 0, SP_ROWS(exits));
    tcase_add_loop_test(tests, signals_are_told, 0, SP_ROWS(signals));
    tcase_add_test(tests, plain_bytes);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
