/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The report: lines through a pipe to the program that started this one.  A line that
 * is lost locks the policy.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "certs.h"
#include "harness.h"
#include "log/decision_log.h"
#include "log/report.h"
#include "policy/policy.h"
#include "rules/rules.h"
#include "smimepolicy.h"
#include "starve.h"

#define NONCE "0123456789abcdef0123456789ABCDEF"
#define HELLO "hello " NONCE " " SMIMEPOLICY_VERSION "\n"
#define ZEROS "000000000000000000000000000000000000000000000000000000000000"

static int ends[2];

static void open_pipe(void)
{
    ck_assert_int_eq(pipe(ends), 0);
}

static void open_report(void)
{
    open_pipe();
    sp_report_open(ends[1], NONCE);
    ck_assert(sp_report_is_on());
    ck_assert(!sp_report_failed());
}

/* All that was written; free() it. */
static char *read_all(void)
{
    char *text = calloc(1, 1);
    size_t length = 0;
    ssize_t got = 1;

    ck_assert_int_eq(close(ends[1]), 0);
    while (got > 0) {
        text = realloc(text, length + 5000);
        got = read(ends[0], text + length, 4999);
        ck_assert_int_ge(got, 0);
        length += (size_t)got;
        text[length] = '\0';
    }
    ck_assert_uint_eq(strlen(text), length);
    return text;
}

static void expect_written(const char *expected)
{
    char *text = read_all();

    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(without_a_report)
{
    errno = 7;
    sp_report_line("allowed");
    ck_assert(!sp_report_is_on());
    ck_assert(!sp_report_failed());
    ck_assert_int_eq(errno, 7);
}
END_TEST

START_TEST(hello_and_lines)
{
    open_report();
    ck_assert(fcntl(ends[1], F_GETFD) & FD_CLOEXEC);
    errno = 7;
    sp_report_line("allowed %s %d", "sign", 5);
    ck_assert_int_eq(errno, 7);
    sp_report_open(ends[1], NONCE);
    sp_report_line("ready");
    ck_assert(!sp_report_failed());
    ck_assert_ptr_null(sp_policy_locked());
    expect_written(HELLO "allowed sign 5\nready\n");
}
END_TEST

static const struct {
    const char *text, *shown;
} texts[] = { { "a\nallowed sign", "a\\0Aallowed sign" },
              { "a\rb\tc\033[m", "a\\0Db\\09c\\1B[m" },
              { "\xff\xc3", "\\FF\\C3" },
              { "M\xc3\xbcller", "M\xc3\xbcller" },
              { "\xe2\x80\xae", "\\E2\\80\\AE" },
              { "pkcs11:object=k;pin-value=1234", "pkcs11:object=k;pin-value=***" } };

START_TEST(made_safe_to_show)
{
    char expected[200];

    open_report();
    sp_report_line("%s", texts[_i].text);
    (void)snprintf(expected, sizeof(expected), HELLO "%s\n", texts[_i].shown);
    expect_written(expected);
}
END_TEST

/* A letter of two bytes is not cut through. */
START_TEST(cut_at_its_limit)
{
    char *text, *line, *long_text = malloc(9000);
    size_t length;

    memset(long_text, 'x', 8999);
    long_text[8999] = '\0';
    memcpy(long_text + 4091, "\xc3\xbd", 2);
    open_report();
    sp_report_line("%s", long_text);
    sp_report_line("%.4096s", long_text);
    sp_report_line("%.4095s", long_text);
    text = read_all();
    ck_assert_int_eq(strncmp(text, HELLO, strlen(HELLO)), 0);
    line = text + strlen(HELLO);
    for (int i = 0; i < 2; i++) {
        length = strcspn(line, "\n");
        ck_assert_uint_eq(length, 4091 + 3);
        ck_assert_int_eq(strncmp(line + 4091, "...\n", 4), 0);
        line += length + 1;
    }
    ck_assert_uint_eq(strcspn(line, "\n"), 4095);
    ck_assert_int_eq(strncmp(line, long_text, 4095), 0);
    ck_assert_uint_eq(strlen(line), SP_REPORT_LINE_MAX);
    free(text);
    free(long_text);
}
END_TEST

static void expect_failed(void)
{
    ck_assert(sp_report_is_on());
    ck_assert(sp_report_failed());
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), "could not be reported"));
    sp_report_close();
    ck_assert(!sp_report_failed());
    ck_assert(!sp_report_is_on());
    ck_assert_ptr_null(sp_policy_locked());
}

