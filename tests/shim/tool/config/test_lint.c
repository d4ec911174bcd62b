/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What in an openssl.cnf defeats the policy, and what in a policy.cnf is no setting.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "keyrings.h"
#include "tool/config/config.h"

/* A configuration without a fault, in pieces. */
#define TOP   "openssl_conf = init\n"
#define INIT  "[init]\nproviders = provs\n"
#define PROVS "[provs]\nsmimepolicy = sp\n"
#define OURS  "[sp]\nmodule = " SP_MODULE "\nactivate = 1\n"
#define OTHER "[other]\nactivate = 1\n"

/* Its text, and what is said of it; NULL: no fault.  The lint runs where "inc" is: "[x]". */
static const struct {
    const char *text;
    const char *fault;
} rows[] = {
    { TOP INIT PROVS OURS, NULL },
    { TOP "[init]\nproviders.1 = provs\n" PROVS OURS, NULL },
    { TOP INIT "alg_section = alg\n" PROVS OURS "[alg]\n", NULL },
    { "", "no openssl_conf in the default section: nothing activates smimepolicy" },
    { TOP, "openssl_conf: there is no section [init]; add it" },
    { TOP "[init]\n", "[init] has no providers: nothing activates smimepolicy" },
    { TOP INIT, "providers: there is no section [provs]; add it" },
    { TOP INIT "[provs]\n", "[provs] does not name smimepolicy; add it" },
    { TOP INIT PROVS, "provider smimepolicy: there is no section [sp]; add it" },
    { "x\n" TOP, "line 1 (or of an included file): syntax error, the whole file is ignored" },

    /* Where the line stands decides whether it counts. */
    { INIT TOP PROVS OURS, "line 3: `openssl_conf = init` is inside another section and is" },
    { INIT "[default]\n" TOP PROVS OURS, NULL },
    { "openssl_conf = a # x\n" TOP INIT PROVS OURS,
      "line 1: `openssl_conf = a` is overridden later (in force: init)" },
    { ".include /proc/self/cwd/inc\n" TOP INIT PROVS OURS,
      "line 2: `openssl_conf = init` lands in the last section of the included file" },
    { ".include /proc/self/cwd/inc\n[default]\n" TOP INIT PROVS OURS, NULL },
    { ".include inc\n[default]\n" TOP INIT PROVS OURS,
      "line 1: .include inc: depends on the directory that the program is in" },
    { ".pragma includedir:/tmp\n.include inc\n[default]\n" TOP INIT PROVS OURS, NULL },

    { TOP "[init]\nengines = e\nproviders = provs\n" PROVS OURS,
      "[init] engines comes before providers: if it fails, no provider is loaded" },
    { TOP INIT "engines = e\n" PROVS OURS, "[init] engines: an engine that uses keys locks" },
    { TOP INIT "providers.2 = more\n" PROVS OURS,
      "[init] providers.2 = more beside provs; name every provider in one section" },
    { TOP INIT "alg_section = alg\n" PROVS OURS, "alg_section: there is no section [alg]" },
    { TOP INIT "alg_section = alg\n" PROVS OURS "[alg]\ndefault_properties = smime.policy=yes\n",
      "[alg] default_properties demands smime.policy=yes, which hides" },

    { TOP INIT PROVS "[sp]\nactivate = 1\n", "[sp] module is not set: the environment" },
    { TOP INIT PROVS "[sp]\nactivate = 1\nmodule = smimepolicy\n",
      "[sp] module is not an absolute path" },
    { TOP INIT PROVS "[sp]\nactivate = 1\nmodule = /proc/nonexistent.so\n",
      "[sp] module /proc/nonexistent.so cannot be read; correct the path" },
    { TOP INIT PROVS "[sp]\nactivate = 1\nmodule = /proc/self/cwd/inc\n",
      "[sp] module /proc/self/cwd/inc cannot be loaded: " },
    { TOP INIT "[provs]\ndefault = sp\n" OURS,
      "provider default: `module` is ignored for a provider of that name" },
    { TOP INIT PROVS "[sp]\nmodule = " SP_MODULE "\n", "[sp] does not activate the provider" },
    { TOP INIT PROVS "[sp]\nactivate = 0\nmodule = " SP_MODULE "\n", "[sp] does not activate" },
    { TOP INIT PROVS OURS "soft_load = 1\n", "[sp] soft_load: a module that cannot be loaded" },

    /* Settings: each key and value, and what OpenSSL would not hand on. */
    { TOP INIT PROVS OURS "mode = observe\n", NULL },
    { TOP INIT PROVS OURS "mode = perhaps\n", "; correct it: an unknown key is ignored" },
    { TOP INIT PROVS OURS "no_such_key = 1\n", "[sp] " },
    { TOP INIT PROVS OURS "backend = init\n",
      "[sp] backend = init: OpenSSL takes the value for the section [init]" },
    { TOP INIT PROVS OURS "trust = keyring\n",
      "[sp] trust = keyring without a keyring: nobody is trusted" },
    { TOP INIT PROVS OURS "keyring = /dev/null\n",
      "[sp] keyring: there is no keyring in /dev/null" },

    /* Other providers. */
    { TOP INIT PROVS "base = other\nlegacy = other\n" OURS OTHER, NULL },
    { TOP INIT PROVS "default = other\n" OURS OTHER,
      "provider default is active beside smimepolicy and may be taken instead" },
    { TOP INIT PROVS "default = other\n" OURS "[other]\n", NULL },
    { TOP "[init]\nproviders = provs\nalg_section = alg\n" PROVS "default = other\n" OURS OTHER
          "[alg]\ndefault_properties = ?smime.policy=yes\n",
      NULL },
    { TOP INIT PROVS "pkcs11 = other\n" OURS OTHER,
      "provider pkcs11: keys that another provider holds pass by the policy" },
    { TOP INIT PROVS "pkcs11 = none\n" OURS,
      "provider pkcs11: there is no section [none]: OpenSSL stops there" },
};

