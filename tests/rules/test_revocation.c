/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules on revocation: every state, use and setting, and both clocks.
 */
#include "rules/case.h"
#include "rules/revocation.h"
#include "verdicts.h"

#define DAY ((int64_t)86400)

enum { SIGN, ENCRYPT, VERIFY, DECRYPT, UPLOAD, USES };
static const smimepolicy_use uses[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_ENCRYPT, SMIMEPOLICY_VERIFY,
                                        SMIMEPOLICY_DECRYPT, SMIMEPOLICY_UPLOAD };

static X509 *root, *cert;
static struct sp_facts *facts;

static void set_up(void)
{
    const struct sp_recipe recipe = { .serial = 1, .subject = "Root", .key = sp_test_ec() };
    const struct sp_recipe below = { .issuer = root = sp_make_cert(&recipe),
                                     .san = "email:bob@example.org" };

    cert = sp_make_cert(&below);
    facts = sp_facts_new(cert);
}

static void tear_down(void)
{
    sp_facts_free(facts);
    X509_free(cert);
    X509_free(root);
}

static struct sp_revocation in_state(enum sp_revocation_state state)
{
    static char damage[] = "/k/crls/a.crl is damaged; remove it";

    return (struct sp_revocation){ .state = state,
                                   .at = SP_NOW - 5 * DAY,
                                   .reason = 1,
                                   .this_update = SP_NOW - DAY,
                                   .next_update = SP_NOW - 1,
                                   .why = state == SP_REVOCATION_DAMAGED ? damage : NULL };
}

static smimepolicy_verdict *judge(const struct sp_facts *of, const struct sp_revocation *revocation,
                                  smimepolicy_use use, const char *setting)
{
    const char *const pairs[] = { "revocation", setting, NULL };
    smimepolicy_settings *settings = sp_settings_of(pairs);
    smimepolicy_verdict *verdict = sp_judge_revocation(of, revocation, use, SP_NOW, NULL, settings);

    smimepolicy_settings_free(settings);
    ck_assert_ptr_nonnull(verdict);
    return verdict;
}

#define NO      "", "", "", "", ""
#define REVOKED "deny:revoked", "deny:revoked", "deny:revoked", "note:revoked", "warn:revoked"
#define UNKNOWN                                                                                    \
    "deny:revocation-unknown", "deny:revocation-unknown", "deny:revocation-unknown", "", ""
#define DAMAGED                                                                                    \
    "deny:revocation-unknown", "deny:revocation-unknown", "deny:revocation-unknown", "",           \
        "warn:revocation-unknown"

static const struct {
    enum sp_revocation_state state;
    const char *setting;
    const char *expected[USES];
} rows[] = {
    { SP_REVOCATION_UNKNOWN, "off", { NO } },       { SP_REVOCATION_UNKNOWN, "soft", { NO } },
    { SP_REVOCATION_UNKNOWN, "hard", { UNKNOWN } }, { SP_REVOCATION_NONE, "off", { NO } },
    { SP_REVOCATION_NONE, "soft", { NO } },         { SP_REVOCATION_NONE, "hard", { NO } },
    { SP_REVOCATION_STALE, "off", { NO } },         { SP_REVOCATION_STALE, "soft", { NO } },
    { SP_REVOCATION_STALE, "hard", { UNKNOWN } },   { SP_REVOCATION_REVOKED, "off", { NO } },
    { SP_REVOCATION_REVOKED, "soft", { REVOKED } }, { SP_REVOCATION_REVOKED, "hard", { REVOKED } },
    { SP_REVOCATION_DAMAGED, "off", { NO } },       { SP_REVOCATION_DAMAGED, "soft", { DAMAGED } },
    { SP_REVOCATION_DAMAGED, "hard", { DAMAGED } },
};

START_TEST(states)
{
    const struct sp_revocation revocation = in_state(rows[_i].state);

    for (int use = 0; use < USES; use++)
        sp_expect_verdict(judge(facts, &revocation, uses[use], rows[_i].setting),
                          rows[_i].expected[use]);
}
END_TEST

