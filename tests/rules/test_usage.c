/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules key-usage, usage-sign, usage-encrypt, extended-key-usage and ca-exempt.
 */
#include <stdlib.h>

#include "rules/rules.h"
#include "verdicts.h"

#define SAN  .san = "email:bob@example.org"
#define BOTH "deny:key-usage deny:usage-"

/* The result for each use; |ec| if an EC key differs from RSA when encrypting. */
static const struct {
    const char *usage;
    const char *upload;
    const char *sign;
    const char *encrypt;
    const char *encrypt_ec;
    const char *verify;
} by_usage[] = {
    { "digitalSignature", "", "", "deny:usage-encrypt", "deny:usage-encrypt", "" },
    { "nonRepudiation", "deny:key-usage", BOTH "sign", BOTH "encrypt", BOTH "encrypt",
      "note:signer-certificate" },
    { "keyEncipherment", "", "deny:usage-sign", "", "", "deny:signer-certificate" },
    { "dataEncipherment", "deny:key-usage", BOTH "sign", BOTH "encrypt", BOTH "encrypt",
      "deny:signer-certificate" },
    { "keyAgreement", "deny:key-usage", BOTH "sign", BOTH "encrypt", "deny:key-usage",
      "deny:signer-certificate" },
    { "keyCertSign", "deny:key-usage", BOTH "sign", BOTH "encrypt", BOTH "encrypt",
      "deny:signer-certificate" },
    { "cRLSign", "deny:key-usage", BOTH "sign", BOTH "encrypt", BOTH "encrypt",
      "deny:signer-certificate" },
    { "encipherOnly", "deny:key-usage", BOTH "sign", BOTH "encrypt", BOTH "encrypt",
      "deny:signer-certificate" },
    { "decipherOnly", "deny:key-usage", BOTH "sign", BOTH "encrypt", BOTH "encrypt",
      "deny:signer-certificate" },
    { "DER:03:01:00", "deny:key-usage", BOTH "sign", BOTH "encrypt", BOTH "encrypt",
      "deny:signer-certificate" },
    { "digitalSignature,keyEncipherment", "", "", "", "", "" },
    { "critical,digitalSignature,keyEncipherment", "", "", "", "", "" },
    { "digitalSignature,nonRepudiation,keyEncipherment", "", "", "", "", "" },
    { "digitalSignature,keyAgreement", "", "", "deny:usage-encrypt", "", "" },
    { "keyEncipherment,nonRepudiation", "", "deny:usage-sign", "", "", "note:signer-certificate" },
    /* Bits that RFC 5280 does not name, and trailing zeros that DER forbids, do no harm. */
    { "DER:03:02:00:A0", "", "", "", "", "" },
    { "DER:03:04:00:A0:00:01", "", "", "", "", "" },
    { NULL, "deny:key-usage", "deny:key-usage", "deny:key-usage", "deny:key-usage",
      "note:signer-certificate" },
    { "DER:04:01:A0", "deny:key-usage", "deny:key-usage", "deny:key-usage", "deny:key-usage",
      "deny:signer-certificate" },
    { "critical,DER:03:00", "deny:key-usage", "deny:key-usage", "deny:key-usage", "deny:key-usage",
      "deny:signer-certificate" },
    { "DER:03:02:05:A0:00", "deny:key-usage", "deny:key-usage", "deny:key-usage", "deny:key-usage",
      "deny:signer-certificate" },
};

START_TEST(key_usage)
{
    struct sp_recipe rsa = { SAN, .usage = by_usage[_i].usage };
    struct sp_recipe ec = { SAN, .usage = by_usage[_i].usage, .key = sp_test_ec() };

    sp_expect(&rsa, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, by_usage[_i].upload);
    sp_expect(&ec, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, by_usage[_i].upload);
    sp_expect(&rsa, SMIMEPOLICY_SIGN, SP_NOW, NULL, by_usage[_i].sign);
    sp_expect(&ec, SMIMEPOLICY_SIGN, SP_NOW, NULL, by_usage[_i].sign);
    sp_expect(&rsa, SMIMEPOLICY_ENCRYPT, SP_NOW, NULL, by_usage[_i].encrypt);
    sp_expect(&ec, SMIMEPOLICY_ENCRYPT, SP_NOW, NULL, by_usage[_i].encrypt_ec);
    sp_expect(&rsa, SMIMEPOLICY_VERIFY, SP_NOW, NULL, by_usage[_i].verify);
    sp_expect(&ec, SMIMEPOLICY_VERIFY, SP_NOW, NULL, by_usage[_i].verify);
    sp_expect(&rsa, SMIMEPOLICY_DECRYPT, SP_NOW, NULL, "");
}
END_TEST

