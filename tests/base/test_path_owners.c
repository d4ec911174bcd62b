/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Who else may change what a path leads to.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/path_owners.h"
#include "starve.h"
#include "verdicts.h"

#define OTHER 12345

/* a/b/file, a/c, and symbolic links in a; ABS is the directory of the test. */
static const char *const links[][2] = {
    { "b", "a/link" }, { "b/file", "a/flink" }, { "ABS/a/b", "a/abs" },     { "loop", "a/loop" },
    { "/", "a/root" }, { "none", "a/broken" },  { "../a/b/../b", "a/way" }, { "b", "a/twice" },
};

/* The place as text: what is wrong with it, the first unsafe directory, and the name. */
static const struct {
    const char *path;
    mode_t a, b;    /* modes of a and a/b, of which others own what is said */
    const char *of; /* what OTHER owns, or NULL */
    uid_t owner;
    int error;
    const char *place;
} rows[] = {
    { "a/b/file", 0755, 0755, NULL, 0, 0, "file" },
    { "a/b/file", 0755, 01777, NULL, 0, 0, "shared file" },
    { "a/b/file", 0755, 0777, NULL, 0, 0, "shared a/b writable file" },
    { "a/b/file", 0755, 0775, NULL, 0, 0, "shared a/b writable file" },
    { "a/b/file", 0755, 0757, NULL, 0, 0, "shared a/b writable file" },
    { "a/b/file", 01777, 0755, NULL, 0, 0, "file" },
    { "a/b/file", 0777, 0755, NULL, 0, 0, "a writable file" },
    { "a/b/file", 0777, 0777, NULL, 0, 0, "shared a writable file" },
    { "a/b/file", 0777, 01777, NULL, 0, 0, "shared a writable file" },
    { "a/b/file", 0755, 0755, "a/b", 0, 0, "shared a/b of 12345 file" },
    { "a/b/file", 0755, 01777, "a/b", 0, 0, "shared a/b of 12345 file" },
    { "a/b/file", 0755, 0777, "a/b", 0, 0, "shared a/b writable of 12345 file" },
    { "a/b/file", 0755, 0755, "a", 0, 0, "a of 12345 file" },
    { "a/b/file", 0755, 0755, "a/b", OTHER, 0, "file" },
    { "a/b/file", 0755, 01777, "a/b", OTHER, 0, "shared file" },
    { "a/b/file", 01777, 0755, "a/b", OTHER, 0, "shared a/b of 12345 file" },
    { "a/b/file", 0755, 0755, "a", OTHER, 0, "file" },
    { "a/b/file", 0755, 0755, "a", OTHER + 1, 0, "a of 12345 file" },
    /* Names. */
    { "a/b/none", 0755, 0755, NULL, 0, 0, "none" },
    { "a//b///file", 0755, 0755, NULL, 0, 0, "file" },
    { "a/./b/./file", 0755, 0755, NULL, 0, 0, "file" },
    { "a/b/", 0755, 0777, NULL, 0, 0, "b" },
    { "a/b/.", 0755, 0777, NULL, 0, 0, "shared a/b writable ." },
    { "a/b/..", 0755, 0755, NULL, 0, 0, "." },
    { "a/b/../c/x", 0755, 0755, NULL, 0, 0, "shared a/c writable x" },
    { "a/b/../../a/c/x", 0755, 0755, NULL, 0, 0, "shared a/c writable x" },
    { "a/none/x", 0755, 0755, NULL, 0, ENOENT, "" },
    { "a/b/file/x", 0755, 0755, NULL, 0, ENOTDIR, "" },
    { "a/b/file/..", 0755, 0755, NULL, 0, ENOTDIR, "" },
    /* Links. */
    { "a/link/file", 0755, 0755, NULL, 0, 0, "file" },
    { "a/link", 0755, 0777, NULL, 0, 0, "b" },
    { "a/flink", 0755, 0777, NULL, 0, 0, "shared a/b writable file" },
    { "a/abs/file", 0755, 0755, NULL, 0, 0, "file" },
    { "a/abs/file", 0755, 01777, NULL, 0, 0, "shared file" },
    { "a/way/file", 0755, 0755, NULL, 0, 0, "file" },
    { "a/way/file", 0755, 0777, NULL, 0, 0, "shared a/b writable file" },
    { "a/root", 01777, 0755, NULL, 0, 0, "." },
    { "a/broken", 0755, 0755, NULL, 0, 0, "none" },
    { "a/long/file", 0755, 0777, NULL, 0, 0, "shared a/b writable file" },
    { "a/loop", 0755, 0755, NULL, 0, ELOOP, "" },
    { "a/link40", 0755, 0755, NULL, 0, 0, "b" },
    { "a/link41", 0755, 0755, NULL, 0, ELOOP, "" },
    { "a/link/file", 01777, 0755, NULL, 0, 0, "file" },
    { "a/link/file", 01777, 0755, "a/link", 0, 0, "redirected file" },
    { "a/link/file", 0755, 0755, "a/link", 0, 0, "file" },
    { "a/link/file", 0777, 0755, NULL, 0, 0, "redirected a writable file" },
    { "a/twice/file", 01777, 0755, NULL, 0, 0, "redirected file" },
    { "a/twice/file", 0755, 0755, NULL, 0, 0, "file" },
};

