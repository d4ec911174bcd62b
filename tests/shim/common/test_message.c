/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the command says: one line each, whatever comes from outside.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "capture.h"
#include "common/help.h"
#include "common/memory.h"
#include "common/memory_file.h"
#include "common/passphrase.h"
#include "common/print.h"
#include "common/shim.h"
#include "verdicts.h"

static void expect_said(const char *expected)
{
    char *said = sp_capture_end(STDERR_FILENO);

    ck_assert_str_eq(said, expected);
    free(said);
}

/* The name of a file, and how it is shown. */
static const struct {
    const char *name;
    const char *shown;
} names[] = {
    { "cert.pem", "cert.pem" },
    { "a\nrefused: b", "a\\0Arefused: b" },
    { "a\r\x1b[2Jb", "a\\0D\\1B[2Jb" },
    { "\xc3\xbc", "\xc3\xbc" },
    { "100%s", "100%s" },
    { "end\n", "end\\0A" },
    { "\n", "\\0A" },
};

START_TEST(a_name_stays_on_its_line)
{
    char expected[200];

    snprintf(expected, sizeof(expected), "smime-policy: cannot read %s: gone\n", names[_i].shown);
    sp_capture_begin(STDERR_FILENO);
    shim_error("cannot read %s: gone", names[_i].name);
    expect_said(expected);

    /* A line end of our own is one, and no other. */
    snprintf(expected, sizeof(expected), "%s.\n", names[_i].shown);
    sp_capture_begin(STDERR_FILENO);
    shim_print(stderr, "%s.\n", names[_i].name);
    expect_said(expected);
    sp_capture_begin(STDERR_FILENO);
    shim_print(stderr, "\n%s", "");
    expect_said("\n");
}
END_TEST

/* While nothing is to be said nothing is. */
START_TEST(messages_are_muted)
{
    sp_capture_begin(STDERR_FILENO);
    shim_errors_mute(true);
    shim_error("it fails");
    ck_assert_int_eq(shim_usage("no %s", "such thing"), SHIM_USAGE);
    shim_errors_mute(false);
    expect_said("");
    sp_capture_begin(STDERR_FILENO);
    shim_error("it fails");
    expect_said("smime-policy: it fails\n");
}
END_TEST

START_TEST(a_mistake_leads_to_the_help)
{
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_usage("no %s", "such thing"), SHIM_USAGE);
    expect_said("smime-policy: no such thing\nTry 'smime-policy --help'.\n");

    shim_usage_is_of("list");
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_usage_twice("as", "a", "b"), SHIM_USAGE);
    expect_said("smime-policy: --as was given twice, with a and with b; give it once\n"
                "Try 'smime-policy list --help'.\n");

    /* A value that may be a passphrase is not said. */
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_usage_twice("passin", "pass:a", "pass:b"), SHIM_USAGE);
    expect_said("smime-policy: --passin was given twice; give it once\n"
                "Try 'smime-policy list --help'.\n");

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_explains_not("remove", "see what list shows"), SHIM_USAGE);
    expect_said("smime-policy: remove: it cannot be explained without being done, so --explain is "
                "refused; see what list shows\nTry 'smime-policy list --help'.\n");
}
END_TEST

/* Under the sanitizers too, memory that is not there is refused and ends no program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Memory that ran out somewhere fails the command, and is said once. */
START_TEST(memory_that_ran_out_is_said_once)
{
    static const size_t too_much = SIZE_MAX / 2;
    void *some;

    ck_assert(shim_memory_sufficed());
    ck_assert_int_eq(shim_memory_end(SHIM_OK), SHIM_OK);
    ck_assert_ptr_null(OPENSSL_malloc(0));
    some = OPENSSL_realloc(NULL, 1);
    ck_assert_ptr_nonnull(some);
    ck_assert_ptr_null(OPENSSL_realloc(some, 0));
    some = OPENSSL_malloc(1);
    ck_assert_ptr_nonnull(some);
    ck_assert(shim_memory_sufficed());

    if (_i == 0)
        ck_assert_ptr_null(OPENSSL_malloc(too_much));
    else
        ck_assert(OPENSSL_realloc(some, too_much) == NULL);
    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_memory_sufficed());
    ck_assert_int_eq(shim_memory_end(SHIM_OK), SHIM_SYSTEM);
    ck_assert_int_eq(shim_memory_end(SHIM_REFUSED), SHIM_REFUSED);
    expect_said("smime-policy: out of memory\n");
    OPENSSL_free(some);
}
END_TEST

