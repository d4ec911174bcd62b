/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run of stock: what it is given, and what is learnt of its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "capture.h"
#include "common/limit.h"
#include "common/memory_file.h"
#include "common/output.h"
#include "starve.h"
#include "stock/environment.h"
#include "stock/stock.h"
#include "tool/run/watch.h"
#include "verdicts.h"

/* A script in the place of stock, and what comes of it. */
static const struct {
    const char *script;
    const char *in; /* what it reads */
    int code, signal;
    bool refused, complained;
    const char *out, *said;
} runs[] = {
    { "exit 0", "", 0, 0, false, false, "", NULL },
    { "exit 7", "", 7, 0, false, false, "", NULL },
    { "printf x", "", 0, 0, false, false, "x", NULL },
    { "kill -9 $$", "", -1, SIGKILL, false, false, "", NULL },
    { "cat; echo Verification successful >&2", "text", 0, 0, false, false, "text",
      "Verification successful" },
    { "echo no >&2; exit 4", "", 4, 0, false, true, "", "no" },
    { "echo 00:error:05000001:smimepolicy:f:r:c:1: >&2; exit 6", "", 6, 0, true, true, "",
      "smimepolicy" },
    { "echo smime: unable to load provider smimepolicy >&2", "", 1, 0, false, true, "", "unable" },
    { "echo 00:error:05000001:smimepolicy:f:r:c:1:", "", 0, 0, false, false,
      "00:error:05000001:smimepolicy:f:r:c:1:\n", NULL },
    { "echo $SMIME_POLICY_PASSIN$SECRET$OPENSSL_CONF", "", 0, 0, false, false, "pass/c\n", NULL },
    /* Who outlives stock and holds its streams is not waited for. */
    { "(sleep 3600 & echo $! ) ; exit 3", "", 3, 0, false, false, NULL, NULL },
};

START_TEST(its_end_is_told)
{
    static char sh[] = "sh", c[] = "-c";
    char *argv[] = { sh, c, OPENSSL_strdup(runs[_i].script), NULL };
    int in = shim_memory_file("in", runs[_i].in, strlen(runs[_i].in));
    int out = shim_memory_file("out", "", 0);
    struct shim_stock stock = { .program = "/bin/sh",
                                .argv = argv,
                                .conf = "/c",
                                .pass = "pass",
                                .keep = (const int[]){ -1 },
                                .in = in,
                                .out = out };
    struct shim_stock_result result;
    char written[200] = "";

    ck_assert_int_eq(setenv("SECRET", "secret", 1), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(shim_watched_run(&stock, &result));
    sp_expect_captured(STDERR_FILENO, runs[_i].said);
    ck_assert_int_eq(result.code, runs[_i].code);
    ck_assert_int_eq(result.signal, runs[_i].signal);
    ck_assert_int_eq(result.refused, runs[_i].refused);
    ck_assert_int_eq(result.complained, runs[_i].complained);
    ck_assert_int_eq(result.lost, 0);
    ck_assert_int_ge(pread(out, written, sizeof(written) - 1, 0), 0);
    if (runs[_i].out != NULL)
        ck_assert_str_eq(written, runs[_i].out);
    else
        ck_assert_int_eq(kill(atoi(written), SIGKILL), 0);
    OPENSSL_free(argv[2]);
    close(in);
    close(out);
}
END_TEST

START_TEST(what_cannot_be_kept_is_told)
{
    static char yes[] = "yes", print[] = "printf", x[] = "x";
    char *argv[] = { yes, NULL }, *one_byte[] = { print, x, NULL };
    struct shim_stock stock = { .program = "/usr/bin/yes",
                                .argv = argv,
                                .keep = (const int[]){ -1 },
                                .in = STDIN_FILENO,
                                .out = open("/dev/full", O_WRONLY | O_CLOEXEC) };
    struct shim_stock_result result;

    ck_assert(shim_stock_run(&stock, &result));
    ck_assert_int_eq(result.lost, ENOSPC);
    stock.program = "/usr/bin/printf";
    stock.argv = one_byte;
    ck_assert(shim_stock_run(&stock, &result));
    ck_assert_int_eq(result.lost, ENOSPC);
    close(stock.out);

    stock.program = "/nonexistent/openssl";
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_stock_run(&stock, &result));
    sp_expect_captured(STDERR_FILENO, "cannot run /nonexistent/openssl: No such file or directory");
    ck_assert_int_eq(result.code, -1);
}
END_TEST

