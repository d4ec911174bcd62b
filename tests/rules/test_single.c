/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Questions that are asked one by one, and verdicts that are put together.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "rules/case.h"
#include "rules/revocation.h"
#include "verdicts.h"

static struct sp_facts *facts_of(const struct sp_recipe *recipe)
{
    X509 *cert = sp_make_cert(recipe);
    struct sp_facts *facts = sp_facts_new(cert);

    X509_free(cert);
    return facts;
}

/* Is it the only sender of a mail?  |from| and |other| are the addresses of its From field. */
static const struct {
    enum sp_unreadable header, list;
    size_t fields, count;
    const char *from;
    bool only;
} senders[] = {
    { SP_READABLE, SP_READABLE, 1, 1, "Bob@Example.org", true },
    { SP_HEADER_NUL, SP_READABLE, 1, 1, "bob@example.org", false },
    { SP_READABLE, SP_LIST_GROUP, 1, 1, "bob@example.org", false },
    { SP_READABLE, SP_READABLE, 2, 1, "bob@example.org", false },
    { SP_READABLE, SP_READABLE, 0, 1, "bob@example.org", false },
    { SP_READABLE, SP_READABLE, 1, 2, "bob@example.org", false },
    { SP_READABLE, SP_READABLE, 1, 1, "rob@example.org", false },
};

START_TEST(only_sender)
{
    struct sp_facts *facts = facts_of(&(struct sp_recipe){ .san = "email:bob@example.org" });
    char *from[] = { strdup(senders[_i].from), strdup("other@example.org") };
    const struct sp_sender sender = { .header = senders[_i].header,
                                      .from_fields = senders[_i].fields,
                                      .list = senders[_i].list,
                                      .from = from,
                                      .from_count = senders[_i].count,
                                      .sender = from[0] };

    ck_assert_int_eq(sp_is_only_sender(facts, &sender), senders[_i].only);
    for (int i = 0; i < 2; i++)
        free(from[i]);
    sp_facts_free(facts);
}
END_TEST

START_TEST(has_address)
{
    struct sp_facts *facts =
        facts_of(&(struct sp_recipe){ .san = "email:bob@example.org,email:rob@example.org" });

    ck_assert(sp_facts_has_address(facts, "BOB@example.ORG"));
    ck_assert(sp_facts_has_address(facts, "rob@example.org"));
    ck_assert(!sp_facts_has_address(facts, "bob@example.or"));
    ck_assert(!sp_facts_has_address(facts, "bob@example.orga"));
    ck_assert(!sp_facts_has_address(facts, ""));
    sp_facts_free(facts);
}
END_TEST

START_TEST(denied_sender)
{
    struct sp_facts *facts = facts_of(&(struct sp_recipe){ .san = "email:bob@example.org" });
    const struct sp_sender sender = { .is_mail = true };
    smimepolicy_verdict *verdict = sp_verdict_new(facts, SMIMEPOLICY_VERIFY);

    sp_deny_sender(verdict, facts, &sender);
    sp_expect_words(verdict, "sender-match", "the mail has no From field", "no address",
                    "bob@example.org");
    sp_expect_verdict(sp_verdict_finish(verdict), "deny:sender-match");
    sp_facts_free(facts);
}
END_TEST

/* An attribute with the signing time: its type and value, perhaps twice, perhaps not the only one.
 */
static const struct {
    int type;
    const char *value;
    bool twice, is_only;
    int state;
    time_t at;
} times[] = {
    { V_ASN1_UTCTIME, "231201000000Z", false, true, SP_TIME_READ, SP_NOW },
    { V_ASN1_GENERALIZEDTIME, "20231201000000Z", false, true, SP_TIME_READ, SP_NOW },
    { V_ASN1_UTCTIME, "231201000000Z", true, true, SP_TIME_BROKEN, 0 },
    { V_ASN1_UTCTIME, "231201000000Z", false, false, SP_TIME_BROKEN, 0 },
    { V_ASN1_UTCTIME, "x", false, true, SP_TIME_BROKEN, 0 },
    { V_ASN1_UTF8STRING, "231201000000Z", false, true, SP_TIME_BROKEN, 0 },
};

