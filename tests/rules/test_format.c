/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A verdict as text and as JSON, the list of rules, and certificates that are not
 * complete.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "rules/case.h"
#include "rules/rules.h"
#include "verdicts.h"

#define GOOD .san = "email:Bob@example.org", .usage = "digitalSignature,keyEncipherment"

static const struct {
    struct sp_recipe recipe;
    smimepolicy_use use;
    time_t at;
    const char *text;
} lines[] = {
    { { GOOD }, SMIMEPOLICY_ENCRYPT, SP_NOW, "" },
    { { GOOD },
      SMIMEPOLICY_ENCRYPT,
      SP_END_SECONDS + 1,
      "refused: encrypt: bob@example.org: certificate expired on 2024-07-31T14:20:28Z [expired] "
      "(CN=Bob, serial 0x1f); ask the contact for a current certificate\n" },
    { { GOOD },
      SMIMEPOLICY_SIGN,
      SP_START_SECONDS - 1,
      "refused: sign: bob@example.org: certificate is not valid before 2023-08-01T14:20:28Z "
      "[not-yet-valid] (CN=Bob, serial 0x1f); wait until then, check the clock, or use another "
      "certificate\n" },
    { { GOOD },
      SMIMEPOLICY_DECRYPT,
      SP_END_SECONDS + 1,
      "note: decrypt: bob@example.org: certificate expired on 2024-07-31T14:20:28Z and still "
      "decrypts [decrypt-expired] (CN=Bob, serial 0x1f); give your contacts a current "
      "certificate\n" },
    { { GOOD, .extended = "serverAuth" },
      SMIMEPOLICY_ENCRYPT,
      SP_NOW,
      "refused: encrypt: bob@example.org: Extended Key Usage lacks E-mail Protection "
      "[extended-key-usage] (CN=Bob, serial 0x1f); ask the contact for a certificate for E-mail "
      "Protection\n" },
    /* Denials first, then warnings; there is no address. */
    { { .subject = "",
        .serial = 4096,
        .usage = "digitalSignature",
        .not_after = "20330101000000Z" },
      SMIMEPOLICY_SIGN,
      SP_NOW,
      "refused: sign: no email address in Subject Alternative Name [san-email] (no subject, serial "
      "0x1000); use a certificate with an email address in Subject Alternative Name\n"
      "warning: sign: certificate is valid for more than 1185 days [validity-too-long] (no "
      "subject, serial 0x1000); use a certificate with a shorter validity\n" },
    /* Control characters in a name do not reach the terminal. */
    { { .subject = "Bob\n\x1b[31m, O=Evil\\", .usage = "digitalSignature", .serial = -1 },
      SMIMEPOLICY_SIGN,
      SP_NOW,
      "refused: sign: no email address in Subject Alternative Name [san-email] "
      "(CN=Bob\\0A\\1B[31m\\, O=Evil\\\\, serial -0x1); use a certificate with an email address in "
      "Subject Alternative Name\n" },
};

START_TEST(text)
{
    X509 *cert = sp_make_cert(&lines[_i].recipe);
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(NULL, cert, NULL, lines[_i].use, lines[_i].at);
    char *said = smimepolicy_verdict_text(verdict);

    ck_assert_str_eq(said, lines[_i].text);
    if (smimepolicy_verdict_count(verdict) > 0) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, 0);
        char *line = smimepolicy_finding_text(verdict, finding);
        char *reason = sp_finding_reason(verdict, finding);

        /* Behind the severity and the use. */
        ck_assert_str_eq(strchr(strchr(line, ' ') + 1, ' ') + 1, reason);
        OPENSSL_free(reason);
        ck_assert_ptr_null(strchr(line, '\n'));
        ck_assert_int_eq(strncmp(said, line, strlen(line)), 0);
        smimepolicy_free(line);
    }
    smimepolicy_free(said);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

