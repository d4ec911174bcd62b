/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the launcher makes of a run of stock.  Scripts stand in for stock, for the
 * provider in it, and for the tool.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "common/limit.h"
#include "common/message.h"
#include "common/progress.h"
#include "launches.h"
#include "settings/expect.h"
#include "verdicts.h"

#define A    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MAIL "Subject: x\n\nhello\n"

/* What a stand-in for stock may call: hello greets as the provider does, tell reports. */
#define STOCK                                                                                      \
    "#!/bin/sh\n"                                                                                  \
    "[ -n \"$OPENSSL_CONF\" ] || : >unconfigured\n"                                                \
    "setting() { sed -n \"s|^$1 = ||p\" \"$OPENSSL_CONF\"; }\n"                                    \
    "report=/proc/self/fd/$(setting report)\n"                                                     \
    "tell() { printf '%s\\n' \"$@\" >$report; }\n"                                                 \
    "hello() { tell \"hello $(setting report_nonce) 0\" 'setting mode enforce' ready; }\n"

#define ALLOWED "hello; tell 'allowed sign " A "'\n"
#define VERIFIED                                                                                   \
    "hello; tell 'vouched " A "' 'allowed verify " A "' 'verified " A " verified: a@b'\n"
#define ENCRYPTED "hello; tell 'allowed encrypt " A "'\n"
#define DECRYPTED "hello; tell 'allowed decrypt -'\n"
#define REFUSED   "hello; tell 'refused sign " A " expired refused: sign: over'\n"
#define NOTE      "tell 'note sign " A " weak-key warning: weak'\n"
#define OBSERVED  "tell 'observed sign " A " expired would refuse'\n"
#define OTHER_RING                                                                                 \
    "tell \"hello $(setting report_nonce) 0\" 'setting keyring /other' ready 'allowed verify " A   \
    "'\n"
#define PROVIDER "echo 00:error:1:smimepolicy:x >&2\n"

/* It says how it was called, and what it could read. */
#define TOOL    "#!/bin/sh\necho \"tool: $* $(cat)\" >&2\nexit "
#define TOOL_OK TOOL "0\n"

#define ALONE   "From: A <a@b>\n\nhello\n"
#define WORDS   "-provider-path /modules -provider smimepolicy"
#define SIGN    "sign", "-signer", "both", "-in", "mail"
#define PIPED   "sign", "-signer", "both"
#define JUDGED  "tool: --judge sign -signer both \n"
#define LOGGED  "tool: --judge-logged sign -signer both -in mail \n"
#define BEFORE  "smime-policy: "
#define NOTHING "; nothing was written\n"

enum { LEFT = SHIM_LEFT_TO_TOOL };

