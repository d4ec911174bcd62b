/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is shown on a terminal, and asked there.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "common/colour.h"
#include "common/message.h"
#include "common/passphrase.h"
#include "common/print.h"
#include "common/progress.h"
#include "keyrings.h"

static char *place; /* the name of a file */
static int terminal, slave;

static void set_up(void)
{
    place = sp_make_place();
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(terminal, 0);
    ck_assert_int_eq(grantpt(terminal), 0);
    ck_assert_int_eq(unlockpt(terminal), 0);
    slave = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    ck_assert_int_ge(slave, 0);
}

static void tear_down(void)
{
    (void)unlink(place);
    sp_remove_place(place);
}

static const struct {
    const char *term, *no_colour;
    bool is_terminal, on;
} colours[] = {
    { "xterm", NULL, true, true },   { "xterm", "", true, true },    { "xterm", "1", true, false },
    { "dumb", NULL, true, false },   { "dumber", NULL, true, true }, { NULL, NULL, true, false },
    { "xterm", NULL, false, false },
};

START_TEST(colour)
{
    const int other = open("/dev/null", O_RDWR);

    unsetenv("TERM");
    unsetenv("NO_COLOR");
    if (colours[_i].term != NULL)
        ck_assert_int_eq(setenv("TERM", colours[_i].term, 1), 0);
    if (colours[_i].no_colour != NULL)
        ck_assert_int_eq(setenv("NO_COLOR", colours[_i].no_colour, 1), 0);
    ck_assert_int_eq(shim_colour_on(colours[_i].is_terminal ? slave : other), colours[_i].on);
}
END_TEST

START_TEST(colour_of_severities)
{
    ck_assert_str_eq(shim_colour_begin(SMIMEPOLICY_DENY), "\033[1;31m");
    ck_assert_str_eq(shim_colour_begin(SMIMEPOLICY_WARN), "\033[1;33m");
    ck_assert_str_eq(shim_colour_begin(SMIMEPOLICY_NOTE), "\033[1;36m");
    ck_assert_str_eq(shim_colour_begin(SMIMEPOLICY_IGNORE), "\033[1;32m");
}
END_TEST

/* The next bytes that the terminal gets. */
static void expect_shown(const char *expected)
{
    char text[100] = "";
    const size_t length = strlen(expected);

    for (size_t got = 0; got < length;) {
        const ssize_t more = read(terminal, text + got, length - got);

        ck_assert_int_gt(more, 0);
        got += (size_t)more;
    }
    ck_assert_str_eq(text, expected);
}

/* A file of |size| bytes that takes no space. */
static int make_file(off_t size)
{
    const int fd = open(place, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, size), 0);
    return fd;
}

START_TEST(progress)
{
    const off_t part = (SHIM_PROGRESS_FROM + 100) / 100, size = part * 100;
    struct shim_progress shown = { 0 };
    const int fd = make_file(size);

    ck_assert_int_eq(setenv("TERM", "xterm", 1), 0);
    ck_assert_int_eq(dup2(slave, STDERR_FILENO), STDERR_FILENO);
    shim_progress_show(&shown);
    shim_progress_end(&shown);
    shim_progress_begin(&shown, fd);
    ck_assert(shown.on);
    expect_shown("\r  0 %");
    shim_progress_show(&shown);
    ck_assert_int_eq(lseek(fd, part - 1, SEEK_SET), part - 1);
    shim_progress_show(&shown);
    ck_assert_int_eq(lseek(fd, part, SEEK_SET), part);
    shim_progress_show(&shown);
    expect_shown("\r  1 %");
    /* The reader goes on where it was. */
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), part);
    ck_assert_int_eq(lseek(fd, 50 * part, SEEK_SET), 50 * part);
    shim_progress_show(&shown);
    shim_progress_show(&shown);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    shim_progress_show(&shown);
    expect_shown("\r 50 %");
    ck_assert_int_eq(lseek(fd, size, SEEK_SET), size);
    shim_progress_show(&shown);
    expect_shown("\r100 %");
    shim_progress_end(&shown);
    shim_progress_end(&shown);
    ck_assert(!shown.on);
    fputs("end", stderr);
    expect_shown("\r\033[Kend");
}
END_TEST