/* A revoked ca above it counts where no path is built, and beside what is said of itself. */
static const struct {
    enum sp_revocation_state state;
    smimepolicy_use use;
    const char *setting, *expected;
} aboves[] = {
    { SP_REVOCATION_NONE, SMIMEPOLICY_ENCRYPT, "soft", "deny:revoked" },
    { SP_REVOCATION_NONE, SMIMEPOLICY_ENCRYPT, "hard", "deny:revoked" },
    { SP_REVOCATION_NONE, SMIMEPOLICY_ENCRYPT, "off", "" },
    { SP_REVOCATION_UNKNOWN, SMIMEPOLICY_ENCRYPT, "soft", "deny:revoked" },
    { SP_REVOCATION_UNKNOWN, SMIMEPOLICY_ENCRYPT, "hard", "deny:revoked deny:revocation-unknown" },
    { SP_REVOCATION_REVOKED, SMIMEPOLICY_ENCRYPT, "soft", "deny:revoked" },
    { SP_REVOCATION_NONE, SMIMEPOLICY_SIGN, "hard", "" },
    { SP_REVOCATION_NONE, SMIMEPOLICY_VERIFY, "hard", "" },
    { SP_REVOCATION_NONE, SMIMEPOLICY_DECRYPT, "soft", "" },
    { SP_REVOCATION_NONE, SMIMEPOLICY_UPLOAD, "soft", "" },
};

START_TEST(above)
{
    struct sp_revocation revocation = in_state(aboves[_i].state);
    smimepolicy_verdict *verdict;
    const char *fault;

    revocation.above = (struct sp_revoked_above){ true, SP_NOW - 3 * DAY, 2 };
    verdict = judge(facts, &revocation, aboves[_i].use, aboves[_i].setting);
    fault = aboves[_i].expected[0] == '\0'
                ? ""
                : smimepolicy_finding_get0_fault(smimepolicy_verdict_get0_finding(verdict, 0));
    ck_assert_int_eq(strstr(fault, "a ca above the certificate was revoked by its issuer on "
                                   "2023-11-28T00:00:00Z (CA compromise)") != NULL,
                     fault[0] != '\0' && aboves[_i].state != SP_REVOCATION_REVOKED);
    sp_expect_verdict(verdict, aboves[_i].expected);
}
END_TEST

/* Nobody else could revoke it.  It can still revoke itself. */
START_TEST(own_issuer)
{
    struct sp_facts *own = sp_facts_new(root);
    const struct sp_revocation unknown = in_state(SP_REVOCATION_UNKNOWN);
    const struct sp_revocation revoked = in_state(SP_REVOCATION_REVOKED);

    sp_expect_verdict(judge(own, &unknown, SMIMEPOLICY_SIGN, "hard"), "");
    sp_expect_verdict(judge(own, &revoked, SMIMEPOLICY_SIGN, "soft"), "deny:revoked");
    sp_facts_free(own);
}
END_TEST

/* Its name is that of its issuer, and its key identifiers say that another key has issued it. */
START_TEST(name_of_its_issuer)
{
    const struct sp_recipe recipe = { .again = { "subjectKeyIdentifier", "DER:04020102",
                                                 "authorityKeyIdentifier", "DER:300480020103" } };
    X509 *other = sp_make_cert(&recipe);
    struct sp_facts *named = sp_facts_new(other);
    const struct sp_revocation unknown = in_state(SP_REVOCATION_UNKNOWN);

    sp_expect_verdict(judge(named, &unknown, SMIMEPOLICY_SIGN, "hard"), "deny:revocation-unknown");
    sp_facts_free(named);
    X509_free(other);
}
END_TEST