static const char *const accept_missing[] = { "missing_key_usage", "accept", NULL };
static const char *const accept_agreement[] = { "ec_key_agreement", "accept", NULL };

/* What cannot be read is said, and not that it lacks something. */
static const struct {
    const char *rule, *name;
    struct sp_recipe broken, twice;
} unreadable[] = {
    { "san-email",
      "Subject Alternative Name",
      { .san = "DER:FF", .usage = "digitalSignature" },
      { SAN, .usage = "digitalSignature", .again = { "subjectAltName", "DNS:example.org" } } },
    { "key-usage",
      "Key Usage",
      { SAN, .usage = "DER:FF" },
      { SAN, .usage = "digitalSignature", .again = { "keyUsage", "digitalSignature" } } },
    { "extended-key-usage",
      "Extended Key Usage",
      { SAN, .usage = "digitalSignature", .extended = "DER:FF" },
      { SAN, .usage = "digitalSignature", .extended = "emailProtection",
        .again = { "extendedKeyUsage", "emailProtection" } } },
    { "ca-exempt",
      "Basic Constraints",
      { SAN, .usage = "digitalSignature", .basic = "DER:FF" },
      { SAN, .usage = "digitalSignature", .basic = "CA:FALSE",
        .again = { "basicConstraints", "CA:FALSE" } } },
};

START_TEST(words_about_unreadable)
{
    for (int twice = 0; twice < 2; twice++) {
        X509 *cert = sp_make_cert(twice != 0 ? &unreadable[_i].twice : &unreadable[_i].broken);
        smimepolicy_verdict *verdict =
            smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_NOW);
        char fault[80];

        (void)snprintf(fault, sizeof(fault), "%s %s", unreadable[_i].name,
                       twice != 0 ? "is there more than once" : "cannot be read");
        sp_expect_words(verdict, unreadable[_i].rule, fault,
                        twice != 0 ? "several extensions of that type"
                                   : "an extension that is not valid DER",
                        "one readable extension at most");
        ck_assert_uint_eq(smimepolicy_verdict_count(verdict), 1);
        smimepolicy_verdict_free(verdict);
        X509_free(cert);
    }
}
END_TEST

START_TEST(missing_key_usage_accepted)
{
    struct sp_recipe absent = { SAN };
    struct sp_recipe empty = { SAN, .usage = "DER:03:01:00" };
    struct sp_recipe broken = { SAN, .usage = "DER:04:01:A0" };

    sp_expect(&absent, SMIMEPOLICY_UPLOAD, SP_NOW, accept_missing, "");
    sp_expect(&absent, SMIMEPOLICY_SIGN, SP_NOW, accept_missing, "");
    sp_expect(&absent, SMIMEPOLICY_ENCRYPT, SP_NOW, accept_missing, "");
    /* An empty or unreadable extension is not a missing one. */
    sp_expect(&empty, SMIMEPOLICY_SIGN, SP_NOW, accept_missing, BOTH "sign");
    sp_expect(&broken, SMIMEPOLICY_SIGN, SP_NOW, accept_missing, "deny:key-usage");
}
END_TEST

START_TEST(ec_key_agreement_accepted)
{
    struct sp_recipe ec = { SAN, .usage = "keyAgreement", .key = sp_test_ec() };
    struct sp_recipe rsa = { SAN, .usage = "keyAgreement" };

    sp_expect(&ec, SMIMEPOLICY_UPLOAD, SP_NOW, accept_agreement, "");
    sp_expect(&ec, SMIMEPOLICY_ENCRYPT, SP_NOW, accept_agreement, "");
    sp_expect(&ec, SMIMEPOLICY_SIGN, SP_NOW, accept_agreement, "deny:usage-sign");
    sp_expect(&rsa, SMIMEPOLICY_UPLOAD, SP_NOW, accept_agreement, "deny:key-usage");
    sp_expect(&rsa, SMIMEPOLICY_ENCRYPT, SP_NOW, accept_agreement, BOTH "encrypt");
}
END_TEST

/* Which setting the remedy of a key-usage refusal names, if any. */
static const struct {
    const char *usage;
    bool ec;
    const char *setting;
} by_remedy[] = {
    { NULL, false, "missing_key_usage = accept" },
    { "keyAgreement", true, "ec_key_agreement = accept" },
    { "keyAgreement", false, NULL },
    { "nonRepudiation", true, NULL },
};