START_TEST(signing_time)
{
    const char *value = times[_i].value;
    X509_ATTRIBUTE *attribute = X509_ATTRIBUTE_create_by_NID(
        NULL, NID_pkcs9_signingTime, times[_i].type, value, (int)strlen(value));
    struct sp_signing_time time;

    ck_assert_ptr_nonnull(attribute);
    if (times[_i].twice)
        ck_assert_int_eq(
            X509_ATTRIBUTE_set1_data(attribute, times[_i].type, value, (int)strlen(value)), 1);
    time = sp_signing_time_read(attribute, times[_i].is_only);
    ck_assert_int_eq((int)time.state, times[_i].state);
    ck_assert_int_eq(time.at, times[_i].at);
    ck_assert_int_eq((int)sp_signing_time_read(NULL, true).state, SP_TIME_ABSENT);
    X509_ATTRIBUTE_free(attribute);
    ERR_clear_error();
}
END_TEST

START_TEST(through)
{
    static const char *const expected[] = { "", ", through that certificate, which was provided",
                                            ", through CN=Bob", ", through CN=Alice" };
    const char *const subjects[] = { "Carol", "Bob", "Alice" };
    STACK_OF(X509) *chain = sk_X509_new_null();
    char *text = sp_through_text(NULL);

    ck_assert_str_eq(text, "");
    OPENSSL_free(text);
    for (int i = 0; i <= 3; i++) {
        text = sp_through_text(chain);
        ck_assert_str_eq(text, expected[i]);
        OPENSSL_free(text);
        if (i < 3)
            sk_X509_push(chain, sp_make_cert(&(struct sp_recipe){ .subject = subjects[i] }));
    }
    sk_X509_pop_free(chain, X509_free);
}
END_TEST

START_TEST(raw_keys_would_help)
{
    static const char *const pass[] = { "raw_keys", "pass", NULL };
    static const char *const refuse[] = { "unknown_keys", "refuse", NULL };
    static const char *const *const pairs[] = { NULL, pass, refuse };

    for (int i = 0; i < 3; i++) {
        smimepolicy_settings *settings = sp_settings_of(pairs[i]);

        ck_assert_int_eq(sp_raw_keys_would_help(settings), i == 0);
        smimepolicy_settings_free(settings);
    }
}
END_TEST

START_TEST(refused_issuers)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ .subject = "Bob" });
    struct sp_facts *ca = facts_of(&(struct sp_recipe){ .subject = "Ca", .basic = "CA:TRUE" });
    smimepolicy_verdict *verdict = sp_refuse_issuer(ca, signer);

    sp_expect_words(verdict, "distrust-default",
                    "a contact's own certificate cannot vouch for others", "CN=Ca",
                    "a CA that was provided as a CA");
    ck_assert_str_eq(smimepolicy_verdict_get0_subject(verdict), "CN=Bob");
    sp_expect_verdict(verdict, "deny:distrust-default");
    verdict = sp_refuse_issuer(signer, ca);
    sp_expect_words(verdict, "distrust-default",
                    "a certificate that is no CA's cannot vouch for others", "CN=Bob",
                    "CA:TRUE in the Basic Constraints of every issuer");
    sp_expect_verdict(verdict, "deny:distrust-default");
    verdict = sp_refuse_unreadable(ca);
    sp_expect_words(verdict, "distrust-default",
                    "the extensions of a trusted certificate cannot be read", "CN=Ca",
                    "extensions that can be parsed, each of them once");
    sp_expect_verdict(verdict, "deny:distrust-default");
    verdict = sp_refuse_issuing(signer, ca, "it has no room");
    sp_expect_words(verdict, "distrust-default", "CN=Ca may not issue it: it has no room",
                    "it has no room", "a certificate within the limits of its CA");
    ck_assert_str_eq(smimepolicy_verdict_get0_subject(verdict), "CN=Bob");
    sp_expect_verdict(verdict, "deny:distrust-default");
    sp_facts_free(ca);
    sp_facts_free(signer);
}
END_TEST

