/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is printed of a signer whose chain leads to no anchor, or to one that
 * libcrypto refuses; and for whose mail a CA may issue.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "rules/rules.h"
#include "verdicts.h"

#define MAIL    "email:bob@example.org"
#define REFUSED "refused: verify: bob@example.org: "
#define BOB     " [distrust-default] (CN=Bob, serial 0x1f); "

static struct sp_facts *facts_of(const struct sp_recipe *recipe)
{
    X509 *cert = sp_make_cert(recipe);
    struct sp_facts *facts = sp_facts_new(cert);

    ck_assert_ptr_nonnull(facts);
    X509_free(cert);
    return facts;
}

static void expect_text(smimepolicy_verdict *verdict, const char *expected)
{
    char *text;

    ck_assert_ptr_nonnull(verdict);
    text = smimepolicy_verdict_text(verdict);
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, expected);
    OPENSSL_free(text);
    smimepolicy_verdict_free(verdict);
}

START_TEST(nobody_provided_an_anchor)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ .san = MAIL });
    static const char nobody[] =
        REFUSED "nobody provided a certificate of the sender or of its issuing CA" BOB
                "upload the certificate of the sender or of its issuing CA, or name the CA's with "
                "-CAfile\n";
    static const char not_uploaded[] =
        REFUSED "nobody provided a certificate of the sender or of its issuing CA" BOB
                "upload the certificate of the sender or of its issuing CA: with trust = keyring "
                "nothing else vouches\n";
    const struct sp_chain_fault none = { NULL, "an issuer that libcrypto does not find" };
    smimepolicy_settings *settings = smimepolicy_settings_new();

    ck_assert_ptr_nonnull(settings);
    expect_text(sp_refuse_stranger(signer, settings), nobody);
    sp_expect_verdict(sp_refuse_stranger(NULL, settings), "deny:distrust-default");
    expect_text(sp_judge_chain(signer, &none, 1, settings), nobody);
    sp_expect_verdict(sp_judge_chain(signer, &none, 1, settings), "deny:distrust-default");
    sp_expect_verdict(sp_judge_chain(signer, NULL, 0, settings), "");
    settings->trust = SP_TRUST_KEYRING;
    expect_text(sp_judge_chain(signer, &none, 1, settings), not_uploaded);
    smimepolicy_settings_free(settings);
    sp_facts_free(signer);
}
END_TEST

/* What the text leaves out: what was found, and what is required. */
START_TEST(found_and_required)
{
    static const char *const anchors[] = {
        "a certificate in the keyring, or named with -CAfile, -CApath or -CAstore",
        "a certificate in the keyring"
    };
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ .san = MAIL });
    struct sp_facts *issuer = facts_of(&(struct sp_recipe){ .subject = "", .basic = "CA:TRUE" });
    smimepolicy_settings *settings = smimepolicy_settings_new();
    const struct sp_chain_fault faults[] = { { issuer, "invalid CA" } };
    smimepolicy_verdict *verdict;

    settings->trust = _i == 1 ? SP_TRUST_KEYRING : SP_TRUST_CALLER;
    verdict = sp_refuse_stranger(signer, settings);
    sp_expect_words(verdict, "distrust-default",
                    "nobody provided a certificate of the sender or of its issuing CA",
                    "an issuer that is not known", anchors[_i]);
    smimepolicy_verdict_free(verdict);
    verdict = sp_judge_chain(signer, faults, 1, settings);
    sp_expect_words(verdict, "distrust-default",
                    "the issuing certificate (no subject), serial 0x1f: invalid CA", "(no subject)",
                    "a chain to a provided anchor that libcrypto accepts");
    smimepolicy_verdict_free(verdict);
    smimepolicy_settings_free(settings);
    sp_facts_free(issuer);
    sp_facts_free(signer);
}
END_TEST