START_TEST(remedy_names_the_setting)
{
    struct sp_recipe recipe = { SAN, .usage = by_remedy[_i].usage,
                                .key = by_remedy[_i].ec ? sp_test_ec() : sp_test_rsa() };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_UPLOAD, SP_NOW);
    const char *remedy = smimepolicy_finding_get0_remedy(sp_find(verdict, "key-usage"));

    if (by_remedy[_i].setting != NULL)
        ck_assert_ptr_nonnull(strstr(remedy, by_remedy[_i].setting));
    else
        ck_assert_ptr_null(strstr(remedy, "accept"));
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

static const struct {
    const char *extended;
    const char *expected;
    const char *verify;
} by_purpose[] = {
    { NULL, "", "" },
    { "emailProtection", "", "" },
    { "critical,emailProtection", "", "" },
    { "clientAuth,emailProtection,1.2.3.4", "", "" },
    { "serverAuth", "deny:extended-key-usage", "deny:signer-certificate" },
    { "serverAuth,clientAuth,codeSigning", "deny:extended-key-usage", "deny:signer-certificate" },
    { "1.3.6.1.5.5.7.3.4.1", "deny:extended-key-usage", "deny:signer-certificate" },
    { "anyExtendedKeyUsage", "deny:extended-key-usage warn:eku-any",
      "deny:signer-certificate warn:eku-any" },
    { "anyExtendedKeyUsage,emailProtection", "warn:eku-any", "warn:eku-any" },
    { "DER:30:00", "deny:extended-key-usage", "deny:signer-certificate" },
    { "DER:31:00", "deny:extended-key-usage", "deny:signer-certificate" },
    { "critical,DER:30:02:05:00", "deny:extended-key-usage", "deny:signer-certificate" },
    /* E-mail Protection, and a byte too many. */
    { "DER:30:0A:06:08:2B:06:01:05:05:07:03:04:00", "deny:extended-key-usage",
      "deny:signer-certificate" },
};

