/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A program that uses the C library, with settings that name a keyring.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "crls.h"
#include "keyring/contact.h"
#include "smimepolicy.h"

/* Root, an intermediate below it, and a signer below that. */
static X509 *above, *signer;
static smimepolicy_settings *settings;

#define USABLE                                                                                     \
    .not_after = "20991231235959Z", .usage = "digitalSignature", .extended = "emailProtection"

static void set_up(void)
{
    struct sp_recipe recipe = { .serial = 7,
                                .subject = "Intermediate",
                                .issuer = NULL,
                                .key = sp_test_ec(),
                                .basic = "critical,CA:TRUE",
                                .not_after = "20991231235959Z",
                                .again = { SKI("0a0b0c0d"), AKI("01020304") } };
    struct sp_recipe below = { .serial = 8,
                               .subject = "Bob",
                               .key = sp_test_ec(),
                               .san = "email:bob@example.org",
                               .again = { AKI("0a0b0c0d") },
                               USABLE };

    sp_crls_set_up();
    recipe.issuer = crls.issuer;
    above = sp_make_cert(&recipe);
    below.issuer = above;
    signer = sp_make_cert(&below);
    settings = smimepolicy_settings_new();
    ck_assert_int_eq(smimepolicy_settings_set(settings, "keyring", crls.place, NULL), 1);
}

static void tear_down(void)
{
    smimepolicy_settings_free(settings);
    X509_free(signer);
    X509_free(above);
    sp_crls_tear_down();
}

/* Store a CRL of the intermediate, or of the root, that names a serial; 0: nobody. */
static void revoke(X509 *issuer, int serial)
{
    const int serials[] = { serial, 0 };

    sp_revoke(issuer, serials);
}

/* Verify the signer up to the root, with the callback. */
static bool verify(void)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool passed;

    ck_assert_int_eq(smimepolicy_store_set1_settings(store, settings), 1);
    X509_STORE_set_verify_cb(store, smimepolicy_verify_cb);
    ck_assert_int_eq(X509_STORE_add_cert(store, crls.issuer), 1);
    ck_assert_int_gt(sk_X509_push(chain, above), 0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, chain), 1);
    /* The root is as old as the other certificates of the tests. */
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), SP_NOW);
    ERR_clear_error();
    passed = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(chain);
    return passed;
}

static void expect_verified(const char *refusal)
{
    const char *text = NULL;
    int flags;

    ck_assert_int_eq(verify(), refusal == NULL);
    if (refusal == NULL)
        return;
    ck_assert_int_ne((int)ERR_peek_error_all(NULL, NULL, NULL, &text, &flags), 0);
    ck_assert_msg(strstr(text, refusal) != NULL, "%s", text);
}

START_TEST(evaluated)
{
    static const smimepolicy_use uses[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_VERIFY };

    revoke(above, 8);
    for (int i = 0; i < SP_ROWS(uses); i++)
        sp_expect_verdict(smimepolicy_evaluate(settings, signer, NULL, uses[i], SP_NOW),
                          "deny:revoked warn:validity-too-long");
    sp_expect_verdict(smimepolicy_evaluate(settings, signer, NULL, SMIMEPOLICY_DECRYPT, SP_NOW),
                      "note:revoked");
    sp_expect_verdict(smimepolicy_evaluate(NULL, signer, NULL, SMIMEPOLICY_SIGN, SP_NOW),
                      "warn:validity-too-long");
    ck_assert_int_eq(smimepolicy_settings_set(settings, "revocation", "off", NULL), 1);
    sp_expect_verdict(smimepolicy_evaluate(settings, signer, NULL, SMIMEPOLICY_SIGN, SP_NOW),
                      "warn:validity-too-long");
}
END_TEST

START_TEST(signer_of_a_chain)
{
    expect_verified(NULL);
    revoke(above, 9);
    expect_verified(NULL);
    revoke(above, 8);
    expect_verified("[revoked]");
    ck_assert_int_eq(smimepolicy_settings_set(settings, "mode", "observe", NULL), 1);
    expect_verified(NULL);
}
END_TEST

START_TEST(issuer_in_a_chain)
{
    revoke(crls.issuer, 7);
    expect_verified("[revoked]");
    revoke(crls.issuer, 6);
    expect_verified(NULL);
    /* An anchor does not revoke itself. */
    revoke(crls.issuer, 1);
    expect_verified(NULL);
}
END_TEST

static void store(const X509 *cert, enum sp_role role)
{
    struct sp_keyring *keyring = sp_must_open(crls.place, SP_KEYRING_WRITE);

    sp_store(keyring, cert, role);
    sp_keyring_close(keyring);
}