static char base[40];

static void make_link(const char *target, const char *name)
{
    char text[100] = "";

    if (strncmp(target, "ABS", 3) == 0)
        strcat(strcpy(text, base), target + 3);
    else
        strcpy(text, target);
    ck_assert_int_eq(symlink(text, name), 0);
}

static void set_up(void)
{
    char name[20], target[20];
    char longest[PATH_MAX] = ""; /* that a link may have */

    umask(0);
    ck_assert_ptr_nonnull(mkdtemp(strcpy(base, "/tmp/test_owners.XXXXXX")));
    ck_assert_int_eq(chdir(base), 0);
    ck_assert(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0 && mkdir("a/c", 0777) == 0);
    close(open("a/b/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    for (size_t i = 0; i < SP_ROWS(links); i++)
        make_link(links[i][0], links[i][1]);
    ck_assert_int_eq(link("a/twice", "a/again"), 0);
    for (size_t i = 0; i + 2 < sizeof(longest); i += 2)
        strcpy(longest + i, "./");
    strcat(longest, "b");
    ck_assert_int_eq(symlink(longest, "a/long"), 0);
    for (int i = 1; i <= 41; i++) {
        (void)snprintf(name, sizeof(name), "a/link%d", i);
        (void)snprintf(target, sizeof(target), i == 1 ? "b" : "link%d", i - 1);
        ck_assert_int_eq(symlink(target, name), 0);
    }
}

static int remove_entry(const char *path, const struct stat *is, int type, struct FTW *where)
{
    (void)is, (void)type, (void)where;
    return remove(path);
}

static void tear_down(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(nftw(base, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 100; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void expect_place(const struct sp_place *place, const char *expected)
{
    char text[300];
    const char *unsafe = place->unsafe != NULL ? place->unsafe : "";

    if (strncmp(unsafe, base, strlen(base)) == 0)
        unsafe += strlen(base) + 1;
    (void)snprintf(text, sizeof(text), "%s%s%s%s", place->shared ? "shared " : "",
                   place->redirected ? "redirected " : "", unsafe, *unsafe != '\0' ? " " : "");
    if (place->unsafe != NULL && place->writable)
        strcat(text, "writable ");
    if (place->unsafe != NULL && place->owner != geteuid())
        (void)snprintf(text + strlen(text), 20, "of %u ", place->owner);
    ck_assert_str_eq(strcat(text, place->name), expected);
}

/* Look up the path of the row, in |base| or by a relative path. */
static void look_up(int row, bool is_relative)
{
    char path[100];
    struct sp_place place;
    struct stat is, meant;
    int before = count_descriptors();
    bool found;

    (void)snprintf(path, sizeof(path), "%s%s%s", is_relative ? "" : base, is_relative ? "" : "/",
                   rows[row].path);
    errno = 0;
    found = sp_place_find(&place, path, rows[row].owner);
    ck_assert_int_eq(found ? 0 : errno, rows[row].error);
    if (found) {
        expect_place(&place, rows[row].place);
        if (stat(path, &meant) == 0) {
            ck_assert_int_eq(fstatat(place.dir, place.name, &is, AT_SYMLINK_NOFOLLOW), 0);
            ck_assert_uint_eq(is.st_ino, meant.st_ino);
        }
        ck_assert_int_eq(fcntl(place.dir, F_GETFD), FD_CLOEXEC);
    }
    sp_place_clear(&place);
    ck_assert_int_eq(place.dir, -1);
    ck_assert_ptr_null(place.name);
    ck_assert_int_eq(count_descriptors(), before);
}

START_TEST(a_path)
{
    int in;

    if (rows[_i].of != NULL && geteuid() != 0)
        return;
    ck_assert(chmod("a", rows[_i].a) == 0 && chmod("a/b", rows[_i].b) == 0);
    if (rows[_i].of != NULL)
        ck_assert_int_eq(lchown(rows[_i].of, OTHER, OTHER), 0);
    look_up(_i, false);
    look_up(_i, true);
    /* Where standard input is closed, a directory has its number. */
    in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 1);
    (void)close(STDIN_FILENO);
    look_up(_i, false);
    ck_assert_int_eq(dup2(in, STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(close(in), 0);
}
END_TEST

START_TEST(the_root)
{
    struct sp_place place;

    for (int i = 0; i < 3; i++) {
        static const char *const paths[] = { "/", "/..", "/../../." };

        ck_assert(sp_place_find(&place, paths[i], 0));
        expect_place(&place, ".");
        sp_place_clear(&place);
    }
}
END_TEST

/* Where no directory can be opened it is said why: the root, and one behind it. */
START_TEST(no_descriptor)
{
    const int next = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    struct rlimit before, few;
    struct sp_place place;

    ck_assert_int_eq(close(next), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    for (int more = 0; more < 2; more++) {
        bool found;

        few.rlim_cur = (rlim_t)(next + more);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        found = sp_place_find(&place, "a/b/file", 0);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        ck_assert(!found && errno == EMFILE);
        sp_place_clear(&place);
    }
}
END_TEST

/* Nothing is above the root. */
START_TEST(above_the_root)
{
    char path[64], unsafe[64];
    struct sp_place place;

    ck_assert_int_eq(chmod("a", 0777), 0);
    (void)snprintf(path, sizeof(path), "/../..%s/a/x", base);
    (void)snprintf(unsafe, sizeof(unsafe), "%s/a", base);
    ck_assert(sp_place_find(&place, path, 0));
    ck_assert_str_eq(place.unsafe, unsafe);
    sp_place_clear(&place);
}
END_TEST

/* A relative path in a directory that is gone. */
START_TEST(no_directory)
{
    struct sp_place place;

    ck_assert_int_eq(mkdir("d", 0700), 0);
    ck_assert_int_eq(chdir("d"), 0);
    ck_assert_int_eq(rmdir("../d"), 0);
    ck_assert(!sp_place_find(&place, "x", 0));
    ck_assert_int_eq(errno, ENOENT);
    sp_place_clear(&place);
    ck_assert_int_eq(chdir(base), 0);
}
END_TEST

/* A last name that no directory can hold is not taken for the directory itself. */
START_TEST(long_name)
{
    char name[NAME_MAX + 2];
    struct sp_place place;

    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    ck_assert(!sp_place_find(&place, name, 0));
    ck_assert_int_eq(errno, ENAMETOOLONG);
    sp_place_clear(&place);
}
END_TEST

START_TEST(memory_runs_out)
{
    long number = 0;
    bool starved;
    long kept;

    ck_assert_int_eq(chmod("a", 0777), 0);
    /* From 3.2 on libcrypto tells its error queue of what fails. */
    ERR_clear_error();
    kept = sp_starve_kept();
    do {
        struct sp_place place;
        bool found;

        sp_starve(++number);
        errno = 0;
        found = sp_place_find(&place, _i == 0 ? "a/way/file" : "a/b/.", 0);
        starved = sp_starve_end();
        ck_assert_int_eq(found, !starved);
        ck_assert_int_eq(errno == ENOMEM, starved);
        sp_place_clear(&place);
        ERR_clear_error();
        ck_assert_int_eq(sp_starve_kept(), kept);
    } while (starved);
    ck_assert_int_gt(number, 5);
}
END_TEST

/* In a namespace with these users, as it is seen in the child; 1: there are no namespaces. */
static int in_namespace(int ready, int go)
{
    char byte = 0;

    if (unshare(CLONE_NEWUSER) != 0 || write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        return 1;
    return !sp_uid_is_unmapped(1000) && !sp_uid_is_unmapped(2000) && !sp_uid_is_unmapped(2002) &&
                   sp_uid_is_unmapped(999) && sp_uid_is_unmapped(1001) &&
                   sp_uid_is_unmapped(1999) && sp_uid_is_unmapped(2003) && sp_uid_is_unmapped(0)
               ? 0
               : 2;
}

/* 0: nothing on the way is known to be ours; 1: there are no namespaces. */
static int find_in_namespace(void)
{
    struct sp_place place;

    if (unshare(CLONE_NEWUSER) != 0)
        return 1;
    if (!sp_place_find(&place, "a/b/file", geteuid()) || place.unsafe == NULL)
        return 2;
    return strcmp(place.unsafe, "/") == 0 && !place.writable && place.owner == geteuid() ? 0 : 3;
}

/* In a namespace without users, this process looks like the owner of every file. */
START_TEST(namespace_without_users)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        _exit(find_in_namespace());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(status == 0 || WEXITSTATUS(status) == 1);
}
END_TEST

/* The directories of who asks are safe, whoever that is. */
START_TEST(not_root)
{
    struct sp_place place;

    if (geteuid() != 0)
        return;
    ck_assert(chmod(base, 0755) == 0 && lchown("a/b", OTHER, OTHER) == 0);
    ck_assert_int_eq(seteuid(OTHER), 0);
    ck_assert(sp_place_find(&place, "a/b/file", 0));
    expect_place(&place, "file");
    sp_place_clear(&place);
    ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(users_of_a_namespace)
{
    static const char map[] = "1000 0 1\n2000 5 3\n";
    int before = count_descriptors();
    int ready[2], go[2], status, fd;
    char path[40], byte;
    pid_t child;

    ck_assert(!sp_uid_is_unmapped(0) && !sp_uid_is_unmapped(geteuid()));
    ck_assert(sp_uid_is_unmapped((uid_t)-1));
    ck_assert_int_eq(count_descriptors(), before);
    ck_assert(pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
    child = fork();
    if (child == 0)
        _exit(in_namespace(ready[1], go[0]));
    ck_assert_int_gt(child, 0);
    close(ready[1]);
    if (read(ready[0], &byte, 1) == 1) {
        (void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)child);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (write(fd, map, strlen(map)) == (ssize_t)strlen(map))
            ck_assert_int_eq(write(go[1], &byte, 1), 1);
        close(fd);
    }
    close(go[0]);
    close(go[1]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(status == 0 || WEXITSTATUS(status) == 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("path owners");
    TCase *tests = tcase_create("paths");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_path, 0, SP_ROWS(rows));
    tcase_add_test(tests, the_root);
    tcase_add_test(tests, no_descriptor);
    tcase_add_test(tests, above_the_root);
    tcase_add_test(tests, no_directory);
    tcase_add_test(tests, long_name);
    tcase_add_loop_test(tests, memory_runs_out, 0, 2);
    tcase_add_test(tests, not_root);
    tcase_add_test(tests, users_of_a_namespace);
    tcase_add_test(tests, namespace_without_users);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