/* Where a passphrase comes from, by the option that says so; NULL: nowhere. */
static const struct {
    const char *option;
    const char *source;
    const char *text;
    const char *said;
} sources[] = {
    { "passin", "pass:a b", "a b", NULL },
    { "passin", "pass:", "", NULL },
    { "passin", "env:SP_PASS", "of the environment", NULL },
    { "passin", "env:SP_NONE", NULL, "cannot read the passphrase from env:SP_NONE: no such" },
    { "passin", "stdin", "first line", NULL },
    { "passin", "fd:0", "first line", NULL },
    { "passin", "fd:", NULL, "--passin takes pass:TEXT, env:NAME, file:PATH, fd:N or stdin" },
    { "passin", "fd:0x", NULL, "--passin takes" },
    { "passin", "fd:-1", NULL, "--passin takes" },
    { "passin", "fd:1048576", NULL, "--passin takes" },
    { "passin", "fd:1048575", NULL, "from fd:1048575: Bad file descriptor" },
    { "passin", "fd:1000", NULL, "cannot read the passphrase from fd:1000: Bad file descriptor" },
    { "passin", "first line", NULL, "--passin takes" },
    { "passin", "file:/nonexistent/x", NULL,
      "cannot read the passphrase from file:/nonexistent/x: No such" },
    { "passin", "file:/", NULL, "cannot read the passphrase from file:/: Is a directory" },
    { "passout", "stdin", "first line", NULL },
    { "passout", "pass:a", NULL, "--passout takes fd:N, file:PATH or stdin: what stands in a" },
    { "passout", "env:SP_PASS", NULL, "--passout takes fd:N, file:PATH or stdin" },
};

START_TEST(a_passphrase_is_the_first_line)
{
    static const char lines[] = "first line\r\nsecond line\n";
    struct shim_passphrase pass = { 0 };
    char rest[100] = "";
    int ends[2];
    unsigned wrong = 0;
    bool done;

    ck_assert_int_eq(setenv("SP_PASS", "of the environment", 1), 0);
    unsetenv("SP_NONE");
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(write(ends[1], lines, sizeof(lines) - 1), sizeof(lines) - 1);
    sp_capture_begin(STDERR_FILENO);
    done = shim_passphrase_read(&pass, sources[_i].option, sources[_i].source) == SHIM_OK;
    sp_expect_captured(STDERR_FILENO, sources[_i].said);
    ck_assert_int_eq(done, sources[_i].text != NULL);
    if (!done) {
        ck_assert_ptr_null(pass.text);
        return;
    }
    ck_assert_str_eq(pass.text, sources[_i].text);
    /* What was given is not asked for again, and what follows the line is left to others. */
    ck_assert(!shim_passphrase_again(&pass, &wrong));
    ck_assert_int_gt(read(STDIN_FILENO, rest, sizeof(rest) - 1), 0);
    ck_assert_str_eq(rest, sources[_i].text[0] == 'f' ? "second line\n" : lines);
    shim_passphrase_clear(&pass);
}
END_TEST

/* What is in a file, and what is read of it. */
static const struct {
    const char *content;
    const char *text;
} files[] = {
    { "", "" },     { "\n", "" },       { "\r\n", "" },       { "a", "a" },
    { "a\r", "a" }, { "\ra\n", "\ra" }, { "a\r\r\n", "a\r" }, { "a\n\nb", "a" },
};

START_TEST(a_passphrase_is_in_a_file)
{
    struct shim_passphrase pass = { 0 };
    char path[] = "/tmp/test_message.XXXXXX", source[sizeof(path) + 5];
    const int fd = mkstemp(path), next = dup(fd);

    close(next);
    ck_assert_int_eq(write(fd, files[_i].content, strlen(files[_i].content)),
                     (ssize_t)strlen(files[_i].content));
    (void)snprintf(source, sizeof(source), "file:%s", path);
    ck_assert_int_eq(shim_passphrase_take(&pass, "passout", source), SHIM_OK);
    ck_assert_str_eq(pass.text, files[_i].text);
    ck_assert(pass.given);
    ck_assert_int_eq(fcntl(next, F_GETFD), -1);
    shim_passphrase_clear(&pass);
    ck_assert(!pass.given && pass.text == NULL);
    (void)unlink(path);
    close(fd);
}
END_TEST