static int polls; /* how often one was asked for */

/* Run |script| as |stock| says, and expect |said| on standard error, or nothing. */
static struct shim_stock_result run(struct shim_stock *stock, const char *script, const char *said)
{
    static char sh[] = "sh", c[] = "-c";
    static const int none[] = { -1 };
    char *argv[] = { sh, c, OPENSSL_strdup(script), NULL };
    struct shim_stock_result result;
    char *text;

    stock->program = "/bin/sh";
    stock->argv = argv;
    stock->conf = "/c";
    if (stock->keep == NULL)
        stock->keep = none;
    stock->out = shim_memory_file("out", "", 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(shim_stock_run(stock, &result));
    if (stock->filter != NULL)
        shim_unverified_end(stock->filter_listener);
    text = sp_capture_end(STDERR_FILENO);
    ck_assert_str_eq(text, said);
    ck_assert_int_eq(result.lost, 0);
    free(text);
    OPENSSL_free(argv[2]);
    return result;
}

static void expect_output(const struct shim_stock *stock, const char *expected)
{
    char written[200] = "";

    ck_assert_int_ge(pread(stock->out, written, sizeof(written) - 1, 0), 0);
    ck_assert_str_eq(written, expected);
    close(stock->out);
}

struct heard {
    char text[200]; /* the beginning */
    size_t length;
};

static void hear(void *listener, const char *bytes, size_t len)
{
    struct heard *heard = listener;

    for (size_t i = 0; i < len; i++, heard->length++)
        if (heard->length < sizeof(heard->text) - 1)
            heard->text[heard->length] = bytes[i];
}

/* Its standard error is kept or heard, and is not shown then. */
START_TEST(what_it_says_is_kept)
{
    struct heard heard = { 0 };
    struct shim_stock kept = { .capture = true, .hear = hear, .listener = &heard };
    struct shim_stock_result result = run(&kept, "echo said >&2; echo out", "");

    ck_assert_str_eq(result.said, "said\n");
    ck_assert_str_eq(heard.text, "said\n");
    expect_output(&kept, "out\n");
    OPENSSL_free(result.said);
    result = run(&kept, "head -c 100000 /dev/zero | tr '\\0' x >&2; echo end >&2", "");
    ck_assert_uint_eq(strlen(result.said), 65535);
    ck_assert_uint_eq(heard.length, 5 + 100004);
    OPENSSL_free(result.said);
    close(kept.out);
    kept = (struct shim_stock){ .quiet = true, .hear = hear, .listener = &heard };
    heard = (struct heard){ 0 };
    result = run(&kept, "echo said >&2", "");
    ck_assert_ptr_null(result.said);
    ck_assert_str_eq(heard.text, "said\n");
    close(kept.out);
}
END_TEST

static const struct {
    bool people, unverified;
    const char *script, *said;
} shown[] = {
    { true, false, "printf 'a\\033b\\nc' >&2", "a\\1Bb\nc" },
    { false, false, "printf 'a\\033b\\nc' >&2", "a\033b\nc" },
    { false, true, "echo CMS Verification successful >&2",
      "Unverified: the signature fits the content, but nobody checked whose it is\n" },
    { false, true, "printf 'Verification' >&2", "Verification" },
};

START_TEST(what_it_says_is_shown)
{
    struct shim_unverified filter = { .len = 0 };
    struct shim_stock stock = { .for_people = shown[_i].people,
                                .filter = shown[_i].unverified ? shim_unverified_hear : NULL,
                                .filter_listener = &filter };

    (void)run(&stock, shown[_i].script, shown[_i].said);
    close(stock.out);
}
END_TEST

/* A pipe beside the streams: it is read while stock runs, and to its end. */
START_TEST(a_pipe_is_heard)
{
    static const char *const scripts[] = { "echo one >%s; echo two >%s",
                                           "yes | head -c 200000 >%s",
                                           "exit 0",
                                           "echo x >%s; echo out",
                                           "echo out; sleep 3600 >&- & echo $! >%s",
                                           "head -c 200000 /dev/zero; echo x >%s",
                                           "printf x >%s" };
    static const size_t lengths[] = { 8, 200000, 0, 2, 0, 2, 1 };
    static const size_t written[] = { 0, 0, 0, 4, 4, 200000, 0 };
    struct heard heard = { 0 };
    struct shim_stock_pipe pipe = { .hear = hear, .listener = &heard };
    char file[40], script[200];
    int ends[2], keep[2] = { -1, -1 };
    struct shim_stock stock = { .pipe = &pipe, .keep = keep };
    struct stat is;

    stock.in = shim_memory_file("in", "short", 5);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    pipe.read = ends[0];
    keep[0] = pipe.write = ends[1];
    (void)snprintf(file, sizeof(file), "/proc/self/fd/%d", ends[1]);
    (void)snprintf(script, sizeof(script), scripts[_i], file, file);
    ck_assert_int_eq(run(&stock, script, "").code, 0);
    if (lengths[_i] == 0 && heard.length > 0)
        ck_assert_int_eq(kill(atoi(heard.text), SIGKILL), 0);
    else
        ck_assert_uint_eq(heard.length, lengths[_i]);
    ck_assert_str_eq(_i == 0 ? heard.text : "one\ntwo\n", "one\ntwo\n");
    ck_assert_int_eq(pipe.write, -1);
    ck_assert_int_eq(fcntl(ends[1], F_GETFD), -1);
    ck_assert_int_eq(fstat(stock.out, &is), 0);
    ck_assert_int_eq(is.st_size, (off_t)written[_i]);
    close(ends[0]);
    close(stock.out);
}
END_TEST

/* What ends us ends stock, which may have its own way to end. */
START_TEST(signals_are_passed_on)
{
    static const char *const names[] = { "INT", "TERM", "HUP" };
    struct shim_stock stock = { 0 };
    char script[200];

    (void)snprintf(script, sizeof(script),
                   "trap 'exit 9' %s; kill -%s $PPID; while :; do sleep 0.01; done", names[_i],
                   names[_i]);
    ck_assert_int_eq(run(&stock, script, "").code, 9);
    close(stock.out);
}
END_TEST

/* A signal that stock does not heed, as it is done, ends the run all the same. */
START_TEST(a_signal_is_not_lost)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct shim_stock stock = { 0 };
    struct shim_stock_result result;
    char script[100];

