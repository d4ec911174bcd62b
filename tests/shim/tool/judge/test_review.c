/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the rules say of the signers of a message that came in.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "outcomes.h"
#include "tool/judge/judge.h"
#include "tool/run/ciphers.h"
#include "verdicts.h"

#define LATER "20990731142028Z"
#define EARLY "20000101000000Z"

/* By the letters of the rows. */
static const struct {
    char letter;
    struct sp_recipe recipe;
    char issuer;
} made[] = {
    { 'R',
      { .serial = 1,
        .subject = "Root",
        .basic = "critical,CA:TRUE",
        .usage = "keyCertSign",
        .not_before = EARLY,
        .not_after = LATER },
      'R' },
    { 'B', { .serial = 2, .san = "email:bob@example.org", .not_after = LATER }, 'R' },
    { 'E', { .serial = 3, .san = "email:eve@example.org" }, 'R' },
    { 'K',
      { .serial = 4,
        .san = "email:bob@example.org",
        .not_after = LATER,
        .usage = "keyEncipherment" },
      'R' },
    { 'S',
      { .serial = 5, .subject = "Self", .san = "email:sue@example.org", .not_after = LATER },
      'S' },
};

static X509 *certs[SP_ROWS(made)];
static struct sp_facts *facts[SP_ROWS(made)];
static smimepolicy_settings *settings;

static int index_of(char letter)
{
    for (int i = 0; i < SP_ROWS(made); i++)
        if (made[i].letter == letter)
            return i;
    ck_abort_msg("no certificate %c", letter);
}

static void set_up(void)
{
    static const char *const pairs[] = { "validity_too_long", "ignore", "weak_digest", "deny",
                                         NULL };

    settings = sp_settings_of(pairs);
    for (int i = 0; i < SP_ROWS(made); i++) {
        struct sp_recipe recipe = made[i].recipe;

        recipe.issuer = certs[index_of(made[i].issuer)];
        recipe.key = recipe.issuer_key = sp_test_ec();
        recipe.usage = recipe.usage == NULL ? "digitalSignature" : recipe.usage;
        certs[i] = sp_make_cert(&recipe);
        facts[i] = sp_facts_new(certs[i]);
        ck_assert_ptr_nonnull(facts[i]);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < SP_ROWS(made); i++) {
        sp_facts_free(facts[i]);
        X509_free(certs[i]);
    }
    smimepolicy_settings_free(settings);
}

/* A message that each of |signers| has signed, with the same time and digest. */
static void receive(struct shim_incoming *incoming, const char *signers,
                    struct sp_signing_time time, int digest)
{
    *incoming =
        (struct shim_incoming){ .count = strlen(signers),
                                .signatures = OPENSSL_zalloc(4 * sizeof(*incoming->signatures)) };
    for (size_t i = 0; i < incoming->count; i++)
        incoming->signatures[i] = (struct shim_signature){ .cert = certs[index_of(signers[i])],
                                                           .facts = facts[index_of(signers[i])],
                                                           .time = time,
                                                           .digest = digest };
}

/* What was told at once, and what waited for a success; which signers are refused: "01". */
static void expect_review(struct shim_incoming *incoming, struct shim_outcome *outcome,
                          const char *told, const char *held, const char *refused)
{
    char flags[8] = "";

    sp_expect_outcome(outcome, told);
    shim_outcome_tell_held(outcome);
    sp_expect_outcome(outcome, held);
    for (size_t i = 0; i < incoming->count; i++) {
        strcat(flags, incoming->signatures[i].refused ? "1" : "0");
        shim_chain_clear(&incoming->signatures[i].chain);
    }
    ck_assert_str_eq(flags, refused);
    OPENSSL_free(incoming->signatures);
    shim_outcome_clear(outcome);
}

#define THEN                                                                                       \
    {                                                                                              \
        SP_TIME_READ, SP_NOW                                                                       \
    }
#define BEFORE                                                                                     \
    {                                                                                              \
        SP_TIME_READ, SP_START_SECONDS - 1                                                         \
    }
#define AFTER                                                                                      \
    {                                                                                              \
        SP_TIME_READ, SP_END_SECONDS + 1                                                           \
    }
#define NO_TIME                                                                                    \
    {                                                                                              \
        SP_TIME_ABSENT, 0                                                                          \
    }
#define BROKEN                                                                                     \
    {                                                                                              \
        SP_TIME_BROKEN, 0                                                                          \
    }
#define NOW (SP_END_SECONDS + 86400)

/*
 * Who signed when, by which options; the root is provided.  |passed|: stock must not
 * compare the validity with its clock.
 */