/* What is observed refuses nobody, and a contact needs no issuer. */
START_TEST(revoked_issuer_that_does_not_matter)
{
    revoke(crls.issuer, 7);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "mode", "observe", NULL), 1);
    expect_verified(NULL);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "mode", "enforce", NULL), 1);
    expect_verified("[revoked]");
    store(signer, SP_ROLE_CONTACT);
    expect_verified(NULL);
    revoke(above, 8);
    expect_verified("[revoked]");
}
END_TEST

/* Each of them needs a fresh CRL, and an anchor none: the root, and what is stored as a CA. */
START_TEST(hard)
{
    struct sp_crl_about about = sp_today();
    const int nothing[] = { 0 };
    enum sp_role roles[] = { SP_ROLE_CONTACT, SP_ROLE_CA };

    about.next_update = (int64_t)4102444800;
    ck_assert_int_eq(smimepolicy_settings_set(settings, "revocation", "hard", NULL), 1);
    expect_verified("[revocation-unknown]");
    ck_assert(sp_store_crl(above, &about, nothing));
    expect_verified("[revocation-unknown]");
    store(above, roles[_i]);
    if (roles[_i] != SP_ROLE_CA) {
        expect_verified("[revocation-unknown]");
        ck_assert(sp_store_crl(crls.issuer, &about, nothing));
    }
    expect_verified(NULL);
}
END_TEST

/* The verdict on the signer at SP_NOW: is the keyring too old for |use|? */
static bool is_stale(smimepolicy_use use)
{
    smimepolicy_verdict *verdict = smimepolicy_evaluate(settings, signer, NULL, use, SP_NOW);
    char *text = smimepolicy_verdict_text(verdict);
    const bool is = strstr(text, "[keyring-stale]") != NULL;

    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), !is);
    OPENSSL_free(text);
    smimepolicy_verdict_free(verdict);
    return is;
}

/* A keyring that is the copy of a hub, by its last contact. */
START_TEST(copy_of_a_hub)
{
    static const struct {
        time_t contact; /* 0: none */
        bool stale;
    } times[] = { { 0, true },
                  { SP_NOW - 86400, false },
                  { SP_NOW - 86401, true },
                  { SP_NOW + 300, false },
                  { SP_NOW + 301, true } };
    static const char *const modes[] = { "off", "soft" };

    ck_assert(!is_stale(SMIMEPOLICY_SIGN));
    for (size_t i = 0; i < SP_ROWS(times); i++) {
        ck_assert_int_eq(smimepolicy_settings_set(settings, "hub", "service=x", NULL), 1);
        ck_assert_int_eq(smimepolicy_settings_set(settings, "revocation", modes[i % 2], NULL), 1);
        ck_assert(times[i].contact == 0 || sp_keyring_touch(crls.place, times[i].contact));
        ck_assert_int_eq(is_stale(SMIMEPOLICY_SIGN), times[i].stale);
        ck_assert_int_eq(smimepolicy_settings_set(settings, "trust", "caller", NULL), 1);
        ck_assert(!is_stale(SMIMEPOLICY_VERIFY) && !is_stale(SMIMEPOLICY_UPLOAD));
        ck_assert_int_eq(smimepolicy_settings_set(settings, "trust", "keyring", NULL), 1);
        ck_assert_int_eq(is_stale(SMIMEPOLICY_VERIFY), times[i].stale);
    }
}
END_TEST

/* With `trust = keyring` the callback asks when the hub was heard of, and only then. */
START_TEST(verified_by_a_copy)
{
    store(crls.issuer, SP_ROLE_CA);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "hub", "service=x", NULL), 1);
    expect_verified(NULL);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "trust", "keyring", NULL), 1);
    expect_verified("[keyring-stale]");
    ck_assert(sp_keyring_touch(crls.place, time(NULL) - 2 * DAY));
    expect_verified("[keyring-stale]");
    ck_assert(sp_keyring_touch(crls.place, time(NULL)));
    expect_verified(NULL);
}
END_TEST

static Suite *api_suite(void)
{
    Suite *suite = suite_create("crl_api");
    TCase *tcase = tcase_create("program");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, evaluated);
    tcase_add_test(tcase, signer_of_a_chain);
    tcase_add_test(tcase, issuer_in_a_chain);
    tcase_add_test(tcase, revoked_issuer_that_does_not_matter);
    tcase_add_loop_test(tcase, hard, 0, 2);
    tcase_add_test(tcase, copy_of_a_hub);
    tcase_add_test(tcase, verified_by_a_copy);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(api_suite());
}
