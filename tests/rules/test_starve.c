/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of ours fails once.  There must be no crash, no leak, and a clear
 * error.  libcrypto's own allocations do not fail here, as it leaks a little then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "rules/case.h"
#include "rules/revocation.h"
#include "rules/rules.h"
#include "starve.h"
#include "verdicts.h"

/* Objects for the cases, made before any allocation fails. */
static X509 *cert;
static struct sp_facts *facts;
static smimepolicy_verdict *verdict;
static smimepolicy_settings *settings;
static X509_STORE *store;
static char path[] = "/tmp/test_starve.XXXXXX";

/* A certificate with findings under most rules. */
static const struct sp_recipe faulty = {
    .subject = "Bob\n",
    .san = "email:bob,email:bob@example.org,DNS:example.org",
    .usage = "nonRepudiation",
    .extended = "serverAuth,anyExtendedKeyUsage",
    .not_after = "20330101000000Z",
};
static const struct sp_recipe nameless = { .san = "email:bob,DNS:example.org" };

static bool try_facts(void)
{
    struct sp_facts *fresh = sp_facts_new(cert);
    bool made = fresh != NULL;

    sp_facts_free(fresh);
    return made;
}

static bool keep(smimepolicy_verdict *fresh)
{
    bool made = fresh != NULL;

    smimepolicy_verdict_free(fresh);
    return made;
}

static bool keep_text(char *fresh)
{
    bool made = fresh != NULL;

    smimepolicy_free(fresh);
    return made;
}

static bool keep_settings(smimepolicy_settings *fresh)
{
    bool made = fresh != NULL;

    smimepolicy_settings_free(fresh);
    return made;
}

static bool try_judge(void)
{
    return keep(sp_judge(facts, SMIMEPOLICY_UPLOAD, 0, SP_WITHOUT_VALIDITY, settings));
}

static bool try_sign(void)
{
    return keep(smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_NOW));
}

static bool try_verify(void)
{
    return keep(smimepolicy_evaluate(settings, cert, NULL, SMIMEPOLICY_VERIFY, SP_NOW));
}

static bool try_early(void)
{
    return keep(smimepolicy_evaluate(settings, cert, NULL, SMIMEPOLICY_ENCRYPT, 0));
}

static bool try_late(void)
{
    return keep(smimepolicy_evaluate(settings, cert, sp_test_ec(), SMIMEPOLICY_DECRYPT,
                                     (time_t)4102444800));
}

static bool try_key(void)
{
    return keep(smimepolicy_evaluate_key(settings, sp_test_ec(), cert, NULL));
}

static bool try_refuse(void)
{
    return keep(sp_refuse(SP_DISTRUST_DEFAULT, facts, SMIMEPOLICY_VERIFY, "a", "b", "c", "d"));
}

static bool try_refuse_certfile(void)
{
    return keep(sp_refuse_certfile("a", true));
}

static bool try_refuse_untrusted(void)
{
    return keep(sp_refuse_untrusted("a@b.c"));
}

static bool try_refuse_not_stored(void)
{
    return keep(sp_refuse_not_stored(SMIMEPOLICY_SIGN, "a@b.c"));
}

static bool try_collected(void)
{
    static const struct sp_sender sender = { .is_mail = true };

    return keep(sp_judge_collected(
        facts, &(struct sp_collected){ .sender = &sender, .is_own = true }, SP_NOW, settings));
}

static bool try_found(void)
{
    return keep(sp_judge_from_directory(
        facts, &(struct sp_collected){ .address = "a@b.c", .is_own = true }, SP_NOW, settings));
}

static bool try_lone_identity(void)
{
    return keep(sp_note_lone_identity(facts));
}

static bool try_rank(void)
{
    struct sp_candidate candidates[] = { { .facts = facts }, { .facts = facts } };
    size_t places[2];
    bool done = sp_rank(candidates, 2, SMIMEPOLICY_SIGN, SP_NOW, settings, places);

    smimepolicy_verdict_free(candidates[0].verdict);
    smimepolicy_verdict_free(candidates[1].verdict);
    return done;
}

