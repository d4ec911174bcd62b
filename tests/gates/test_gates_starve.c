/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each allocation of a gate fails once.  What is refused stays refused, and what passes for
 * a command was told to it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "gates/hooks.h"
#include "keyring_of_test.h"
#include "log/report.h"
#include "mail.h"
#include "reporting.h"
#include "starve.h"

static bool sign(const struct sp_owner *who)
{
    return sp_pkcs7_add_signature(who->cert, who->key);
}

static bool sign_with_sha1(const struct sp_owner *who)
{
    return sp_sign_data(who->key, "SHA1", sp_mail_attributes, sizeof(sp_mail_attributes));
}

static bool sign_mail(const struct sp_owner *who)
{
    return sp_sign_data(who->key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes));
}

static bool sign_as_nobody(const struct sp_owner *who)
{
    EVP_PKEY *key = sp_read_key("stranger-ec");
    bool done = sp_sign_data(key, NULL, sp_mail_attributes, 32);

    (void)who;
    EVP_PKEY_free(key);
    return done;
}

static bool sign_raw(const struct sp_owner *who)
{
    return sp_sign_data(who->key, NULL, sp_mail_attributes, 32);
}

static bool encrypt(const struct sp_owner *who)
{
    return sp_cms_encrypt(who->cert, NULL, CMS_BINARY);
}

static bool begin_to_verify(const struct sp_owner *who)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, X509_get0_pubkey(who->cert), NULL);
    bool done = EVP_PKEY_verify_init(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

static bool has_purpose(const struct sp_owner *who)
{
    return X509_check_purpose(who->cert, X509_PURPOSE_SMIME_SIGN, 0) == 1;
}

static bool verify_with_sha1(const struct sp_owner *who)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done =
        EVP_DigestVerifyInit(ctx, NULL, EVP_sha1(), NULL, X509_get0_pubkey(who->cert)) == 1 &&
        EVP_DigestVerifyUpdate(ctx, sp_mail_attributes, sizeof(sp_mail_attributes)) == 1;

    EVP_MD_CTX_free(ctx);
    return done;
}

static bool may_issue(const struct sp_owner *who)
{
    return X509_check_purpose(who->cert, X509_PURPOSE_SMIME_SIGN, 1) == 1;
}

static bool verify(const struct sp_owner *who)
{
    (void)who;
    return sp_cms_verify("good-rsa", 0);
}