static const struct {
    const char *signers;
    struct sp_signing_time time;
    const char *words[4];
    const char *told, *held, *refused;
    bool passed;
} rows[] = {
    { "B", THEN, { NULL }, "", "2", "0", false },
    { "B", NO_TIME, { NULL }, "", "2", "0", false },
    { "B", BEFORE, { NULL }, "2:deny:signer-validity", "", "1", true },
    { "B", BROKEN, { NULL }, "2:deny:signer-validity", "", "1", true },
    { "B", { SP_TIME_READ, NOW + 7 * 86400 }, { NULL }, "2:deny:signer-validity", "", "1", true },
    /* It has expired since, and was valid then. */
    { "E", THEN, { NULL }, "", "3:note:signer-validity", "0", true },
    { "E", AFTER, { NULL }, "3:deny:signer-validity", "", "1", true },
    { "E", NO_TIME, { NULL }, "3:deny:signer-validity", "", "1", true },
    /* libcrypto has a fault of its own for the same, which adds nothing. */
    { "K", THEN, { NULL }, "4:deny:signer-certificate", "4 4", "1", false },
    /* Nobody vouches for it, and its chain is stock's to find: then stock looks at the dates too.
     */
    { "S", THEN, { NULL }, "5:deny:distrust-default", "5", "1", false },
    { "BE", THEN, { NULL }, "", "2 3:note:signer-validity", "00", true },
    { "BS", THEN, { NULL }, "5:deny:distrust-default", "2 5", "01", false },
    { "ES", THEN, { NULL }, "5:deny:distrust-default", "3:note:signer-validity 5", "01", false },
    /* The user says what counts as now, and which chain is followed. */
    { "E", AFTER, { "-attime", "1" }, "", "", "0", false },
    { "E", THEN, { "-crl_check" }, "", "3:note:signer-validity", "0", false },
    { "S", THEN, { "-crl_check" }, "", "5", "0", false },
};

START_TEST(signers_are_judged)
{
    struct shim shim = { .settings = settings };
    struct shim_operation operation = { .shim = &shim };
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };
    struct shim_incoming incoming;
    struct shim_args args;
    char *words[4];

    memcpy(words, rows[_i].words, sizeof(words));
    ck_assert_int_eq(shim_args_parse(SHIM_CMS, words, shim_cipher_is_known, &args), SHIM_OK);
    operation.args = &args;
    receive(&incoming, rows[_i].signers, rows[_i].time, NID_sha256);
    incoming.anchors = sk_X509_new_null();
    ck_assert_int_gt(sk_X509_push(incoming.anchors, certs[0]), 0);
    incoming.store = shim_chain_store(&args, NULL, incoming.anchors);
    ck_assert_int_eq(shim_review_signers(&incoming, &operation, NOW, &outcome), rows[_i].passed);
    X509_STORE_free(incoming.store);
    sk_X509_free(incoming.anchors);
    shim_args_free(&args);
    expect_review(&incoming, &outcome, rows[_i].told, rows[_i].held, rows[_i].refused);
}
END_TEST

/* One that the keyring has as somebody's own needs no issuer, and of others its copy alone counts.
 */
START_TEST(a_stored_certificate_vouches_for_itself)
{
    struct shim shim = { .settings = settings };
    struct shim_args args = { .count = 0 };
    struct shim_operation operation = { .shim = &shim, .args = &args };
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };
    struct shim_incoming incoming;

    receive(&incoming, "S", (struct sp_signing_time)THEN, NID_sha256);
    incoming.signatures[0].for_itself = true;
    incoming.anchors = sk_X509_new_null();
    ck_assert_int_gt(sk_X509_push(incoming.anchors, certs[index_of(_i == 0 ? 'S' : 'B')]), 0);
    incoming.store = shim_chain_store(&args, NULL, incoming.anchors);
    (void)shim_review_signers(&incoming, &operation, NOW, &outcome);
    X509_STORE_free(incoming.store);
    sk_X509_free(incoming.anchors);
    expect_review(&incoming, &outcome, _i == 0 ? "" : "5:deny:distrust-default", "5",
                  _i == 0 ? "0" : "1");
}
END_TEST

/* What is observed is told, and refuses nobody: the provider judges it again. */
START_TEST(what_is_observed_is_told)
{
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };
    struct shim shim = { .settings = settings };
    const struct shim_operation operation = { .shim = &shim };
    struct shim_incoming incoming;

    ck_assert_int_eq(smimepolicy_settings_set(settings, "mode", "observe", NULL), 1);
    receive(&incoming, "KB", (struct sp_signing_time)THEN, NID_sha256);
    shim_review_certificates(&incoming, &operation, &outcome);
    expect_review(&incoming, &outcome, "4:deny:signer-certificate", "", "10");
}
END_TEST

START_TEST(digests_are_judged)
{
    static const struct {
        int digest;
        const char *told, *held, *refused;
    } digests[] = {
        { NID_sha256, "", "2 3", "00" },
        { NID_sha1, "2:deny:weak-digest 3:deny:weak-digest", "", "11" },
        { NID_md5, "2:deny:weak-digest 3:deny:weak-digest", "", "11" },
    };
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };
    struct shim_incoming incoming;

    receive(&incoming, "BE", (struct sp_signing_time)THEN, digests[_i].digest);
    shim_review_digests(&incoming, &outcome);
    expect_review(&incoming, &outcome, digests[_i].told, digests[_i].held, digests[_i].refused);
}
END_TEST