static json_t *parse(const smimepolicy_verdict *verdict)
{
    char *said = smimepolicy_verdict_json(verdict);
    json_t *object;

    ck_assert_ptr_nonnull(said);
    /* One line, with control characters only as escapes. */
    for (const char *p = said; *p != '\0'; p++)
        ck_assert_int_ge((unsigned char)*p, 0x20);
    object = json_loads(said, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(object);
    smimepolicy_free(said);
    return object;
}

static void expect_string(const json_t *object, const char *member, const char *expected)
{
    ck_assert_pstr_eq(json_string_value(json_object_get(object, member)), expected);
}

static void expect_findings(const json_t *list, const smimepolicy_verdict *verdict)
{
    static const char *const severities[] = { "ignore", "note", "warn", "deny" };

    ck_assert_uint_eq(json_array_size(list), smimepolicy_verdict_count(verdict));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i);
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);

        ck_assert_uint_eq(json_object_size(object), 6);
        expect_string(object, "rule", smimepolicy_finding_rule(finding));
        expect_string(object, "severity", severities[smimepolicy_finding_severity(finding)]);
        expect_string(object, "fault", smimepolicy_finding_get0_fault(finding));
        expect_string(object, "found", smimepolicy_finding_get0_found(finding));
        expect_string(object, "required", smimepolicy_finding_get0_required(finding));
        expect_string(object, "remedy", smimepolicy_finding_get0_remedy(finding));
    }
}

START_TEST(json)
{
    struct sp_recipe recipe = { .subject = "Bob\x01\"\xc3\xb6",
                                .san = "email:Bob@example.org,email:second@example.org",
                                .usage = "keyEncipherment",
                                .extended = "emailProtection,anyExtendedKeyUsage" };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_END_SECONDS + 1);
    json_t *object = parse(verdict);
    const json_t *about = json_object_get(object, "certificate");
    const json_t *addresses = json_object_get(about, "addresses");

    ck_assert_uint_eq(json_object_size(object), 5);
    expect_string(object, "policy", SMIMEPOLICY_VERSION);
    expect_string(object, "use", "sign");
    ck_assert(json_is_false(json_object_get(object, "allowed")));
    ck_assert_uint_eq(json_object_size(about), 5);
    expect_string(about, "subject", "CN=Bob\\01\\\"\xc3\xb6");
    expect_string(about, "serial", "0x1f");
    expect_string(about, "not_before", "2023-08-01T14:20:28Z");
    expect_string(about, "not_after", "2024-07-31T14:20:28Z");
    ck_assert_uint_eq(json_array_size(addresses), 2);
    ck_assert_str_eq(json_string_value(json_array_get(addresses, 0)), "bob@example.org");
    ck_assert_str_eq(json_string_value(json_array_get(addresses, 1)), "second@example.org");
    ck_assert_uint_eq(smimepolicy_verdict_count(verdict), 3);
    expect_findings(json_object_get(object, "findings"), verdict);
    json_decref(object);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

START_TEST(json_without_certificate)
{
    smimepolicy_verdict *verdict =
        sp_refuse(SP_CERTIFICATE_REQUIRED, NULL, SMIMEPOLICY_SIGN, "no certificate for this key",
                  "a key alone", "a certificate", "give the certificate, too");
    json_t *object = parse(verdict);
    char *said = smimepolicy_verdict_text(verdict);

    ck_assert(json_is_null(json_object_get(object, "certificate")));
    ck_assert(json_is_false(json_object_get(object, "allowed")));
    expect_findings(json_object_get(object, "findings"), verdict);
    ck_assert_str_eq(said, "refused: sign: no certificate for this key [certificate-required]; "
                           "give the certificate, too\n");
    ck_assert_int_eq(smimepolicy_verdict_use(verdict), SMIMEPOLICY_SIGN);
    ck_assert_ptr_null(smimepolicy_verdict_get0_serial(verdict));
    ck_assert_ptr_null(smimepolicy_verdict_get0_addresses(verdict));
    ck_assert_ptr_null(smimepolicy_verdict_get0_finding(verdict, 1));
    smimepolicy_free(said);
    json_decref(object);
    smimepolicy_verdict_free(verdict);
}
END_TEST

static smimepolicy_verdict *lone_identity(void)
{
    struct sp_recipe recipe = { GOOD };
    X509 *cert = sp_make_cert(&recipe);
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict = sp_note_lone_identity(facts);

    sp_facts_free(facts);
    X509_free(cert);
    return verdict;
}