/* Whether it is worth a verdict: by state, and where the setting is off, soft and hard. */
static const struct {
    enum sp_revocation_state state;
    bool above, speaks[3];
} speaking[] = {
    { SP_REVOCATION_UNKNOWN, false, { false, false, true } },
    { SP_REVOCATION_STALE, false, { false, false, true } },
    { SP_REVOCATION_NONE, false, { false, false, false } },
    { SP_REVOCATION_REVOKED, false, { false, true, true } },
    { SP_REVOCATION_DAMAGED, false, { false, true, true } },
    { SP_REVOCATION_UNKNOWN, true, { false, true, true } },
    { SP_REVOCATION_NONE, true, { false, true, true } },
};

START_TEST(speaks)
{
    static const char *const modes[] = { "off", "soft", "hard" };
    struct sp_revocation revocation = in_state(speaking[_i].state);

    revocation.above.is = speaking[_i].above;
    for (int i = 0; i < SP_ROWS(modes); i++) {
        const char *const pairs[] = { "revocation", modes[i], NULL };
        smimepolicy_settings *settings = sp_settings_of(pairs);

        ck_assert_int_eq(sp_revocation_speaks(&revocation, settings), speaking[_i].speaks[i]);
        sp_expect_verdict(sp_judge_with(facts, SMIMEPOLICY_DECRYPT, SP_NOW, settings, &revocation),
                          i > 0 && speaking[_i].state == SP_REVOCATION_REVOKED ? "note:revoked"
                                                                               : "");
        smimepolicy_settings_free(settings);
    }
}
END_TEST

/* A refusal because of that says it, and no note and no other refusal does. */
static const struct {
    enum sp_revocation_state state;
    smimepolicy_use use;
    bool says;
} sayings[] = {
    { SP_REVOCATION_REVOKED, SMIMEPOLICY_SIGN, true },
    { SP_REVOCATION_REVOKED, SMIMEPOLICY_DECRYPT, false },
    { SP_REVOCATION_UNKNOWN, SMIMEPOLICY_SIGN, false },
    { SP_REVOCATION_NONE, SMIMEPOLICY_SIGN, false },
};

START_TEST(says_revoked)
{
    const struct sp_revocation revocation = in_state(sayings[_i].state);
    smimepolicy_verdict *verdict = judge(facts, &revocation, sayings[_i].use, "hard");

    ck_assert_int_eq(sp_says_revoked(verdict), sayings[_i].says);
    smimepolicy_verdict_free(verdict);
}
END_TEST

/* An issuer on a path: an anchor needs no CRL, and who has issued itself is not asked about. */
static const struct {
    enum sp_revocation_state state;
    bool is_own, is_anchor;
    const char *expected;
} on_a_path[] = {
    { SP_REVOCATION_REVOKED, false, false, "deny:revoked" },
    { SP_REVOCATION_REVOKED, false, true, "deny:revoked" },
    { SP_REVOCATION_REVOKED, true, false, "" },
    { SP_REVOCATION_UNKNOWN, false, false, "deny:revocation-unknown" },
    { SP_REVOCATION_UNKNOWN, false, true, "" },
    { SP_REVOCATION_UNKNOWN, true, false, "" },
    { SP_REVOCATION_DAMAGED, false, false, "deny:revocation-unknown" },
    { SP_REVOCATION_DAMAGED, false, true, "" },
    { SP_REVOCATION_DAMAGED, true, false, "" },
    { SP_REVOCATION_NONE, false, false, "" },
};

START_TEST(issuer_on_a_path)
{
    static const char *const hard[] = { "revocation", "hard", NULL };
    const struct sp_revocation revocation = in_state(on_a_path[_i].state);
    smimepolicy_settings *settings = sp_settings_of(hard);
    struct sp_facts *own = sp_facts_new(root);

    sp_expect_verdict(sp_judge_issuer_revocation(on_a_path[_i].is_own ? own : facts, &revocation,
                                                 on_a_path[_i].is_anchor, SMIMEPOLICY_VERIFY,
                                                 SP_NOW, settings),
                      on_a_path[_i].expected);
    sp_facts_free(own);
    smimepolicy_settings_free(settings);
}
END_TEST