static const struct {
    const char *words[12];
    const char *input; /* standard input, through a pipe; NULL: the mail, as a file */
    const char *stock, *tool;
    int code;
    const char *out, *said;
} rows[] = {
    /* It is judged, and handed over with what stock and the provider say. */
    { { SIGN }, NULL, ALLOWED "cat", NULL, SHIM_OK, MAIL, "" },
    { { PIPED }, MAIL, ALLOWED "cat", NULL, SHIM_OK, MAIL, "" },
    { { PIPED }, NULL, ALLOWED "cat", NULL, SHIM_OK, MAIL, "" },
    { { SIGN }, NULL, ALLOWED "cat >/dev/null; printf x", NULL, SHIM_OK, "x", "" },
    { { "smime", "-sign", "-signer", "both", "-in", "mail" },
      NULL,
      ALLOWED "cat; echo $1",
      NULL,
      SHIM_OK,
      MAIL "smime\n",
      "" },
    { { "encrypt", "-in", "mail", "-x", "rsa" }, NULL, ENCRYPTED "cat", NULL, SHIM_OK, MAIL, "" },
    /* The nonce has 32 digits. */
    { { SIGN },
      NULL,
      ALLOWED "cat >/dev/null; setting report_nonce | wc -c",
      NULL,
      SHIM_OK,
      "33\n",
      "" },
    /* What is told of what came in follows what stock says, and who has signed follows both. */
    { { SIGN },
      NULL,
      ALLOWED NOTE "cat; echo said >&2",
      NULL,
      SHIM_OK,
      MAIL,
      "warning: weak\nsaid\n" },
    { { "verify", "-in", "alone" },
      NULL,
      VERIFIED OBSERVED NOTE "cat; echo said >&2",
      NULL,
      SHIM_OK,
      ALONE,
      "would refuse\n" BEFORE
      "going ahead all the same: mode = observe\nsaid\nwarning: weak\nverified: a@b\n" },
    { { "verify", "-in", "alone", "--quiet" }, NULL, VERIFIED "cat", NULL, SHIM_OK, ALONE, "" },
    { { "cms", "-verify", "-in", "alone" },
      NULL,
      VERIFIED OBSERVED NOTE "cat",
      NULL,
      SHIM_OK,
      ALONE,
      "" },
    /* Whose anchors count. */
    { { "verify", "-in", "alone" },
      NULL,
      VERIFIED "cat >/dev/null; echo \"$@\"",
      NULL,
      SHIM_OK,
      "cms " WORDS " -no-CAfile -no-CApath -no-CAstore -CAstore smimepolicy:trust -partial_chain "
      "-verify\n",
      "verified: a@b\n" },
    { { "cms", "-verify", "-in", "alone", "-CAfile", "rsa" },
      NULL,
      VERIFIED "cat >/dev/null; echo \"$@\"",
      NULL,
      SHIM_OK,
      "cms " WORDS " -no-CAfile -no-CApath -no-CAstore -verify -CAfile rsa\n",
      "" },
    { { "--keyring", "ring", "cms", "-verify", "-in", "alone", "-CAfile", "rsa" },
      NULL,
      "tell \"hello $(setting report_nonce) 0\" \"setting keyring $(setting keyring)\" ready "
      "'allowed verify " A "'; cat >/dev/null; echo \"$@\"",
      NULL,
      SHIM_OK,
      "cms " WORDS " -no-CAfile -no-CApath -no-CAstore -CAstore smimepolicy:trust -partial_chain "
      "-verify -CAfile rsa\n",
      "" },
    { { "cms", "-verify", "-in", "alone" }, NULL, OTHER_RING "cat", NULL, SHIM_OK, ALONE, "" },
    { { SIGN, "-quiet" },
      NULL,
      ALLOWED "cat; echo \"$@\"",
      NULL,
      SHIM_OK,
      MAIL "cms -provider-path /modules -provider smimepolicy -sign -stream -signer both\n",
      "" },
    { { "--policy=conf", "--keyring", "ring", SIGN },
      NULL,
      ALLOWED "cat >/dev/null; basename $(setting policy); basename $(setting keyring)",
      NULL,
      SHIM_OK,
      "conf\nring\n",
      "" },
    { { SIGN }, NULL, ALLOWED NOTE "cat", NULL, SHIM_OK, MAIL, "warning: weak\n" },
    { { SIGN },
      NULL,
      ALLOWED OBSERVED NOTE "cat",
      NULL,
      SHIM_OK,
      MAIL,
      "would refuse\n" BEFORE "going ahead all the same: mode = observe\nwarning: weak\n" },
    { { "cms", "-sign", "-signer", "both", "-in", "mail" },
      NULL,
      ALLOWED OBSERVED NOTE "cat",
      NULL,
      SHIM_OK,
      MAIL,
      "would refuse\n" },
    { { SIGN }, NULL, ALLOWED "cat; printf 'a\\033b' >&2", NULL, SHIM_OK, MAIL, "a\\1Bb" },
    { { "cms", "-sign", "-signer", "both", "-in", "mail" },
      NULL,
      ALLOWED "cat; printf 'a\\033b\\n' >&2",
      NULL,
      SHIM_OK,
      MAIL,
      "a\033b\n" },
    { { "decrypt", "-recip", "both", "-in", "mail" },
      NULL,
      "hello; tell 'allowed decrypt -'",
      NULL,
      SHIM_OK,
      "",
      "" },
    { { SIGN, "-passin", "env:LC_SECRET" },
      NULL,
      ALLOWED "cat >/dev/null; echo \"$SMIME_POLICY_PASSIN "
              "${SMIME_POLICY_EXPECT%$(setting report_nonce)}\"",
      NULL,
      SHIM_OK,
      "secret " SP_EXPECT_REPORT "\n",
      "" },
    /* A mail that can be read once has to be started with all keys. */
    { { SIGN },
      NULL,
      ALLOWED "cat >/dev/null; echo keys $(setting keys)",
      NULL,
      SHIM_OK,
      "keys mail\n",
      "" },
    { { PIPED },
      MAIL,
      ALLOWED "cat >/dev/null; echo keys $(setting keys)",
      NULL,
      SHIM_OK,
      "keys\n",
      "" },
    { { "encrypt", "--headers", "-in", "alone", "rsa" },
      NULL,
      "hello; tell 'allowed encrypt " A "'; cat",
      NULL,
      SHIM_OK,
      "From: A <a@b>\n\r\nhello\n",
      "" },
    { { "encrypt", "--headers", "-in", "alone", "-outform", "DER", "rsa" },
      NULL,
      "hello; tell 'allowed encrypt " A "'; cat",
      NULL,
      SHIM_OK,
      "\r\nhello\n",
      "" },

    /* It is not whole. */
    { { SIGN },
      NULL,
      ALLOWED "echo",
      NULL,
      SHIM_SYSTEM,
      "",
      BEFORE "cannot read mail: openssl did not read it to its end\n" },
    { { SIGN },
      NULL,
      ALLOWED "cat >/dev/null",
      NULL,
      SHIM_SYSTEM,
      "",
      BEFORE "cannot write a temporary file in $TMPDIR: openssl gave no output, and reported "
             "success\n" },
    { { "encrypt", "-in", "mail", "rsa" },
      NULL,
      ENCRYPTED "cat >/dev/null",
      NULL,
      SHIM_SYSTEM,
      "",
      BEFORE "cannot write a temporary file in $TMPDIR: openssl gave no output, and reported "
             "success\n" },
    { { "smime", "-decrypt", "-recip", "both", "-in", "mail" },
      NULL,
      DECRYPTED "printf . >&2",
      NULL,
      LEFT,
      "",
      "" },
    { { "smime", "-decrypt", "-recip", "both", "-in", "mail" },
      NULL,
      DECRYPTED,
      NULL,
      SHIM_OK,
      "",
      "" },

    /* Nothing proves that it was judged. */
    { { SIGN },
      NULL,
      "cat",
      NULL,
      SHIM_REFUSED,
      "",
      BEFORE "openssl ran without the policy: the provider did not report that it is in "
             "force" NOTHING },
    { { SIGN },
      NULL,
      ALLOWED "tell what; cat; echo said >&2",
      NULL,
      SHIM_REFUSED,
      "",
      "said\n" BEFORE
      "openssl ran without the policy: the report of the provider is damaged" NOTHING },
    { { SIGN },
      NULL,
      "hello; cat",
      NULL,
      SHIM_REFUSED,
      "",
      BEFORE "openssl ran without the policy: it used a key or certificate that the provider did "
             "not judge" NOTHING },
    { { SIGN, "-signer", "both" },
      NULL,
      ALLOWED "cat",
      NULL,
      SHIM_REFUSED,
      "",
      BEFORE "openssl ran without the policy: it used a key or certificate that the provider did "
             "not judge" NOTHING },

    /* It is refused: the tool says why. */
    { { SIGN }, NULL, REFUSED "exit 2", TOOL "3\n", SHIM_REFUSED, "", LOGGED },
    { { SIGN }, NULL, REFUSED "cat", TOOL "3\n", SHIM_REFUSED, "", LOGGED },
    { { SIGN },
      NULL,
      REFUSED "echo said >&2; exit 2",
      TOOL_OK,
      SHIM_REFUSED,
      "",
      LOGGED "refused: sign: over\n" },
    { { SIGN },
      NULL,
      REFUSED "exit 2",
      TOOL "5\n",
      SHIM_REFUSED,
      "",
      LOGGED "refused: sign: over\n" },
    { { SIGN }, NULL, REFUSED "exit 2", TOOL "2\n", SHIM_INPUT, "", LOGGED },
    { { SIGN },
      NULL,
      REFUSED "exit 2",
      "#!/bin/sh\nkill -9 $$\n",
      SHIM_REFUSED,
      "",
      "refused: sign: over\n" },
    { { SIGN },
      NULL,
      REFUSED "exit 2",
      NULL,
      SHIM_REFUSED,
      "",
      BEFORE "cannot run /nonexistent/tool: No such file or directory\nrefused: sign: over\n" },
    { { "sign", "--headers", "-signer", "both" },
      "From: a@b\n\nhello\n",
      REFUSED "exit 2",
      TOOL_OK,
      SHIM_REFUSED,
      "",
      "tool: --judge-logged sign --headers -signer both From: a@b\n\nhello\nrefused: sign: "
      "over\n" },

    { { "cms", "-sign", "-signer", "both", "-in", "mail" },
      NULL,
      REFUSED "echo said >&2; exit 2",
      TOOL_OK,
      SHIM_REFUSED,
      "",
      "tool: --judge-logged cms -sign -signer both -in mail \nrefused: sign: over\n" },
    { { "verify", "-in", "alone" },
      NULL,
      "hello; tell 'refused verify " A " expired refused: verify: over'; echo said >&2; exit 4",
      TOOL_OK,
      SHIM_REFUSED,
      "",
      "tool: --judge-logged verify -in alone " MAIL "refused: verify: over\n" },

    /* It fails: the tool does it again, from the beginning. */
    { { SIGN }, NULL, ALLOWED "cat; exit 2", NULL, LEFT, "", "" },
    { { SIGN }, MAIL, ALLOWED "cat; exit 2", NULL, LEFT, "", "" },
    { { "verify", "-in", "alone" }, NULL, OTHER_RING "cat", NULL, LEFT, "", "" },
    { { "cms", "-verify", "-in", "alone", "-CAfile", "rsa" },
      NULL,
      OTHER_RING "cat",
      NULL,
      LEFT,
      "",
      "" },
    { { PIPED }, NULL, ALLOWED "cat; exit 2", NULL, LEFT, "", "" },
    { { SIGN }, NULL, "cat; exit 1", NULL, LEFT, "", "" },
    { { SIGN }, NULL, ALLOWED PROVIDER "cat", NULL, LEFT, "", "" },
    { { SIGN }, NULL, ALLOWED "tell 'key sign " A " pss'; cat", NULL, LEFT, "", "" },
    { { SIGN }, NULL, ALLOWED "tell 'asks passphrase'; cat", NULL, LEFT, "", "" },
    { { PIPED }, MAIL, "hello; tell 'asks passphrase'; exit 2", NULL, LEFT, "", "" },
    { { "--keyring", "ring", SIGN },
      NULL,
      "tell \"hello $(setting report_nonce) 0\" 'setting keyring /other' ready 'allowed sign " A
      "'; cat",
      NULL,
      LEFT,
      "",
      "" },
    { { "smime", "-sign", "-signer", "both", "-in", "mail" },
      NULL,
      ALLOWED "cat >/dev/null; echo said >&2",
      NULL,
      LEFT,
      "",
      "" },

    /* It fails, and cannot be done again. */
    { { PIPED }, MAIL, ALLOWED "echo said >&2; exit 4", TOOL "2\n", SHIM_INPUT, "", JUDGED },
    { { PIPED }, MAIL, ALLOWED "echo said >&2; exit 4", TOOL_OK, SHIM_CRYPTO, "", JUDGED "said\n" },
    { { PIPED }, MAIL, ALLOWED "exit 4", TOOL "5\n", SHIM_SYSTEM, "", JUDGED },
    { { PIPED }, MAIL, "exit 4", TOOL_OK, SHIM_CRYPTO, "", JUDGED },
    { { PIPED }, MAIL, ALLOWED "exit 4", "#!/bin/sh\nkill -9 $$\n", SHIM_SYSTEM, "", "" },
    { { PIPED },
      MAIL,
      ALLOWED "exit 4",
      NULL,
      SHIM_SYSTEM,
      "",
      BEFORE "cannot run /nonexistent/tool: No such file or directory\n" },
    { { "cms", "-sign", "-signer", "both" },
      MAIL,
      ALLOWED "exit 7",
      TOOL_OK,
      7,
      "",
      "tool: --judge cms -sign -signer both \n" },
    /* A signature that is refused fails as stock has it fail, and what stock says is told. */
    { { "cms", "-verify", "-in", "alone", "-CAfile", "rsa" },
      NULL,
      "hello; tell 'refused verify " A " expired refused: verify: over'; echo said >&2; exit 4",
      TOOL_OK,
      4,
      "",
      "tool: --judge-logged cms -verify -in alone -CAfile rsa " MAIL "said\n" },
    /* What the provider printed refuses, unless it was in force and stock failed for it. */
    { { PIPED },
      MAIL,
      ALLOWED PROVIDER "exit 4",
      TOOL_OK,
      SHIM_CRYPTO,
      "",
      JUDGED "00:error:1:smimepolicy:x\n" },
    { { PIPED },
      MAIL,
      PROVIDER "exit 4",
      TOOL_OK,
      SHIM_REFUSED,
      "",
      JUDGED "00:error:1:smimepolicy:x\n" },
    { { PIPED },
      MAIL,
      ALLOWED PROVIDER "cat",
      TOOL_OK,
      SHIM_REFUSED,
      "",
      JUDGED "00:error:1:smimepolicy:x\n" },

    /* A signal ends it. */
    { { SIGN },
      NULL,
      ALLOWED "cat; kill -9 $$",
      NULL,
      SHIM_SYSTEM,
      "",
      BEFORE "openssl was ended by signal 9, Killed\n" },
    { { SIGN }, NULL, ALLOWED "echo said >&2; kill -15 $$", NULL, SHIM_SYSTEM, "", "said\n" },
    { { "cms", "-sign", "-signer", "both", "-in", "mail" },
      NULL,
      ALLOWED "cat; kill -9 $$",
      NULL,
      137,
      "",
      BEFORE "openssl was ended by signal 9, Killed\n" },

    /* It is not the launcher's, though stock would do it. */
    { { "verify", "-in", "mail" }, NULL, VERIFIED "cat", NULL, LEFT, "", "" },
    { { "--keyring", "ring", "verify", "-in", "alone" }, NULL, VERIFIED "cat", NULL, LEFT, "", "" },
    { { "--policy=none", "verify", "-in", "alone" }, NULL, VERIFIED "cat", NULL, LEFT, "", "" },
    { { "--explain", SIGN }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { "--policy" }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { "--policy=conf", "--policy=conf", SIGN }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { "--keyrings", "ring", SIGN }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { "--policy=none", SIGN }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { SIGN, "-aes128" }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { "encrypt", "-in", "mail", "-a/b", "rsa" }, NULL, ENCRYPTED "cat", NULL, LEFT, "", "" },
    { { "encrypt", "-in", "mail", "-", "rsa" }, NULL, ENCRYPTED "cat", NULL, LEFT, "", "" },
    { { SIGN, "-out", "/nonexistent/x" }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { "-sign", "-signer", "both", "-in", "mail" }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { "x" }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
    { { NULL }, NULL, ALLOWED "cat", NULL, LEFT, "", "" },
};

static char beside[4096]; /* where a tool of ours is looked for */

static void make_script(const char *path, const char *text, const char *more)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert(fputs(text, file) >= 0 && fputs(more, file) >= 0 && fclose(file) == 0);
    ck_assert_int_eq(chmod(path, 0700), 0);
}