/* Who is asked for another certificate depends on the use. */
START_TEST(whom_to_ask)
{
    static const char *const whom[] = { [SMIMEPOLICY_SIGN] = "; use a certificate",
                                        [SMIMEPOLICY_ENCRYPT] = "; ask the contact for a",
                                        [SMIMEPOLICY_VERIFY] = "; ask the sender for a" };
    struct sp_recipe recipe = { .san = "email:bob@example.org", .usage = "cRLSign" };
    X509 *cert = sp_make_cert(&recipe);

    for (int use = SMIMEPOLICY_SIGN; use <= SMIMEPOLICY_VERIFY; use++) {
        smimepolicy_verdict *verdict =
            smimepolicy_evaluate(NULL, cert, NULL, (smimepolicy_use)use, SP_NOW);
        char *said = smimepolicy_verdict_text(verdict);

        ck_assert_msg(strstr(said, whom[use]) != NULL, "%s", said);
        smimepolicy_free(said);
        smimepolicy_verdict_free(verdict);
    }
    X509_free(cert);
}
END_TEST

/* Which usage it has to have depends on its key. */
START_TEST(usage_to_ask_for)
{
    const struct sp_recipe recipe = { .san = "email:bob@example.org",
                                      .usage = "digitalSignature",
                                      .key = _i == 0 ? sp_test_ec() : sp_test_rsa() };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_ENCRYPT, SP_NOW);

    ck_assert_str_eq(smimepolicy_finding_get0_remedy(sp_find(verdict, "usage-encrypt")),
                     _i == 0 ? "ask the contact for a certificate with Key Agreement in Key Usage"
                             : "ask the contact for a certificate with Key Encipherment in Key "
                               "Usage");
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

/* What is said where there is no certificate to judge. */
START_TEST(refusals)
{
    smimepolicy_verdict *verdicts[] = {
        sp_refuse_request(SP_NO_SIGNER, NULL),
        sp_refuse_request(SP_NO_RECIPIENT, NULL),
        sp_refuse_request(SP_NOBODY_IN_MAIL, NULL),
        sp_refuse_request(SP_SHARED_SECRET, "-pwri_password"),
        sp_refuse_request(SP_SHARED_KEY, NULL),
        sp_refuse_certfile("a\nb", true),
        sp_refuse_certfile("a", false),
        sp_refuse_lone_key(),
        sp_refuse_untrusted("a@b.c"),
        sp_refuse_unknown_key(SMIMEPOLICY_SIGN, false),
        sp_refuse_unknown_key(SMIMEPOLICY_ENCRYPT, true),
        sp_refuse_incomplete(SMIMEPOLICY_SIGN),
        sp_refuse_not_stored(SMIMEPOLICY_SIGN, "a@b.c"),
        sp_refuse_not_stored(SMIMEPOLICY_ENCRYPT, "a@b.c"),
        sp_refuse_unverified(NULL, false),
        sp_refuse_unverified(NULL, true),
        sp_refuse_unprovided(NULL, SP_BY_LIBCRYPTO, "x"),
        sp_refuse_unprovided(NULL, SP_BY_NO_KEYRING, NULL),
        sp_refuse_unprovided(NULL, SP_BY_BROKEN_KEYRING, "x"),
        lone_identity(),
    };
    static const char *const said[] = {
        "refused: sign: no signer certificate was given [certificate-required]; name the signer's "
        "certificate with -signer, or the sender with --from\n",
        "refused: encrypt: no recipient certificate was given [certificate-required]; name the "
        "recipients with --to (two dashes: -to writes a header field), or their certificates\n",
        "refused: encrypt: no recipient certificate was given [certificate-required]; the mail "
        "names nobody in To, Cc or Bcc; name the recipients with --to, or their certificates\n",
        "refused: encrypt: a password or shared key was given to encrypt with "
        "[certificate-required]; name the recipients' certificates instead\n",
        "refused: encrypt: a shared key would encrypt the message [certificate-required]; name the "
        "recipients' certificates instead\n",
        "refused: sign: -certfile a\\0Ab cannot be judged beforehand: it can be read only once "
        "[certificate-required]; give a regular file\n",
        "refused: sign: -certfile a cannot be judged beforehand: it needs a passphrase "
        "[certificate-required]; give the certificates in a file without one\n",
        "refused: upload: private key belongs to no certificate [private-key-match]; upload its "
        "certificate with it\n",
        "refused: verify: nothing in the keyring vouches for a@b.c [distrust-default]; upload the "
        "sender's certificate, or its issuing CA\n",
        "refused: sign: the key belongs to no certificate that this program has parsed "
        "[certificate-required]; provide the certificate that belongs to the key\n",
        "refused: encrypt: the key's certificate was parsed before OpenSSL was initialised "
        "[certificate-required]; call OPENSSL_init_crypto() before reading the first certificate\n",
        "refused: sign: the key's certificate is not complete [certificate-required]; finish the "
        "certificate, or parse it in the thread that uses it\n",
        "refused: sign: a@b.c: the keyring has no certificate with a private key of this address "
        "[certificate-required]; upload it: smime-policy upload CERT KEY\n",
        "refused: encrypt: a@b.c: the keyring has no certificate of this address "
        "[certificate-required]; upload it: smime-policy upload CERT\n",
        "refused: verify: the signer's certificate was not verified [distrust-default]; verify "
        "with the issuing CA provided and without options that skip it\n",
        "refused: verify: the signer's certificate was not verified [distrust-default]; verify "
        "with the issuing CA provided and without options that skip it, or set raw_keys = pass if "
        "this is no mail\n",
        "refused: verify: nobody provided this signer or its CA [distrust-default]; provide the "
        "sender's certificate, or its issuing CA\n",
        "refused: verify: nobody provided this signer or its CA [distrust-default]; set keyring to "
        "its path\n",
        "refused: verify: nobody provided this signer or its CA [distrust-default]; mend the "
        "keyring\n",
        "note: upload: bob@example.org: an identity without its private key is kept as a contact "
        "[private-key-match] (CN=Bob, serial 0x1f); export it with --keys, or upload its private "
        "key with it\n",
    };

    for (int i = 0; i < 2; i++)
        ck_assert_str_eq(
            smimepolicy_finding_get0_required(smimepolicy_verdict_get0_finding(verdicts[i], 0)),
            i == 0 ? "the signer's certificate" : "a certificate for every recipient");
    for (int i = 16; i <= 18; i++)
        ck_assert_pstr_eq(
            smimepolicy_finding_get0_found(smimepolicy_verdict_get0_finding(verdicts[i], 0)),
            i == 17 ? "trust = keyring, no keyring" : "x");
    for (int i = 5; i <= 6; i++)
        ck_assert_str_eq(
            smimepolicy_finding_get0_found(smimepolicy_verdict_get0_finding(verdicts[i], 0)),
            i == 5 ? "a pipe" : "a locked file");
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        char *line = smimepolicy_verdict_text(verdicts[i]);

        ck_assert_str_eq(line, said[i]);
        ck_assert_int_eq(smimepolicy_verdict_allowed(verdicts[i]), strncmp(line, "note", 4) == 0);
        smimepolicy_free(line);
        smimepolicy_verdict_free(verdicts[i]);
    }
}
END_TEST

