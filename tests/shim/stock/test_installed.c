/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the module, the other program and the stock openssl are, on a machine that is
 * made up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "capture.h"
#include "starve.h"
#include "stock/installed.h"
#include "verdicts.h"

#define SELF "/proc/self/exe"

struct file {
    const char *path;
    unsigned device, number;
};

static struct {
    bool is_used;
    const char *self;     /* where /proc/self/exe leads; NULL: there is no /proc */
    const char *executed; /* what the kernel was told to execute */
    struct file files[5];
    char looked[5][200]; /* where a file was looked for, one after the other */
    int looks;
    struct stat last; /* the status of the last file that was found */
} machine;

unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);
ssize_t __real_readlink(const char *path, char *target, size_t size);
ssize_t __wrap_readlink(const char *path, char *target, size_t size);
int __real_stat(const char *path, struct stat *is);
int __wrap_stat(const char *path, struct stat *is);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);

/* The sanitizers ask for other entries before they let anybody use memory. */
unsigned long __wrap_getauxval(unsigned long type)
{
    return type == AT_EXECFN && machine.is_used ? (unsigned long)machine.executed
                                                : __real_getauxval(type);
}

ssize_t __wrap_readlink(const char *path, char *target, size_t size)
{
    if (!machine.is_used || strcmp(path, SELF) != 0)
        return __real_readlink(path, target, size);
    if (machine.self == NULL) {
        errno = ENOENT;
        return -1;
    }
    size = strlen(machine.self) < size ? strlen(machine.self) : size;
    memcpy(target, machine.self, size);
    return (ssize_t)size;
}

static const struct file *look_for(const char *path)
{
    if (path != NULL && machine.looks < SP_ROWS(machine.looked))
        (void)snprintf(machine.looked[machine.looks++], sizeof(machine.looked[0]), "%s", path);
    for (int i = 0; path != NULL && i < SP_ROWS(machine.files); i++)
        if (machine.files[i].path != NULL && strcmp(machine.files[i].path, path) == 0)
            return &machine.files[i];
    errno = path != NULL ? ENOENT : EFAULT;
    return NULL;
}

/* What a failure leaves in |*is| is not specified. */
int __wrap_stat(const char *path, struct stat *is)
{
    const struct file *file;

    if (!machine.is_used)
        return __real_stat(path, is);
    file = look_for(path != NULL && strcmp(path, SELF) == 0 ? machine.self : path);
    if (file != NULL) {
        machine.last.st_dev = file->device;
        machine.last.st_ino = file->number;
    }
    *is = machine.last;
    return file != NULL ? 0 : -1;
}

int __wrap_access(const char *path, int mode)
{
    return machine.is_used ? (look_for(path) != NULL ? 0 : -1) : __real_access(path, mode);
}

static void use_machine(const char *self, const char *executed)
{
    memset(&machine, 0, sizeof(machine));
    machine.self = self;
    machine.executed = executed;
    machine.is_used = true;
}

static void leave_machine(void)
{
    machine.is_used = false;
}

static void expect_path(char *path, const char *expected)
{
    ck_assert_ptr_nonnull(path);
    ck_assert_str_eq(path, expected);
    OPENSSL_free(path);
}

/* The first two are looked for, in that order; else it is where it was installed. */
static const struct {
    const char *self, *executed;
    const char *built, *other; /* beside the program in a build tree: the module, and the partner */
} places[] = {
    { "/opt/a/b/c/program", NULL, "/opt/a/b/provider/smimepolicy.so", "/opt/a/b/c/smime-policy" },
    { "/opt/a/program", NULL, "/opt/provider/smimepolicy.so", "/opt/a/smime-policy" },
    { "/a/program", NULL, "/provider/smimepolicy.so", "/a/smime-policy" },
    { "/program", NULL, "/provider/smimepolicy.so", "/smime-policy" },
    { "/opt/a/program", "/dev/null", "/opt/provider/smimepolicy.so", "/opt/a/smime-policy" },
    /* Without /proc, and where the link has no text. */
    { NULL, "/dev/null", "/provider/smimepolicy.so", "/dev/smime-policy" },
    { NULL, "/dev/../dev/null", "/provider/smimepolicy.so", "/dev/smime-policy" },
    { "", "/dev/null", "/provider/smimepolicy.so", "/dev/smime-policy" },
};

/* One of the two ways in which a program looks for a file beside itself. */
static void expect_beside(char *find(void), const char *built, const char *name)
{
    char staged[200], *path;

    machine.looks = 0;
    path = find();
    ck_assert_int_eq(machine.looks, 2);
    ck_assert_str_eq(machine.looked[0], built);
    ck_assert_str_eq(strrchr(machine.looked[1], '/'), name);
    ck_assert_ptr_null(strstr(machine.looked[1], ".."));
    ck_assert_int_eq(path[0], '/');
    ck_assert_str_ne(path, machine.looked[0]);
    ck_assert_str_ne(path, machine.looked[1]);
    ck_assert_str_eq(strrchr(path, '/'), name);
    OPENSSL_free(path);

    memcpy(staged, machine.looked[1], sizeof(staged));
    machine.files[0] = (struct file){ staged, 0, 1 };
    expect_path(find(), staged);
    machine.files[1] = (struct file){ built, 0, 2 };
    expect_path(find(), built);
    memset(machine.files, 0, sizeof(machine.files));
}

