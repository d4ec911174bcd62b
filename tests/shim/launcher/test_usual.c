/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which command lines the launcher takes.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launches.h"
#include "verdicts.h"

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
    { true, "encrypt", { "-in", "mail", "-from", "(A) a@b", "rsa" } },
    { true, "smime", { "-sign", "-signer", "both", "-in", "mail", "-from", "(A) a@b" } },

    { true, "sign", { "-signer", "both", "-in", "mail", "-md", "sha256" } },
    { true, "sign", { "-signer", "both", "-in", "mail", "-md", "sha512" } },
    { true, "sign", { "-signer", "both", "-in", "mail", "--keyring", "x" } },
    { true,
      "sign",
      { "-signer", "rsa", "-inkey", "key", "-signer", "ec", "-inkey", "key", "-in", "mail" } },
    { true,
      "sign",
      { "-signer", "rsa", "-inkey", "locked", "-passin", "env:HOME", "-in", "mail" } },
    { true,
      "sign",
      { "-signer", "rsa", "-inkey", "locked", "-passin", "file:pass", "-in", "mail" } },
    { true, "encrypt", { "-in", "mail", "-recip", "rsa", "-recip", "both" } },
    { true, "encrypt", { "-in", "mail", "pss" } },
    { true, "encrypt", { "-in", "mail", "--to", "a@b", "--to", "c@d" } },

    { true, "verify", { "-in", "alone" } },
    { true, "verify", { "-in", "alone", "-CAfile", "rsa", "-out", "x", "--quiet" } },
    { true, "verify", { "-in", "alone", "-inform", "smime", "-verify" } },
    { true, "verify", { "-in", "bare" } },
    { true, "cms", { "-verify", "-in", "alone", "-CAfile", "rsa", "-out", "x" } },
    { true, "smime", { "-verify", "-in", "many", "-inform", "DER", "-content", "mail" } },
    { true, "verify", { "-in", "many", "--no-sender" } },
    { true, "verify", { "-in", "many", "-inform", "DER" } },
    { true, "verify", { "-in", "alone", "--keyring", "x" } },
    { true, "verify", { "-in", "tiny", "--no-sender" } },

    /* Nothing to do, or something else. */
    { false, "sign", { "-in", "mail" } },
    { false, "cms", { "-in", "mail" } },
    { false, "cms", { "-verify", "-in", "mail" } },
    { false, "verify", { "-in", "late" } },
    { false, "verify", { "-in", "empty", "--no-sender" } },
    { false, "cms", { "-data_out", "-recip", "both", "-in", "mail" } },
    { false, "cms", { "-encrypt", "-sign", "-signer", "both", "-in", "mail" } },
    { false, "cms", { "-verify", "-noverify", "-in", "alone" } },
    { false, "sign", { "-encrypt", "-signer", "both", "-in", "mail" } },
    { false, "encrypt", { "-sign", "-in", "mail", "rsa" } },
    { false, "decrypt", { "-encrypt", "-in", "mail", "-recip", "both" } },
    { true, "sign", { "-sign", "-signer", "both", "-in", "mail" } },
    { false, "sign", { "-help" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "rsa" } },
    { false, "sign", { "-signer", "both", "-recip", "rsa", "-in", "mail" } },
    { false, "decrypt", { "-in", "mail", "-inkey", "key" } },
    { false, "decrypt", { "-in", "mail" } },
    { false, "decrypt", { "-in", "mail", "-recip", "rsa", "-recip", "both" } },
    { false, "decrypt", { "-in", "mail", "-inkey", "key", "rsa" } },
    { false, "decrypt", { "-in", "mail", "-recip", "both", "-signer", "both" } },
    { false, "decrypt", { "-in", "mail", "-recip", "both", "-aes128" } },
    { false, "decrypt", { "-in", "mail", "-recip", "rsa" } },
    { false, "decrypt", { "-in", "mail", "-recip", "both", "-inkey", "rsa" } },
    { false, "decrypt", { "-in", "mail", "-recip", "key", "-inkey", "key" } },
    { false, "encrypt", { "-in", "mail", "rsa", "-signer", "both" } },
    { false, "encrypt", { "-in", "mail", "-signer", "both", "rsa" } },
    { false, "encrypt", { "-in", "mail", "-inkey", "key", "rsa" } },
    { false, "encrypt", { "-in", "mail", "-passin", "pass:x", "rsa" } },
    { false, "encrypt", { "-in", "mail" } },
    { false, "encrypt", { "-in", "mail", "rsa", "none" } },
    { false, "sign", { "-signer", "rsa", "-in", "mail" } },
    { false, "sign", { "-signer", "rsa", "-inkey", "rsa", "-in", "mail" } },
    { false, "sign", { "-signer", "key", "-inkey", "key", "-in", "mail" } },
    { false, "sign", { "-signer", "both", "-signer", "rsa", "-in", "mail" } },
    { false, "sign", { "-signer", "both", "-in", "." } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-text", "-text" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "--keyring", "x", "--keyring", "x" } },
    { false, "cms", { "-sign", "-encrypt", "-signer", "both", "-in", "mail" } },
    { false, "cms", { "-sign", "-in", "mail" } },
    { false,
      "sign",
      { "-signer", "rsa", "-inkey", "locked", "-passin", "file:none", "-in", "mail" } },
    { false, "sign", { "-signer", "rsa", "-inkey", "locked", "-passin", "pass", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "--to-self", "-in", "mail" } },
    { false, "sign", { "-signer", "both", "--to", "a@b", "-in", "mail" } },
    { false, "sign", { "-signer", "both", "--to-self", "-in", "mail" } },
    { false, "encrypt", { "--to-self", "-in", "mail" } },
    { false, "encrypt", { "--from", "a@b", "-in", "mail", "rsa" } },
    { false, "decrypt", { "--from", "a@b", "-in", "mail", "-recip", "both" } },
    { false, "decrypt", { "--to", "a@b", "-in", "mail", "-recip", "both" } },
    { false, "encrypt", { "--to-self", "-in", "mail", "rsa" } },
    /* A passphrase would be asked for, or can be read once. */
    { false,
      "sign",
      { "-signer", "rsa", "-inkey", "locked", "-passin", "stuffmail", "-in", "mail" } },
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
    { true, "sign", { "-signer", "both", "-in", "mail", "-o", "x" } },
    { false, "cms", { "-sign", "-signer", "both", "-in", "mail", "-certsout", "x" } },
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
    /* To verify: a mail that is not plain, or an option that changes what is judged. */
    { false, "verify", { "-in", "mail" } },
    { false, "verify", { "-in", "many" } },
    { false, "verify", { "-in", "types" } },
    { false, "verify", { "-in", "none", "--no-sender" } },
    { false, "verify", { "-in", "/dev/zero", "--no-sender" } },
    { false, "verify", { "-in", "-", "--no-sender" } },
    { false, "verify", { "-in", "alone", "-in", "alone" } },
    { false, "verify", { "-in", "alone", "rsa" } },
    { false, "verify", { "-in", "alone", "-CAfile", "none" } },
    { false, "verify", { "-in", "alone", "-CAfile", "/dev/zero" } },
    { false, "verify", { "-in", "alone", "-CApath", "." } },
    { false, "verify", { "-in", "alone", "-signer", "x" } },
    { false, "verify", { "-in", "alone", "-certfile", "rsa" } },
    { false, "verify", { "-in", "alone", "-content", "mail" } },
    { false, "verify", { "-in", "alone", "-binary" } },
    { false, "verify", { "-in", "alone", "-text" } },
    { false, "verify", { "-in", "alone", "-noverify" } },
    { false, "verify", { "-in", "alone", "-attime", "1" } },
    { false, "verify", { "-in", "alone", "-partial_chain" } },
    { false, "verify", { "-in", "alone", "--sender", "a@b" } },
    { false, "verify", { "-in", "alone", "--json" } },
    { false, "verify", { "-in", "alone", "--explain" } },
    { false, "cms", { "-verify", "-in", "alone", "-certfile", "rsa" } },
    { false, "cms", { "-verify", "-in", "alone", "-signer", "x" } },
    { false, "cms", { "-verify", "-in", "alone", "-sender", "a@b" } },
    { false, "cms", { "-verify", "-in", "alone", "-content", "none" } },
    { false, "encrypt", { "-in", "mail", "-pwri_password", "x", "rsa" } },
    /* Addresses of other forms. */
    { false, "sign", { "--from", "A (x) <a@b>", "-in", "mail" } },
    { false, "sign", { "--from", "a@b, c@d", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "--from", "c@d", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "-signer", "both", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "-nocerts", "-in", "mail" } },
    { false, "sign", { "--from", "a@b", "--to", "c@d", "-in", "mail" } },
    { false, "sign", { "--from", "a@b,", "-in", "mail" } },
    { false, "sign", { "-signer", "both", "-in", "mail", "-from", "a@b," } },
    { false, "encrypt", { "--to", "a", "-in", "mail" } },
    { false, "encrypt", { "--to", "a", "-in", "mail", "rsa" } },
    { false, "encrypt", { "--to", "a", "--to", "a@b", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b,", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b/../c", "-in", "mail" } },
    { false, "encrypt", { "--to", "a%40b@c", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b@c", "-in", "mail" } },
    { false, "encrypt", { "--to", ".a@b", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b.", "-in", "mail" } },
    { false, "encrypt", { "--to", "a@b", "--from", "c@d", "-in", "mail" } },
};

START_TEST(is_usual)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[12];
    bool usual;

    memcpy(words, rows[_i].words, sizeof(words));
    sp_make_launch_files();
    usual = sp_launch_read(&launch, rows[_i].name, words);
    shim_launch_clear(&launch);
    sp_remove_launch_files();
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
    { true, "verify", { "--no-sender" } },
    /* What is named needs no standard input. */
    { true, "sign", { "--from", "a@b", "-in", "mail" } },
    { true, "encrypt", { "--headers", "-in", "plain" } },
    { true, "verify", { "-in", "alone" } },
    { false, "cms", { "-verify", "-inform", "DER" } },
    { false, "decrypt", { "-recip", "both" } },
    { false, "sign", { "--from", "a@b" } },
    { false, "encrypt", { "--to", "a@b" } },
    { false, "sign", { "-signer", "both", "-in", "-" } },
};

START_TEST(is_usual_through_a_pipe)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[8];
    bool usual;

    sp_launch_input("x", true);
    memcpy(words, piped[_i].words, sizeof(words));
    sp_make_launch_files();
    usual = sp_launch_read(&launch, piped[_i].name, words);
    shim_launch_clear(&launch);
    sp_remove_launch_files();
    ck_assert_int_eq(usual, piped[_i].usual);
}
END_TEST

/* Standard input that holds no message. */
START_TEST(is_not_usual_without_a_message)
{
    static const char *const inputs[] = { "/dev/zero", "/", NULL };
    const char *words[] = { "-signer", "both", NULL };
    struct shim_launch launch = { .name = NULL };
    int fd;

    sp_make_launch_files();
    if (inputs[_i] == NULL) {
        sp_launch_input("", true);
    } else {
        fd = open(inputs[_i], O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
        close(fd);
    }
    ck_assert(!sp_launch_read(&launch, "sign", words));
    shim_launch_clear(&launch);
    sp_remove_launch_files();
}
END_TEST

/* What the launcher takes from the words, and from the header. */
static const struct {
    const char *name;
    const char *words[12];
    size_t wanted;
    const char *sender, *keyring;
} taken[] = {
    { "sign", { "-signer", "both", "-in", "mail", "-from", "A <a@b>" }, 1, "a@b", NULL },
    { "sign",
      { "-signer", "both", "-in", "mail", "-from", "a@b", "-outform", "PEM" },
      1,
      NULL,
      NULL },
    { "sign",
      { "-signer", "both", "-in", "mail", "-signer", "both", "--keyring", "k" },
      2,
      NULL,
      "k" },
    { "encrypt", { "-in", "mail", "-from", "a@b", "--keyring", "k", "rsa" }, 1, NULL, "k" },
    { "encrypt", { "-in", "mail", "rsa", "both" }, 2, NULL, NULL },
    { "encrypt", { "--headers", "-in", "alone", "rsa" }, 1, NULL, NULL },
    { "decrypt", { "-in", "mail", "-recip", "both" }, 1, NULL, NULL },
    { "sign", { "-signer", "both", "-in", "mail", "-subject", "x" }, 1, NULL, NULL },
    { "verify", { "-in", "alone" }, 1, "a@b", NULL },
    { "verify", { "-in", "alone", "-inform", "smime" }, 1, "a@b", NULL },
    { "verify", { "-in", "alone", "-inform", "SMIME" }, 1, "a@b", NULL },
    { "verify", { "-in", "alone", "-inform", "DER" }, 1, NULL, NULL },
    { "sign", { "--headers", "-in", "plain", "-signer", "both" }, 1, "a@b", NULL },
    { "sign",
      { "--headers", "-in", "plain", "-outform", "DER", "-signer", "both" },
      1,
      NULL,
      NULL },
    { "smime", { "-sign", "-signer", "both", "-from", "a@b", "-in", "mail" }, 1, NULL, NULL },
};

START_TEST(is_taken)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[12];

    memcpy(words, taken[_i].words, sizeof(words));
    sp_make_launch_files();
    ck_assert(sp_launch_read(&launch, taken[_i].name, words));
    ck_assert_uint_eq(launch.wanted, taken[_i].wanted);
    ck_assert_pstr_eq(launch.sender, taken[_i].sender);
    ck_assert_pstr_eq(launch.keyring, taken[_i].keyring);
    shim_launch_clear(&launch);
    sp_remove_launch_files();
}
END_TEST

/* What is usual through a pipe is so through a socket. */
START_TEST(is_usual_through_a_socket)
{
    const char *words[] = { "-signer", "both", NULL };
    struct shim_launch launch = { .name = NULL };
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    sp_make_launch_files();
    ck_assert(sp_launch_read(&launch, "sign", words));
    shim_launch_clear(&launch);
    sp_remove_launch_files();
}
END_TEST

/* Who signs by address reads nothing of standard input before stock does. */
START_TEST(is_usual_from_a_file)
{
    const char *words[] = { "--from", "a@b", NULL };
    struct shim_launch launch = { .name = NULL };

    sp_launch_input("hello", false);
    sp_make_launch_files();
    ck_assert(sp_launch_read(&launch, "sign", words));
    ck_assert_int_eq(lseek(STDIN_FILENO, 0, SEEK_CUR), 0);
    shim_launch_clear(&launch);
    sp_remove_launch_files();
}
END_TEST

/* Stock would read the certificate in the place of the mail. */
START_TEST(a_signer_on_standard_input)
{
    const char *words[] = { "--headers", "-in", "plain", "-signer", "/dev/stdin", NULL };
    struct shim_launch launch = { .name = NULL };
    char *both;

    sp_make_launch_files();
    both = sp_launch_file("both");
    sp_launch_input(both, false);
    ck_assert(!sp_launch_read(&launch, "sign", words));
    shim_launch_clear(&launch);
    sp_remove_launch_files();
    free(both);
}
END_TEST

/* Of a keyring before the verb and one behind it the tool says which. */
START_TEST(two_keyrings)
{
    const char *words[] = { "-signer", "both", "-in", "mail", "--keyring", "x", NULL };
    struct shim_launch launch = { .keyring = "y" };

    sp_make_launch_files();
    ck_assert(!sp_launch_read(&launch, "sign", words));
    shim_launch_clear(&launch);
    sp_remove_launch_files();
}
END_TEST

/* A file that somebody else may not read is the tool's, which says so. */
START_TEST(a_file_of_another)
{
    const char *words[] = { "-signer", "both", "-in", "mail", NULL };
    struct shim_launch launch = { .name = NULL };
    pid_t child;
    int status;

    sp_make_launch_files();
    ck_assert_int_eq(chmod(".", 0755) | chmod("mail", 0), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit((getuid() != 0 || setuid(65534) == 0) && !sp_launch_read(&launch, "sign", words) ? 0
                                                                                               : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    sp_remove_launch_files();
    ck_assert_int_eq(status, 0);
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
    struct shim_launch launch = { .name = NULL };
    const char *words[] = { "--headers", NULL };
    const char *mail = through[_i].mail;
    char again[100] = "";
    bool usual;

    sp_launch_input(mail, true);
    usual = sp_launch_read(&launch, "encrypt", words);
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

#define PLAIN "From: a@b\nTo: c@d\n\nhello\n"

/* Read a mail from standard input, which is at |at|. */
static bool is_mail_usual(struct shim_launch *launch, off_t at)
{
    const char *words[] = { "--headers", NULL };

    *launch = (struct shim_launch){ .name = NULL };
    ck_assert_int_eq(lseek(STDIN_FILENO, at, SEEK_SET), at);
    return sp_launch_read(launch, "encrypt", words);
}

START_TEST(a_mail_is_usual_as_a_file)
{
    struct shim_launch launch;
    char content[100] = "";
    struct stat is;

    sp_launch_input(PLAIN, false);
    ck_assert(is_mail_usual(&launch, 0));
    ck_assert_str_eq(launch.header, "From: a@b\nTo: c@d\n");
    ck_assert_int_eq(pread(launch.content, content, sizeof(content) - 1, 0), 8);
    ck_assert_str_eq(content, "\r\nhello\n");
    ck_assert_int_eq(lseek(STDIN_FILENO, 0, SEEK_CUR), 0);
    shim_launch_clear(&launch);
    ck_assert_int_eq(fcntl(launch.content, F_GETFD), -1);

    /* Somebody has read the beginning, or there is none, or it has no file. */
    ck_assert(!is_mail_usual(&launch, 1));
    ck_assert_int_eq(launch.lost, 0);
    shim_launch_clear(&launch);
    ck_assert_int_eq(ftruncate(STDIN_FILENO, 0), 0);
    ck_assert(!is_mail_usual(&launch, 0));
    shim_launch_clear(&launch);
    ck_assert_int_eq(dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO), STDIN_FILENO);
    ck_assert(!is_mail_usual(&launch, 0));
    ck_assert_int_eq(launch.lost, 0);
    ck_assert_int_eq(isatty(STDIN_FILENO) | fstat(STDIN_FILENO, &is), 0);
    ck_assert(S_ISCHR(is.st_mode));
    shim_launch_clear(&launch);
}
END_TEST

/* If memory runs out the message is not taken, or all of it, with its sender. */
START_TEST(memory_runs_out)
{
    long number = 0;
    bool starved, usual;

    sp_make_launch_files();
    do {
        struct shim_launch launch = { .name = NULL };
        const char *words[] = { "-in", "alone", NULL };
        char content[100] = "";

        sp_launch_starve(++number);
        usual = sp_launch_read(&launch, "verify", words);
        starved = sp_launch_starve_end();
        ck_assert(starved || usual);
        if (usual) {
            ck_assert_int_gt(pread(launch.content, content, sizeof(content) - 1, 0), 0);
            ck_assert_str_eq(content, "From: A <a@b>\n\nhello\n");
            ck_assert_pstr_eq(launch.sender, "a@b");
        }
        shim_launch_clear(&launch);
        ck_assert_int_eq(sp_launch_kept(), 0);
    } while (starved);
    sp_remove_launch_files();
}
END_TEST

/* A copy that has no room is none. */
START_TEST(a_mail_has_no_room)
{
    static const struct {
        const char *verb, *words[4];
    } calls[] = {
        { "encrypt", { "--headers", "-in", "plain" } },
        { "verify", { "-in", "alone" } },
    };
    struct shim_launch launch = { .name = NULL };
    struct rlimit limit;
    const char *words[4];

    memcpy(words, calls[_i].words, sizeof(words));
    sp_make_launch_files();
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 4;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!sp_launch_read(&launch, calls[_i].verb, words));
    ck_assert_int_eq(launch.lost, 0);
    shim_launch_clear(&launch);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    sp_remove_launch_files();
}
END_TEST

/* The longest message that is copied, and one byte more. */
START_TEST(a_long_message)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[] = { "-in", "long", "--no-sender", NULL };
    static char message[SHIM_PLAIN_HEADER + 2];

    sp_make_launch_files();
    memset(message, 'x', (size_t)SHIM_PLAIN_HEADER + (size_t)_i);
    sp_make_launch_file("long", message);
    ck_assert_int_eq(sp_launch_read(&launch, "verify", words), _i == 0);
    shim_launch_clear(&launch);
    sp_remove_launch_files();
}
END_TEST

/* Without a place for the copy, or for the content, the tool reads the mail as it came. */
START_TEST(a_mail_has_no_place)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[] = { "--headers", NULL };
    char mail[100] = "";

    sp_launch_input(PLAIN, _i == 0);
    ck_assert_int_eq(setenv("TMPDIR", "/nonexistent", 1), 0);
    ck_assert(!sp_launch_read(&launch, "encrypt", words));
    ck_assert_int_eq(launch.lost, 0);
    ck_assert_ptr_null(launch.header);
    shim_launch_clear(&launch);
    ck_assert_int_eq(read(STDIN_FILENO, mail, sizeof(mail) - 1), (int)strlen(PLAIN));
    ck_assert_str_eq(mail, PLAIN);
}
END_TEST

/* A pipe that is named is not opened, which would end its writer. */
START_TEST(a_pipe_that_is_named)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[] = { "-in", "pipe", _i == 0 ? "--headers" : "--no-sender", NULL };
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    struct inotify_event event;

    sp_make_launch_files();
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_ge(inotify_add_watch(watch, "pipe", IN_OPEN), 0);
    ck_assert(!sp_launch_read(&launch, _i == 0 ? "encrypt" : "verify", words));
    ck_assert_int_eq(read(watch, &event, sizeof(event)), -1);
    close(watch);
    shim_launch_clear(&launch);
    sp_remove_launch_files();
}
END_TEST

