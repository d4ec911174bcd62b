/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The configuration that the launcher writes for stock and its provider.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launch_run.h"
#include "launches.h"
#include "stock/conf_head.h"
#include "verdicts.h"

#define INSTALLED SHIM_CONFIG_DIR "/policy.cnf"

/* HERE is where the files are. */
static const struct {
    const char *policy, *keyring;
    const char *name;
    const char *words[8];
    const char *module;
    bool is_light;
    const char *settings; /* NULL: it cannot be written */
} rows[] = {
    { NULL,
      NULL,
      "sign",
      { "-signer", "both", "-in", "mail" },
      "/m/m.so",
      false,
      "module = /m/m.so\nunknown_keys = refuse\nraw_keys = judge\nsigner_path = refuse\n"
      "report_for = person\nreport = 7\nreport_nonce = nonce\nreport_use = sign\nreport_asks = "
      "no\n" },
    { "mail",
      "rsa",
      "sign",
      { "-signer", "both", "-in", "mail", "-from", "A <a@b>" },
      "/m",
      true,
      "module = /m\npolicy = HERE/mail\nkeyring = HERE/rsa\nunknown_keys = refuse\n"
      "raw_keys = judge\nsigner_path = refuse\nreport_for = person\nkeys = mail\nreport = "
      "7\nreport_nonce = nonce\n"
      "report_use = sign\nreport_asks = no\nreport_sender = a@b\n" },
    { NULL,
      NULL,
      "encrypt",
      { "-in", "mail", "rsa" },
      "/m",
      false,
      "module = /m\nunknown_keys = refuse\nraw_keys = judge\nsigner_path = refuse\nreport_for = "
      "person\n"
      "report = 7\n"
      "report_nonce = nonce\nreport_use = encrypt\nreport_asks = no\nreport_cipher = aes256\n" },
    { NULL,
      NULL,
      "encrypt",
      { "-in", "mail", "-aes128", "rsa" },
      "/m",
      false,
      "module = /m\nunknown_keys = refuse\nraw_keys = judge\nsigner_path = refuse\nreport_for = "
      "person\n"
      "report = 7\n"
      "report_nonce = nonce\nreport_use = encrypt\nreport_asks = no\nreport_cipher = aes128\n" },
    { NULL,
      NULL,
      "decrypt",
      { "-in", "mail", "-recip", "both", "-passin", "pass:x" },
      "/m",
      false,
      "module = /m\nunknown_keys = refuse\nraw_keys = judge\nsigner_path = refuse\nreport_for = "
      "person\n"
      "report = 7\n"
      "report_nonce = nonce\nreport_use = decrypt\nreport_asks = yes\n" },
    { NULL,
      NULL,
      "verify",
      { "-in", "alone" },
      "/m",
      false,
      "module = /m\nunknown_keys = refuse\nraw_keys = judge\nsigner_path = refuse\n"
      "unverified_signers = refuse\nown_anchors = first\nreport_for = person\n"
      "report = 7\nreport_nonce = nonce\nreport_use = verify\nreport_asks = no\n"
      "report_sender = a@b\n" },
    { NULL,
      NULL,
      "cms",
      { "-verify", "-in", "alone" },
      "/m",
      false,
      "module = /m\nunknown_keys = refuse\nraw_keys = judge\nsigner_path = refuse\n"
      "report_for = program\nreport = 7\nreport_nonce = nonce\nreport_use = verify\n"
      "report_asks = no\nreport_sender = a@b\n" },
    /* What was named is not there, or is no file. */
    { "none", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { "mail/x", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { "/mail", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { ".", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { "/dev/null", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { NULL, "none", "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    /* What may switch OCSP on is the tool's, except to decrypt. */
    { "ocsp", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { "section", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { "joined", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { "included", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { "longest", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    /* A verb that verifies leaves a file with a keyring or signers to the tool. */
    { "keyring", NULL, "verify", { "-in", "alone" }, "/m", false, NULL },
    { "signers", NULL, "verify", { "-in", "alone" }, "/m", false, NULL },
    { "comment",
      NULL,
      "verify",
      { "-in", "alone" },
      "/m",
      false,
      "module = /m\npolicy = HERE/comment\nunknown_keys = refuse\nraw_keys = judge\n"
      "signer_path = refuse\nunverified_signers = refuse\nown_anchors = first\n"
      "report_for = person\nreport = 7\nreport_nonce = nonce\nreport_use = verify\n"
      "report_asks = no\nreport_sender = a@b\n" },
    { "keyring",
      NULL,
      "cms",
      { "-verify", "-in", "alone" },
      "/m",
      false,
      "module = /m\npolicy = HERE/keyring\nunknown_keys = refuse\nraw_keys = judge\n"
      "signer_path = refuse\nreport_for = program\nreport = 7\nreport_nonce = nonce\n"
      "report_use = verify\nreport_asks = no\nreport_sender = a@b\n" },
    { "long",
      NULL,
      "decrypt",
      { "-recip", "both", "-in", "mail" },
      "/m",
      false,
      "module = /m\npolicy = HERE/long\nunknown_keys = refuse\nraw_keys = judge\n"
      "signer_path = refuse\nreport_for = person\nreport = 7\nreport_nonce = nonce\n"
      "report_use = decrypt\nreport_asks = no\n" },
    { "long",
      NULL,
      "sign",
      { "-signer", "both", "-in", "mail" },
      "/m",
      false,
      "module = /m\npolicy = HERE/long\nunknown_keys = refuse\nraw_keys = judge\n"
      "signer_path = refuse\nreport_for = person\nreport = 7\nreport_nonce = nonce\n"
      "report_use = sign\nreport_asks = no\n" },
    { "comment",
      NULL,
      "sign",
      { "-signer", "both", "-in", "mail" },
      "/m",
      false,
      "module = /m\npolicy = HERE/comment\nunknown_keys = refuse\nraw_keys = judge\n"
      "signer_path = refuse\nreport_for = person\nreport = 7\nreport_nonce = nonce\n"
      "report_use = sign\nreport_asks = no\n" },
    { "ocsp",
      NULL,
      "decrypt",
      { "-recip", "both", "-in", "mail" },
      "/m",
      false,
      "module = /m\npolicy = HERE/ocsp\nunknown_keys = refuse\nraw_keys = judge\n"
      "signer_path = refuse\nreport_for = person\nreport = 7\nreport_nonce = nonce\n"
      "report_use = decrypt\nreport_asks = no\n" },
    /* Characters that mean something to libcrypto. */
    { NULL, NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m $x", false, NULL },
    { NULL, NULL, "sign", { "-signer", "both", "-in", "mail" }, "$/m", false, NULL },
    { "#", NULL, "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
    { NULL, "#", "sign", { "-signer", "both", "-in", "mail" }, "/m", false, NULL },
};

static void set_up(void)
{
    char line[1025] = "#";

    sp_make_launch_files();
    /* As much of a line as is read at once, and one character less. */
    memset(line + 1, 'x', sizeof(line) - 2);
    strcpy(line + 1022, "\n");
    sp_make_launch_file("longest", line);
    strcpy(line + 1021, "\n");
    sp_make_launch_file("long", line);
    sp_make_launch_file("keyring", "trace = no\nkeyring = x\ntrace = no\n");
    sp_make_launch_file("signers", "trace = no\nsigners = x\ntrace = no\n");
    sp_make_launch_file("#", "");
    sp_make_launch_file("ocsp", "trace = no\n \tocsp = on\ntrace = no\n");
    sp_make_launch_file("section", "default::ocsp = on\n");
    sp_make_launch_file("joined", "oc\\\nsp = on\n");
    sp_make_launch_file("included", ".include more\n");
    sp_make_launch_file("comment", "trace = no\n # ocsp = on\n");
    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", "none", 1), 0);
    (void)remove(INSTALLED);
    /* What a test that failed has left in its place. */
    (void)unlink(SHIM_CONFIG_DIR);
    (void)mkdir(SHIM_CONFIG_DIR, 0755);
}

static void tear_down(void)
{
    (void)remove(INSTALLED);
    sp_remove_launch_files();
}

/* Replace HERE. */
static void resolve(char *to, const char *from)
{
    char here[200];

    ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
    for (; *from != '\0'; to += strlen(to)) {
        if (strncmp(from, "HERE", 4) == 0) {
            strcpy(to, here);
            from += 4;
        } else {
            to[0] = *from++;
            to[1] = '\0';
        }
    }
}

/* Write it as in the row, and expect these settings behind the head; NULL: it fails. */
static void expect(int row, const char *settings, const char *keyring)
{
    struct shim_launch launch = { .policy = rows[row].policy,
                                  .keyring = rows[row].keyring,
                                  .content = -1 };
    const char *words[8];
    char written[4000] = "", expected[4000] = SHIM_CONF_HEAD, place[300] = "";
    char *found = NULL;
    int fd;

    memcpy(words, rows[row].words, sizeof(words));
    ck_assert(sp_launch_read(&launch, rows[row].name, words));
    errno = ENOENT; /* of something before */
    fd = shim_launch_conf(&launch, rows[row].module, "nonce", 7, rows[row].is_light, &found);
    if (settings == NULL) {
        ck_assert_int_eq(fd, -1);
    } else {
        ck_assert_int_ge(fd, 0);
        resolve(expected + strlen(expected), settings);
        ck_assert_int_gt(pread(fd, written, sizeof(written) - 1, 0), 0);
        ck_assert_str_eq(written, expected);
        resolve(place, keyring != NULL ? keyring : "");
        ck_assert_str_eq(found != NULL ? found : "", place);
        close(fd);
    }
    free(found);
    shim_launch_clear(&launch);
}

START_TEST(settings)
{
    expect(_i, rows[_i].settings, rows[_i].keyring != NULL ? "HERE/rsa" : NULL);
}
END_TEST

/* What nobody named applies where it is there. */
START_TEST(settings_by_default)
{
    sp_make_launch_file(INSTALLED, "");
    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", "mail", 1), 0);
    expect(0,
           "module = /m/m.so\npolicy = " INSTALLED "\nkeyring = HERE/mail\n"
           "unknown_keys = refuse\nraw_keys = judge\nsigner_path = refuse\nreport_for = person\n"
           "report = 7\n"
           "report_nonce = nonce\nreport_use = sign\nreport_asks = no\n",
           "HERE/mail");
    ck_assert_int_eq(unlink(INSTALLED), 0);
    ck_assert_int_eq(mkdir(INSTALLED, 0700), 0);
    expect(0, NULL, NULL);
    ck_assert_int_eq(rmdir(INSTALLED), 0);
    ck_assert_int_eq(symlink(INSTALLED, INSTALLED), 0);
    expect(0, NULL, NULL);
    ck_assert_int_eq(unlink(INSTALLED), 0);
    /* Where its directory is a file there is none. */
    ck_assert_int_eq(rmdir(SHIM_CONFIG_DIR), 0);
    sp_make_launch_file(SHIM_CONFIG_DIR, "");
    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", "none", 1), 0);
    expect(0, rows[0].settings, NULL);
    ck_assert_int_eq(unlink(SHIM_CONFIG_DIR), 0);
    ck_assert_int_eq(mkdir(SHIM_CONFIG_DIR, 0755), 0);
}
END_TEST

/* Who has no home has no keyring of his own. */
START_TEST(no_home)
{
    ck_assert_int_eq(unsetenv("SMIME_POLICY_KEYRING") | unsetenv("XDG_DATA_HOME"), 0);
    ck_assert_int_eq(unsetenv("HOME"), 0);
    expect(0, rows[0].settings, NULL);
}
END_TEST

/* If memory runs out nothing of it is missing, or it is not written. */
START_TEST(memory_runs_out)
{
    static const int starving[] = { 0, 1, 2 };
    struct shim_launch launch = { .policy = rows[starving[_i]].policy,
                                  .keyring = rows[starving[_i]].keyring,
                                  .content = -1 };
    char expected[4000] = "", written[4000];
    const char *words[8];
    long number = 0;
    bool starved;

    memcpy(words, rows[starving[_i]].words, sizeof(words));
    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", "mail", 1), 0);
    ck_assert(sp_launch_read(&launch, rows[starving[_i]].name, words));
    do {
        char *found = NULL;
        int fd;

        sp_launch_starve(number++); /* at first none fails */
        fd = shim_launch_conf(&launch, "/m", "nonce", 7, false, &found);
        starved = sp_launch_starve_end();
        ck_assert(starved || fd >= 0);
        if (fd >= 0) {
            memset(written, 0, sizeof(written));
            ck_assert_int_gt(pread(fd, written, sizeof(written) - 1, 0), 0);
            if (number == 1)
                strcpy(expected, written);
            ck_assert_str_eq(written, expected);
            ck_assert_ptr_nonnull(found);
            close(fd);
        }
        free(found);
        ck_assert_int_eq(sp_launch_kept(), 0);
    } while (starved || number == 1);
    shim_launch_clear(&launch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("launch_conf");
    TCase *tests = tcase_create("launch_conf");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, settings, 0, SP_ROWS(rows));
    tcase_add_test(tests, settings_by_default);
    tcase_add_test(tests, no_home);
    tcase_add_loop_test(tests, memory_runs_out, 0, 3);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
