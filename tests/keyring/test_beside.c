/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a backup takes along from the directory of a keyring: stored CRLs, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "failing_calls.h"
#include "keyring/beside.h"
#include "keyrings.h"

#define TEMPLATE "/tmp/beside-XXXXXX"

static char place[sizeof(TEMPLATE)];
static char *from, *to;

static char *path_of(const char *folder, const char *name)
{
    char *path = sp_format("%s/%s", folder, name);

    ck_assert_ptr_nonnull(path);
    return path;
}

static void make_folder(const char *name)
{
    char *path = path_of(from, name);

    ck_assert_int_eq(mkdir(path, 0700), 0);
    OPENSSL_free(path);
}

static void make_file(const char *name, const char *text, mode_t mode)
{
    char *path = path_of(from, name);
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(chmod(path, mode), 0);
    OPENSSL_free(path);
}

static void set_up(void)
{
    strcpy(place, TEMPLATE);
    ck_assert_ptr_nonnull(mkdtemp(place));
    from = path_of(place, "from");
    to = path_of(place, "to");
    ck_assert_int_eq(mkdir(from, 0700), 0);
    ck_assert_int_eq(mkdir(to, 0700), 0);
}

static void tear_down(void)
{
    char *command = sp_format("rm -rf %s", place);

    ck_assert_int_eq(system(command), 0);
    OPENSSL_free(command);
    OPENSSL_free(from);
    OPENSSL_free(to);
}

/* The lines of |command|, which runs in the copy; at most a page of them. */
static void expect_output(const char *command, const char *expected)
{
    char *words = sp_format("cd %s && %s", to, command);
    FILE *output = popen(words, "r");
    char text[4096] = "";

    ck_assert_ptr_nonnull(output);
    text[fread(text, 1, sizeof(text) - 1, output)] = '\0';
    ck_assert_int_eq(pclose(output), 0);
    ck_assert_str_eq(text, expected);
    OPENSSL_free(words);
}

#define FIND "find . -mindepth 1 -printf '%P %m %s\\n' | grep -v '^crls.* 755 [0-9]*$' | sort"

START_TEST(copied)
{
    char *link = path_of(from, "crls/a/link.crl"), *pipe = path_of(from, "crls/a/pipe.crl");
    char *folder = path_of(from, "crls/linked");

    make_file("certificates.db", "x", 0600);
    make_folder("crls");
    make_folder("crls/a");
    make_folder("crls/b");
    make_folder("crls/.hidden");
    make_folder("crls/a/folder.crl");
    make_file("crls/a/one.crl", "one", 0644);
    make_file("crls/a/two.crl", "", 0600);
    make_file("crls/b/three.crl", "three", 0640);
    make_file("crls/a/one.crl.new", "unfinished", 0600);
    make_file("crls/a/README", "no name of a CRL", 0600);
    make_file("crls/a/.crl", "no name", 0600);
    make_file("crls/top.crl", "in no folder", 0600);
    make_file("crls/.hidden/four.crl", "x", 0600);
    ck_assert_int_eq(symlink("one.crl", link), 0);
    ck_assert_int_eq(symlink("a", folder), 0);
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    ck_assert(sp_beside_copy(from, to));
    expect_output(FIND, "crls/a/one.crl 644 3\ncrls/a/two.crl 600 0\ncrls/b/three.crl 640 5\n");
    expect_output("cat crls/*/*", "onethree");
    expect_output("stat -c '%n %a' crls crls/*", "crls 755\ncrls/a 755\ncrls/b 755\n");
    OPENSSL_free(link);
    OPENSSL_free(pipe);
    OPENSSL_free(folder);
}
END_TEST

START_TEST(none)
{
    ck_assert(sp_beside_copy(from, to));
    expect_output("ls", "");
    sp_beside_discard(to);
    make_file("crls", "a file", 0600);
    ck_assert(sp_beside_copy(from, to));
    expect_output("ls", "");
}
END_TEST

START_TEST(nowhere)
{
    char *missing = path_of(place, "missing");

    make_folder("crls");
    ck_assert(!sp_beside_copy(from, missing));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert(!sp_beside_copy(missing, to));
    ck_assert_int_eq(errno, ENOENT);
    sp_beside_discard(missing);
    ck_assert(sp_beside_copy(from, to));
    ck_assert(!sp_beside_copy(from, to));
    ck_assert_int_eq(errno, EEXIST);
    OPENSSL_free(missing);
}
END_TEST

START_TEST(no_room)
{
    const struct rlimit few = { .rlim_cur = 2, .rlim_max = RLIM_INFINITY };
    const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    bool done;
    int reason;

    make_folder("crls");
    make_folder("crls/a");
    make_file("crls/a/one.crl", "one", 0644);
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    done = sp_beside_copy(from, to);
    reason = errno;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert(!done);
    ck_assert_int_eq(reason, EFBIG);
    sp_beside_discard(to);
    expect_output("ls", "");
}
END_TEST

