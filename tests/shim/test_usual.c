/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which command lines the launcher takes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/message.h"
#include "launcher/launch.h"
#include "tool/run/ciphers.h"
#include "verdicts.h"

/* The first line of base64 holds the identifier of the key. */
#define CERT(line) "-----BEGIN CERTIFICATE-----\n" line "\n-----END CERTIFICATE-----\n"
#define KEY        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
#define LOCKED     "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"

static const struct {
    const char *name, *text;
} files[] = {
    { "rsa", CERT("MAYGAQE=") },
    { "ec", CERT("AAYHKoZI\nzj0CAQ==") },
    { "pss", CERT("BgkqhkiG9w0BAQo=") },
    { "both", CERT("MAYGAQE=") KEY },
    { "shut", CERT("MAYGAQE=") LOCKED },
    { "key", KEY },
    { "locked", LOCKED },
    { "trusted", "-----BEGIN TRUSTED CERTIFICATE-----\nMAY=\n-----END TRUSTED CERTIFICATE-----\n" },
    { "a:b", CERT("MAYGAQE=") },
    { "mail", "Subject: x\n\nhello\n" },
    { "pass", "secret\n" },
    { "plain", "From: A <a@b>\nTo: c@d\n\nhello\n" },
    { "alone", "From: A <a@b>\n\nhello\n" },
    { "many", "From: a@b, c@d\nTo: c@d\n\nhello\n" },
};