static char *place;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void set_up(void)
{
    place = sp_make_place();
    *strrchr(place, '/') = '\0';
    ck_assert_int_eq(chdir(place), 0);
    place[strlen(place)] = '/';
    write_file("inc", "[x]\n");
}

static void tear_down(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    sp_remove_place(place);
}

START_TEST(faults_are_found)
{
    const char *fault = rows[_i].fault;

    write_file(place, rows[_i].text);
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_lint(place, false), fault == NULL ? SHIM_OK : SHIM_REFUSED);
    sp_expect_captured(STDOUT_FILENO, fault == NULL ? ": no fault found; 'smime-policy" : fault);
}
END_TEST

/* The text of a policy.cnf, and all that is said of it behind the path; or NULL: no fault. */
static const struct {
    const char *text;
    const char *fault;
} settings_rows[] = {
    { "mode = observe\n", NULL },
    { "[default]\n \tmode\t = observe # mode = x\n", NULL },
    { ".include /proc/self/cwd/set\nmode = observe\n", NULL },
    { "x = 1\n", "line 1: x = 1: there is no setting of that name; remove the line\n" },
    { "# mode\nmoode = x\n",
      "line 2: moode = x: there is no setting of that name; did you mean mode?\n" },
    { "\nmode = x\n", "line 2: mode = x: accepted is enforce or observe; correct the value\n" },
    { "san_email = warn\n",
      "line 1: san_email = warn: the rule 'san-email' cannot be changed; remove the line\n" },
    { "trace = no\nmode = observe\ntrace = yes\n",
      "line 3: trace is set in line 1 already, and the last line counts; remove one of them\n" },
    { "trace = no\n\n [ x ]\nmode = observe\n[default]\n",
      "line 3: settings stand in no section; remove the line that begins one\n" },
    { ".include /proc/self/cwd/inc\n[default]\nmode = observe\n",
      "settings stand in no section (in a file that is included); remove the line that" },
    { ".include /proc/self/cwd/wrong\n",
      "moode = x: there is no setting of that name (in a file that is included); did you mean" },
};

START_TEST(faults_of_settings_are_found)
{
    const char *fault = settings_rows[_i].fault;
    char *said;

    write_file("set", "trace = no\n");
    write_file("wrong", "moode = x\n");
    write_file(place, settings_rows[_i].text);
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_lint(place, false), fault == NULL ? SHIM_OK : SHIM_REFUSED);
    said = sp_capture_end(STDOUT_FILENO);
    ck_assert_int_eq(strncmp(said, place, strlen(place)), 0);
    if (fault == NULL)
        fault = "no fault found in these settings; 'smime-policy --policy ";
    ck_assert_msg(strncmp(said + strlen(place) + strlen(": "), fault, strlen(fault)) == 0, "%s",
                  said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    free(said);
}
END_TEST