START_TEST(descriptors_of_passphrases)
{
    struct shim_passphrase pass = { 0 };

    ck_assert_int_eq(shim_passphrase_fd("fd:10"), 10);
    ck_assert_int_eq(shim_passphrase_fd("fd:0"), 0);
    ck_assert_int_eq(shim_passphrase_fd("stdin"), 0);
    ck_assert_int_eq(shim_passphrase_fd("fd:-2"), -1);
    ck_assert_int_eq(shim_passphrase_fd("10"), -1);
    /* Where none is named it is asked for later. */
    ck_assert_int_eq(shim_passphrase_read(&pass, "passin", NULL), SHIM_OK);
    ck_assert(!pass.given && pass.text == NULL);
}
END_TEST

static int ends_of_line[2];

static void no_more(int number)
{
    (void)number;
}

static pthread_t reader;

/* Interrupt who reads the line, and then write it, up to the end of all. */
static void *interrupt(void *line)
{
    const struct timespec moment = { .tv_nsec = 100000 };

    for (int i = 0; i < 200; i++) {
        (void)pthread_kill(reader, SIGUSR1);
        (void)nanosleep(&moment, NULL);
    }
    ck_assert_int_gt(write(ends_of_line[1], line, strlen(line)), 0);
    close(ends_of_line[1]);
    return NULL;
}

/* A signal that comes while it is typed loses nothing. */
START_TEST(a_passphrase_is_interrupted)
{
    const struct sigaction action = { .sa_handler = no_more };
    struct shim_passphrase pass = { 0 };
    static char line[] = "it";
    pthread_t other;

    reader = pthread_self();
    ck_assert_int_eq(pipe(ends_of_line), 0);
    ck_assert_int_eq(dup2(ends_of_line[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(pthread_create(&other, NULL, interrupt, line), 0);
    ck_assert_int_eq(shim_passphrase_take(&pass, "passin", "stdin"), SHIM_OK);
    ck_assert_str_eq(pass.text, "it");
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    shim_passphrase_clear(&pass);
}
END_TEST

/* One that is longer than anybody types is cut. */
START_TEST(a_passphrase_is_cut)
{
    struct shim_passphrase pass = { 0 };
    char line[1100];
    int ends[2];

    memset(line, 'x', sizeof(line));
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], line, sizeof(line)), sizeof(line));
    close(ends[1]);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(shim_passphrase_take(&pass, "passout", "stdin"), SHIM_OK);
    ck_assert_uint_eq(strlen(pass.text), 1023);
    ck_assert_int_eq(read(STDIN_FILENO, line, sizeof(line)), 1100 - 1023);
    shim_passphrase_clear(&pass);
}
END_TEST

/* Which file there is, whether --policy names it, and what comes of it. */
static const struct {
    const char *content; /* NULL: there is none; "/": its directory is a file */
    bool named;
    int code;
    const char *said;
} policies[] = {
    { NULL, false, SHIM_OK, NULL },
    { "/", false, SHIM_OK, NULL },
    { NULL, true, SHIM_REFUSED, "refused: the policy is locked: " },
    { "/", true, SHIM_REFUSED, "refused: the policy is locked: " },
    { "mode = observe\n", false, SHIM_OK, NULL },
    { "mode = observe\n", true, SHIM_OK, NULL },
    { "mode = other\n", false, SHIM_REFUSED, "mend the file: until then everything is refused" },
    { "mode = other\n", true, SHIM_REFUSED, "mode = other: accepted is enforce or observe" },
};

START_TEST(the_policy_is_read_once)
{
    char path[] = "/tmp/test_message.XXXXXX", below[sizeof(path) + 2];
    const char *content = policies[_i].content;
    const bool is_below = content != NULL && content[0] == '/';
    struct shim shim = { .policy_file = path, .policy_named = policies[_i].named };
    const int fd = mkstemp(path);
    const smimepolicy_settings *first;

    (void)snprintf(below, sizeof(below), "%s/x", path);
    if (is_below)
        shim.policy_file = below;
    else if (content != NULL)
        ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    else
        ck_assert_int_eq(unlink(path), 0);
    sp_capture_begin(STDERR_FILENO);
    errno = ENOENT; /* of something before */
    ck_assert_int_eq(shim_load_settings(&shim), policies[_i].code);
    sp_expect_captured(STDERR_FILENO, policies[_i].said);
    first = shim.settings;
    ck_assert_ptr_nonnull(first);
    ck_assert_int_eq(shim_load_settings(&shim), SHIM_OK);
    ck_assert_ptr_eq(shim.settings, first);
    ck_assert_int_eq(first->mode == SP_MODE_OBSERVE,
                     policies[_i].code == SHIM_OK && content != NULL && !is_below);
    smimepolicy_settings_free(shim.settings);
    (void)unlink(path);
    close(fd);
}
END_TEST