/* Times that cannot be read are null, and the rest is still JSON. */
START_TEST(json_without_times)
{
    struct sp_recipe recipe = { GOOD, .not_before = "x", .not_after = "y" };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_UPLOAD, SP_NOW);
    json_t *object = parse(verdict);

    ck_assert(json_is_true(json_object_get(object, "allowed")));
    ck_assert(json_is_null(json_object_get(json_object_get(object, "certificate"), "not_before")));
    ck_assert(json_is_null(json_object_get(json_object_get(object, "certificate"), "not_after")));
    json_decref(object);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

/* Ids are public, and their order numbers the provider's reasons. */
static const char *const ids[] = {
    "san-email",
    "key-usage",
    "key-algorithm",
    "extended-key-usage",
    "private-key-algorithm",
    "private-key-match",
    "ca-exempt",
    "expired",
    "not-yet-valid",
    "usage-sign",
    "usage-encrypt",
    "certificate-required",
    "distrust-default",
    "signer-certificate",
    "signer-validity",
    "sender-match",
    "decrypt-expired",
    "weak-key",
    "weak-digest",
    "weak-cipher",
    "eku-any",
    "validity-too-long",
    "expires-soon",
    "revoked",
    "revocation-unknown",
    "keyring-stale",
};

START_TEST(rule_ids)
{
    char end[64];

    ck_assert_str_eq(sp_rule_id((size_t)_i), ids[_i]);
    ck_assert_int_eq(sp_rule_index(ids[_i]), _i);
    snprintf(end, sizeof(end), " [%s]", ids[_i]);
    ck_assert_str_eq(strstr(sp_rule_reason((size_t)_i), " ["), end);
    ck_assert_ptr_null(sp_rule_id(SP_ROWS(ids)));
    ck_assert_ptr_null(sp_rule_reason(SP_ROWS(ids)));
    ck_assert_int_eq(sp_rule_index("no-such-rule"), -1);
}
END_TEST