START_TEST(cleared)
{
    struct sp_revocation revocation = in_state(SP_REVOCATION_REVOKED);

    sp_revocation_clear(&revocation);
    ck_assert_int_eq(revocation.state, SP_REVOCATION_UNKNOWN);
    ck_assert_int_eq(revocation.reason, -1);
    ck_assert(revocation.at == 0 && revocation.why == NULL);
}
END_TEST

static const struct {
    int reason;
    const char *text;
} reasons[] = {
    { -1, "" },
    { 0, " (unspecified)" },
    { 1, " (key compromise)" },
    { 2, " (CA compromise)" },
    { 3, " (affiliation changed)" },
    { 4, " (superseded)" },
    { 5, " (cessation of operation)" },
    { 6, " (certificate hold)" },
    { 7, "" },
    { 8, "" },
    { 9, " (privilege withdrawn)" },
    { 10, " (AA compromise)" },
    { 11, "" },
};

START_TEST(reason)
{
    struct sp_revocation revoked = in_state(SP_REVOCATION_REVOKED);
    smimepolicy_verdict *verdict;
    char fault[192], found[128];

    revoked.reason = reasons[_i].reason;
    verdict = judge(facts, &revoked, SMIMEPOLICY_ENCRYPT, "soft");
    snprintf(found, sizeof(found), "revoked by its issuer on 2023-11-26T00:00:00Z%s",
             reasons[_i].text);
    snprintf(fault, sizeof(fault), "certificate was %s", found);
    sp_expect_words(verdict, "revoked", fault, found,
                    "a certificate that its issuer has not revoked");
    smimepolicy_verdict_free(verdict);
}
END_TEST

START_TEST(words)
{
    struct sp_revocation revocation = in_state(SP_REVOCATION_STALE);
    smimepolicy_verdict *verdict = judge(facts, &revocation, SMIMEPOLICY_SIGN, "hard");

    sp_expect_words(verdict, "revocation-unknown",
                    "the stored CRL of its issuer is stale: the next was due on "
                    "2023-11-30T23:59:59Z",
                    "next update 2023-11-30T23:59:59Z",
                    "a stored CRL of its issuer whose next update is not past");
    smimepolicy_verdict_free(verdict);
    revocation = in_state(SP_REVOCATION_DAMAGED);
    verdict = judge(facts, &revocation, SMIMEPOLICY_SIGN, "soft");
    sp_expect_words(verdict, "revocation-unknown",
                    "whether it is revoked cannot be read: /k/crls/a.crl is damaged",
                    "whether it is revoked cannot be read", "a stored CRL that can be read");
    ck_assert_str_eq(smimepolicy_finding_get0_remedy(sp_find(verdict, "revocation-unknown")),
                     "remove it");
    smimepolicy_verdict_free(verdict);
}
END_TEST

/* What can be done about it depends on the use. */
START_TEST(remedies)
{
    static const char *const all[] = {
        [SMIMEPOLICY_UPLOAD] = "mail needs another certificate",
        [SMIMEPOLICY_SIGN] = "use another certificate",
        [SMIMEPOLICY_ENCRYPT] = "ask the contact for another certificate",
        [SMIMEPOLICY_VERIFY] = "ask the sender, in another way, whether the message is genuine",
        [SMIMEPOLICY_DECRYPT] = "give your contacts another certificate",
    };
    const struct sp_revocation revocation = in_state(SP_REVOCATION_REVOKED);
    smimepolicy_verdict *verdict = judge(facts, &revocation, (smimepolicy_use)_i, "soft");

    ck_assert_str_eq(smimepolicy_finding_get0_remedy(sp_find(verdict, "revoked")), all[_i]);
    smimepolicy_verdict_free(verdict);
}
END_TEST