/* A header of any length ends. */
START_TEST(a_long_header)
{
    struct shim_launch launch = { .name = NULL };
    const char *words[] = { "--headers", "-in", "long", NULL };
    static char mail[SHIM_PLAIN_HEADER + 100] = "From: a@b\nTo: c@d\n";
    size_t length = strlen(mail);

    sp_make_launch_files();
    while (length < SHIM_PLAIN_HEADER - 60)
        length += (size_t)sprintf(mail + length, "X: %020d\n", 0);
    length +=
        (size_t)sprintf(mail + length, "X: %0*d\n", (int)(SHIM_PLAIN_HEADER - length) - 5 + _i, 0);
    strcpy(mail + length, "\nhello\n");
    sp_make_launch_file("long", mail);
    ck_assert_int_eq(sp_launch_read(&launch, "encrypt", words), _i == 0);
    shim_launch_clear(&launch);
    sp_remove_launch_files();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("usual");
    TCase *tests = tcase_create("usual");

    tcase_add_loop_test(tests, is_usual, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, is_usual_through_a_pipe, 0, SP_ROWS(piped));
    tcase_add_loop_test(tests, is_not_usual_without_a_message, 0, 3);
    tcase_add_loop_test(tests, is_taken, 0, SP_ROWS(taken));
    tcase_add_loop_test(tests, a_mail_is_usual_through_a_pipe, 0, SP_ROWS(through));
    tcase_add_test(tests, a_mail_is_usual_as_a_file);
    tcase_add_loop_test(tests, a_mail_has_no_place, 0, 2);
    tcase_add_loop_test(tests, a_mail_has_no_room, 0, 2);
    tcase_add_loop_test(tests, a_pipe_that_is_named, 0, 2);
    tcase_add_loop_test(tests, a_long_header, 0, 2);
    tcase_add_loop_test(tests, a_long_message, 0, 2);
    tcase_add_test(tests, memory_runs_out);
    tcase_add_test(tests, is_usual_through_a_socket);
    tcase_add_test(tests, is_usual_from_a_file);
    tcase_add_test(tests, a_signer_on_standard_input);
    tcase_add_test(tests, two_keyrings);
    tcase_add_test(tests, a_file_of_another);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
