/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files that nobody but their owner may have written.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/safe_files.h"
#include "starve.h"
#include "verdicts.h"

/* Expect what |*why|, which is freed, says of |path|; NULL: nothing. */
static void expect(bool safe, char **why, const char *path, const char *expected)
{
    char text[512];

    ck_assert_int_eq(safe, expected == NULL);
    if (expected == NULL)
        return;
    (void)snprintf(text, sizeof(text), expected, path, path, path);
    ck_assert_pstr_eq(*why, text);
    OPENSSL_free(*why);
    *why = NULL;
}

#define OTHERS                                                                                     \
    "%s can be written by others than its owner; make it the owner's alone: chmod go-w %s"

/* What is said of the status of a file. */
static const struct {
    mode_t mode;
    uid_t uid;
    bool directory;
    mode_t forbidden;
    const char *expected;
} stats[] = {
    { S_IFREG | 0644, 7, false, SP_BY_OTHERS, NULL },
    { S_IFREG | 0644, 0, false, SP_BY_OTHERS, NULL },
    { S_IFREG | 0644, 8, false, SP_BY_OTHERS,
      "%s belongs to somebody else than its directory; correct its owner" },
    { S_IFREG | 0664, 7, false, SP_BY_OTHERS, OTHERS },
    { S_IFREG | 0646, 7, false, SP_BY_OTHERS, OTHERS },
    { S_IFREG | 0644, 7, false, S_IRWXG | S_IRWXO,
      "%s holds private keys and can be read by others; make it the owner's alone: chmod 600 %s" },
    { S_IFREG | 0600, 7, false, S_IRWXG | S_IRWXO, NULL },
    { S_IFREG | 0622, 7, false, S_IRWXG | S_IRWXO, OTHERS },
    { S_IFREG | 0622, 7, false, 0, NULL },
    { S_IFDIR | 0755, 7, false, SP_BY_OTHERS,
      "%s is not a regular file; put the file itself there" },
    { S_IFIFO | 0644, 7, false, SP_BY_OTHERS,
      "%s is not a regular file; put the file itself there" },
    { S_IFDIR | 0755, 7, true, SP_BY_OTHERS, NULL },
    { S_IFDIR | 0775, 7, true, SP_BY_OTHERS, OTHERS },
    { S_IFREG | 0644, 7, true, SP_BY_OTHERS,
      "%s is not a directory; put the directory itself there" },
};

START_TEST(status)
{
    const struct stat is = { .st_mode = stats[_i].mode, .st_uid = stats[_i].uid };
    char *why = NULL;
    const bool safe = sp_stat_is_safe("a", &is, stats[_i].directory, stats[_i].forbidden, 7, &why);

    expect(safe, &why, "a", stats[_i].expected);
}
END_TEST

START_TEST(reason_of_failure)
{
    char *why = NULL;

    errno = ENOENT;
    ck_assert(!sp_file_failed(&why, "a"));
    ck_assert_str_eq(why, "a: No such file or directory");
    OPENSSL_free(why);
    errno = ENOMEM;
    ck_assert(!sp_file_failed(&why, "a"));
    ck_assert_ptr_null(why);
}
END_TEST

/* A directory for one test, with a file in it. */
static char top[32], file[48];

static void set_up(void)
{
    int fd;

    strcpy(top, "/tmp/test_safe.XXXXXX");
    ck_assert(mkdtemp(top) != NULL && chmod(top, 0755) == 0);
    (void)snprintf(file, sizeof(file), "%s/file", top);
    fd = open(file, O_WRONLY | O_CREAT, 0644);
    ck_assert(fd >= 0 && close(fd) == 0 && chmod(file, 0644) == 0);
}

static void tear_down(void)
{
    (void)unlink(file);
    ck_assert_int_eq(rmdir(top), 0);
}

START_TEST(a_file)
{
    char *why = NULL;

    expect(sp_file_is_safe(file, SP_BY_OTHERS, geteuid(), &why), &why, file, NULL);
    ck_assert_int_eq(chmod(file, 0664), 0);
    expect(sp_file_is_safe(file, SP_BY_OTHERS, geteuid(), &why), &why, file, OTHERS);
    /* A link is no file, wherever it leads. */
    ck_assert(unlink(file) == 0 && symlink("/dev/null", file) == 0);
    expect(sp_file_is_safe(file, SP_BY_OTHERS, geteuid(), &why), &why, file,
           "%s is not a regular file; put the file itself there");
    /* It may be missing, but not be hidden. */
    ck_assert_int_eq(unlink(file), 0);
    expect(sp_file_is_safe(file, SP_BY_OTHERS, geteuid(), &why), &why, file, NULL);
    expect(sp_file_is_safe("/dev/null/x", SP_BY_OTHERS, geteuid(), &why), &why, "/dev/null/x",
           "%s: Not a directory");
}
END_TEST