/* The signing time of a message changes nothing, and is told. */
START_TEST(both_clocks)
{
    const struct sp_revocation revoked = in_state(SP_REVOCATION_REVOKED);
    const struct sp_signing_time before = { SP_TIME_READ, SP_NOW - 30 * DAY };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    smimepolicy_verdict *verdict =
        sp_judge_revocation(facts, &revoked, SMIMEPOLICY_VERIFY, SP_NOW, &before, settings);

    sp_expect_words(verdict, "revoked",
                    "certificate was revoked by its issuer on 2023-11-26T00:00:00Z (key "
                    "compromise); the message was signed on 2023-11-01T00:00:00Z by the signer's "
                    "clock",
                    "revoked by its issuer on 2023-11-26T00:00:00Z (key compromise)",
                    "a certificate that its issuer has not revoked");
    sp_expect_verdict(verdict, "deny:revoked");
    smimepolicy_settings_free(settings);
}
END_TEST

/* A message that claims no time is not said to have one. */
START_TEST(no_other_clock)
{
    static const struct sp_signing_time none[] = { { SP_TIME_ABSENT, 0 }, { SP_TIME_BROKEN, 0 } };
    const struct sp_revocation revoked = in_state(SP_REVOCATION_REVOKED);
    smimepolicy_settings *settings = smimepolicy_settings_new();
    smimepolicy_verdict *verdict =
        sp_judge_revocation(facts, &revoked, SMIMEPOLICY_VERIFY, SP_NOW, &none[_i], settings);

    sp_expect_words(verdict, "revoked",
                    "certificate was revoked by its issuer on 2023-11-26T00:00:00Z (key "
                    "compromise)",
                    "revoked by its issuer on 2023-11-26T00:00:00Z (key compromise)",
                    "a certificate that its issuer has not revoked");
    smimepolicy_verdict_free(verdict);
    smimepolicy_settings_free(settings);
}
END_TEST

/* When it is used, since when it is revoked, and when the CRL was made, in days. */
static const struct {
    int at, revoked, made;
    const char *expected;
} times[] = {
    { 0, -5, -1, "deny:revoked" },
    { -5, -5, -1, "deny:revoked" },
    { -6, -5, -1, "note:revoked" },
    /* A date in the future does not help: the issuer had said it by then. */
    { 0, 5, -1, "deny:revoked" },
    { -1, 5, -1, "deny:revoked" },
    { -2, 5, -1, "note:revoked" },
};

START_TEST(at_a_given_time)
{
    struct sp_revocation revoked = in_state(SP_REVOCATION_REVOKED);
    smimepolicy_settings *settings = smimepolicy_settings_new();

    revoked.at = SP_NOW + times[_i].revoked * DAY;
    revoked.this_update = SP_NOW + times[_i].made * DAY;
    sp_expect_verdict(sp_judge_revocation(facts, &revoked, SMIMEPOLICY_VERIFY,
                                          SP_NOW + times[_i].at * DAY, NULL, settings),
                      times[_i].expected);
    smimepolicy_settings_free(settings);
}
END_TEST

static Suite *revocation_suite(void)
{
    Suite *suite = suite_create("revocation");
    TCase *tcase = tcase_create("rules");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, states, 0, SP_ROWS(rows));
    tcase_add_loop_test(tcase, above, 0, SP_ROWS(aboves));
    tcase_add_loop_test(tcase, speaks, 0, SP_ROWS(speaking));
    tcase_add_loop_test(tcase, says_revoked, 0, SP_ROWS(sayings));
    tcase_add_loop_test(tcase, issuer_on_a_path, 0, SP_ROWS(on_a_path));
    tcase_add_test(tcase, cleared);
    tcase_add_test(tcase, own_issuer);
    tcase_add_test(tcase, name_of_its_issuer);
    tcase_add_loop_test(tcase, reason, 0, SP_ROWS(reasons));
    tcase_add_test(tcase, words);
    tcase_add_loop_test(tcase, remedies, 0, SP_USE_COUNT);
    tcase_add_test(tcase, both_clocks);
    tcase_add_loop_test(tcase, no_other_clock, 0, 2);
    tcase_add_loop_test(tcase, at_a_given_time, 0, SP_ROWS(times));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return sp_run(revocation_suite());
}