/* A verdict that denies what was revoked, or only notes it. */
static smimepolicy_verdict *revoked(const struct sp_facts *facts, smimepolicy_use use)
{
    const struct sp_revocation revocation = { .state = SP_REVOCATION_REVOKED, .reason = -1 };
    smimepolicy_settings *settings = smimepolicy_settings_new();
    smimepolicy_verdict *verdict =
        sp_judge_revocation(facts, &revocation, use, SP_NOW, NULL, settings);

    smimepolicy_settings_free(settings);
    return verdict;
}

START_TEST(joined)
{
    struct sp_facts *facts = facts_of(&(struct sp_recipe){ .subject = "Bob" });
    smimepolicy_verdict *verdict = sp_refuse_incomplete(SMIMEPOLICY_SIGN);

    ck_assert(!sp_says_revoked(verdict));
    verdict = sp_verdict_join(verdict, revoked(facts, SMIMEPOLICY_SIGN));
    ck_assert(sp_says_revoked(verdict));
    sp_expect_verdict(verdict, "deny:certificate-required deny:revoked");
    /* What is only noted revokes nothing here. */
    verdict = revoked(facts, SMIMEPOLICY_DECRYPT);
    ck_assert(!sp_says_revoked(verdict));
    sp_expect_verdict(verdict, "note:revoked");
    ck_assert_ptr_null(sp_verdict_join(NULL, revoked(facts, SMIMEPOLICY_SIGN)));
    ck_assert_ptr_null(sp_verdict_join(revoked(facts, SMIMEPOLICY_SIGN), NULL));
    ck_assert_ptr_null(sp_verdict_join(NULL, NULL));
    ck_assert_ptr_null(sp_verdict_finish(NULL));
    sp_facts_free(facts);
}
END_TEST

/* A signer without an address and a subject is named all the same. */
START_TEST(nameless_signer)
{
    struct sp_facts *facts = facts_of(&(struct sp_recipe){ .subject = "" });
    char *text = sp_signer_text(facts);

    ck_assert_str_eq(text, "no address (no subject, serial 0x1f)");
    OPENSSL_free(text);
    ck_assert_ptr_null(sp_unreadable_text(SP_READABLE));
    /* Each fault has words of its own. */
    for (int i = SP_HEADER_NUL; i <= SP_LIST_MANY; i++)
        for (int j = SP_HEADER_NUL; j < i; j++)
            ck_assert_str_ne(sp_unreadable_text((enum sp_unreadable)i),
                             sp_unreadable_text((enum sp_unreadable)j));
    sp_facts_free(facts);
}
END_TEST

START_TEST(named_cipher)
{
    ck_assert_int_eq(sp_cipher_find("AES-128-CBC"), NID_aes_128_cbc);
    ck_assert_int_eq(sp_cipher_find("aes256"), NID_aes_256_cbc);
    ck_assert_int_eq(sp_cipher_find("2.16.840.1.101.3.4.1.2"), NID_aes_128_cbc);
    ck_assert_int_eq(sp_cipher_find("none of them"), NID_undef);
    ERR_clear_error();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("single questions");
    TCase *tests = tcase_create("single");

    tcase_add_loop_test(tests, only_sender, 0, SP_ROWS(senders));
    tcase_add_test(tests, has_address);
    tcase_add_test(tests, denied_sender);
    tcase_add_loop_test(tests, signing_time, 0, SP_ROWS(times));
    tcase_add_test(tests, through);
    tcase_add_test(tests, raw_keys_would_help);
    tcase_add_test(tests, refused_issuers);
    tcase_add_test(tests, joined);
    tcase_add_test(tests, nameless_signer);
    tcase_add_test(tests, named_cipher);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