static const char *const no_nonces[] = { NULL,
                                         "",
                                         "0123456789abcdef0123456789ABCDE",
                                         "0123456789abcdef0123456789ABCDEF0",
                                         "0123456789abcdef0123456789ABCDEFG",
                                         "0123456789abcdef0123456789ABCDEG" };

START_TEST(bad_nonce)
{
    open_pipe();
    sp_report_open(ends[1], no_nonces[_i]);
    expect_failed();
    expect_written("");
}
END_TEST

/* The end that reads, a file, a descriptor that is closed, and none. */
START_TEST(no_pipe_to_write_to)
{
    int file;

    open_pipe();
    file = open("/dev/null", O_RDWR);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(close(ends[1]), 0);
    sp_report_open((const int[]){ ends[0], file, ends[1], -1 }[_i], NONCE);
    expect_failed();
}
END_TEST

START_TEST(opened_twice_differently)
{
    open_report();
    if (_i == 0)
        sp_report_open(ends[1], "1123456789abcdef0123456789ABCDEF");
    else if (_i == 1)
        sp_report_open(ends[0], NONCE);
    else
        sp_report_open(ends[1], NULL);
    sp_report_line("allowed");
    expect_failed();
    expect_written(HELLO);
}
END_TEST

/* The process is not ended by SIGPIPE, which stays as it was. */
START_TEST(reader_has_gone)
{
    sigset_t pending;

    open_report();
    ck_assert_int_eq(close(ends[0]), 0);
    sp_report_line("allowed");
    ck_assert_int_eq(sigpending(&pending), 0);
    ck_assert_int_eq(sigismember(&pending, SIGPIPE), 0);
    expect_failed();
}
END_TEST

START_TEST(full_and_not_waiting)
{
    open_report();
    ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 100000 && !sp_report_failed(); i++)
        sp_report_line("%01000d", i);
    expect_failed();
}
END_TEST

#define MANY 200

static void *write_many(void *data)
{
    (void)data;
    for (int i = 0; i < MANY; i++)
        sp_report_line("%04095d", 7);
    return NULL;
}

/* A pipe that is full makes the writers wait; their lines do not mix. */
START_TEST(full_and_read_late)
{
    pthread_t writers[4];
    char line[SP_REPORT_LINE_MAX];
    FILE *in;

    open_report();
    in = fdopen(ends[0], "r");
    ck_assert_ptr_nonnull(in);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_many, NULL), 0);
    (void)usleep(10000);
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
    ck_assert_str_eq(line, HELLO);
    for (int i = 0; i < 4 * MANY; i++) {
        ck_assert_uint_eq(fread(line, 1, sizeof(line), in), sizeof(line));
        ck_assert_int_eq(line[0], '0');
        ck_assert_int_eq(line[4094], '7');
        ck_assert_int_eq(line[4095], '\n');
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
    ck_assert(!sp_report_failed());
    (void)fclose(in);
}
END_TEST

static void nothing(int number)
{
    (void)number;
}

/* Interrupt |data|, a thread that waits for room in the pipe, and read then. */
static void *interrupt(void *data)
{
    const struct timespec moment = { .tv_nsec = 100000 };
    static char buffer[1 << 16];

    for (int i = 0; i < 500; i++) {
        (void)pthread_kill(*(const pthread_t *)data, SIGUSR1);
        (void)nanosleep(&moment, NULL);
    }
    while (read(ends[0], buffer, sizeof(buffer)) > 0)
        ;
    return NULL;
}

/* The program's signals do not lose a line. */
START_TEST(interrupted)
{
    const struct sigaction action = { .sa_handler = nothing };
    pthread_t self = pthread_self(), reader;

    open_report();
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, interrupt, &self), 0);
    for (int i = 0; i < 50; i++)
        sp_report_line("%04000d", i);
    ck_assert(!sp_report_failed());
    ck_assert_int_eq(close(ends[1]), 0);
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
}
END_TEST