START_TEST(wrong_arguments)
{
    struct sp_recipe recipe = { GOOD };
    X509 *cert = sp_make_cert(&recipe);
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    unsigned char *longer = OPENSSL_zalloc((size_t)len + 1);

    memcpy(longer, der, (size_t)len);
    ERR_clear_error();
    ck_assert_ptr_null(smimepolicy_evaluate(NULL, NULL, NULL, SMIMEPOLICY_SIGN, 0));
    ck_assert_ptr_null(smimepolicy_evaluate(NULL, cert, NULL, (smimepolicy_use)5, 0));
    ck_assert_ptr_null(smimepolicy_use_name((smimepolicy_use)5));
    ck_assert_str_eq(smimepolicy_version(), SMIMEPOLICY_VERSION);
    for (size_t cut = 0; cut < (size_t)len; cut++)
        ck_assert_ptr_null(
            smimepolicy_evaluate_der(NULL, der, cut, NULL, SMIMEPOLICY_SIGN, SP_NOW));
    ck_assert_ptr_null(
        smimepolicy_evaluate_der(NULL, longer, (size_t)len + 1, NULL, SMIMEPOLICY_SIGN, SP_NOW));
    ck_assert_ptr_null(smimepolicy_evaluate_der(NULL, NULL, 0, NULL, SMIMEPOLICY_SIGN, SP_NOW));
    ck_assert_uint_eq(ERR_peek_error(), 0);
    smimepolicy_verdict_free(NULL);
    sp_facts_free(NULL);
    OPENSSL_free(longer);
    OPENSSL_free(der);
    X509_free(cert);
}
END_TEST

/* An incomplete certificate, as a program builds one, can be read and is not changed. */
START_TEST(nothing_is_cached)
{
    X509 *cert = X509_new();
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict =
        sp_judge(facts, SMIMEPOLICY_SIGN, SP_NOW, SP_WITH_VALIDITY, NULL);
    X509V3_CTX ctx;
    X509_EXTENSION *purpose;

    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), 0);
    smimepolicy_verdict_free(verdict);
    ck_assert_int_eq(X509_set_version(cert, X509_VERSION_3), 1);
    ck_assert_int_eq(X509_set_pubkey(cert, sp_test_rsa()), 1);
    X509V3_set_ctx(&ctx, NULL, cert, NULL, NULL, 0);
    purpose = X509V3_EXT_nconf(NULL, &ctx, "extendedKeyUsage", "emailProtection");
    ck_assert_int_eq(X509_add_ext(cert, purpose, -1), 1);
    sp_facts_free(facts);
    facts = sp_facts_new(cert);
    ck_assert_int_gt(X509_sign(cert, sp_test_rsa(), EVP_sha256()), 0);
    /* If reading had cached anything, the purpose would be missing here. */
    ck_assert_uint_eq(X509_get_extended_key_usage(cert), XKU_SMIME);
    ck_assert_int_eq(X509_check_purpose(cert, X509_PURPOSE_SMIME_SIGN, 0), 1);
    X509_EXTENSION_free(purpose);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

/* Errors that a program has not read yet stay in the queue, and no others are added. */
START_TEST(errors_are_kept)
{
    struct sp_recipe recipe = { .san = "DER:FF", .usage = "DER:FF", .extended = "DER:FF" };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict;

    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 7);
    verdict = smimepolicy_evaluate(NULL, cert, sp_test_ec(), SMIMEPOLICY_SIGN, SP_NOW);
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), 7);
    ck_assert_uint_eq(ERR_get_error(), 0);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format");
    TCase *tests = tcase_create("format");

    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, text, 0, SP_ROWS(lines));
    tcase_add_test(tests, json);
    tcase_add_test(tests, json_without_certificate);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, whom_to_ask);
    tcase_add_loop_test(tests, usage_to_ask_for, 0, 2);
    tcase_add_test(tests, json_without_times);
    tcase_add_loop_test(tests, rule_ids, 0, SP_ROWS(ids));
    tcase_add_test(tests, wrong_arguments);
    tcase_add_test(tests, nothing_is_cached);
    tcase_add_test(tests, errors_are_kept);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