/* An empty file is a policy.cnf by its name alone; nothing is told without end. */
START_TEST(settings_of_nothing_and_of_nonsense)
{
    char text[400] = "";
    char *said;
    int lines = 0;

    write_file("my-policy.cnf", "");
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_lint("my-policy.cnf", false), SHIM_OK);
    sp_expect_captured(STDOUT_FILENO, "no fault found in these settings");
    for (int i = 0; i < 26; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c = 1\n", 'a' + i);
    write_file(place, text);
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_lint(place, false), SHIM_REFUSED);
    said = sp_capture_end(STDOUT_FILENO);
    ck_assert_ptr_nonnull(strstr(said, ": what follows was not looked at; mend this first\n"));
    for (const char *at = said; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ck_assert_int_eq(lines, 21);
    free(said);
}
END_TEST

/* Each fault of a file is told, on a line of its own that names it. */
START_TEST(every_fault_is_told)
{
    size_t length = strlen(place);
    int lines = 0;
    char *said;

    write_file(place, TOP "[init]\nengines = e\nproviders = provs\n" PROVS
                          "default = other\n[sp]\nx = 1\nsoft_load = 1\n" OTHER);
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_lint(place, false), SHIM_REFUSED);
    said = sp_capture_end(STDOUT_FILENO);
    for (char *line = strtok(said, "\n"); line != NULL; line = strtok(NULL, "\n"), lines++)
        ck_assert_msg(strncmp(line, place, length) == 0 && line[length] == ':', "%s", line);
    /* engines, its place, module, activate, soft_load, the key, and default beside ours */
    ck_assert_int_eq(lines, 7);
    free(said);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_no_configuration)
{
    static const struct {
        const char *path;
        const char *said;
    } files[] = {
        { "/proc/nonexistent", "cannot read /proc/nonexistent: No such file or directory" },
        { "/tmp", "cannot read /tmp: Is a directory; a program that is given it runs without" },
    };

    sp_capture_begin(STDERR_FILENO);
    ck_assert_int_eq(shim_lint(files[_i].path, false), SHIM_INPUT);
    sp_expect_captured(STDERR_FILENO, files[_i].said);
}
END_TEST

/* libcrypto would not come to the end of it, and is not asked. */
START_TEST(a_file_that_includes_itself_is_refused)
{
    write_file("loop", ".include /proc/self/cwd/loop\n" TOP INIT PROVS OURS);
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_lint("loop", false), SHIM_REFUSED);
    sp_expect_captured(STDOUT_FILENO, "loop");
}
END_TEST

/* A file that is not there is passed over, which is said and no fault. */
START_TEST(a_missing_include_is_noted)
{
    write_file(place, ".include /proc/nonexistent/x\n" TOP INIT PROVS OURS);
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(shim_lint(place, false), SHIM_OK);
    sp_expect_captured(STDOUT_FILENO, "note: line 1: /proc/nonexistent/x is not there");
}
END_TEST

/* What a configuration names and cannot be used, in silence. */
START_TEST(its_keyring_and_log_are_named)
{
    struct shim_named named;

    write_file(place, TOP INIT PROVS OURS
               "keyring = /proc/nonexistent/k\ndecision_log = /proc/nonexistent/log\nx = 1\n");
    sp_capture_begin(STDOUT_FILENO);
    named = shim_lint_named(place);
    sp_expect_captured(STDOUT_FILENO, NULL);
    ck_assert_ptr_nonnull(strstr(named.keyring, "/proc/nonexistent/k"));
    ck_assert_ptr_nonnull(strstr(named.log, "/proc/nonexistent/log"));
    ck_assert_ptr_null(named.lost);
    shim_named_clear(&named);
    ck_assert_ptr_null(named.keyring);

    named = shim_lint_named("/proc/nonexistent");
    ck_assert_ptr_null(named.keyring);
    shim_named_clear(&named);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lint");
    TCase *tests = tcase_create("lint");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, faults_are_found, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, faults_of_settings_are_found, 0,
                        sizeof(settings_rows) / sizeof(settings_rows[0]));
    tcase_add_test(tests, settings_of_nothing_and_of_nonsense);
    tcase_add_test(tests, every_fault_is_told);
    tcase_add_loop_test(tests, a_file_that_cannot_be_read_is_no_configuration, 0, 2);
    tcase_add_test(tests, a_file_that_includes_itself_is_refused);
    tcase_add_test(tests, a_missing_include_is_noted);
    tcase_add_test(tests, its_keyring_and_log_are_named);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