START_TEST(beside_the_program)
{
    use_machine(places[_i].self, places[_i].executed);
    expect_beside(shim_module_path, places[_i].built, "/smimepolicy.so");
    expect_beside(shim_partner_path, places[_i].other, "/smime-policy");
    leave_machine();
}
END_TEST

/* Where it cannot be told where we are, nothing is beside us. */
START_TEST(beside_nothing)
{
    char *path;

    use_machine(NULL, "/dev/nonexistent");
    machine.files[0] = (struct file){ "/provider/smimepolicy.so", 0, 1 };
    machine.files[1] = (struct file){ "/dev/provider/smimepolicy.so", 0, 2 };
    path = shim_module_path();
    leave_machine();
    ck_assert_int_eq(machine.looks, 0);
    ck_assert_str_ne(path, machine.files[0].path);
    ck_assert_str_ne(path, machine.files[1].path);
    OPENSSL_free(path);
}
END_TEST

START_TEST(the_folder_of_the_module)
{
    char *module, *folder;

    use_machine("/opt/a/program", NULL);
    machine.files[0] = (struct file){ "/opt/provider/smimepolicy.so", 0, 1 };
    ck_assert(shim_find_module(&module, &folder));
    leave_machine();
    expect_path(module, "/opt/provider/smimepolicy.so");
    expect_path(folder, "/opt/provider");
}
END_TEST

/* What SMIME_POLICY_OPENSSL names, beside what we are; NULL: nothing. */
static const struct {
    const char *named, *self, *executed;
    struct file files[4]; /* the first is ours, the second the one that is named */
    const char *said;
} stocks[] = {
    { "/bin/o", "/a/p", NULL, { { "/a/p", 1, 1 }, { "/bin/o", 1, 2 } }, NULL },
    { "/bin/o", "/a/p", NULL, { { "/a/p", 1, 1 }, { "/bin/o", 2, 1 } }, NULL },
    { "/bin/o", "/a/p", NULL, { { "/a/p", 1, 1 } }, "cannot run /bin/o: No such file" },
    { "/bin/o", "/a/p", NULL, { { "/a/p", 1, 1 }, { "/bin/o", 1, 1 } }, "is this command itself" },
    /* Another link to the other program, which would run this one. */
    { "/bin/o",
      "/a/p",
      NULL,
      { { "/a/p", 1, 1 }, { "/bin/o", 1, 2 }, { "/a/smime-policy", 1, 2 } },
      "/bin/o is this command itself; set SMIME_POLICY_OPENSSL" },
    { "/bin/o",
      "/a/p",
      NULL,
      { { "/a/p", 1, 1 }, { "/bin/o", 1, 2 }, { "/a/smime-policy", 1, 3 } },
      NULL },
    { "/bin/o",
      "/a/p",
      NULL,
      { { "/a/p", 1, 1 }, { "/bin/o", 1, 2 }, { "/a/smime-policy", 2, 2 } },
      NULL },
    /* Without /proc. */
    { "/bin/o", NULL, "/a/p", { { "/a/p", 1, 1 }, { "/bin/o", 1, 2 } }, NULL },
    { "/bin/o", NULL, "/a/p", { { "/a/p", 1, 1 }, { "/bin/o", 1, 1 } }, "is this command itself" },
    { "/bin/o",
      NULL,
      "/a/q",
      { { "/a/p", 1, 1 }, { "/bin/o", 1, 2 } },
      "cannot tell /bin/o from this command: /proc/self/exe: No such file or directory; mount" },
};

START_TEST(the_stock_openssl)
{
    const char *found;
    char *said;

    ck_assert_int_eq(setenv("SMIME_POLICY_OPENSSL", stocks[_i].named, 1), 0);
    use_machine(stocks[_i].self, stocks[_i].executed);
    memcpy(machine.files, stocks[_i].files, sizeof(stocks[_i].files));
    sp_capture_begin(STDERR_FILENO);
    found = shim_stock_path();
    leave_machine();
    said = sp_capture_end(STDERR_FILENO);
    if (stocks[_i].said == NULL) {
        ck_assert_str_eq(said, "");
        ck_assert_str_eq(found, stocks[_i].named);
    } else {
        /* One reason, and no other. */
        ck_assert_ptr_nonnull(strstr(said, stocks[_i].said));
        ck_assert_ptr_eq(strchr(said, '\n'), strrchr(said, '\n'));
        ck_assert_ptr_null(found);
    }
    free(said);
}
END_TEST

