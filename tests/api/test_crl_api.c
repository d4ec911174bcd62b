/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A program that uses the C library, with settings that name a keyring.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "crls.h"
#include "keyring/contact.h"
#include "smimepolicy.h"
#include "starve.h"

/* Root, an intermediate below it, and a signer below that. */
static X509 *above, *signer;
/* One between the two, or NULL. */
static X509 *between;
/* What ends the chain of the signer: the root, or one of these. */
static X509 *anchor;
static smimepolicy_settings *settings;
/* The allocation of verify() that fails, from 1, and whether it came to it. */
static long fails;
static bool starved;

#define USABLE                                                                                     \
    .not_after = "20991231235959Z", .usage = "digitalSignature", .extended = "emailProtection"

static void set(const char *name, const char *value)
{
    ck_assert_int_eq(smimepolicy_settings_set(settings, name, value, NULL), 1);
}

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

    ERR_clear_error();
    fails = 0;
    sp_crls_set_up();
    recipe.issuer = crls.issuer;
    above = sp_make_cert(&recipe);
    below.issuer = above;
    signer = sp_make_cert(&below);
    anchor = crls.issuer;
    settings = smimepolicy_settings_new();
    set("keyring", crls.place);
}

static void tear_down(void)
{
    smimepolicy_settings_free(settings);
    X509_free(signer);
    X509_free(between);
    between = NULL;
    X509_free(above);
    sp_crls_tear_down();
}

/* Store a CRL of the intermediate, or of the root, that names a serial; 0: nobody. */
static void revoke(X509 *issuer, int serial)
{
    const int serials[] = { serial, 0 };

    sp_revoke(issuer, serials);
}

/* Verify the signer up to the anchor, with the callback. */
static bool verify(void)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool passed;

    ck_assert_int_eq(smimepolicy_store_set1_settings(store, settings), 1);
    X509_STORE_set_verify_cb(store, smimepolicy_verify_cb);
    ck_assert_int_eq(X509_STORE_add_cert(store, anchor), 1);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    ck_assert_int_gt(sk_X509_push(chain, above), 0);
    if (between != NULL)
        ck_assert_int_gt(sk_X509_push(chain, between), 0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, chain), 1);
    /* The root is as old as the other certificates of the tests. */
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), SP_NOW);
    ERR_clear_error();
    sp_starve(fails);
    passed = X509_verify_cert(ctx) == 1;
    starved = sp_starve_end();
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
    set("revocation", "off");
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
    set("mode", "observe");
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
    /* The last one of a chain may be revoked by an issuer that is not in it. */
    revoke(crls.issuer, 7);
    anchor = above;
    expect_verified("[revoked]");
}
END_TEST

static void store(const X509 *cert, enum sp_role role)
{
    struct sp_keyring *keyring = sp_must_open(crls.place, SP_KEYRING_WRITE);

    sp_store(keyring, cert, role);
    sp_keyring_close(keyring);
}

/* The next error of the queue is that |subject| is revoked. */
static void expect_revoked(const char *subject)
{
    const char *text = NULL;
    char wanted[64];

    (void)snprintf(wanted, sizeof(wanted), "[revoked] (CN=%s, serial", subject);
    ck_assert_uint_ne(ERR_get_error_all(NULL, NULL, NULL, &text, NULL), 0);
    ck_assert_msg(strstr(text, wanted) != NULL, "%s", text);
}

/* Each of them is named. */
START_TEST(two_revoked_issuers)
{
    struct sp_recipe issuer = { .serial = 9,
                                .subject = "Between",
                                .issuer = above,
                                .key = sp_test_ec(),
                                .basic = "critical,CA:TRUE",
                                .not_after = "20991231235959Z",
                                .again = { SKI("11121314"), AKI("0a0b0c0d") } };
    struct sp_recipe below = { .serial = 10,
                               .subject = "Bob",
                               .key = sp_test_ec(),
                               .san = "email:bob@example.org",
                               .again = { AKI("11121314") },
                               USABLE };

    X509_free(signer);
    between = below.issuer = sp_make_cert(&issuer);
    signer = sp_make_cert(&below);
    expect_verified(NULL);
    revoke(crls.issuer, 7);
    revoke(above, 9);
    ck_assert(!verify());
    expect_revoked("Between");
    expect_revoked("Intermediate");
    ck_assert_uint_eq(ERR_peek_error(), 0);
    set("mode", "observe");
    expect_verified(NULL);
    store(signer, SP_ROLE_CONTACT);
    set("mode", "enforce");
    expect_verified(NULL);
}
END_TEST