static void *count_lines(void *data)
{
    FILE *in = fdopen(ends[0], "r");
    char line[200];
    long *count = data;

    while (fgets(line, sizeof(line), in) != NULL)
        count[strcmp(line, "report-overflow\n") == 0]++;
    (void)fclose(in);
    return NULL;
}

/* The greeting counts, too. */
START_TEST(too_many_lines)
{
    long count[2] = { 0 };
    pthread_t reader;

    open_report();
    ck_assert_int_eq(pthread_create(&reader, NULL, count_lines, count), 0);
    for (int i = 1; i < SP_REPORT_LINES_MAX; i++)
        sp_report_line("note %d", i);
    ck_assert(!sp_report_failed());
    for (int i = 0; i < 5; i++)
        sp_report_line("too many");
    expect_failed();
    ck_assert_int_eq(close(ends[1]), 0);
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
    ck_assert_int_eq(count[0], SP_REPORT_LINES_MAX);
    ck_assert_int_eq(count[1], 1);
}
END_TEST

/* A child would claim what its parent is asked for. */
START_TEST(forked_off)
{
    pid_t child;
    int status;

    open_report();
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        sp_report_line("allowed");
        _exit(sp_report_failed() && sp_policy_locked() != NULL ? 5 : 6);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 5);
    ck_assert(!sp_report_failed());
    sp_report_line("ready");
    expect_written(HELLO "ready\n");
}
END_TEST

/* The first reason is the one to repair. */
START_TEST(reason_of_the_lock)
{
    open_report();
    ck_assert_int_eq(close(ends[0]), 0);
    sp_report_line("allowed");
    sp_policy_lock("a bad setting");
    ck_assert_str_eq(sp_policy_locked(), "a bad setting");
    sp_policy_reset();
    ck_assert(!sp_report_is_on());
    ck_assert_ptr_null(sp_policy_locked());
}
END_TEST

/* What an earlier call left in errno is no interruption. */
START_TEST(after_an_interruption)
{
    open_report();
    errno = EINTR;
    sp_report_line("ready");
    ck_assert(!sp_report_failed());
    expect_written(HELLO "ready\n");
}
END_TEST

/* The bytes that can be read. */
static int waiting(void)
{
    int count;

    ck_assert_int_eq(ioctl(ends[0], FIONREAD, &count), 0);
    return count;
}

/* A line behind the release is not held any more. */
START_TEST(held_together)
{
    const int hello = (int)strlen(HELLO);

    open_report();
    sp_report_hold();
    sp_report_line("setting mode enforce");
    sp_report_line("ready");
    ck_assert_int_eq(waiting(), hello);
    sp_report_release();
    ck_assert_int_eq(waiting(), hello + 27);
    sp_report_line("allowed");
    ck_assert_int_eq(waiting(), hello + 35);
    sp_report_release();
    ck_assert(!sp_report_failed());
    expect_written(HELLO "setting mode enforce\nready\nallowed\n");
}
END_TEST

/* As much is held as a pipe takes in one piece, and what was held is written first. */
START_TEST(more_than_is_held)
{
    const int hello = (int)strlen(HELLO);
    char *text;

    open_report();
    sp_report_hold();
    sp_report_line("%02047d", 1);
    sp_report_line("%02047d", 2);
    ck_assert_int_eq(waiting(), hello);
    sp_report_line("3");
    ck_assert_int_eq(waiting(), hello + SP_REPORT_LINE_MAX);
    sp_report_release();
    ck_assert(!sp_report_failed());
    text = read_all();
    ck_assert_uint_eq(strlen(text), strlen(HELLO) + SP_REPORT_LINE_MAX + 2);
    ck_assert_str_eq(text + strlen(text) - 5, "02\n3\n");
    free(text);
}
END_TEST

/* At the release, and when more is held than there is room for. */
START_TEST(reader_has_gone_meanwhile)
{
    open_report();
    sp_report_hold();
    sp_report_line("%02047d", 1);
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert(!sp_report_failed());
    if (_i == 0)
        sp_report_release();
    else
        sp_report_line("%02048d", 2);
    expect_failed();
}
END_TEST

START_TEST(nothing_to_hold)
{
    sp_report_hold();
    sp_report_release();
    ck_assert(!sp_report_failed());
    open_report();
    sp_report_line("ready");
    sp_report_release();
    ck_assert(!sp_report_failed());
    expect_written(HELLO "ready\n");
}
END_TEST