/* The clock of this program: milliseconds, which only a test changes. */
static long milliseconds;

int __wrap_clock_gettime(clockid_t clock, struct timespec *at);

int __wrap_clock_gettime(clockid_t clock, struct timespec *at)
{
    (void)clock;
    at->tv_sec = milliseconds / 1000;
    at->tv_nsec = milliseconds % 1000 * 1000000;
    return 0;
}

/* Counted from the first second on, five times a second, and erased before a message. */
START_TEST(count)
{
    FILE *other = fopen("/dev/null", "w");

    ck_assert_ptr_nonnull(other);
    ck_assert_int_eq(setenv("TERM", "xterm", 1), 0);
    ck_assert_int_eq(dup2(slave, STDERR_FILENO), STDERR_FILENO);
    shim_count_begin("parts");
    milliseconds += 999;
    shim_count_step();
    milliseconds++;
    shim_count_step();
    milliseconds += 199;
    shim_count_step();
    milliseconds++;
    shim_count_step();
    expect_shown("\r\033[K2 parts\r\033[K4 parts");
    shim_error("it %s", "fails");
    expect_shown("\r\033[Ksmime-policy: it fails\r\n");
    /* What is printed elsewhere leaves the number, and what follows on the terminal erases it. */
    milliseconds += 200;
    shim_count_step();
    shim_print(other, "%s", "elsewhere");
    fputs(".", stderr);
    shim_print(stderr, "%s\n", "here");
    expect_shown("\r\033[K5 parts.\r\033[Khere\r\n");
    fclose(other);
    /* It begins anew. */
    shim_count_begin("others");
    milliseconds += 999;
    shim_count_step();
    milliseconds++;
    shim_count_step();
    expect_shown("\r\033[K2 others");
    shim_count_end();
    expect_shown("\r\033[K");
    shim_count_end();
    shim_count_step();
    ck_assert_int_eq(setenv("TERM", "dumb", 1), 0);
    shim_count_begin("parts");
    milliseconds += 1000;
    shim_count_step();
    shim_count_end();
    fputs("end", stderr);
    expect_shown("end");
}
END_TEST

static const struct {
    off_t size; /* of a file; else it is none */
    bool is_terminal, shown;
    const char *term;
} progresses[] = {
    { SHIM_PROGRESS_FROM + 1, true, true, "xterm" },
    { SHIM_PROGRESS_FROM + 1, true, false, "dumb" },
    { SHIM_PROGRESS_FROM + 1, true, false, NULL },
    { SHIM_PROGRESS_FROM + 1, false, false, "xterm" },
    { SHIM_PROGRESS_FROM, true, false, "xterm" },
    { 0, true, false, "xterm" },
    { -1, true, false, "xterm" }, /* there is none */
    { -2, true, false, "xterm" }, /* a pipe */
};

/* Small files, pipes and what is no terminal are left alone: a pipe is not even opened. */
START_TEST(progress_of_large_files)
{
    struct shim_progress shown = { 0 };
    int fd = -1, opened;

    unsetenv("TERM");
    if (progresses[_i].term != NULL)
        ck_assert_int_eq(setenv("TERM", progresses[_i].term, 1), 0);
    if (progresses[_i].size >= 0)
        fd = make_file(progresses[_i].size);
    else if (progresses[_i].size == -2)
        ck_assert_int_eq(mkfifo(place, 0600), 0);
    if (progresses[_i].is_terminal)
        ck_assert_int_eq(dup2(slave, STDERR_FILENO), STDERR_FILENO);
    else
        ck_assert_int_eq(dup2(open("/dev/null", O_RDWR), STDERR_FILENO), STDERR_FILENO);
    opened = shim_progress_open(place);
    ck_assert_int_eq(opened >= 0, progresses[_i].shown);
    ck_assert(opened < 0 || fcntl(opened, F_GETFD) == FD_CLOEXEC);
    shim_progress_begin(&shown, fd);
    ck_assert_int_eq(shown.on, progresses[_i].shown);
}
END_TEST