/* The other program where it was installed, if none is beside us. */
START_TEST(no_installed_partner)
{
    char *partner;

    use_machine("/a/p", NULL);
    partner = shim_partner_path();
    ck_assert_int_eq(setenv("SMIME_POLICY_OPENSSL", "/bin/o", 1), 0);
    machine.files[0] = (struct file){ "/a/p", 1, 1 };
    machine.files[1] = (struct file){ "/bin/o", 1, 2 };
    machine.files[2] = (struct file){ partner, 1, 2 };
    sp_capture_begin(STDERR_FILENO);
    ck_assert_ptr_null(shim_stock_path());
    sp_expect_captured(STDERR_FILENO, "is this command itself");
    machine.files[2].number = 3;
    ck_assert_str_eq(shim_stock_path(), "/bin/o");
    leave_machine();
    OPENSSL_free(partner);
}
END_TEST

/* If none is named it is the one of the system. */
START_TEST(the_usual_openssl)
{
    char usual[200];

    unsetenv("SMIME_POLICY_OPENSSL");
    use_machine("/a/p", NULL);
    machine.files[0] = (struct file){ "/a/p", 1, 1 };
    sp_capture_begin(STDERR_FILENO);
    ck_assert_ptr_null(shim_stock_path());
    sp_expect_captured(STDERR_FILENO, "/openssl: No such file or directory");
    ck_assert_int_eq(machine.looks, 1);
    memcpy(usual, machine.looked[0], sizeof(usual));
    machine.files[1] = (struct file){ usual, 1, 2 };
    ck_assert_str_eq(shim_stock_path(), usual);
    leave_machine();
}
END_TEST

/* Without memory nothing is found, and what may be the other program is not run. */
START_TEST(without_memory)
{
    char *module, *folder;
    int lost = 0, refused = 0;
    bool starved = true, done;

    use_machine("/opt/a/program", NULL);
    for (long number = 1; starved; number++) {
        sp_starve(number);
        done = shim_find_module(&module, &folder);
        starved = sp_starve_end();
        ck_assert(done || starved);
        lost += !done;
        OPENSSL_free(module);
        OPENSSL_free(folder);
    }
    ck_assert_int_eq(lost, 2);

    ck_assert_int_eq(setenv("SMIME_POLICY_OPENSSL", "/bin/o", 1), 0);
    machine.files[0] = (struct file){ "/opt/a/program", 1, 1 };
    machine.files[1] = (struct file){ "/bin/o", 1, 2 };
    sp_capture_begin(STDERR_FILENO);
    starved = true;
    for (long number = 1; starved; number++) {
        sp_starve(number);
        done = shim_stock_path() != NULL;
        starved = sp_starve_end();
        ck_assert(done || starved);
        refused += !done;
    }
    leave_machine();
    sp_expect_captured(STDERR_FILENO, "is this command itself");
    ck_assert_int_eq(refused, 1);
}
END_TEST

/* From the directory where we are, unless it begins at the root. */
START_TEST(absolute_paths)
{
    static const struct {
        const char *path, *absolute;
    } rows[] = { { "/a/b", "/a/b" }, { "//a", "//a" }, { "a", "/usr/a" }, { "a/b", "/usr/a/b" } };

    ck_assert_int_eq(chdir("/usr"), 0);
    for (int i = 0; i < SP_ROWS(rows); i++)
        expect_path(shim_absolute(rows[i].path), rows[i].absolute);
}
END_TEST

/* On the machine that there is. */
START_TEST(in_this_place)
{
    char own[4096] = "", *path = shim_module_path();

    ck_assert_int_eq(path[0], '/');
    ck_assert_str_eq(strrchr(path, '/'), "/smimepolicy.so");
    OPENSSL_free(path);
    ck_assert_int_gt(readlink(SELF, own, sizeof(own) - 1), 0);
    ck_assert_int_eq(setenv("SMIME_POLICY_OPENSSL", own, 1), 0);
    sp_capture_begin(STDERR_FILENO);
    ck_assert_ptr_null(shim_stock_path());
    sp_expect_captured(STDERR_FILENO, " is this command itself; set");
    ck_assert_int_eq(setenv("SMIME_POLICY_OPENSSL", "/bin/sh", 1), 0);
    ck_assert_str_eq(shim_stock_path(), "/bin/sh");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("installed");
    TCase *tests = tcase_create("installed");

    if (!sp_starve_watch())
        return 1;
    tcase_add_loop_test(tests, beside_the_program, 0, SP_ROWS(places));
    tcase_add_test(tests, beside_nothing);
    tcase_add_test(tests, the_folder_of_the_module);
    tcase_add_loop_test(tests, the_stock_openssl, 0, SP_ROWS(stocks));
    tcase_add_test(tests, no_installed_partner);
    tcase_add_test(tests, the_usual_openssl);
    tcase_add_test(tests, without_memory);
    tcase_add_test(tests, absolute_paths);
    tcase_add_test(tests, in_this_place);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
