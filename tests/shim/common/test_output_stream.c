/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file that is written as a stream appears whole or not at all.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "capture.h"
#include "common/message.h"
#include "common/output.h"
#include "keyrings.h"

/* The name of the file; its directory is empty. */
static char *place;

static void set_up(void)
{
    umask(022);
    place = sp_make_place();
}

static void tear_down(void)
{
    sp_remove_place(place);
}

static int write_code(FILE *to, void *data)
{
    ck_assert_int_ge(fputs("the content\n", to), 0);
    return *(int *)data;
}

static int write_much(FILE *to, void *data)
{
    (void)data;
    for (int i = 0; i < 100000; i++)
        (void)fputs("the content\n", to);
    return SHIM_OK;
}

/* Less than a stream writes before its end. */
static int write_some(FILE *to, void *data)
{
    ck_assert_int_gt(fprintf(to, "%03900d", 0), 3899);
    return *(int *)data;
}

/* An error that the stream keeps, whatever is written after it. */
static int write_with_an_error(FILE *to, void *data)
{
    const int fd = dup(fileno(to)), none = open("/dev/full", O_WRONLY | O_CLOEXEC);

    ck_assert_int_ge(dup2(none, fileno(to)), 0);
    (void)fputs("lost", to);
    (void)fflush(to);
    ck_assert_int_ge(dup2(fd, fileno(to)), 0);
    (void)fputs("kept", to);
    close(none);
    close(fd);
    return *(const int *)data;
}

/* Its directory can be removed: neither the file is there nor a temporary one. */
static void expect_nothing(void)
{
    char *slash = strrchr(place, '/');

    *slash = '\0';
    ck_assert_int_eq(rmdir(place), 0);
    ck_assert_int_eq(mkdir(place, 0700), 0);
    *slash = '/';
}

static const struct {
    enum shim_secrecy secrecy;
    mode_t mode;
} modes[] = { { SHIM_PUBLIC, 0644 }, { SHIM_KEYS, 0600 } };

START_TEST(written)
{
    const int next = dup(STDIN_FILENO);
    char content[20] = "";
    int code = SHIM_OK;
    struct stat is;
    int fd;

    close(next);
    ck_assert_int_eq(shim_output_stream(place, modes[_i].secrecy, write_code, &code), SHIM_OK);
    ck_assert_int_eq(fcntl(next, F_GETFD), -1);
    ck_assert_int_eq(stat(place, &is), 0);
    ck_assert_uint_eq(is.st_mode & 07777, modes[_i].mode);
    fd = open(place, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(read(fd, content, sizeof(content) - 1), 12);
    ck_assert_str_eq(content, "the content\n");
    close(fd);
}
END_TEST

/* What the writer answers is the answer, and nothing is left. */
START_TEST(refused)
{
    int code = SHIM_REFUSED;

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_output_stream(place, SHIM_PUBLIC, write_code, &code), SHIM_REFUSED);
    sp_expect_captured(STDERR_FILENO, NULL);
    expect_nothing();
}
END_TEST

/* It is noticed while it is written, or at its end. */
START_TEST(no_room)
{
    const struct rlimit most = { .rlim_cur = _i == 0 ? 5000 : 1000, .rlim_max = RLIM_INFINITY };
    const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    char *said;
    int code = SHIM_OK;

    (void)signal(SIGXFSZ, SIG_IGN);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &most), 0);
    code = shim_output_stream(place, SHIM_PUBLIC, _i == 0 ? write_much : write_some, &code);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    said = sp_capture_end(STDERR_FILENO);
    ck_assert_ptr_nonnull(strstr(said, "cannot write "));
    ck_assert_ptr_nonnull(strstr(said, place));
    ck_assert_int_eq(code, SHIM_SYSTEM);
    free(said);
    expect_nothing();
}
END_TEST

START_TEST(an_error_is_kept)
{
    int code = SHIM_OK;

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_output_stream(place, SHIM_PUBLIC, write_with_an_error, &code),
                     SHIM_SYSTEM);
    sp_expect_captured(STDERR_FILENO, "cannot write ");
    expect_nothing();
    /* Whoever has refused has said why. */
    code = SHIM_REFUSED;
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_output_stream(place, SHIM_PUBLIC, write_with_an_error, &code),
                     SHIM_REFUSED);
    sp_expect_captured(STDERR_FILENO, NULL);
    expect_nothing();
}
END_TEST