START_TEST(a_directory)
{
    char *why = NULL;
    uid_t owner = 12345;

    expect(sp_directory_is_safe(top, &owner, &why), &why, top, NULL);
    ck_assert_uint_eq(owner, geteuid());
    expect(sp_directory_is_safe(file, &owner, &why), &why, file, "%s: Not a directory");
    expect(sp_directory_is_safe("/none", &owner, &why), &why, "/none",
           "%s: No such file or directory");
    ck_assert_int_eq(chmod(top, 0757), 0);
    expect(sp_directory_is_safe(top, &owner, &why), &why, top, OTHERS);
}
END_TEST

START_TEST(a_way)
{
    char below[64], link[64], *why = NULL;

    (void)snprintf(below, sizeof(below), "%s/a/b", top);
    (void)snprintf(link, sizeof(link), "%s/link", top);
    expect(sp_path_is_safe(top, "any", geteuid(), false, &why), &why, top, NULL);
    /* The last directories may be missing, if that is asked for. */
    expect(sp_path_is_safe(below, "any", geteuid(), true, &why), &why, below, NULL);
    expect(sp_path_is_safe(below, "any", geteuid(), false, &why), &why, below,
           "%s: No such file or directory");
    expect(sp_path_is_safe(file, "any", geteuid(), true, &why), &why, file, "%s: Not a directory");
    ck_assert_int_eq(symlink("/tmp", link), 0);
    expect(sp_path_is_safe(link, "any", geteuid(), false, &why), &why, link, NULL);
    ck_assert_int_eq(chmod(top, 0757), 0);
    expect(sp_path_is_safe(top, "any", geteuid(), false, &why), &why, top,
           "%s, on the way to %s, can be written by others than its owner; make it the owner's "
           "alone: chmod go-w %s");
    ck_assert_int_eq(unlink(link), 0);
    if (geteuid() != 0)
        return;
    ck_assert(chmod(top, 0755) == 0 && chown(top, 12345, 0) == 0);
    expect(sp_path_is_safe(top, "any", 0, false, &why), &why, top,
           "%s, on the way to %s, belongs to somebody else (uid 12345), who could put another "
           "keyring there; correct its owner, or move the keyring");
}
END_TEST

/* In a user namespace that knows no user; 1: there are none. */
static int look_in_namespace(void)
{
    char *why = NULL;

    if (unshare(CLONE_NEWUSER) != 0)
        return 1;
    if (sp_path_is_safe(top, "any", geteuid(), false, &why) || why == NULL)
        return 2;
    return strstr(why, " belongs to a user that this user namespace does not know ") != NULL ? 0
                                                                                             : 3;
}

START_TEST(a_way_in_a_namespace)
{
    pid_t child = fork();
    int ended = 0;

    if (child == 0)
        _exit(look_in_namespace());
    ck_assert_int_eq(waitpid(child, &ended, 0), child);
    ck_assert(ended == 0 || WEXITSTATUS(ended) == 1);
}
END_TEST

/* Where memory runs out no reason is given. */
START_TEST(memory_runs_out)
{
    long number = 0, kept;
    bool starved;

    ERR_clear_error();
    kept = sp_starve_kept();
    do {
        char *why = NULL;
        bool safe;

        sp_starve(++number);
        safe = sp_path_is_safe(top, "any", geteuid(), false, &why);
        starved = sp_starve_end();
        ck_assert_int_eq(safe, !starved);
        ck_assert_ptr_null(why);
        ERR_clear_error();
        ck_assert_int_eq(sp_starve_kept(), kept);
    } while (starved);
    ck_assert_int_gt(number, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("safe files");
    TCase *tests = tcase_create("files");

    if (!sp_starve_watch())
        return EXIT_FAILURE;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, status, 0, SP_ROWS(stats));
    tcase_add_test(tests, reason_of_failure);
    tcase_add_test(tests, a_file);
    tcase_add_test(tests, a_directory);
    tcase_add_test(tests, a_way);
    tcase_add_test(tests, a_way_in_a_namespace);
    tcase_add_test(tests, memory_runs_out);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