static void set_up(void)
{
    ssize_t len = readlink("/proc/self/exe", beside, sizeof(beside) - 20);

    ck_assert_int_gt(len, 0);
    beside[len] = '\0';
    strcpy(strrchr(beside, '/') + 1, "tool_of_tests");
    (void)unlink(beside);
    (void)remove(SHIM_CONFIG_DIR "/policy.cnf");
    sp_make_launch_files();
    sp_make_launch_file("conf", "");
    sp_make_launch_file("ring", "");
    ck_assert_int_eq(setenv("SMIME_POLICY_OPENSSL", "./stock", 1), 0);
    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", "/nonexistent", 1), 0);
    ck_assert_int_eq(setenv("LC_SECRET", "secret", 1), 0);
}

static void tear_down(void)
{
    (void)unlink(beside);
    sp_remove_launch_files();
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 1000; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static bool starved; /* by the last run */

/* Run |words|, with the allocation of this number failing; returns the exit code. */
static int launch(const char *const *words, long number)
{
    static char own[] = "smime-policy";
    char *argv[14] = { own };
    int argc = 1;
    int before = count_descriptors();

    for (; *words != NULL; words++)
        memcpy(&argv[argc++], words, sizeof(*words));
    shim_limit_begin();
    sp_launch_starve(number);
    argc = shim_launch(argc, argv);
    starved = sp_launch_starve_end();
    shim_limit_end();
    ck_assert_int_eq(sp_launch_kept(), 0);
    ck_assert_int_eq(count_descriptors(), before);
    return argc;
}

/* The same, and keep what it prints. */
static int run(const char *const *words, long number, char **out, char **said)
{
    int code;

    sp_capture_begin(STDOUT_FILENO);
    sp_capture_begin(STDERR_FILENO);
    code = launch(words, number);
    *said = sp_capture_end(STDERR_FILENO);
    *out = sp_capture_end(STDOUT_FILENO);
    return code;
}

/* Run |words| with a script for stock, and expect the exit code, the output and what is said. */
static void expect(const char *const *words, const char *stock, int code, const char *out,
                   const char *said)
{
    char *output, *text;
    int ended;

    make_script("stock", STOCK, stock);
    ended = run(words, 0, &output, &text);
    ck_assert_str_eq(text, said);
    ck_assert_int_eq(ended, code);
    ck_assert_str_eq(output, out);
    free(text);
    free(output);
}

START_TEST(its_end)
{
    sigset_t mask;

    if (rows[_i].tool != NULL)
        make_script(beside, rows[_i].tool, "");
    sp_launch_input(rows[_i].input != NULL ? rows[_i].input : MAIL, rows[_i].input != NULL);
    expect(rows[_i].words, rows[_i].stock, rows[_i].code, rows[_i].out, rows[_i].said);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
    ck_assert(!sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGINT));
    /* What is left to the tool is not read. */
    if (rows[_i].code == LEFT && rows[_i].input == NULL)
        ck_assert_int_eq(lseek(STDIN_FILENO, 0, SEEK_CUR), 0);
}
END_TEST