/* As a disk that takes what it then cannot keep: /dev/null knows no fsync(). */
static int write_without_sync(FILE *to, void *data)
{
    const int none = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)data;
    ck_assert_int_ge(fputs("the content\n", to), 0);
    ck_assert_int_ge(dup2(none, fileno(to)), 0);
    close(none);
    return SHIM_OK;
}

START_TEST(not_on_the_disk)
{
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_output_stream(place, SHIM_PUBLIC, write_without_sync, NULL), SHIM_SYSTEM);
    sp_expect_captured(STDERR_FILENO, "cannot write ");
    expect_nothing();
}
END_TEST

/* The linker calls this one in the place of libc's. */
FILE *__real_fdopen(int fd, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
static bool has_no_stream;

FILE *__wrap_fdopen(int fd, const char *mode)
{
    return has_no_stream ? NULL : __real_fdopen(fd, mode);
}

START_TEST(no_stream)
{
    const int next = dup(STDIN_FILENO);
    int code = SHIM_OK;

    close(next);
    sp_capture_begin(STDERR_FILENO);
    has_no_stream = true;
    ck_assert_int_eq(shim_output_stream(place, SHIM_PUBLIC, write_code, &code), SHIM_SYSTEM);
    has_no_stream = false;
    sp_expect_captured(STDERR_FILENO, "out of memory\n");
    ck_assert_int_eq(dup(STDIN_FILENO), next);
    close(next);
    expect_nothing();
}
END_TEST

static volatile sig_atomic_t ended;

static void note_end(int number)
{
    (void)number;
    ended = 1;
}

static int write_until_the_end(FILE *to, void *data)
{
    ck_assert(!shim_is_to_end());
    ck_assert_int_ge(fputs("the content\n", to), 0);
    ck_assert_int_eq(raise(*(const int *)data), 0);
    ck_assert_int_eq(ended, 0);
    return shim_is_to_end() ? SHIM_SYSTEM : SHIM_OK;
}

/* A signal acts when nothing is left of the file. */
START_TEST(ended_by_a_signal)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    const struct sigaction action = { .sa_handler = note_end };
    int number = numbers[_i];

    ck_assert_int_eq(sigaction(number, &action, NULL), 0);
    ck_assert_int_eq(shim_output_stream(place, SHIM_PUBLIC, write_until_the_end, &number),
                     SHIM_SYSTEM);
    ck_assert_int_eq(ended, 1);
    expect_nothing();
}
END_TEST

/* Nothing is written to where no file can be. */
START_TEST(nowhere)
{
    char *deep = sp_store_file(place, "none/file"), *said;
    int code = SHIM_OK;

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_output_stream(deep, SHIM_PUBLIC, write_code, &code), SHIM_SYSTEM);
    said = sp_capture_end(STDERR_FILENO);
    ck_assert_ptr_nonnull(strstr(said, "No such file or directory"));
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    free(said);
    expect_nothing();
    OPENSSL_free(deep);
}
END_TEST

/* The place is taken meanwhile by a directory. */
static int write_and_take_the_place(FILE *to, void *data)
{
    (void)data;
    ck_assert_int_eq(mkdir(place, 0700), 0);
    return fputs("the content\n", to) >= 0 ? SHIM_OK : SHIM_SYSTEM;
}

START_TEST(not_moved)
{
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_output_stream(place, SHIM_PUBLIC, write_and_take_the_place, NULL),
                     SHIM_SYSTEM);
    sp_expect_captured(STDERR_FILENO, "cannot write ");
    ck_assert_int_eq(rmdir(place), 0);
    expect_nothing();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("output stream");
    TCase *tests = tcase_create("output stream");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, written, 0, SP_ROWS(modes));
    tcase_add_test(tests, refused);
    tcase_add_loop_test(tests, no_room, 0, 2);
    tcase_add_test(tests, no_stream);
    tcase_add_test(tests, an_error_is_kept);
    tcase_add_test(tests, not_on_the_disk);
    tcase_add_loop_test(tests, ended_by_a_signal, 0, 3);
    tcase_add_test(tests, nowhere);
    tcase_add_test(tests, not_moved);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