    (void)snprintf(script, sizeof(script), "trap '' %d; kill -%d $PPID; exit 0", numbers[_i],
                   numbers[_i]);
    result = run(&stock, script, "");
    ck_assert_int_eq(result.code, -1);
    ck_assert_int_eq(result.signal, numbers[_i]);
    close(stock.out);
    /* Who ignores it, as under nohup, goes on. */
    ck_assert(signal(numbers[_i], SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(run(&stock, script, "").code, 0);
    close(stock.out);
}
END_TEST

static void nothing(int number)
{
    (void)number;
}

/* A signal that the program takes for itself interrupts no run. */
START_TEST(signals_of_the_program)
{
    const struct sigaction action = { .sa_handler = nothing };
    struct shim_stock stock = { 0 };

    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(run(&stock,
                         "for i in 1 2 3 4 5; do kill -USR1 $PPID; sleep 0.01; done; "
                         "echo $i; exit 7",
                         "")
                         .code,
                     7);
    expect_output(&stock, "5\n");
}
END_TEST

/* Who kills us ends stock. */
START_TEST(stock_ends_with_us)
{
    int ends[2], keep[2], status, script_pid;
    struct shim_stock stock = { .keep = keep };
    char script[100], text[20] = "";
    pid_t child;

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    keep[0] = ends[1];
    keep[1] = -1;
    (void)snprintf(script, sizeof(script), "echo $$ >/proc/self/fd/%d; exec sleep 3600", ends[1]);
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    child = fork();
    if (child == 0)
        _exit(run(&stock, script, "").code);
    close(ends[1]);
    ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
    script_pid = atoi(text);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(waitpid(script_pid, &status, 0), script_pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(ends[0]);
}
END_TEST

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 1000; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Whatever the caller does with signals: stock has none blocked or ignored by us. */
START_TEST(signals_are_as_before)
{
    struct shim_stock stock = { 0 };
    const int before = count_descriptors();
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
    ck_assert(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    shim_limit_begin();
    ck_assert_int_eq(run(&stock, "grep -E '^Sig(Blk|Ign)' /proc/self/status; exit 7", "").code, 7);
    shim_limit_end();
    expect_output(&stock, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    ck_assert(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
    ck_assert_int_eq(sigismember(&mask, SIGUSR1), 1);
    ck_assert_int_eq(sigismember(&mask, SIGTERM), 0);
    ck_assert_int_eq(sigismember(&mask, SIGCHLD), 0);
    ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

/* There are |_i| descriptors left, and it needs seven: nothing is run, and none is lost. */
START_TEST(too_few_descriptors)
{
    static char yes[] = "yes";
    char *argv[] = { yes, NULL };
    const struct shim_stock stock = { .program = "/usr/bin/yes",
                                      .argv = argv,
                                      .keep = (const int[]){ -1 },
                                      .in = STDIN_FILENO,
                                      .out = STDOUT_FILENO };
    struct shim_stock_result result;
    struct rlimit limit;
    int last = 0, before;

    sp_capture_begin(STDERR_FILENO);
    for (int fd = 0; fd < 1000; fd++)
        last = fcntl(fd, F_GETFD) >= 0 ? fd : last;
    while (open("/dev/null", O_RDWR) < last)
        ;
    before = count_descriptors();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)last + 2 + (rlim_t)_i;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(!shim_stock_run(&stock, &result));
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(count_descriptors(), before);
    sp_expect_captured(STDERR_FILENO, "cannot run /usr/bin/yes: Too many open files");
    ck_assert_int_eq(result.code, -1);
    ck_assert_int_eq(result.signal, 0);
}
END_TEST

/* It inherits what is kept and no more, and reads a file from its start. */
START_TEST(what_it_inherits)
{
    const int first = shim_memory_file("in", "text\n", 5), other = shim_memory_file("x", "", 0);
    const int keep[] = { first, -1 };
    struct shim_stock stock = { .keep = keep, .in = first };
    char script[200];

    (void)snprintf(script, sizeof(script),
                   "cat; test -e /proc/self/fd/%d && ! test -e /proc/self/fd/%d", first, other);
    ck_assert_int_eq(run(&stock, script, "").code, 0);
    expect_output(&stock, "text\n");
    close(first);
    close(other);
}
END_TEST

/* More than a pipe holds, of a short message. */
START_TEST(much_output)
{
    struct shim_stock stock = { .in = shim_memory_file("in", "short", 5) };
    struct stat is;

    ck_assert_int_eq(run(&stock, "head -c 200000 /dev/zero", "").code, 0);
    ck_assert_int_eq(fstat(stock.out, &is), 0);
    ck_assert_int_eq(is.st_size, 200000);
    close(stock.out);
}
END_TEST

/* While nothing happens, nothing is looked at. */
START_TEST(nothing_happens)
{
    struct shim_stock stock = { 0 };

    polls = 0;
    ck_assert_int_eq(run(&stock, "sleep 0.1", "").code, 0);
    ck_assert_int_le(polls, 6);
    close(stock.out);
}
END_TEST

/* Of our standard input, which may be a pipe, nothing is read or skipped. */
START_TEST(our_standard_input)
{
    struct shim_stock stock = { .in = STDIN_FILENO };
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "text\n", 5), 5);
    close(ends[1]);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(run(&stock, "cat", "").code, 0);
    expect_output(&stock, "text\n");
}
END_TEST

/* Somebody who reads |said| answers when |awaited| is there. */
static pid_t answer_to(const char *awaited, int said, int answer)
{
    const pid_t child = fork();
    char text[100] = "";
    size_t length = 0;
    ssize_t got = 1;

    if (child != 0)
        return child;
    while (got > 0 && strstr(text, awaited) == NULL) {
        got = read(said, text + length, sizeof(text) - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    _exit(got > 0 && write(answer, "yes\n", 4) == 4 ? 0 : 1);
}

/* A pipe, or a terminal. */
static void make_said(int said[2], bool is_terminal)
{
    if (!is_terminal) {
        ck_assert_int_eq(pipe(said), 0);
        return;
    }
    ck_assert_int_eq(setenv("TERM", "xterm", 1), 0);
    said[0] = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(said[0], 0);
    ck_assert_int_eq(grantpt(said[0]), 0);
    ck_assert_int_eq(unlockpt(said[0]), 0);
    said[1] = open(ptsname(said[0]), O_RDWR | O_NOCTTY);
}

/* What is seen before stock goes on.  Its standard input is a file of 128 MB. */
static const struct {
    bool terminal, progress;
    const char *script, *awaited;
} answered[] = {
    /* A question, though its line has no end. */
    { false, false, "printf question >&2", "question" },
    { false, false, "printf '?' >&2", "?" },
    { false, true, "printf 'a\033b' >&2", "a\033b" },
    { true, false, "printf 'a\033b' >&2", "a\\1Bb" },
    { true, true, "dd bs=1000000 skip=64 count=0 2>&-", "\r  0 %\r 50 %" },
    /* A message replaces the progress. */
    { true, true, "echo a >&2", "\r  0 %\r\033[Ka\r\n" },
};

START_TEST(is_answered)
{
    const int before = dup(STDERR_FILENO);
    static char sh[] = "sh", c[] = "-c";
    char script[200], *argv[] = { sh, c, script, NULL };
    int said[2], answer[2], status = -1;
    struct shim_stock_result result;
    pid_t child;

    make_said(said, answered[_i].terminal);
    ck_assert_int_eq(pipe(answer), 0);
    child = answer_to(answered[_i].awaited, said[0], answer[1]);
    (void)snprintf(script, sizeof(script), "%s; read x </dev/fd/%d; echo $x", answered[_i].script,
                   answer[0]);
    ck_assert_int_ge(dup2(said[1], STDERR_FILENO), 0);
    {
        const int keep[] = { answer[0], -1 };
        const struct shim_stock stock = { .program = "/bin/sh",
                                          .argv = argv,
                                          .conf = "/c",
                                          .keep = keep,
                                          .progress = answered[_i].progress,
                                          .in = shim_memory_file("in", "", 0),
                                          .out = shim_memory_file("out", "", 0) };

        ck_assert_int_eq(ftruncate(stock.in, 128000000), 0);
        ck_assert(shim_stock_run(&stock, &result));
        ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
        expect_output(&stock, "yes\n");
    }
    ck_assert_int_eq(result.code, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* What the kernel refuses once. */
enum call { NO_CALL, SIGNALS, READ_ERRORS, READ_OUTPUT, POLL, WAIT };
static enum call refused;

static bool is_refused(enum call call)
{
    if (refused != call)
        return false;
    refused = NO_CALL;
    errno = EIO;
    return true;
}

int __real_signalfd(int fd, const sigset_t *set, int flags);
int __wrap_signalfd(int fd, const sigset_t *set, int flags);
ssize_t __real_read(int fd, void *block, size_t size);
ssize_t __wrap_read(int fd, void *block, size_t size);
int __real_poll(struct pollfd *on, nfds_t count, int patience);
int __wrap_poll(struct pollfd *on, nfds_t count, int patience);
pid_t __real_waitpid(pid_t child, int *status, int options);
pid_t __wrap_waitpid(pid_t child, int *status, int options);

int __wrap_signalfd(int fd, const sigset_t *set, int flags)
{
    return is_refused(SIGNALS) ? -1 : __real_signalfd(fd, set, flags);
}

/* Standard error is read in blocks of 4 KB, standard output in such of 16. */
ssize_t __wrap_read(int fd, void *block, size_t size)
{
    if ((size == 4096 && is_refused(READ_ERRORS)) || (size == 16384 && is_refused(READ_OUTPUT)))
        return -1;
    return __real_read(fd, block, size);
}

int __wrap_poll(struct pollfd *on, nfds_t count, int patience)
{
    polls++;
    return is_refused(POLL) ? -1 : __real_poll(on, count, patience);
}

pid_t __wrap_waitpid(pid_t child, int *status, int options)
{
    return options == WNOHANG && is_refused(WAIT) ? -1 : __real_waitpid(child, status, options);
}

/* Nothing is run, or what is running is ended. */
static const struct {
    bool in, keep, pipe;
    enum call refused;
    const char *script;
    const char *said;
} faulty[] = {
    { true, false, false, NO_CALL, "exit", "cannot run /bin/sh: Illegal seek" },
    { false, true, false, NO_CALL, "exit", "cannot run /bin/sh: Bad file descriptor" },
    { false, false, false, SIGNALS, "exit", "cannot run /bin/sh: Input/output error" },
    { false, false, true, NO_CALL, "exec sleep 3600", "to its end: Bad file descriptor" },
    { false, false, false, READ_ERRORS, "echo x >&2; exec sleep 3600",
      "to its end: Input/output error" },
    { false, false, false, READ_OUTPUT, "echo x; exec sleep 3600",
      "to its end: Input/output error" },
    { false, false, false, POLL, "exec sleep 3600", "to its end: Input/output error" },
    { false, false, false, WAIT, "exit", "cannot run /bin/sh to its end: Input/output error" },
};

START_TEST(what_is_faulty)
{
    static char sh[] = "sh", c[] = "-c";
    char *argv[] = { sh, c, OPENSSL_strdup(faulty[_i].script), NULL };
    const int keep[] = { faulty[_i].keep ? 999 : STDERR_FILENO, -1 };
    struct shim_stock_pipe beside = { .read = -1, .write = open("/dev/null", O_WRONLY) };
    struct shim_stock stock = { .program = "/bin/sh", .argv = argv, .keep = keep };
    struct shim_stock_result result;
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    stock.in = faulty[_i].in ? ends[0] : STDIN_FILENO;
    stock.out = STDOUT_FILENO;
    stock.pipe = faulty[_i].pipe ? &beside : NULL;
    sp_capture_begin(STDERR_FILENO);
    refused = faulty[_i].refused;
    ck_assert(!shim_stock_run(&stock, &result));
    sp_expect_captured(STDERR_FILENO, faulty[_i].said);
    OPENSSL_free(argv[2]);
    ck_assert_int_eq(result.code, -1);
    ck_assert_int_eq(result.signal, 0);
    /* Nothing is left of it. */
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* What it says is kept as a whole, or not at all. */
START_TEST(no_memory_for_what_it_says)
{
    static char sh[] = "sh", c[] = "-c", script[] = "head -c 5000 /dev/zero | tr '\\0' x >&2";
    static char *no_environment[] = { NULL };
    char *argv[] = { sh, c, script, NULL };
    const struct shim_stock stock = { .program = "/bin/sh",
                                      .argv = argv,
                                      .conf = "/c",
                                      .capture = true,
                                      .keep = (const int[]){ -1 },
                                      .in = STDIN_FILENO,
                                      .out = STDOUT_FILENO };
    const int before = count_descriptors();
    struct shim_stock_result result;
    bool starved = true, done;

    environ = no_environment;
    for (long number = 1; starved; number++) {
        sp_capture_begin(STDERR_FILENO);
        sp_starve(number);
        done = shim_stock_run(&stock, &result);
        starved = sp_starve_end();
        sp_expect_captured(STDERR_FILENO, starved ? "cannot run /bin/sh" : NULL);
        ck_assert_int_eq(done, !starved);
        ck_assert_int_eq(result.code, starved ? -1 : 0);
        ck_assert(starved || strlen(result.said) == 5000);
        ck_assert_int_eq(count_descriptors(), before);
        OPENSSL_free(result.said);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stock_run");
    TCase *tests = tcase_create("stock_run");

    if (!sp_starve_watch())
        return 1;
    /* nohup, and a shell for what runs in its background, have some ignored. */
    for (int number = SIGHUP; number <= SIGQUIT; number++)
        (void)signal(number, SIG_DFL);
    tcase_add_loop_test(tests, its_end_is_told, 0, SP_ROWS(runs));
    tcase_add_test(tests, what_cannot_be_kept_is_told);
    tcase_add_test(tests, what_it_says_is_kept);
    tcase_add_loop_test(tests, what_it_says_is_shown, 0, SP_ROWS(shown));
    tcase_add_loop_test(tests, a_pipe_is_heard, 0, 7);
    tcase_add_loop_test(tests, signals_are_passed_on, 0, 3);
    tcase_add_loop_test(tests, a_signal_is_not_lost, 0, 3);
    tcase_add_test(tests, signals_of_the_program);
    tcase_add_test(tests, stock_ends_with_us);
    tcase_add_test(tests, signals_are_as_before);
    tcase_add_loop_test(tests, too_few_descriptors, 0, 7);
    tcase_add_test(tests, what_it_inherits);
    tcase_add_test(tests, much_output);
    tcase_add_test(tests, nothing_happens);
    tcase_add_test(tests, our_standard_input);
    tcase_add_loop_test(tests, is_answered, 0, SP_ROWS(answered));
    tcase_add_loop_test(tests, what_is_faulty, 0, SP_ROWS(faulty));
    tcase_add_test(tests, no_memory_for_what_it_says);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