static const struct {
    bool usual;
    const char *name;
    const char *words[12];
} rows[] = {
    { true, "sign", { "-signer", "rsa", "-inkey", "key", "-in", "mail" } },
    { true, "sign", { "-signer", "both", "-in", "mail", "-out", "x", "-text" } },
    { true, "sign", { "-signer", "rsa", "-inkey", "key", "-signer", "both", "-in", "mail" } },
    { true, "sign", { "-signer", "ec", "-inkey", "key", "-in", "mail", "-md", "sha384" } },
    { true, "sign", { "-signer", "rsa", "-inkey", "locked", "-passin", "pass:x", "-in", "mail" } },
    { true, "sign", { "-signer", "rsa", "-inkey", "key", "-from", "a@b.example", "-in", "mail" } },
    { true,
      "cms",
      { "-sign", "-signer", "pss", "-inkey", "key", "-in", "mail", "-outform", "DER" } },
    { true, "smime", { "-sign", "-signer", "both", "-from", "A <a@b>", "-in", "mail" } },
    { true, "encrypt", { "-in", "mail", "rsa" } },
    { true, "encrypt", { "-in", "mail", "-aes128", "-recip", "rsa", "both" } },
    { true, "smime", { "-encrypt", "-aes256", "-in", "mail", "ec" } },
    { true, "decrypt", { "-in", "mail", "-recip", "rsa", "-inkey", "key" } },
    { true, "decrypt", { "-in", "mail", "-recip", "both" } },
    { true, "cms", { "-decrypt", "-in", "mail", "-recip", "ec", "-inkey", "key" } },
    { true, "sign", { "--from", "a@b.example", "-in", "mail" } },
    { true,
      "encrypt",
      { "--to", "a@b.example, c@d.example", "--cc", "e@f", "-in", "mail", "rsa" } },
    { true, "encrypt", { "--from", "a@b.example", "--to-self", "-in", "mail" } },
    { true, "sign", { "--from", "A <a@b>", "-in", "mail" } },
    { true, "encrypt", { "--to", "\"A, B\" <a@b>, c@d", "-in", "mail" } },
    { true, "sign", { "-signer", "both", "-in", "mail", "-from", "A <a@b>" } },
    { true, "sign", { "-signer", "both", "-in", "mail", "-from", "(A) a@b", "-outform", "DER" } },
    { true, "sign", { "--headers", "-in", "plain" } },
    { true, "sign", { "--headers", "-in", "alone", "-outform", "PEM" } },
    { true, "sign", { "--headers", "-in", "plain", "--from", "x@y" } },
    { true, "sign", { "--headers", "-in", "plain", "-signer", "both" } },
    { true, "encrypt", { "--headers", "-in", "plain" } },
    { true, "encrypt", { "--headers", "-in", "plain", "--to-self", "--to", "x@y", "rsa" } },
    { true, "encrypt", { "--headers", "-in", "alone", "--to-self" } },
    { true, "encrypt", { "--headers", "-in", "alone", "rsa" } },

    /* Nothing to do, or something else. */
    { false, "sign", { "-in", "mail" } },
    { false, "cms", { "-in", "mail" } },
    { false, "cms", { "-verify", "-in", "mail" } },
    { false, "sign", { "-encrypt", "-signer", "both", "-in", "mail" } },
    { false, "sign", { "-help" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "rsa" } },
    { false, "sign", { "-signer", "both", "-recip", "rsa", "-in", "mail" } },
    { false, "decrypt", { "-in", "mail", "-inkey", "key" } },
    { false, "decrypt", { "-in", "mail" } },
    { false, "decrypt", { "-in", "mail", "-recip", "rsa", "-recip", "both" } },
    /* A passphrase would be asked for, or can be read once. */
    { false, "sign", { "-signer", "rsa", "-inkey", "locked", "-in", "mail" } },
    { false, "sign", { "-signer", "shut", "-in", "mail" } },
    { false, "sign", { "-signer", "shut", "-passin", "pass:x", "-in", "mail" } },
    { false, "sign", { "-signer", "rsa", "-inkey", "locked", "-passin", "stdin", "-in", "mail" } },
    { false, "sign", { "-signer", "rsa", "-inkey", "locked", "-passin", "fd:3", "-in", "mail" } },
    { false,
      "sign",
      { "-signer", "rsa", "-inkey", "locked", "-passin", "env:NONE", "-in", "mail" } },
    { false,
      "sign",
      { "-signer", "rsa", "-inkey", "locked", "-passin", "file:/dev/null", "-in", "mail" } },
    /* A default needs an option that depends on the key. */
    { false, "sign", { "-signer", "pss", "-inkey", "key", "-in", "mail" } },
    { false, "encrypt", { "-in", "mail", "rsa", "ec" } },
    /* Stock's default is 3DES in some releases. */
    { false, "cms", { "-encrypt", "-in", "mail", "rsa" } },
    { false, "encrypt", { "-aes128", "-aes256", "-in", "mail", "rsa" } },
    { false, "sign", { "-aes128", "-signer", "both", "-in", "mail" } },
    /* No file of PEM, or no file at all. */
    { false, "encrypt", { "-in", "mail", "mail" } },
    { false, "encrypt", { "-in", "mail", "key" } },
    { false, "encrypt", { "-in", "mail", "trusted" } },
    { false, "encrypt", { "-in", "mail", "a:b" } },
    { false, "encrypt", { "-in", "mail", "none" } },
    { false, "encrypt", { "-in", "mail", "/dev/null" } },
    { false, "encrypt", { "-in", "mail", "file:rsa" } },
    { false, "encrypt", { "-in", "mail", "." } },
    { false, "encrypt", { "-in", "none", "rsa" } },
    { false, "encrypt", { "-in", "/dev/zero", "rsa" } },
    /* Options that are the tool's, or refused. */
    { false, "sign", { "-signer", "both", "-in", "mail", "-certfile", "rsa" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-md", "sha1" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-in", "mail" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-engine", "x" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-provider", "x" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-rand", "pass" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "--json" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "--explain" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-v" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "--headers" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-from", "(A) a@b" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-from", "a@b, c@d" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-from", "a@b\n" } },
    { false, "sign", { "--headers", "-in", "many" } },
    { false, "sign", { "--headers", "-in", "none" } },
    { false, "sign", { "--headers", "-in", "/dev/null" } },
    { false, "sign", { "--headers", "-in", "plain", "-subject", "x" } },
    { false, "sign", { "--headers", "-in", "plain", "-nocerts" } },
    { false, "sign", { "--headers", "-in", "plain", "--to", "x@y" } },
    { false, "sign", { "--headers", "-in", "plain", "--to-self" } },
    { false, "encrypt", { "--headers", "-in", "plain", "--bcc", "separate" } },
    { false, "sign", { "--headers", "-in", "plain", "-passin", "stdin" } },
    { false, "encrypt", { "--headers", "-in", "alone" } },
    { false, "encrypt", { "--headers", "-in", "many", "rsa" } },
    { false, "encrypt", { "--headers", "-in", "plain", "--from", "x@y" } },
    { false, "decrypt", { "--headers", "-in", "plain", "-recip", "both" } },
    { false, "encrypt", { "-in", "mail", "-keyopt", "x", "rsa" } },
    { false, "encrypt", { "-in", "mail", "-pwri_password", "x", "rsa" } },
    /* Addresses of other forms. */
    { false, "sign", { "--from", "A (x) <a@b>", "-in", "mail" } },
    { false, "sign", { "--from", "a@b, c@d", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "--from", "c@d", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "-signer", "both", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "-nocerts", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "--to", "c@d", "-in", "mail" } },
    { false, "encrypt", { "--to", "a", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b,", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b/../c", "-in", "mail" } },
    { false, "encrypt", { "--to", "a%40b@c", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b@c", "-in", "mail" } },
    { false, "encrypt", { "--to", ".a@b", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b.", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b", "--from", "c@d", "-in", "mail" } },
};

static void make_files(void)
{
    char directory[] = "/tmp/test-usual-XXXXXX";

    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    for (size_t i = 0; i < SP_ROWS(files); i++) {
        FILE *file = fopen(files[i].name, "w");

        ck_assert(file != NULL && fputs(files[i].text, file) >= 0 && fclose(file) == 0);
    }
}

static void remove_files(void)
{
    char directory[200];

    for (size_t i = 0; i < SP_ROWS(files); i++)
        (void)unlink(files[i].name);
    ck_assert_ptr_nonnull(getcwd(directory, sizeof(directory)));
    ck_assert_int_eq(rmdir(directory), 0);
}

START_TEST(is_usual)
{
    const char *name = rows[_i].name;
    bool is_stock = strcmp(name, "cms") == 0 || strcmp(name, "smime") == 0;
    struct shim_launch launch = { .name = name,
                                  .api = !is_stock                  ? SHIM_VERB
                                         : strcmp(name, "cms") == 0 ? SHIM_CMS
                                                                    : SHIM_SMIME,
                                  .manner = is_stock ? &shim_manner_stock : &shim_manner_verb };
    char *words[12];
    bool usual;

    memcpy(words, rows[_i].words, sizeof(words));
    make_files();
    shim_errors_mute(true);
    usual = shim_request_parse(launch.api, words, shim_cipher_is_known, &launch.args,
                               &launch.request) == SHIM_OK &&
            shim_launch_is_usual(&launch);
    shim_launch_clear(&launch);
    remove_files();
    ck_assert_int_eq(usual, rows[_i].usual);
}
END_TEST

/* A message that can be read once is good enough, but not where the tool may have to read it again.
 */
static const struct {
    bool usual;
    const char *name;
    const char *words[8];
} piped[] = {
    { true, "sign", { "-signer", "both" } },
    { true, "encrypt", { "rsa" } },
    { true, "cms", { "-decrypt", "-recip", "both" } },
    { false, "decrypt", { "-recip", "both" } },
    { false, "sign", { "--from", "a@b" } },
    { false, "encrypt", { "--to", "a@b" } },
    { false, "sign", { "-signer", "both", "-in", "-" } },
};

START_TEST(is_usual_through_a_pipe)
{
    const char *name = piped[_i].name;
    bool is_stock = strcmp(name, "cms") == 0;
    struct shim_launch launch = { .name = name,
                                  .api = is_stock ? SHIM_CMS : SHIM_VERB,
                                  .manner = is_stock ? &shim_manner_stock : &shim_manner_verb };
    char *words[8];
    int ends[2];
    bool usual;

    ck_assert(pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], "x", 1) == 1 &&
              dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    memcpy(words, piped[_i].words, sizeof(words));
    make_files();
    shim_errors_mute(true);
    usual = shim_request_parse(launch.api, words, shim_cipher_is_known, &launch.args,
                               &launch.request) == SHIM_OK &&
            shim_launch_is_usual(&launch);
    shim_launch_clear(&launch);
    remove_files();
    ck_assert_int_eq(usual, piped[_i].usual);
}
END_TEST

/* A mail in a pipe becomes a file, which the tool can read again from its beginning. */
static const struct {
    bool usual;
    const char *mail;
} through[] = {
    { true, "From: a@b\r\nTo: c@d\r\n\r\nhello\r\n" },
    { false, "From: a@b (A)\nTo: c@d\n\nhello\n" },
    { false, "To: c@d\n\nhello\n" },
    { false, "hello" },
};

START_TEST(a_mail_is_usual_through_a_pipe)
{
    struct shim_launch launch = { .name = "encrypt",
                                  .api = SHIM_VERB,
                                  .manner = &shim_manner_verb };
    char headers[] = "--headers";
    char *words[] = { headers, NULL };
    const char *mail = through[_i].mail;
    char again[100] = "";
    int ends[2];
    bool usual;

    ck_assert(pipe2(ends, O_CLOEXEC) == 0 &&
              write(ends[1], mail, strlen(mail)) == (ssize_t)strlen(mail) && close(ends[1]) == 0 &&
              dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    shim_errors_mute(true);
    usual = shim_request_parse(launch.api, words, shim_cipher_is_known, &launch.args,
                               &launch.request) == SHIM_OK &&
            shim_launch_is_usual(&launch);
    ck_assert_int_eq(usual, through[_i].usual);
    ck_assert_int_eq(launch.lost, 0);
    if (usual) {
        ck_assert_str_eq(launch.header, "From: a@b\nTo: c@d\n");
        ck_assert_int_eq(pread(launch.content, again, sizeof(again) - 1, 0), 9);
        ck_assert_str_eq(again, "\r\nhello\r\n");
    }
    shim_launch_clear(&launch);
    memset(again, 0, sizeof(again));
    ck_assert_int_eq(read(STDIN_FILENO, again, sizeof(again) - 1), (int)strlen(mail));
    ck_assert_str_eq(again, mail);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("usual");
    TCase *tests = tcase_create("usual");

    tcase_add_loop_test(tests, is_usual, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, is_usual_through_a_pipe, 0, SP_ROWS(piped));
    tcase_add_loop_test(tests, a_mail_is_usual_through_a_pipe, 0, SP_ROWS(through));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