static bool try_chosen(void)
{
    return keep_text(sp_chosen_text(verdict, 2));
}

static bool try_passed_over(void)
{
    return keep_text(sp_passed_over_text(verdict));
}

/* Its time is not left out. */
static bool try_verified(void)
{
    const struct sp_signing_time time = { SP_TIME_READ, SP_NOW };
    char *text = sp_verified_text(facts, &time, "");

    ck_assert(text == NULL || strstr(text, ", signed on ") != NULL);
    return keep_text(text);
}

static bool try_signing_time(void)
{
    const struct sp_signing_time early = { SP_TIME_READ, 0 };
    const struct sp_facts *const issuers[] = { facts };

    return keep(sp_judge_signing_time(facts, issuers, 1, &early, 0));
}

static bool stand(enum sp_role role)
{
    struct sp_stored_verdicts standing;
    bool done = sp_judge_stored(facts, role, SP_NOW, settings, NULL, &standing);

    /* What it is good for is said of nothing that was not judged. */
    ck_assert(done || (standing.uses == 0 && !standing.vouches));
    sp_stored_verdicts_clear(&standing);
    return done;
}

static bool try_anchor(void)
{
    return keep(sp_judge_anchor(facts, facts,
                                (struct sp_standing){ SP_ROLE_CONTACT, SP_ORIGIN_UPLOADED }, true));
}

/* A copy of a hub, in touch with it long ago. */
static bool try_age(void)
{
    return keep(sp_judge_age(facts, SMIMEPOLICY_SIGN, 1, SP_NOW, settings));
}

static bool try_along(void)
{
    return keep(sp_judge_along(facts, 0, SP_ALONG_CHAIN));
}

static bool try_signer_issuer(void)
{
    return keep(sp_judge_signer_issuer(facts, 0, settings));
}

static bool try_sender(void)
{
    static const struct sp_sender sender = { .is_mail = true };
    const struct sp_facts *const signers[] = { facts };

    return keep(sp_judge_sender(signers, 1, 0, &sender));
}

static bool try_sender_to_sign(void)
{
    static const struct sp_sender sender = { .is_mail = true };
    const struct sp_facts *const signers[] = { facts };

    return keep(sp_judge_sender_to_sign(signers, 1, &sender));
}

static bool try_chain(void)
{
    const struct sp_chain_fault faults[] = { { .at = facts, .why = "a" }, { .why = "b" } };

    return keep(sp_judge_chain(facts, faults, 2, settings));
}

static bool try_issuing(void)
{
    return keep(sp_refuse_issuing(facts, facts, "a"));
}

static bool try_cipher(void)
{
    return keep(sp_judge_cipher(NID_des_cbc, false, settings));
}

static bool try_digest(void)
{
    return keep(sp_judge_digest(NID_md5, facts, SMIMEPOLICY_SIGN, settings));
}

static bool try_crl_digest(void)
{
    return keep(sp_judge_crl_digest(NID_md5, facts, settings));
}

/* What is known of its revocation: every state that says something. */
static bool in_state(enum sp_revocation_state state)
{
    static const struct sp_signing_time signed_at = { SP_TIME_READ, SP_NOW };
    static char why[] = "a is damaged";
    const struct sp_revocation revocation = { .state = state, .reason = 1, .why = why };
    smimepolicy_verdict *made;

    settings->revocation = SP_REVOCATION_HARD;
    made = sp_judge_revocation(facts, &revocation, SMIMEPOLICY_SIGN, SP_NOW, &signed_at, settings);
    return keep(made);
}

static bool try_revoked(void)
{
    return in_state(SP_REVOCATION_REVOKED);
}

static bool try_damaged(void)
{
    return in_state(SP_REVOCATION_DAMAGED);
}