START_TEST(help_is_found)
{
    static const char *const wanted[] = { "--help", "-help", "-h" }, *const others[] = { "help",
                                                                                         "--h",
                                                                                         "" };

    for (int i = 0; i < 3; i++) {
        ck_assert(shim_help_wanted(wanted[i]));
        ck_assert(!shim_help_wanted(others[i]));
    }
    ck_assert_str_eq(shim_help_find("sign")->name, "sign");
    ck_assert_ptr_null(shim_help_find("sig")->name);
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_help_verb("sign"), SHIM_OK);
    sp_expect_captured(STDOUT_FILENO, "smime-policy sign");
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_help_verb("general"), SHIM_OK);
    sp_expect_captured(STDOUT_FILENO, "cryptographic or verification failure, 5 system");
}
END_TEST

/* The path by which a child opens a file in memory. */
START_TEST(a_file_in_memory)
{
    const int fd = shim_memory_file("it", "content", 7);
    char *path = shim_fd_path(fd);
    char content[10] = "";

    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_ptr_nonnull(path);
    ck_assert_int_eq(pread(fd, content, sizeof(content), 0), 7);
    ck_assert_str_eq(content, "content");
    ck_assert_int_eq(strncmp(path, "/proc/self/fd/", 14), 0);
    ck_assert_int_eq(atoi(path + 14), fd);
    OPENSSL_free(path);
    close(fd);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_ptr_null(shim_fd_path(1000));
    sp_expect_captured(STDERR_FILENO, "cannot hand files to openssl: /proc/self/fd/1000: No such");
}
END_TEST

/* The file that cannot be made, or not be filled, is not left open. */
START_TEST(no_file_in_memory)
{
    static const struct {
        unsigned what;
        rlim_t most;
        const char *said;
    } limits[] = { { RLIMIT_NOFILE, 0, "file in memory: Too many open files" },
                   { RLIMIT_FSIZE, 100, "file in memory: File too large" } };
    static const char content[200];
    const int next = dup(STDIN_FILENO);
    struct rlimit before, limit;
    int fd;

    close(next);
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(limits[_i].what, &before), 0);
    limit = (struct rlimit){ limits[_i].most, before.rlim_max };
    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(setrlimit(limits[_i].what, &limit), 0);
    fd = shim_memory_file("it", content, sizeof(content));
    ck_assert_int_eq(setrlimit(limits[_i].what, &before), 0);
    sp_expect_captured(STDERR_FILENO, limits[_i].said);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(fcntl(next, F_GETFD), -1);
}
END_TEST

/* Three may be typed, and then it is enough. */
START_TEST(a_typed_passphrase_is_asked_for_three_times)
{
    char text[] = "typed";
    struct shim_passphrase pass = { .text = text };
    unsigned wrong = 0;

    sp_capture_begin(STDERR_FILENO);
    ck_assert(shim_passphrase_again(&pass, &wrong));
    ck_assert(shim_passphrase_again(&pass, &wrong));
    ck_assert(!shim_passphrase_again(&pass, &wrong));
    expect_said("smime-policy: the passphrase is wrong; type it again\n"
                "smime-policy: the passphrase is wrong; type it again\n");
    /* What could not be asked for before cannot be now. */
    pass.text = NULL;
    wrong = 0;
    ck_assert(!shim_passphrase_again(&pass, &wrong));
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("message");
    TCase *tests = tcase_create("message");

    /* Before libcrypto has allocated anything, as in the command. */
    shim_memory_watch();
    tcase_add_loop_test(tests, a_name_stays_on_its_line, 0, SP_ROWS(names));
    tcase_add_test(tests, a_mistake_leads_to_the_help);
    tcase_add_test(tests, messages_are_muted);
    tcase_add_loop_test(tests, memory_that_ran_out_is_said_once, 0, 2);
    tcase_add_test(tests, descriptors_of_passphrases);
    tcase_add_test(tests, a_passphrase_is_interrupted);
    tcase_add_loop_test(tests, a_passphrase_is_the_first_line, 0, SP_ROWS(sources));
    tcase_add_loop_test(tests, a_passphrase_is_in_a_file, 0, SP_ROWS(files));
    tcase_add_test(tests, a_passphrase_is_cut);
    tcase_add_loop_test(tests, the_policy_is_read_once, 0, SP_ROWS(policies));
    tcase_add_test(tests, help_is_found);
    tcase_add_test(tests, a_file_in_memory);
    tcase_add_loop_test(tests, no_file_in_memory, 0, 2);
    tcase_add_test(tests, a_typed_passphrase_is_asked_for_three_times);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