/* What is observed refuses nobody, and a contact needs no issuer. */
START_TEST(revoked_issuer_that_does_not_matter)
{
    revoke(crls.issuer, 7);
    set("mode", "observe");
    expect_verified(NULL);
    set("mode", "enforce");
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
    set("revocation", "hard");
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

/* An anchor that another CA has issued needs none either. */
START_TEST(hard_below_an_intermediate)
{
    struct sp_crl_about about = sp_today();
    const int nothing[] = { 0 };

    about.next_update = (int64_t)4102444800;
    set("revocation", "hard");
    ck_assert(sp_store_crl(above, &about, nothing));
    expect_verified("[revocation-unknown]");
    anchor = above;
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
        set("hub", "service=x");
        set("revocation", modes[i % 2]);
        ck_assert(times[i].contact == 0 || sp_keyring_touch(crls.place, times[i].contact));
        ck_assert_int_eq(is_stale(SMIMEPOLICY_SIGN), times[i].stale);
        set("trust", "caller");
        ck_assert(!is_stale(SMIMEPOLICY_VERIFY) && !is_stale(SMIMEPOLICY_UPLOAD));
        set("trust", "keyring");
        ck_assert_int_eq(is_stale(SMIMEPOLICY_VERIFY), times[i].stale);
    }
}
END_TEST

/* With `trust = keyring` the callback asks when the hub was heard of, and only then. */
START_TEST(verified_by_a_copy)
{
    store(crls.issuer, SP_ROLE_CA);
    set("hub", "service=x");
    expect_verified(NULL);
    set("trust", "keyring");
    expect_verified("[keyring-stale]");
    ck_assert(sp_keyring_touch(crls.place, time(NULL) - 2 * DAY));
    expect_verified("[keyring-stale]");
    ck_assert(sp_keyring_touch(crls.place, time(NULL)));
    expect_verified(NULL);
}
END_TEST

/* A copy that is in touch with its hub has to hold an anchor, too. */
START_TEST(not_in_the_copy)
{
    sp_keyring_close(sp_must_open(crls.place, SP_KEYRING_WRITE));
    set("hub", "service=x");
    set("trust", "keyring");
    ck_assert(sp_keyring_touch(crls.place, time(NULL)));
    expect_verified("[distrust-default]");
}
END_TEST

/* Where nobody else vouches, a keyring that does not exist is a fault, and is said to be one. */
START_TEST(no_such_keyring)
{
    set("keyring", "/nowhere/keyring");
    expect_verified(NULL);
    set("trust", "keyring");
    expect_verified("; mend the keyring");
}
END_TEST

/* Verdicts on bytes that are one certificate, and on no others. */
START_TEST(of_bytes)
{
    unsigned char *der = NULL;
    const int length = i2d_X509(signer, &der);
    static const struct {
        int more; /* bytes than it has */
        bool is_null;
        const char *verdict; /* NULL: none */
    } rows[] = { { 0, false, "deny:revoked warn:validity-too-long" },
                 { -1, false, NULL },
                 { 1, false, NULL },
                 { 0, true, NULL } };

    revoke(above, 8);
    ck_assert_int_gt(length, 0);
    der = OPENSSL_realloc(der, (size_t)length + 1);
    ck_assert_ptr_nonnull(der);
    der[length] = 0;
    for (int i = 0; i < SP_ROWS(rows); i++) {
        smimepolicy_verdict *verdict = smimepolicy_evaluate_der(
            settings, rows[i].is_null ? NULL : der, (size_t)(length + rows[i].more), NULL,
            SMIMEPOLICY_SIGN, SP_NOW);

        if (rows[i].verdict != NULL)
            sp_expect_verdict(verdict, rows[i].verdict);
        else
            ck_assert_ptr_null(verdict);
        ck_assert_uint_eq(ERR_peek_error(), 0);
    }
    ck_assert_ptr_null(smimepolicy_evaluate(settings, NULL, NULL, SMIMEPOLICY_SIGN, SP_NOW));
    OPENSSL_free(der);
}
END_TEST

