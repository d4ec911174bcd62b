/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Configurations that include others: what is read of them has an end.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/conf_bounds.h"
#include "starve.h"
#include "verdicts.h"

static char here[] = "/tmp/test_conf.XXXXXX";

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(strcpy(here, "/tmp/test_conf.XXXXXX")));
}

static int remove_entry(const char *path, const struct stat *is, int type, struct FTW *where)
{
    (void)is, (void)type, (void)where;
    return remove(path);
}

static void tear_down(void)
{
    ck_assert_int_eq(nftw(here, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* |text| with the directory in the place of each "@"; free() it. */
static char *filled(const char *text)
{
    char *out = calloc(1, 1);

    for (; *text != '\0'; text++) {
        const char piece[] = { *text, '\0' };
        const char *more = *text == '@' ? here : piece;

        out = realloc(out, strlen(out) + strlen(more) + 1);
        ck_assert_ptr_nonnull(out);
        strcat(out, more);
    }
    return out;
}

static void write_bytes(const char *name, const char *bytes, size_t length)
{
    char *path = filled(name);
    FILE *file = fopen(path, "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
    free(path);
}

static void write_text(const char *name, const char *text)
{
    char *all = filled(text);

    write_bytes(name, all, strlen(all));
    free(all);
}

/* What is passed over: a line each. */
static char lost[4096];

static void note_lost(const struct sp_conf_lost *one, void *data)
{
    ck_assert_ptr_eq(data, here);
    sprintf(lost + strlen(lost), "%s: %u: %s: %s\n", one->file, one->line, one->path,
            one->error == 0 ? "relative" : strerror(one->error));
}

/* |expected| NULL: it has an end; else how the reason begins. */
static void expect(const char *name, const char *expected)
{
    char *path = filled(name), *why = NULL;
    bool bounded;

    lost[0] = '\0';
    bounded = sp_conf_is_bounded(path, note_lost, here, &why);

    if (expected == NULL) {
        ck_assert_msg(bounded && why == NULL, "%s", why);
    } else {
        char *start = filled(expected);

        ck_assert_msg(!bounded && why != NULL && strncmp(why, start, strlen(start)) == 0,
                      "%s, not: %s", why, start);
        free(start);
    }
    OPENSSL_free(why);
    free(path);
}

#define BACK     ": .include @/main: it leads back to a file that is being read"
#define ODD      ": it includes a file in a form that no manual has"
#define VARIABLE ": what it names depends on variables"

static const struct {
    const char *main, *other; /* the two files; |other| NULL: it is not there */
    const char *why;
} rows[] = {
    { "", NULL, NULL },
    { "a = b\n", NULL, NULL },
    { ".include @/other\n", "a = b\n", NULL },
    { ".include @/other\n.include @/other\n", "a = b\n", NULL },
    { ".include @/other\n", NULL, NULL },
    { ".include\n.include \n.include =\n", NULL, NULL },
    { ".include @/main\n", NULL, "@/main: line 1" BACK },
    { ".include @/main", NULL, "@/main: line 1" BACK },
    { "a\n\n.include @/main\n", NULL, "@/main: line 3" BACK },
    { ".include @/other\n", "#\n.include @/main\n", "@/other: line 2" BACK },
    { ".include @/other\n", ".include @/other\n", "@/other: line 1: .include @/other: it leads" },
    /* Forms of the line. */
    { " \t.include \t@/main \t\r\n", NULL, "@/main: line 1" BACK },
    { ".include=@/main # back\n", NULL, "@/main: line 1" BACK },
    { ".include = @/main#back\n", NULL, "@/main: line 1" BACK },
    { ".include \"@/main\"\n", NULL, "@/main: line 1" BACK },
    { ".include '@/main' # back\n", NULL, "@/main: line 1" BACK },
    { ".include = `@/main`\r\n", NULL, "@/main: line 1" BACK },
    { ".include \"@/main\"", NULL, "@/main: line 1" BACK },
    { "\xef\xbb\xbf.include @/main\n", NULL, "@/main: line 1" BACK },
    { "#.include @/main\n", NULL, NULL },
    { "include @/main\n", NULL, NULL },
    /* Lines that go on in the next one. */
    { ".incl\\\nude @/main\n", NULL, "@/main: line 2" BACK },
    { ".incl\\\r\nude \\\r\n@/main\r\n", NULL, "@/main: line 3" BACK },
    { "a = b\\\n.include @/main\n", NULL, NULL },
    { "a = b\\\\\n.include @/main\n", NULL, "@/main: line 2" BACK },
    { "\\\n.include @/main\n", NULL, "@/main: line 2" BACK },
    { "\\\\\n.include @/main\n", NULL, "@/main: line 2" BACK },
    { ".include @/main\\", NULL, "@/main: line 1: .include @/main\\" VARIABLE },
    /* What they name is not known. */
    { ".include $where/other\n", NULL, "@/main: line 1: .include $where/other" VARIABLE },
    { ".include @/ot\\her\n", NULL, "@/main: line 1: .include @/ot\\her" VARIABLE },
    { ".include \"@/\"other\n", NULL, "@/main: line 1: .include \"@/\"other" VARIABLE },
    { ".include \"@/main\"o\n", NULL, "@/main: line 1: .include \"@/main\"o" VARIABLE },
    { ".include @/'other'\n", NULL, "@/main: line 1: .include @/'other'" VARIABLE },
    { ".include `@/other\n", NULL, "@/main: line 1: .include `@/other" VARIABLE },
    /* Forms that are followed and that no manual has. */
    { "a\nsection::.include @/other\n", NULL, "@/main: line 2" ODD },
    { "section:: \t.include = @/other\n", NULL, "@/main: line 1" ODD },
    { "::.include @/other\n", NULL, "@/main: line 1" ODD },
    { ".includes = @/other\n", NULL, "@/main: line 1" ODD },
    { ".include@/other\n", NULL, "@/main: line 1" ODD },
    { "a.include = b\n", NULL, NULL },
    { "a:.include b\n", NULL, NULL },
    { ":.include b\n", NULL, NULL },
    { "a :b.include\n", NULL, NULL },
    { "a = b # section::.include @/main\n", NULL, NULL },
    { "section::.include b # comment\n", NULL, "@/main: line 1" ODD },
    /* Where relative names belong. */
    { ".pragma includedir:@\n.include main\n", NULL,
      "@/main: line 2: .include @/main: it leads back" },
    { ".pragma includedir: \t@ \n.include main\n", NULL,
      "@/main: line 2: .include @/main: it leads back" },
    { ".pragma includedir:/nowhere\n.pragma includedir:@\n.include main\n", NULL,
      "@/main: line 3: .include @/main: it leads back" },
    { ".pragma includedir:/nowhere\n.include main\n.include @/main\n", NULL,
      "@/main: line 3" BACK },
    { ".pragma other:@\n.pragma includedir\n.include nowhere/main\n", NULL, NULL },
    { "includedir:@\n.include nowhere/main\n", NULL, NULL },
};

START_TEST(forms)
{
    write_text("@/main", rows[_i].main);
    if (rows[_i].other != NULL)
        write_text("@/other", rows[_i].other);
    expect("@/main", rows[_i].why);
}
END_TEST

static const struct {
    const char *main, *lost;
} passed[] = {
    { ".include @/other\n.include /dev/null\n", "" },
    { ".include /proc/self/task\n", "" },
    { ".include # nothing\n.include \t#\n", "" },
    { ".include @/no\n", "@/main: 1: @/no: No such file or directory\n" },
    { "a\n.include @/other/no\n.include @/no\n",
      "@/main: 2: @/other/no: Not a directory\n@/main: 3: @/no: No such file or directory\n" },
    { ".include no\n", "@/main: 1: no: relative\n" },
    { ".pragma includedir:@\n.include other\n", "" },
    { ".pragma includedir:@\n.include no\n", "@/main: 2: @/no: No such file or directory\n" },
};

/* libcrypto passes over what it cannot open, and says nothing: somebody is told. */
START_TEST(passed_over)
{
    char *expected = filled(passed[_i].lost), *path = filled("@/main"), *why;

    write_text("@/other", "");
    write_text("@/main", passed[_i].main);
    expect("@/main", NULL);
    ck_assert_str_eq(lost, expected);
    /* Or nobody is. */
    ck_assert(sp_conf_is_bounded(path, NULL, NULL, &why));
    free(path);
    free(expected);
}
END_TEST

/* A directory and a file that only others may read. */
START_TEST(of_another)
{
    char *folder = filled("@/folder"), *path = filled("@/main"), *file = filled("@/other");
    char *expected = filled("@/main: 1: @/folder: Permission denied\n"
                            "@/main: 2: @/other: Permission denied\n");

    write_text("@/main", ".include @/folder\n.include @/other\n");
    write_text("@/other", "a = b\n");
    ck_assert(mkdir(folder, 0) == 0 && chmod(here, 0755) == 0 && chmod(path, 0644) == 0);
    ck_assert_int_eq(chmod(file, 0), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(12345), 0);
    expect("@/main", NULL);
    ck_assert_str_eq(lost, expected);
    expect("@/other", "@/other: Permission denied");
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    free(expected);
    free(file);
    free(path);
    free(folder);
}
END_TEST

/* What the environment says comes before what the file says. */
START_TEST(place_of_relative_names)
{
    write_text("@/main", ".pragma includedir:/nowhere\n.include main\n");
    expect("@/main", NULL);
    ck_assert_int_eq(setenv("OPENSSL_CONF_INCLUDE", here, 1), 0);
    expect("@/main", "@/main: line 2: .include @/main: it leads back");
    ck_assert_int_eq(setenv("OPENSSL_CONF_INCLUDE", "/nowhere", 1), 0);
    expect("@/main", NULL);
    write_text("@/main", ".pragma includedir:@\n.include main\n");
    expect("@/main", NULL);
    ck_assert_int_eq(unsetenv("OPENSSL_CONF_INCLUDE"), 0);
    /* Else where the program is. */
    write_text("@/main", ".include main\n");
    ck_assert_int_eq(chdir("/"), 0);
    expect("@/main", NULL);
    ck_assert_int_eq(chdir(here), 0);
    expect("@/main", "@/main: line 1: .include main: it leads back");
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

static const struct {
    const char *name;
    bool read;
} names[] = {
    { "a.cnf", true },   { "a.conf", true },  { "a.CNF", true },   { "a.Conf", true },
    { ".cnf", false },   { ".conf", false },  { "a.txt", false },  { "cnf", false },
    { "a.cnf.", false }, { "a.cnf~", false }, { "a.b.cnf", true },
};

/* Of a directory the configurations are read, by their names. */
START_TEST(directories)
{
    char *folder = filled("@/folder"), *name = NULL, *why = NULL;

    ck_assert_int_eq(mkdir(folder, 0700), 0);
    ck_assert_int_gt(asprintf(&name, "@/folder/%s", names[_i].name), 0);
    ck_assert_int_gt(asprintf(&why, "%s: line 1" BACK, name), 0);
    write_text("@/main", ".include @/folder\n");
    write_text(name, ".include @/main\n");
    expect("@/main", names[_i].read ? why : NULL);
    expect("@/folder", "@/folder: Is a directory");
    free(why);
    free(name);
    free(folder);
}
END_TEST

START_TEST(no_files)
{
    char *pipe = filled("@/pipe");

    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    expect("@/main", "@/main: No such file or directory");
    expect("@/pipe", "@/pipe: it is a pipe, socket or device");
    expect("/dev/zero", "/dev/zero: it is a pipe, socket or device");
    expect("/dev/null", NULL);
    write_text("@/main", "\n.include @/pipe\n");
    expect("@/main", "@/main: line 2: .include @/pipe: it is a pipe, socket or device");
    write_text("@/main", ".include /dev/null\n.include @/main\n");
    expect("@/main", "@/main: line 2" BACK);
    write_bytes("@/main", "a\0b\n", 4);
    expect("@/main", "@/main: it holds a NUL");
    write_bytes("@/main", "", 1);
    expect("@/main", "@/main: it holds a NUL");
    write_text("@/other", ".include @/main\n");
    expect("@/other", "@/other: line 1: .include @/main: it holds a NUL");
    free(pipe);
}
END_TEST

/* --- limits, to the last one that is allowed */

static void write_times(const char *name, const char *line, size_t times)
{
    char *one = filled(line);
    size_t length = strlen(one);
    char *all = malloc(length * times + 1);

    ck_assert_ptr_nonnull(all);
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * length, one, length);
    write_bytes(name, all, length * times);
    free(all);
    free(one);
}

START_TEST(bytes)
{
    static const char too_large[] = ": the configuration is larger than 1 MB";
    const size_t most = (1 << 20) - 1;
    char why[128];

    write_times("@/main", "#", most);
    expect("@/main", NULL);
    write_times("@/main", "#", most + 1);
    (void)snprintf(why, sizeof(why), "@/main%s", too_large);
    expect("@/main", why);
    /* With all that it includes. */
    write_text("@/main", ".include @/other\n");
    write_times("@/other", "#", most - strlen(here) - strlen(".include /other\n"));
    expect("@/main", NULL);
    write_times("@/other", "#", most - strlen(here) - strlen(".include /other\n") + 1);
    (void)snprintf(why, sizeof(why), "@/main: line 1: .include @/other%s", too_large);
    expect("@/main", why);
}
END_TEST

START_TEST(variables)
{
    write_times("@/main", "a = $b\n", 1000);
    expect("@/main", NULL);
    write_times("@/main", "a = $b$b$b\n", 1001);
    expect("@/main", "@/main: more than 1,000 lines name variables; write their values");
    write_times("@/main", "a = b\n", 1001);
    expect("@/main", NULL);
}
END_TEST

START_TEST(files)
{
    write_text("@/other", "");
    write_times("@/main", ".include @/other\n", 999);
    expect("@/main", NULL);
    write_times("@/main", ".include @/other\n", 1000);
    expect("@/main", "@/main: line 1000: .include @/other: more than 1,000 files are included");
}
END_TEST

/* The files |from| to |to|, each of which includes the next one. */
static void write_chain(int from, int to)
{
    for (int i = from; i <= to; i++) {
        char name[16], text[32];

        (void)snprintf(name, sizeof(name), "@/%d", i);
        (void)snprintf(text, sizeof(text), i < to ? ".include @/%d\n" : "\n", i + 1);
        write_text(name, text);
    }
}

START_TEST(depth)
{
    write_chain(0, 10);
    expect("@/0", NULL);
    write_chain(0, 11);
    expect("@/0", "@/10: line 1: .include @/11: more than 10 files include one another");
}
END_TEST

START_TEST(entries)
{
    char *folder = filled("@/folder");

    ck_assert_int_eq(mkdir(folder, 0700), 0);
    write_text("@/main", ".include @/folder\n");
    /* With "." and "..". */
    for (int i = 1; i <= 9999; i++) {
        char name[32];

        if (i == 9999)
            expect("@/main", NULL);
        (void)snprintf(name, sizeof(name), "@/folder/%d", i);
        write_text(name, "");
    }
    expect("@/main", "@/main: line 1: .include @/folder: it leads through more than 10,000 names");
    free(folder);
}
END_TEST

/* The first fault is the only one, and nothing is read behind it. */
START_TEST(first_of_two)
{
    char *folder = filled("@/folder");
    long kept;

    ck_assert_int_eq(mkdir(folder, 0700), 0);
    write_text("@/folder/a.cnf", ".include @/main\n");
    write_text("@/folder/b.cnf", ".include @/main\n");
    write_text("@/main", ".include @/folder\n.include $x\n");
    kept = sp_starve_kept();
    expect("@/main", "@/folder/");
    ck_assert_int_eq(sp_starve_kept(), kept);
    free(folder);
}
END_TEST

/* A line ends at its zero, whatever stands behind it. */
START_TEST(end_of_a_line)
{
    char empty[] = ".include\0/etc/behind\0#", open[] = ".include \"/etc/x\0\"";

    ck_assert_str_eq(sp_conf_included(empty), "");
    ck_assert_str_eq(sp_conf_included(open), "\"/etc/x");
}
END_TEST

/* Where memory runs out it is not said that it has an end, and no other reason is. */
START_TEST(memory_runs_out)
{
    char *folder = filled("@/folder"), *path = filled("@/main"), *why = NULL;
    long number = 0;
    bool bounded, starved;

    ck_assert_int_eq(mkdir(folder, 0700), 0);
    write_text("@/other", "a = b\n");
    write_text("@/folder/a.cnf", "a = b\n");
    write_text("@/main", ".pragma includedir:@\n.include other\n.include @/folder\n");
    do {
        const long kept = sp_starve_kept();

        sp_starve(++number);
        bounded = sp_conf_is_bounded(path, NULL, NULL, &why);
        starved = sp_starve_end();
        ck_assert_ptr_null(why);
        ck_assert_int_eq(bounded, !starved);
        ERR_clear_error();
        ck_assert_int_le(sp_starve_kept(), kept + 2);
    } while (starved);
    ck_assert_int_gt(number, 5);
    free(path);
    free(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("configurations");
    TCase *tests = tcase_create("bounds");

    if (!sp_starve_watch())
        return EXIT_FAILURE;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, forms, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, passed_over, 0, SP_ROWS(passed));
    tcase_add_test(tests, end_of_a_line);
    tcase_add_test(tests, of_another);
    tcase_add_test(tests, place_of_relative_names);
    tcase_add_loop_test(tests, directories, 0, SP_ROWS(names));
    tcase_add_test(tests, no_files);
    tcase_add_test(tests, bytes);
    tcase_add_test(tests, variables);
    tcase_add_test(tests, files);
    tcase_add_test(tests, depth);
    tcase_add_test(tests, entries);
    tcase_add_test(tests, first_of_two);
    tcase_add_test(tests, memory_runs_out);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