/* Who the mail says it is from, and who was given; NULL: nobody, "-": not to be compared. */
static const struct {
    const char *signers;
    const char *mail, *given;
    const char *told, *held, *refused;
} senders[] = {
    { "B", "bob@example.org", NULL, "", "2", "0" },
    { "B", "Bob <BOB@Example.org>", NULL, "", "2", "0" },
    { "B", "eve@example.org", NULL, "2:deny:sender-match", "", "1" },
    { "B", "bob@example.org, eve@example.org", NULL, "2:deny:sender-match", "", "1" },
    { "BE", "bob@example.org", NULL, "", "2 3:note:sender-match", "00" },
    { "B", NULL, NULL, "", "2:note:sender-match", "0" },
    { "B", NULL, "bob@example.org", "", "2", "0" },
    { "B", NULL, "eve@example.org", "2:deny:sender-match", "", "1" },
    /* Both have to fit. */
    { "B", "bob@example.org", "bob@example.org", "", "2 2", "0" },
    { "B", "bob@example.org", "eve@example.org", "2:deny:sender-match", "2", "1" },
    { "B", "eve@example.org", "bob@example.org", "2:deny:sender-match", "2", "1" },
    { "B", "eve@example.org", "-", "", "2:note:sender-match", "0" },
};

START_TEST(senders_are_compared)
{
    struct shim_outcome outcome = { .settings = settings, .json = json_array() };
    const char *mail = senders[_i].mail, *by_hand = senders[_i].given;
    bool skip = by_hand != NULL && by_hand[0] == '-';
    struct shim_mail given = { .boundary = NULL };
    struct shim_incoming incoming;

    receive(&incoming, senders[_i].signers, (struct sp_signing_time)THEN, NID_sha256);
    if (mail != NULL)
        ck_assert(shim_mail_from(mail, &incoming.mail));
    if (by_hand != NULL && !skip)
        ck_assert(shim_mail_from(by_hand, &given));
    shim_review_sender(&incoming, by_hand != NULL && !skip ? &given : NULL, skip, &outcome);
    shim_mail_clear(&incoming.mail);
    shim_mail_clear(&given);
    expect_review(&incoming, &outcome, senders[_i].told, senders[_i].held, senders[_i].refused);
}
END_TEST

/* Stock is spared the decoders of other keys only if it meets none, wherever it is. */
START_TEST(keys_of_mail_are_told)
{
    static const char *const kinds[] = { "ED25519", "X25519" };
    struct shim_args args = { .count = 0 };
    struct shim_incoming incoming;
    STACK_OF(X509) *anchors = sk_X509_new_null();
    X509 *other = X509_dup(certs[0]);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, kinds[_i % 2]);

    ck_assert_int_eq(X509_set_pubkey(other, key), 1);
    ck_assert(sp_has_key_of_mail(certs[0]));
    ck_assert(!sp_has_key_of_mail(other));
    receive(&incoming, "B", (struct sp_signing_time)THEN, NID_sha256);
    incoming.certs = sk_X509_new_null();
    ck_assert(!shim_review_saw_keys_of_mail(&incoming)); /* stock alone finds the chains */
    ck_assert_int_gt(sk_X509_push(anchors, _i == 2 ? other : certs[0]), 0);
    ck_assert_int_gt(sk_X509_push(incoming.certs, _i == 3 ? other : certs[1]), 0);
    incoming.store = shim_chain_store(&args, NULL, anchors);
    incoming.signatures[0].chain.certs = sk_X509_new_null();
    X509_up_ref(_i == 4 ? other : certs[1]);
    ck_assert_int_gt(sk_X509_push(incoming.signatures[0].chain.certs, _i == 4 ? other : certs[1]),
                     0);
    ck_assert_int_eq(shim_review_saw_keys_of_mail(&incoming), _i < 2);
    shim_chain_clear(&incoming.signatures[0].chain);
    OPENSSL_free(incoming.signatures);
    X509_STORE_free(incoming.store);
    sk_X509_free(incoming.certs);
    sk_X509_free(anchors);
    EVP_PKEY_free(key);
    X509_free(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("review");
    TCase *tests = tcase_create("review");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, signers_are_judged, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, a_stored_certificate_vouches_for_itself, 0, 2);
    tcase_add_test(tests, what_is_observed_is_told);
    tcase_add_loop_test(tests, digests_are_judged, 0, 3);
    tcase_add_loop_test(tests, keys_of_mail_are_told, 0, 5);
    tcase_add_loop_test(tests, senders_are_compared, 0, SP_ROWS(senders));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