/* What is refused however little memory there is. */
static const struct {
    int revoked[2];          /* by the root, and by the intermediate */
    enum sp_role root;       /* as what it is stored */
    const char *settings[4]; /* a name, its value */
    const char *refusal;
} refused[] = {
    { .revoked = { 7, 0 }, .refusal = "[revoked]" },
    { .revoked = { 0, 8 }, .refusal = "[revoked]" },
    { .settings = { "trust", "keyring" }, .refusal = "[distrust-default]" },
    { .root = SP_ROLE_CONTACT, .refusal = "[distrust-default]" },
    { .root = SP_ROLE_INTERMEDIATE,
      .refusal = "the chain ends in a certificate that came with a mail" },
    { .root = SP_ROLE_CA,
      .settings = { "trust", "keyring", "hub", "service=x" },
      .refusal = "[keyring-stale]" },
};

START_TEST(every_allocation_fails_once)
{
    if (refused[_i].root != SP_ROLE_NONE)
        store(crls.issuer, refused[_i].root);
    for (int i = 0; i < 2; i++)
        if (refused[_i].revoked[i] != 0)
            revoke(i == 0 ? crls.issuer : above, refused[_i].revoked[i]);
    for (int i = 0; i < 4 && refused[_i].settings[i] != NULL; i += 2)
        set(refused[_i].settings[i], refused[_i].settings[i + 1]);
    expect_verified(refused[_i].refusal);
    do {
        fails++;
        ck_assert_msg(!verify(), "passes when allocation %ld fails", fails);
    } while (starved);
    ck_assert_int_gt(fails, 10);
}
END_TEST

/* A verdict that memory is missing for is none. */
START_TEST(evaluated_without_memory)
{
    revoke(above, 8);
    do {
        smimepolicy_verdict *verdict;

        sp_starve(++fails);
        verdict = smimepolicy_evaluate(settings, signer, NULL, SMIMEPOLICY_SIGN, SP_NOW);
        starved = sp_starve_end();
        ck_assert_msg(starved || verdict != NULL, "it fails with all the memory");
        ck_assert_msg(verdict == NULL || !smimepolicy_verdict_allowed(verdict),
                      "allowed when allocation %ld fails", fails);
        smimepolicy_verdict_free(verdict);
    } while (starved);
    ck_assert_int_gt(fails, 10);
}
END_TEST

/* Settings that could not be attached are not taken for attached, and defaults are not left out. */
START_TEST(attached_without_memory)
{
    X509_STORE *attached = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    for (int i = 0; i < 2; i++) {
        sp_starve(1);
        ck_assert_int_eq(smimepolicy_store_set1_settings(attached, i == 0 ? NULL : settings), 0);
        ck_assert(sp_starve_end());
    }
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, attached, signer, NULL), 1);
    sp_starve(1);
    ck_assert_int_eq(smimepolicy_verify_cb(1, ctx), 0);
    ck_assert(sp_starve_end());
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(attached);
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
    tcase_add_test(tcase, two_revoked_issuers);
    tcase_add_test(tcase, revoked_issuer_that_does_not_matter);
    tcase_add_loop_test(tcase, hard, 0, 2);
    tcase_add_test(tcase, hard_below_an_intermediate);
    tcase_add_test(tcase, copy_of_a_hub);
    tcase_add_test(tcase, verified_by_a_copy);
    tcase_add_test(tcase, not_in_the_copy);
    tcase_add_test(tcase, no_such_keyring);
    tcase_add_test(tcase, of_bytes);
    tcase_add_loop_test(tcase, every_allocation_fails_once, 0, SP_ROWS(refused));
    tcase_add_test(tcase, evaluated_without_memory);
    tcase_add_test(tcase, attached_without_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    if (!sp_starve_watch())
        return EXIT_FAILURE;
    return sp_run(api_suite());
}