static bool try_stale(void)
{
    return in_state(SP_REVOCATION_STALE);
}

static bool try_stand_as_ca(void)
{
    return stand(SP_ROLE_CA);
}

static bool try_stand_as_identity(void)
{
    return stand(SP_ROLE_IDENTITY);
}

static bool try_text(void)
{
    return keep_text(smimepolicy_verdict_text(verdict));
}

static bool try_line(void)
{
    return keep_text(
        smimepolicy_finding_text(verdict, smimepolicy_verdict_get0_finding(verdict, 0)));
}

static bool try_json(void)
{
    return keep_text(smimepolicy_verdict_json(verdict));
}

static bool try_settings(void)
{
    return keep_settings(smimepolicy_settings_new());
}

static bool try_dup(void)
{
    return keep_settings(sp_settings_dup(settings));
}

static bool try_set(void)
{
    return smimepolicy_settings_set(settings, "keyring", "/k", NULL) == 1;
}

static bool try_load(void)
{
    char *why = NULL;
    bool loaded = smimepolicy_settings_load(settings, path, &why) == 1;

    ck_assert_ptr_null(why);
    return loaded;
}

/* It fails with and without memory; only the message may be missing. */
static bool try_why(void)
{
    char *why = NULL;

    ck_assert_int_eq(smimepolicy_settings_set(settings, "expired", "ignore", &why), 0);
    return keep_text(why);
}

static bool try_store(void)
{
    return smimepolicy_store_set1_settings(store, settings) == 1;
}

static const struct {
    const char *name;
    bool (*try)(void);
} cases[] = {
    { "facts", try_facts },
    { "judge", try_judge },
    { "sign", try_sign },
    { "verify", try_verify },
    { "early", try_early },
    { "late", try_late },
    { "key", try_key },
    { "refuse", try_refuse },
    { "refuse certfile", try_refuse_certfile },
    { "refuse untrusted", try_refuse_untrusted },
    { "refuse what is not stored", try_refuse_not_stored },
    { "lone identity", try_lone_identity },
    { "collected", try_collected },
    { "found", try_found },
    { "text", try_text },
    { "line", try_line },
    { "json", try_json },
    { "settings", try_settings },
    { "settings dup", try_dup },
    { "set", try_set },
    { "load", try_load },
    { "why", try_why },
    { "store", try_store },
    { "rank", try_rank },
    { "chosen", try_chosen },
    { "passed over", try_passed_over },
    { "signing time", try_signing_time },
    { "verified", try_verified },
    { "anchor", try_anchor },
    { "age", try_age },
    { "along", try_along },
    { "issuer of a signer", try_signer_issuer },
    { "sender", try_sender },
    { "sender to sign", try_sender_to_sign },
    { "chain", try_chain },
    { "issuing", try_issuing },
    { "cipher", try_cipher },
    { "digest", try_digest },
    { "digest of a CRL", try_crl_digest },
    { "revoked", try_revoked },
    { "damaged", try_damaged },
    { "stale", try_stale },
    { "stand as CA", try_stand_as_ca },
    { "stand as identity", try_stand_as_identity },
};

static void set_up(const struct sp_recipe *recipe)
{
    static const char content[] = "keyring = /other\nmode = observe\n";
    int fd = mkstemp(strcpy(path, "/tmp/test_starve.XXXXXX"));

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
    cert = sp_make_cert(recipe);
    facts = sp_facts_new(cert);
    settings = smimepolicy_settings_new();
    ck_assert_int_eq(smimepolicy_settings_set(settings, "decision_log", "syslog", NULL), 1);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "hub", "service=team", NULL), 1);
    verdict = smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_NOW);
    store = X509_STORE_new();
}

static void tear_down(void)
{
    X509_STORE_free(store);
    smimepolicy_verdict_free(verdict);
    smimepolicy_settings_free(settings);
    sp_facts_free(facts);
    X509_free(cert);
    unlink(path);
}