/* Every fault is reported, with the certificate that has it. */
START_TEST(faults_of_signer_and_issuer)
{
    struct sp_facts *signer = facts_of(&(struct sp_recipe){ .san = MAIL });
    struct sp_facts *issuer = facts_of(&(struct sp_recipe){ .subject = "", .basic = "CA:TRUE" });
    static const char both[] =
        REFUSED "the issuing certificate (no subject), serial 0x1f: certificate has expired" BOB
                "upload the sender's own certificate if you trust it, or ask the sender for one of "
                "a CA that may issue it\n" REFUSED
                "the signer's own certificate: permitted subtree violation" BOB
                "ask the sender for another certificate\n";
    static const char named[] =
        REFUSED "the issuing certificate CN=CA, serial 0x20: invalid CA" BOB
                "upload the sender's own certificate if you trust it, or ask the sender for one of "
                "a CA that may issue it\n";
    smimepolicy_settings *settings = smimepolicy_settings_new();
    const struct sp_chain_fault faults[] = { { issuer, "certificate has expired" },
                                             { signer, "permitted subtree violation" } };

    ck_assert_ptr_nonnull(settings);
    expect_text(sp_judge_chain(signer, faults, 2, settings), both);
    sp_facts_free(issuer);
    issuer = facts_of(&(struct sp_recipe){ .subject = "CA", .basic = "CA:TRUE", .serial = 32 });
    expect_text(
        sp_judge_chain(signer, &(struct sp_chain_fault){ issuer, "invalid CA" }, 1, settings),
        named);
    smimepolicy_settings_free(settings);
    sp_facts_free(issuer);
    sp_facts_free(signer);
}
END_TEST

#define CA_TRUE "critical,CA:TRUE"

/* A CA_TRUE, and why it may not issue certificates for that address; NULL: it may. */
static const struct {
    struct sp_recipe ca;
    const char *address;
    const char *why;
} limits[] = {
    { { .basic = CA_TRUE }, "bob@example.org", NULL },
    { { .basic = CA_TRUE, .usage = "keyCertSign" }, "bob@example.org", NULL },
    { { .basic = CA_TRUE, .usage = "cRLSign" }, "bob@example.org", "may not issue" },
    { { .basic = "critical,CA:FALSE" }, "bob@example.org", "may not issue" },
    { { .basic = CA_TRUE, .extended = "serverAuth" }, "bob@example.org", "may not issue" },
    { { .basic = CA_TRUE, .extended = "emailProtection" }, "bob@example.org", NULL },
    { { .basic = CA_TRUE, .again = { "nameConstraints", "permitted;email:example.org" } },
      "bob@example.org",
      NULL },
    { { .basic = CA_TRUE, .again = { "nameConstraints", "permitted;email:example.org" } },
      "bob@example.com",
      "constraints exclude the address" },
    { { .basic = CA_TRUE, .again = { "nameConstraints", "excluded;email:bob@example.org" } },
      "bob@example.org",
      "constraints exclude the address" },
    { { .basic = CA_TRUE, .again = { "nameConstraints", "excluded;email:bob@example.org" } },
      "rob@example.org",
      NULL },
    { { .basic = CA_TRUE, .again = { "nameConstraints", "DER:0400" } },
      "bob@example.org",
      "it may not issue certificates for mail" },
};

START_TEST(a_ca_has_limits)
{
    X509 *ca = sp_make_cert(&limits[_i].ca);
    const char *why = sp_issuer_limit(ca, limits[_i].address);

    if (limits[_i].why == NULL)
        ck_assert_ptr_null(why);
    else
        ck_assert_ptr_nonnull(strstr(why, limits[_i].why));
    X509_free(ca);
}
END_TEST

START_TEST(one_signer_is_collected)
{
    ck_assert_ptr_null(sp_collecting_fault(1));
    ck_assert_ptr_nonnull(strstr(sp_collecting_fault(0), "cannot be read"));
    ck_assert_ptr_nonnull(strstr(sp_collecting_fault(2), "several signers"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("chain faults");
    TCase *tcase = tcase_create("chain faults");

    tcase_add_test(tcase, nobody_provided_an_anchor);
    tcase_add_loop_test(tcase, found_and_required, 0, 2);
    tcase_add_test(tcase, faults_of_signer_and_issuer);
    tcase_add_test(tcase, one_signer_is_collected);
    tcase_add_loop_test(tcase, a_ca_has_limits, 0, SP_ROWS(limits));
    suite_add_tcase(suite, tcase);
    return sp_run(suite);
}