/* Lines are lost with the memory for them: one is written at once, or two are held. */
START_TEST(memory_runs_out)
{
    const long number = _i / 2 + 1;
    const bool holds = _i % 2 == 1;

    ck_assert(sp_starve_watch());
    open_report();
    if (holds)
        sp_report_hold();
    sp_starve(number);
    sp_report_line("setting mode enforce");
    sp_report_line("ready");
    sp_report_release();
    ck_assert_int_eq(sp_report_failed(), sp_starve_end());
    ck_assert(sp_report_failed() || number > 4);
}
END_TEST

/* The parts of a line, and what has none. */
START_TEST(decisions)
{
    const unsigned char certificate[32] = { 0x01, 0xab };
    struct sp_decision decision = { .operation = "sign", .refused = true, .note = "why" };

    sp_report_decision(&decision);
    open_report();
    sp_report_decision(&decision);
    decision.refused = false;
    decision.certificate = certificate;
    sp_report_decision(&decision);
    decision.note = NULL;
    sp_report_decision(&decision);
    sp_report_allowed("sign", NULL);
    ck_assert(!sp_report_failed());
    expect_written(HELLO "refused sign - - refused: sign: why\n"
                         "observed sign 01ab" ZEROS " - refused: sign: why\n"
                         "allowed sign -\n");
}
END_TEST

/* A line for each finding, and what is no refusal is a note; a text that memory lacks for says so.
 */
START_TEST(findings)
{
    smimepolicy_verdict *verdict;
    X509 *cert;
    struct sp_decision decision = { .operation = "sign", .refused = _i != 1 };
    const char *const outcome = _i == 1 ? "observed" : "refused";
    char expected[2000] = HELLO;

    ck_assert(sp_starve_watch());
    cert = sp_make_cert(&(struct sp_recipe){ .usage = "digitalSignature",
                                             .extended = "emailProtection",
                                             .not_after = "20991231235959Z" });
    verdict = sp_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_NOW);
    ck_assert_uint_eq(smimepolicy_verdict_count(verdict), 2);
    decision.verdict = verdict;
    open_report();
    for (size_t i = 0; i < 2; i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);
        char *text = smimepolicy_finding_text(verdict, finding);
        const bool denies = smimepolicy_finding_severity(finding) == SMIMEPOLICY_DENY;

        (void)snprintf(expected + strlen(expected), 900, "%s sign - %s %s\n",
                       denies ? outcome : "note", smimepolicy_finding_rule(finding),
                       _i == 2 && i == 0 ? "out of memory" : text);
        smimepolicy_free(text);
    }
    ck_assert_ptr_nonnull(strstr(expected, "note sign - validity-too-long "));
    sp_starve(_i == 2 ? 1 : 0);
    sp_report_decision(&decision);
    ck_assert_int_eq(sp_starve_end(), _i == 2);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
    expect_written(expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = sp_case(suite, "report");

    tcase_add_test(tests, without_a_report);
    tcase_add_test(tests, hello_and_lines);
    tcase_add_loop_test(tests, made_safe_to_show, 0, SP_ROWS(texts));
    tcase_add_test(tests, cut_at_its_limit);
    tcase_add_loop_test(tests, bad_nonce, 0, SP_ROWS(no_nonces));
    tcase_add_loop_test(tests, no_pipe_to_write_to, 0, 4);
    tcase_add_loop_test(tests, opened_twice_differently, 0, 3);
    tcase_add_test(tests, reader_has_gone);
    tcase_add_test(tests, full_and_not_waiting);
    tcase_add_test(tests, full_and_read_late);
    tcase_add_test(tests, interrupted);
    tcase_add_test(tests, too_many_lines);
    tcase_add_test(tests, forked_off);
    tcase_add_test(tests, reason_of_the_lock);
    tcase_add_test(tests, after_an_interruption);
    tcase_add_test(tests, held_together);
    tcase_add_test(tests, more_than_is_held);
    tcase_add_loop_test(tests, reader_has_gone_meanwhile, 0, 2);
    tcase_add_test(tests, nothing_to_hold);
    tcase_add_loop_test(tests, memory_runs_out, 0, 20);
    tcase_add_test(tests, decisions);
    tcase_add_loop_test(tests, findings, 0, 3);
    return sp_run_forked(suite);
}