/* Fail the first allocation, then the second, until none is left to fail. */
static void starve(int row)
{
    long failed = 0;

    for (;;) {
        bool done;

        sp_starve(failed + 1);
        done = cases[row].try();
        if (!sp_starve_end())
            break;
        ck_assert_msg(!done, "%s: allocation %ld", cases[row].name, failed);
        failed++;
    }
    ck_assert_int_gt(failed, 0);
    ck_assert(cases[row].try());
    ERR_clear_error();
}

START_TEST(starve_faulty)
{
    set_up(&faulty);
    starve(_i);
    tear_down();
}
END_TEST

START_TEST(starve_nameless)
{
    set_up(&nameless);
    starve(_i);
    tear_down();
}
END_TEST

static const struct sp_recipe good = { .san = "email:bob@example.org",
                                       .usage = "digitalSignature" };
/* libcrypto itself cannot read this extension. */
static const struct sp_recipe unreadable = { .san = "email:bob@example.org",
                                             .usage = "digitalSignature",
                                             .again = { "nameConstraints", "DER:04:00" } };
static const struct sp_recipe ca = { .subject = "CA", .basic = "CA:TRUE" };
static const struct sp_recipe no_ca = { .subject = "CA" };

/* Who passes the callback while there is memory, and who does not. */
static const struct {
    const struct sp_recipe *signer, *issuer;
    const char *trust;
    int error; /* of libcrypto, which the program lets pass */
    bool passes;
} calls[] = {
    { &good, &ca, "caller", X509_V_OK, true },
    { &unreadable, &ca, "caller", X509_V_OK, false },
    { &good, &no_ca, "caller", X509_V_OK, false },
    { &good, &ca, "keyring", X509_V_OK, false },
    { &good, &ca, "caller", X509_V_ERR_CERT_UNTRUSTED, false },
};

/* A chain of |signer| and its issuer. */
static STACK_OF(X509) *make_chain(X509 *signer, const struct sp_recipe *issuer)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    ck_assert_int_eq(X509_up_ref(signer), 1);
    ck_assert_int_gt(sk_X509_push(chain, signer), 0);
    ck_assert_int_gt(sk_X509_push(chain, sp_make_cert(issuer)), 0);
    return chain;
}

/* If memory runs out while judging, the signer is refused. */
START_TEST(starve_callback)
{
    long failed = 0;
    bool starved;

    set_up(calls[_i].signer);
    smimepolicy_settings_free(settings);
    settings = smimepolicy_settings_new();
    ck_assert_int_eq(smimepolicy_settings_set(settings, "trust", calls[_i].trust, NULL), 1);
    ck_assert_int_eq(smimepolicy_store_set1_settings(store, settings), 1);
    do {
        X509_STORE_CTX *ctx = X509_STORE_CTX_new();
        int ok;

        ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
        X509_STORE_CTX_set0_verified_chain(ctx, make_chain(cert, calls[_i].issuer));
        X509_STORE_CTX_set_error(ctx, calls[_i].error);
        sp_starve(++failed);
        ok = smimepolicy_verify_cb(1, ctx);
        starved = sp_starve_end();
        ck_assert_int_eq(ok, calls[_i].passes && !starved);
        ck_assert_int_eq(X509_STORE_CTX_get_error(ctx),
                         ok == 1 ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
        X509_STORE_CTX_free(ctx);
        ERR_clear_error();
    } while (starved);
    ck_assert_int_gt(failed, 6);
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("starve");
    TCase *tests = tcase_create("allocations");

    if (!sp_starve_watch())
        return EXIT_FAILURE;
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, starve_faulty, 0, SP_ROWS(cases));
    tcase_add_loop_test(tests, starve_nameless, 0, SP_ROWS(cases));
    tcase_add_loop_test(tests, starve_callback, 0, SP_ROWS(calls));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