static bool decrypt(const struct sp_owner *who)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, who->key, NULL);
    bool done = EVP_PKEY_decrypt_init(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

static const struct {
    const char *settings, *name;
    bool (*use)(const struct sp_owner *who);
    const char *reason;
} refused[] = {
    { "", "expired-rsa", sign, "[expired]" },
    { "", "expired-ec", encrypt, "[expired]" },
    { "", "server-rsa", sign_raw, "[san-email]" },
    { "unknown_keys = refuse\n", "good-rsa", sign_as_nobody, "[certificate-required]" },
    { "weak_digest = deny\n", "good-rsa", sign_with_sha1, "[weak-digest]" },
    { "weak_digest = deny\n", "good-rsa", verify_with_sha1, "[weak-digest]" },
    { "unverified_signers = refuse\n", "no-usage-rsa", begin_to_verify, "[distrust-default]" },
    { "report_cipher = des3\nweak_cipher = deny\n", "good-rsa", encrypt, "" },
    { "", "no-address-rsa", has_purpose, "[signer-certificate]" },
    { "", "good-rsa", may_issue, "" },
    { "trust = keyring\n", "good-rsa", verify, "[distrust-default]" },
    { "report_use = verify\nunverified_signers = refuse\nreport_sender = eve@example.org\n",
      "good-rsa", verify, "" },
};

enum { DONE = 1, STARVED = 2, TOLD_WHY = 4 };

/* What came of it while one allocation failed, in a process that ends then: what is told once, or
 * has failed once, is so in that one alone. */
static int try(bool (*use)(const struct sp_owner *who), const struct sp_owner *who, long fails)
{
    int status = 0;
    const pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        /* A process reports only what it does itself. */
        sp_report_close();
        sp_report_open(sp_report_ends[1], SP_NONCE);
        sp_starve(fails);
        status = use(who) ? DONE : 0;
        status |= sp_starve_end() ? STARVED : 0;
        _exit(status | (ERR_peek_error() != 0 ? TOLD_WHY : 0));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Of a key of which the process has no certificate the keyring is asked. */
static const struct {
    enum sp_role role;
    const char *name;
    const char *reason; /* NULL: it passes */
} stored[] = {
    { SP_ROLE_CONTACT, "expired-ec", "[expired]" },
    { SP_ROLE_CONTACT, "expired-rsa", "[expired]" },
    { SP_ROLE_IDENTITY, "good-ec", NULL },
};

START_TEST(is_asked_of_the_keyring)
{
    struct sp_owner who;
    long fails = 0;
    char *settings;
    int came;

    ck_assert(sp_starve_watch());
    ck_assert_int_gt(asprintf(&settings, "keyring = %s\n", sp_keyring_of_test()), 0);
    sp_start_reporting(settings);
    who = (struct sp_owner){ .key = sp_read_key(stored[_i].name) };
    sp_put(stored[_i].role, stored[_i].name);
    X509_free(X509_new());
    do {
        came = try(sign_mail, &who, ++fails);
        ck_assert_msg((came & DONE) == 0 || stored[_i].reason == NULL,
                      "allowed when allocation %ld fails", fails);
        ck_assert_msg((came & (DONE | TOLD_WHY)) != 0, "no reason when allocation %ld fails",
                      fails);
    } while ((came & STARVED) != 0);
    ck_assert_int_gt(fails, 5);
    EXPECT(sign_mail(&who), stored[_i].reason);
    EVP_PKEY_free(who.key);
    free(settings);
}
END_TEST

START_TEST(stays_refused)
{
    struct sp_owner who;
    long fails = 0;
    int came;

    ck_assert(sp_starve_watch());
    sp_start_reporting(refused[_i].settings);
    who = sp_read_owner(refused[_i].name);
    /* Its signer is known before. */
    ck_assert(refused[_i].use != verify_with_sha1 || has_purpose(&who));
    X509_free(X509_new());
    do {
        came = try(refused[_i].use, &who, ++fails);
        ck_assert_msg((came & DONE) == 0, "allowed when allocation %ld fails", fails);
        ck_assert_msg((came & TOLD_WHY) != 0, "no reason when allocation %ld fails", fails);
    } while ((came & STARVED) != 0);
    ck_assert_int_gt(fails, 3);
    EXPECT_REFUSED(refused[_i].use(&who), refused[_i].reason);
    sp_free_owner(&who);
}
END_TEST

/* Of several certificates of a key each is judged, and nothing is left of it. */
START_TEST(nothing_is_left)
{
    static const char *const names[] = { "good-rsa", "good-rsa", "old-rsa", "old-rsa" };
    X509 *certs[SP_ROWS(names)];
    EVP_PKEY *key;
    long kept = 0;

    ck_assert(sp_starve_watch());
    sp_start(NULL);
    for (int i = 0; i < SP_ROWS(names); i++)
        certs[i] = sp_read_cert(names[i]);
    key = sp_read_key("good-rsa");
    for (int i = 0; i < 20; i++) {
        /* By then libcrypto has what it keeps. */
        if (i == 10)
            kept = sp_starve_kept();
        EXPECT_REFUSED(sp_sign_data(key, NULL, sp_mail_attributes, 32), "share this key");
    }
    ck_assert_int_eq(sp_starve_kept(), kept);
    EVP_PKEY_free(key);
    for (int i = 0; i < SP_ROWS(names); i++)
        X509_free(certs[i]);
}
END_TEST

/* What passes, and the beginnings of the lines that the command is then told. */
static const struct {
    const char *settings, *name;
    bool (*use)(const struct sp_owner *who);
    const char *lines[3];
} passing[] = {
    { "", "good-ec", sign, { "allowed sign " } },
    { "report_sender = eve@example.org\n", "good-rsa", sign_with_sha1, { "allowed sign " } },
    { "report_cipher = des3\nweak_cipher = warn\n", "good-rsa", encrypt, { "allowed encrypt " } },
    { "report_use = decrypt\n", "expired-rsa", decrypt, { "allowed decrypt ", "note decrypt " } },
    { "report_use = verify\nunverified_signers = refuse\n",
      "good-rsa",
      verify,
      { "vouched ", "allowed verify ", "verified " } },
    { "report_use = verify\nreport_for = program\nreport_sender = eve@example.org\n"
      "unverified_signers = refuse\ndecision_log = /dev/null\n",
      "good-rsa",
      verify,
      { "vouched ", "allowed verify " } },
};

/* What has come since the last call; free() it. */
static char *come(void)
{
    char *text = calloc(1, 65537);

    (void)!read(sp_report_ends[0], text, 65536);
    return text;
}

START_TEST(passes_if_it_is_told)
{
    struct sp_owner who;
    long fails = 0;
    int came;

    ck_assert(sp_starve_watch());
    sp_start_reporting(passing[_i].settings);
    ck_assert_int_eq(fcntl(sp_report_ends[0], F_SETFL, O_NONBLOCK), 0);
    who = sp_read_owner(passing[_i].name);
    X509_free(X509_new());
    free(come());
    do {
        char *text;

        came = try(passing[_i].use, &who, ++fails);
        ck_assert_msg((came & (DONE | TOLD_WHY)) != 0, "no reason when allocation %ld fails",
                      fails);
        text = come();
        for (int i = 0; (came & DONE) != 0 && i < SP_ROWS(passing[_i].lines); i++)
            ck_assert_msg(passing[_i].lines[i] == NULL ||
                              sp_count_lines(text, passing[_i].lines[i], "") == 1,
                          "%s when allocation %ld fails", text, fails);
        free(text);
    } while ((came & STARVED) != 0);
    ck_assert_int_eq(came & DONE, DONE);
    ck_assert_int_gt(fails, 1);
    sp_free_owner(&who);
}
END_TEST

/* A purpose keeps its name, and its check, if the names of all cannot be copied. */
START_TEST(purposes_keep_their_names)
{
    static const int ids[] = { X509_PURPOSE_SMIME_SIGN, X509_PURPOSE_SMIME_ENCRYPT,
                               X509_PURPOSE_ANY };
    static const char *const names[] = { "smimesign", "smimeencrypt", "any" };
    const int number = _i + 1;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    sp_starve(number);
    ck_assert(!sp_purposes_replace());
    ck_assert(sp_starve_end());
    sp_purposes_restore();
    for (int i = 0; i < SP_ROWS(ids); i++) {
        const X509_PURPOSE *purpose = X509_PURPOSE_get0(X509_PURPOSE_get_by_id(ids[i]));

        ck_assert_ptr_nonnull(X509_PURPOSE_get0_name(purpose));
        ck_assert_str_eq(X509_PURPOSE_get0_sname(purpose), names[i]);
    }
    ck_assert(sp_purposes_replace());
    sp_purposes_restore();
}
END_TEST

/* So does email trust. */
START_TEST(trust_keeps_its_name)
{
    const X509_TRUST *trust;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    trust = X509_TRUST_get0(X509_TRUST_get_by_id(X509_TRUST_EMAIL));
    sp_starve(1);
    ck_assert(!sp_trust_replace());
    ck_assert(sp_starve_end());
    sp_trust_restore();
    ck_assert_ptr_nonnull(X509_TRUST_get0_name(trust));
    ck_assert(sp_trust_replace());
    sp_trust_restore();
    ck_assert_ptr_nonnull(X509_TRUST_get0_name(trust));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gates starve");
    TCase *tests = sp_case(suite, "gates starve");

    tcase_add_loop_test(tests, stays_refused, 0, SP_ROWS(refused));
    tcase_add_test(tests, nothing_is_left);
    tcase_add_loop_test(tests, passes_if_it_is_told, 0, SP_ROWS(passing));
    tcase_add_loop_test(tests, is_asked_of_the_keyring, 0, SP_ROWS(stored));
    /* Each of the three has a long and a short name. */
    tcase_add_loop_test(tests, purposes_keep_their_names, 0, 6);
    tcase_add_test(tests, trust_keeps_its_name);
    return sp_run_forked(suite);
}