/* The longest passphrase, of 1023 characters. */
#define X32  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X128 X32 X32 X32 X32
#define LONG X128 X128 X128 X128 X128 X128 X128 X32 X32 X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* Asked at the terminal, in a child; a prompt is awaited before each line is typed. */
static const struct {
    const char *typed[7];
    bool twice;
    const char *text; /* what it is then; NULL: nothing */
} asked[] = {
    { { "secret" }, false, "secret" },
    { { "" }, false, "" },
    { { "secret", "secret" }, true, "secret" },
    { { "secret", "secrer", "other", "other" }, true, "other" },
    { { "a", "b", "c", "d", "e", "e" }, true, "e" },
    { { "a", "b", "c", "d", "e", "f" }, true, NULL },
    { { "", "" }, true, "" },
    { { LONG, LONG }, true, LONG },
    /* The key that interrupts. */
    { { "\003" }, false, NULL },
};

static int ask(int row)
{
    struct shim_passphrase pass = { 0 };
    bool done;

    /* The first terminal that is opened is that of the new session. */
    if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) != 0)
        return 2;
    if (dup2(slave, STDERR_FILENO) < 0)
        return 3;
    done = shim_passphrase_ask(&pass, "passphrase", "a\nkey", asked[row].twice, "give one");
    if (done != (asked[row].text != NULL) || done != (pass.text != NULL) || pass.given)
        return 4;
    if (done && strcmp(pass.text, asked[row].text) != 0)
        return 5;
    shim_passphrase_clear(&pass);
    return 0;
}

/* Read until |text| is shown; what was before is for |all|. */
static void await(const char *text, char *all, size_t size)
{
    size_t length = strlen(all);

    while (strstr(all, text) == NULL) {
        const ssize_t got = read(terminal, all + length, size - length - 1);

        ck_assert_msg(got > 0, "%s", all);
        length += (size_t)got;
        all[length] = '\0';
    }
}

/* Without echo libcrypto is ready for what is typed, and for what interrupts. */
static void await_silence(void)
{
    struct termios is;

    do {
        (void)usleep(1000);
        ck_assert_int_eq(tcgetattr(slave, &is), 0);
    } while ((is.c_lflag & ECHO) != 0);
}

START_TEST(passphrases)
{
    pid_t child = fork();
    char all[2000];
    int status;

    if (child == 0)
        _exit(ask(_i));
    ck_assert_int_gt(child, 0);
    for (int i = 0; i < 6 && asked[_i].typed[i] != NULL; i++) {
        const bool again = asked[_i].twice && i % 2 == 1;

        all[0] = '\0';
        await(again ? "Once more: " : "passphrase of a\\0Akey: ", all, sizeof(all));
        await_silence();
        ck_assert_int_eq(strstr(all, "these two differ") != NULL,
                         asked[_i].twice && i > 0 && !again);
        ck_assert_int_gt(dprintf(terminal, "%s\n", asked[_i].typed[i]), 0);
    }
    all[0] = '\0';
    if (asked[_i].text == NULL)
        await(asked[_i].twice ? "that were typed as the passphrase of a" : "interrupted: the", all,
              sizeof(all));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("terminal");
    TCase *tests = tcase_create("terminal");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, colour, 0, SP_ROWS(colours));
    tcase_add_test(tests, colour_of_severities);
    tcase_add_test(tests, progress);
    tcase_add_test(tests, count);
    tcase_add_loop_test(tests, progress_of_large_files, 0, SP_ROWS(progresses));
    tcase_add_loop_test(tests, passphrases, 0, SP_ROWS(asked));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