/* An output file is made by what was judged alone. */
START_TEST(its_file)
{
    static const char *const words[] = { SIGN, "-out", "x", NULL };
    static const char *const standard[] = { SIGN, "-out", "-", NULL };
    char *text;

    expect(words, "cat", SHIM_REFUSED, "",
           BEFORE "openssl ran without the policy: the provider did not report that it is in "
                  "force" NOTHING);
    ck_assert_ptr_null(sp_launch_file("x"));
    make_script(beside, TOOL_OK, "");
    expect(words, REFUSED "cat", SHIM_REFUSED, "",
           "tool: --judge-logged sign -signer both -in mail -out x \nrefused: sign: over\n");
    ck_assert_ptr_null(sp_launch_file("x"));
    expect(words, ALLOWED "cat", SHIM_OK, "", "");
    text = sp_launch_file("x");
    ck_assert_pstr_eq(text, MAIL);
    free(text);
    expect(standard, ALLOWED "cat", SHIM_OK, MAIL, "");
}
END_TEST

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Stock's output, or a copy of the mail, has no room. */
START_TEST(no_room)
{
    static const char *const words[] = { SIGN, NULL };
    static const char *const headers[] = { "sign", "--headers", "-signer", "both", NULL };
    static char mail[200000] = "From: a@b\n\n";

    memset(mail + strlen(mail), 'x', sizeof(mail) - strlen(mail) - 1);
    sp_launch_input(mail, true);
    limit_files(100000);
    expect(words, ALLOWED "head -c 200000 /dev/zero; cat >/dev/null", SHIM_SYSTEM, "",
           BEFORE "cannot write a temporary file in $TMPDIR: File too large\n");
    expect(headers, "exit 9", SHIM_SYSTEM, "",
           BEFORE "cannot keep a copy of standard input in /tmp: File too large\n");
}
END_TEST