START_TEST(extended_key_usage)
{
    struct sp_recipe recipe = { SAN, .usage = "digitalSignature,keyEncipherment",
                                .extended = by_purpose[_i].extended };

    sp_expect(&recipe, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, by_purpose[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, NULL, by_purpose[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_ENCRYPT, SP_NOW, NULL, by_purpose[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_VERIFY, SP_NOW, NULL, by_purpose[_i].verify);
    sp_expect(&recipe, SMIMEPOLICY_DECRYPT, SP_NOW, NULL, "");
}
END_TEST

/* For time stamps alone: what such a certificate signs need not be mail. */
START_TEST(time_stamping)
{
    static const struct {
        const char *extended;
        bool stamps;
    } rows[] = { { "critical,timeStamping", true },
                 { "timeStamping", true },
                 { "timeStamping,emailProtection", false },
                 { "emailProtection", false },
                 { "anyExtendedKeyUsage", false },
                 { "DER:05:00", false },
                 { NULL, false } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        X509 *cert = sp_make_cert(&(struct sp_recipe){ SAN, .extended = rows[i].extended });
        struct sp_facts *facts = sp_facts_new(cert);

        ck_assert_msg(sp_may_stamp(facts) == rows[i].stamps, "row %zu", i);
        sp_facts_free(facts);
        X509_free(cert);
    }
}
END_TEST

#define GOOD SAN, .usage = "digitalSignature,keyEncipherment"

/* A second copy is refused, also an equal one. */
static const struct {
    struct sp_recipe recipe;
    const char *upload;
    const char *verify;
} duplicates[] = {
    { { GOOD, .again = { "keyUsage", "digitalSignature,keyEncipherment" } },
      "deny:key-usage",
      "deny:signer-certificate" },
    { { GOOD, .extended = "emailProtection", .again = { "extendedKeyUsage", "emailProtection" } },
      "deny:extended-key-usage",
      "deny:signer-certificate" },
    { { GOOD, .basic = "CA:FALSE", .again = { "basicConstraints", "CA:FALSE" } },
      "deny:ca-exempt",
      "deny:signer-certificate" },
    { { GOOD, .basic = "CA:FALSE", .again = { "basicConstraints", "CA:TRUE" } },
      "deny:ca-exempt",
      "deny:signer-certificate" },
    { { GOOD, .again = { "subjectAltName", "email:eve@example.org" } },
      "deny:san-email",
      "deny:signer-certificate" },
    { { .basic = "CA:TRUE", .usage = "keyCertSign", .again = { "keyUsage", "keyCertSign" } },
      "deny:key-usage note:ca-exempt",
      "deny:signer-certificate deny:signer-certificate" },
};

START_TEST(duplicate_extensions)
{
    sp_expect(&duplicates[_i].recipe, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, duplicates[_i].upload);
    sp_expect(&duplicates[_i].recipe, SMIMEPOLICY_VERIFY, SP_NOW, NULL, duplicates[_i].verify);
}
END_TEST

/* |person|: is it a person's own CA certificate, which vouches for no others? */
static const struct {
    struct sp_recipe recipe;
    bool person;
    const char *upload;
    const char *sign;
} by_ca[] = {
    { { GOOD, .basic = "CA:FALSE" }, false, "", "" },
    { { GOOD, .basic = "critical,CA:TRUE" }, true, "", "" },
    { { GOOD, .basic = "CA:TRUE,pathlen:0" }, true, "", "" },
    { { SAN, .basic = "CA:TRUE", .usage = "digitalSignature,keyCertSign,cRLSign" }, true, "", "" },
    { { .basic = "CA:TRUE" }, false, "note:ca-exempt", "deny:san-email deny:key-usage" },
    { { .basic = "CA:TRUE", .usage = "keyCertSign,cRLSign" },
      false,
      "note:ca-exempt",
      "deny:san-email deny:key-usage deny:usage-sign" },
    { { SAN, .basic = "CA:TRUE", .usage = "keyCertSign,cRLSign" },
      false,
      "note:ca-exempt",
      "deny:key-usage deny:usage-sign" },
    { { SAN, .basic = "CA:TRUE", .usage = "keyCertSign,cRLSign", .extended = "serverAuth" },
      false,
      "note:ca-exempt",
      "deny:key-usage deny:extended-key-usage deny:usage-sign" },
    { { .basic = "CA:TRUE", .usage = "digitalSignature,keyCertSign" },
      false,
      "note:ca-exempt",
      "deny:san-email" },
    { { .basic = "CA:TRUE", .usage = "keyCertSign", .extended = "serverAuth" },
      false,
      "note:ca-exempt",
      "deny:san-email deny:key-usage deny:extended-key-usage deny:usage-sign" },
    /* Without Key Usage every use is allowed: it must not become an issuer. */
    { { SAN, .basic = "CA:TRUE" }, true, "deny:key-usage", "deny:key-usage" },
    /* An unreadable extension is refused, and makes no CA. */
    { { GOOD, .basic = "DER:31:00" }, false, "deny:ca-exempt", "deny:ca-exempt" },
    { { GOOD, .basic = "critical,DER:30:03:01:01:FF:00" },
      false,
      "deny:ca-exempt",
      "deny:ca-exempt" },
    { { .san = "DER:FF", .basic = "CA:TRUE", .usage = "digitalSignature" },
      true,
      "deny:san-email",
      "deny:san-email" },
    { { .basic = "CA:TRUE", .usage = "DER:FF" },
      false,
      "deny:key-usage note:ca-exempt",
      "deny:san-email deny:key-usage" },
    /* A v1 certificate has no extensions and is no CA. */
    { { .version = -1 }, false, "deny:san-email deny:key-usage", "deny:san-email deny:key-usage" },
};

START_TEST(ca_certificates)
{
    X509 *cert = sp_make_cert(&by_ca[_i].recipe);
    struct sp_facts *facts = sp_facts_new(cert);

    ck_assert_int_eq(sp_facts_is_person_ca(facts), by_ca[_i].person);
    sp_expect(&by_ca[_i].recipe, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, by_ca[_i].upload);
    sp_expect(&by_ca[_i].recipe, SMIMEPOLICY_SIGN, SP_NOW, NULL, by_ca[_i].sign);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

/* Each part of `signer-certificate` names the rule it stands for. */
START_TEST(verify_names_the_rule)
{
    struct sp_recipe recipe = { .usage = "keyEncipherment", .extended = "serverAuth" };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_VERIFY, SP_NOW);
    static const char *const faults[] = {
        "no email address in Subject Alternative Name (san-email)",
        "Extended Key Usage lacks E-mail Protection (extended-key-usage)",
        "Key Usage does not allow signing",
    };

    ck_assert_uint_eq(smimepolicy_verdict_count(verdict), 3);
    for (size_t i = 0; i < 3; i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);

        ck_assert_str_eq(smimepolicy_finding_rule(finding), "signer-certificate");
        ck_assert_str_eq(smimepolicy_finding_get0_fault(finding), faults[i]);
    }
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

/* What the refusals say was found, and was required. */
#define EITHER "Digital Signature and/or Key Encipherment"
#define SIGNER "Digital Signature or Non Repudiation, if there"

static const struct {
    const char *usage, *extended;
    bool ec;
    smimepolicy_use use;
    const char *rule, *fault, *found, *required;
} words[] = {
    { NULL, NULL, false, SMIMEPOLICY_UPLOAD, "key-usage", "no Key Usage", "no Key Usage", EITHER },
    { "DER:03:01:00", NULL, false, SMIMEPOLICY_UPLOAD, "key-usage",
      "Key Usage has neither Digital Signature nor Key Encipherment", "nothing", EITHER },
    { "keyAgreement,decipherOnly", NULL, false, SMIMEPOLICY_UPLOAD, "key-usage",
      "Key Usage has neither Digital Signature nor Key Encipherment",
      "Key Agreement, Decipher Only", EITHER },
    { "keyEncipherment,nonRepudiation", NULL, false, SMIMEPOLICY_SIGN, "usage-sign",
      "Key Usage does not allow signing", "Non Repudiation, Key Encipherment",
      "Digital Signature" },
    { "digitalSignature", NULL, false, SMIMEPOLICY_ENCRYPT, "usage-encrypt",
      "Key Usage does not allow encryption", "Digital Signature", "Key Encipherment" },
    { "digitalSignature", NULL, true, SMIMEPOLICY_ENCRYPT, "usage-encrypt",
      "Key Usage does not allow encryption", "Digital Signature",
      "Key Encipherment or Key Agreement" },
    { NULL, NULL, false, SMIMEPOLICY_VERIFY, "signer-certificate",
      "signer's certificate has no Key Usage", "no Key Usage", SIGNER },
    { "nonRepudiation", NULL, false, SMIMEPOLICY_VERIFY, "signer-certificate",
      "signer's Key Usage has Non Repudiation alone", "Non Repudiation", SIGNER },
    { "keyCertSign", NULL, false, SMIMEPOLICY_VERIFY, "signer-certificate",
      "Key Usage does not allow signing", "Certificate Sign", SIGNER },
    { "digitalSignature", "serverAuth,1.2.3.4", false, SMIMEPOLICY_SIGN, "extended-key-usage",
      "Extended Key Usage lacks E-mail Protection", "TLS Web Server Authentication, 1.2.3.4",
      "E-mail Protection" },
    { "digitalSignature", "DER:30:00", false, SMIMEPOLICY_SIGN, "extended-key-usage",
      "Extended Key Usage lacks E-mail Protection", "no purpose", "E-mail Protection" },
};

START_TEST(words_of_refusals)
{
    X509 *cert = sp_make_cert(&(struct sp_recipe){ SAN, .usage = words[_i].usage,
                                                   .extended = words[_i].extended,
                                                   .key = words[_i].ec ? sp_test_ec() : NULL });
    smimepolicy_verdict *verdict = smimepolicy_evaluate(NULL, cert, NULL, words[_i].use, SP_NOW);

    sp_expect_words(verdict, words[_i].rule, words[_i].fault, words[_i].found, words[_i].required);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("usage");
    TCase *tests = tcase_create("extensions");

    tcase_add_loop_test(tests, key_usage, 0, SP_ROWS(by_usage));
    tcase_add_loop_test(tests, words_about_unreadable, 0, SP_ROWS(unreadable));
    tcase_add_test(tests, missing_key_usage_accepted);
    tcase_add_test(tests, ec_key_agreement_accepted);
    tcase_add_loop_test(tests, remedy_names_the_setting, 0, SP_ROWS(by_remedy));
    tcase_add_loop_test(tests, extended_key_usage, 0, SP_ROWS(by_purpose));
    tcase_add_test(tests, time_stamping);
    tcase_add_loop_test(tests, duplicate_extensions, 0, SP_ROWS(duplicates));
    tcase_add_loop_test(tests, ca_certificates, 0, SP_ROWS(by_ca));
    tcase_add_test(tests, verify_names_the_rule);
    tcase_add_loop_test(tests, words_of_refusals, 0, SP_ROWS(words));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