/* Each file that cannot be opened is told by its own reason. */
START_TEST(no_descriptors)
{
    struct rlimit limit;
    const int first = dup(STDIN_FILENO);
    rlim_t all;
    bool done = false;
    int reason, more = 0;

    ck_assert(first >= 0 && close(first) == 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    all = limit.rlim_cur;
    make_folder("crls");
    make_folder("crls/a");
    make_file("crls/a/one.crl", "one", 0644);
    for (; !done && more < 20; more++) {
        limit.rlim_cur = (rlim_t)(first + more);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        done = sp_beside_copy(from, to);
        reason = errno;
        limit.rlim_cur = all;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        if (!done)
            ck_assert_int_eq(reason, EMFILE);
        else
            expect_output("cat crls/*/*", "one");
        sp_beside_discard(to);
        expect_output("ls", "");
    }
    ck_assert(done);
    ck_assert_int_gt(more, 6);
}
END_TEST

/* What calls of the system may say, and how many may say that without a fault. */
static const struct {
    int reason, fine;
} reasons[] = {
    { EIO, 0 },
    /* The folder, that of an issuer, and a CRL before it is looked at and before it is opened. */
    { ENOENT, 2 * 3 + 1 },
    /* The folder, and that of an issuer. */
    { ENOTDIR, 2 + 1 },
    { ELOOP, 2 + 1 },
};

/* Each call fails once, and is told by its reason, unless something is gone meanwhile. */
START_TEST(every_call)
{
    const int first = sp_free_descriptor();
    int fine = 0;
    long number = 0;
    bool failed;

    make_folder("crls");
    make_folder("crls/a");
    make_folder("crls/b");
    make_file("crls/a/one.crl", "one", 0644);
    make_file("crls/b/two.crl", "two", 0644);
    do {
        bool done;
        int reason;

        sp_fail_call(++number, reasons[_i].reason);
        done = sp_beside_copy(from, to);
        reason = errno;
        failed = sp_fail_end();
        ck_assert(done || (failed && reason == reasons[_i].reason));
        ck_assert_int_eq(sp_free_descriptor(), first);
        if (!failed) {
            expect_output("cat crls/*/*", "onetwo");
            /* Two files, and their three folders. */
            ck_assert_int_eq(sp_syncs(), 2 + 3);
        }
        fine += failed && done;
        sp_beside_discard(to);
        ck_assert_int_eq(sp_free_descriptor(), first);
        expect_output("ls", "");
    } while (failed);
    ck_assert_int_eq(fine, reasons[_i].fine);
}
END_TEST

/* It was longer when its status was asked for. */
START_TEST(shorter)
{
    make_folder("crls");
    make_folder("crls/a");
    make_file("crls/a/one.crl", "one", 0644);
    sp_send_nothing(true);
    ck_assert(!sp_beside_copy(from, to));
    ck_assert_int_eq(errno, EIO);
    sp_send_nothing(false);
}
END_TEST

/* It was a file when its name was looked at. */
START_TEST(swapped)
{
    char *pipe = path_of(from, "crls/a/pipe.crl");

    make_folder("crls");
    make_folder("crls/a");
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    sp_take_for_files(true);
    ck_assert(!sp_beside_copy(from, to));
    ck_assert_int_eq(errno, EINVAL);
    sp_take_for_files(false);
    OPENSSL_free(pipe);
}
END_TEST

/* Standard input is closed, so that a folder gets its number. */
START_TEST(without_input)
{
    make_folder("crls");
    make_folder("crls/a");
    make_file("crls/a/one.crl", "one", 0644);
    close(STDIN_FILENO);
    ck_assert(sp_beside_copy(from, to));
    ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
    expect_output("cat crls/*/*", "one");
    sp_beside_discard(to);
    ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
    expect_output("ls", "");
}
END_TEST

START_TEST(discarded)
{
    char *kept = path_of(to, "kept");
    FILE *file = fopen(kept, "w");

    fclose(file);
    make_folder("crls");
    make_folder("crls/a");
    make_file("crls/a/one.crl", "one", 0644);
    make_file("crls/a/two.crl", "two", 0644);
    ck_assert(sp_beside_copy(from, to));
    sp_beside_discard(to);
    expect_output("ls", "kept\n");
    OPENSSL_free(kept);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring: beside");
    TCase *tests = tcase_create("beside");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, copied);
    tcase_add_test(tests, none);
    tcase_add_test(tests, nowhere);
    tcase_add_test(tests, no_room);
    tcase_add_test(tests, no_descriptors);
    tcase_add_loop_test(tests, every_call, 0, SP_ROWS(reasons));
    tcase_add_test(tests, shorter);
    tcase_add_test(tests, swapped);
    tcase_add_test(tests, without_input);
    tcase_add_test(tests, discarded);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