/* What is no program is left to the tool, which says so. */
START_TEST(no_stock)
{
    static const char *const words[] = { SIGN, NULL };

    ck_assert_int_eq(setenv("SMIME_POLICY_OPENSSL", "./none", 1), 0);
    expect(words, "", LEFT, "", "");
    ck_assert_int_eq(setenv("SMIME_POLICY_OPENSSL", "./mail", 1), 0);
    expect(words, "", LEFT, "", "");
    sp_capture_begin(STDERR_FILENO);
    shim_error("again");
    sp_expect_captured(STDERR_FILENO, "again");
}
END_TEST

/* The tool's exit code counts, whatever the caller does with its children; it has no limit of ours.
 */
START_TEST(children_are_ignored)
{
    static const char *const words[] = { SIGN, NULL };

    ck_assert(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    make_script(beside,
                TOOL "$((0x$(sed -n 's/^SigIgn:.//p' /proc/self/status) & 0x1010000 ? 2 : 1))\n",
                "");
    expect(words, REFUSED "exit 2", 1, "", LOGGED);
}
END_TEST

static void note_signal(int number)
{
    (void)number;
    close(open("caught", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* A signal comes while the tool is waited for. */
START_TEST(a_signal_in_between)
{
    static const char *const words[] = { SIGN, NULL };
    const struct sigaction action = { .sa_handler = note_signal };

    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    make_script(beside,
                "#!/bin/sh\nuntil grep -q '^State:.S' /proc/$PPID/status; do :; done\n"
                "kill -USR1 $PPID\nuntil [ -e caught ]; do :; done\nexit 2\n",
                "");
    expect(words, REFUSED "exit 2", SHIM_INPUT, "", "");
}
END_TEST

#define TO_ITS_END "dd bs=1000000 skip=68 count=0 2>/dev/null\n"
#define TELLS      "echo \"$@\"; printf 'a\\033b\\n' >&2"

/* On a terminal what stock says is escaped for programs, too; a person who names the message is
 * shown the progress. */
static const struct {
    const char *words[8];
    const char *stock;
    const char *shown, *out;
} terminals[] = {
    { { "decrypt", "-recip", "both", "-in", "large" },
      DECRYPTED TELLS,
      "\r  0 %\r\033[Ka\\1Bb\r\n",
      "cms " WORDS " -decrypt -recip both\n" },
    { { "cms", "-decrypt", "-recip", "both", "-in", "large" },
      DECRYPTED TELLS,
      "a\\1Bb\r\n",
      "cms " WORDS " -decrypt -recip both -in large\n" },
    { { "cms", "-sign", "-signer", "both", "-in", "large" },
      ALLOWED TO_ITS_END TELLS,
      "a\\1Bb\r\n",
      "cms " WORDS " -sign -signer both\n" },
    { { PIPED },
      ALLOWED TO_ITS_END TELLS,
      "a\\1Bb\r\n",
      "cms " WORDS " -sign -stream -signer both\n" },
};

START_TEST(on_a_terminal)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int before = dup(STDERR_FILENO);
    char shown[100] = "";
    size_t len = 0;
    char *out;
    int slave, code;

    ck_assert_int_ge(terminal, 0);
    ck_assert(grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    slave = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_eq(setenv("TERM", "xterm", 1), 0);
    sp_make_launch_file("large", "");
    ck_assert_int_eq(truncate("large", SHIM_PROGRESS_FROM + 1), 0);
    make_script("stock", STOCK, terminals[_i].stock);
    ck_assert_int_eq(dup2(open("large", O_RDONLY | O_CLOEXEC), STDIN_FILENO), STDIN_FILENO);
    sp_capture_begin(STDOUT_FILENO);
    ck_assert_int_eq(dup2(slave, STDERR_FILENO), STDERR_FILENO);
    code = launch(terminals[_i].words, 0);
    ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
    out = sp_capture_end(STDOUT_FILENO);
    ck_assert_int_eq(code, SHIM_OK);
    ck_assert_str_eq(out, terminals[_i].out);
    ck_assert_int_eq(write(slave, ".", 1), 1);
    while (strchr(shown, '.') == NULL) {
        ssize_t got = read(terminal, shown + len, sizeof(shown) - 1 - len);

        ck_assert_int_gt(got, 0);
        len += (size_t)got;
    }
    ck_assert_int_eq(strncmp(shown, terminals[_i].shown, strlen(terminals[_i].shown)), 0);
    ck_assert_uint_eq(len, strlen(terminals[_i].shown) + 1);
    free(out);
    close(slave);
    close(terminal);
    close(before);
}
END_TEST

static long read_number(const char *path)
{
    char *text = sp_launch_file(path);
    long number = text != NULL ? atol(text) : 0;

    free(text);
    return number;
}

/* Who kills us ends the tool. */
START_TEST(the_tool_ends_with_us)
{
    static const char *const words[] = { SIGN, NULL };
    const struct timespec tick = { .tv_nsec = 1000000 };
    pid_t child, tool;
    int status;

    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    make_script("stock", STOCK, REFUSED "exit 2");
    make_script(beside, "#!/bin/sh\necho $$ >pid\nexec sleep 3600\n", "");
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        char *out, *said;

        _exit(run(words, 0, &out, &said));
    }
    while ((tool = (pid_t)read_number("pid")) == 0) {
        ck_assert_int_eq(waitpid(child, &status, WNOHANG), 0);
        nanosleep(&tick, NULL);
    }
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(waitpid(tool, &status, 0), tool);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

/* If memory runs out nothing is handed over that is not whole, or not under the whole policy. */
static const struct {
    const char *words[12];
    const char *stock, *tool;
    int code;
    const char *out;
} hungry[] = {
    { { "--policy=conf", "--keyring=ring", SIGN, "-passin", "env:LC_SECRET" },
      ALLOWED "cat; basename $(setting policy); basename $(setting keyring); "
              "setting report_use; echo $SMIME_POLICY_PASSIN; echo \"$@\"\n"
              "echo \"${SMIME_POLICY_EXPECT%$(setting report_nonce)}\"",
      NULL,
      SHIM_OK,
      MAIL "conf\nring\nsign\nsecret\ncms -provider-path /modules -provider smimepolicy -sign "
           "-stream -signer both -passin env:SMIME_POLICY_PASSIN\n" SP_EXPECT_REPORT "\n" },
    { { "encrypt", "--headers", "-in", "alone", "--to", "a@b", "rsa" },
      "hello; tell 'chosen encrypt a@b " A " only' 'allowed encrypt " A "' 'allowed encrypt -'\n"
      "cat; echo \"$@\"",
      NULL,
      SHIM_OK,
      "From: A <a@b>\n\r\nhello\ncms -provider-path /modules -provider smimepolicy -encrypt "
      "-stream -aes256 -recip smimepolicy:contact/a@b -- rsa\n" },
    { { SIGN }, REFUSED "cat", TOOL "3\n", SHIM_REFUSED, "" },
    { { SIGN }, REFUSED "cat", NULL, SHIM_REFUSED, "" },
    { { SIGN }, ALLOWED "cat; exit 2", NULL, LEFT, "" },
    { { SIGN, "-out", "x" }, ALLOWED "cat", NULL, SHIM_OK, "" },
    { { PIPED }, ALLOWED "exit 4", TOOL "3\n", SHIM_REFUSED, "" },
};

START_TEST(memory_runs_out)
{
    long number = 0;

    make_script("stock", STOCK, hungry[_i].stock);
    if (hungry[_i].tool != NULL)
        make_script(beside, hungry[_i].tool, "");
    do {
        char *out, *said;
        bool done;
        int code;

        sp_launch_input(MAIL, true);
        code = run(hungry[_i].words, ++number, &out, &said);
        done = code == hungry[_i].code;
        ck_assert_msg(done || code == LEFT || code == SHIM_SYSTEM || code == SHIM_REFUSED,
                      "%ld: %d", number, code);
        ck_assert_msg(strcmp(out, done ? hungry[_i].out : "") == 0, "%ld: %s", number, out);
        ck_assert_msg(starved || done, "%d", code);
        ck_assert_ptr_null(strstr(said, "(null)"));
        ck_assert(code == SHIM_OK || access("x", F_OK) != 0);
        /* Stock is not run without its configuration. */
        ck_assert_int_ne(access("unconfigured", F_OK), 0);
        (void)unlink("x");
        free(out);
        free(said);
    } while (starved);
    ck_assert_int_gt(number, 10);
}
END_TEST

/* If descriptors run out nothing is handed over that is not whole, and none of the caller's is
 * lost.
 */
START_TEST(descriptors_run_out)
{
    static const char *const words[] = { SIGN, NULL };
    struct rlimit before, limit;
    int code, next;

    make_script("stock", STOCK, ALLOWED "cat");
    make_script(beside, TOOL "3\n", "");
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 0;
    do {
        char *out, *said;

        sp_launch_input(MAIL, false);
        sp_capture_begin(STDOUT_FILENO);
        sp_capture_begin(STDERR_FILENO);
        next = dup(STDIN_FILENO);
        close(next);
        limit.rlim_cur = limit.rlim_cur == 0 ? (rlim_t)next : limit.rlim_cur + 1;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        code = launch(words, 0);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        said = sp_capture_end(STDERR_FILENO);
        out = sp_capture_end(STDOUT_FILENO);
        ck_assert_str_eq(out, code == SHIM_OK ? MAIL : "");
        free(out);
        free(said);
    } while (code != SHIM_OK && limit.rlim_cur < (rlim_t)next + 100);
    ck_assert_int_eq(code, SHIM_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("launch");
    TCase *tests = tcase_create("launch");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, its_end, 0, SP_ROWS(rows));
    tcase_add_test(tests, its_file);
    tcase_add_test(tests, no_room);
    tcase_add_test(tests, no_stock);
    tcase_add_loop_test(tests, memory_runs_out, 0, SP_ROWS(hungry));
    tcase_add_test(tests, descriptors_run_out);
    tcase_add_test(tests, children_are_ignored);
    tcase_add_test(tests, the_tool_ends_with_us);
    tcase_add_test(tests, a_signal_in_between);
    tcase_add_loop_test(tests, on_a_terminal, 0, SP_ROWS(terminals));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
