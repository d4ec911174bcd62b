/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rule san-email, and what a verdict shows of a certificate's names.
 */
#include <stdlib.h>

#include <openssl/crypto.h>

#include "rules/rules.h"
#include "verdicts.h"

#define GOOD   "email:bob@example.org"
#define CLIENT .usage = "digitalSignature,keyEncipherment"

static const struct {
    const char *san;
    const char *expected;
} by_text[] = {
    { GOOD, "" },
    { "critical," GOOD, "" },
    { "DNS:example.org," GOOD, "" },
    { GOOD ",email:second@example.org,URI:https://example.org", "" },
    { "email:BOB@Example.ORG", "" },
    { NULL, "deny:san-email" },
    { "DNS:example.org", "deny:san-email" },
    { "URI:mailto:bob@example.org", "deny:san-email" },
    { "IP:192.0.2.1", "deny:san-email" },
    { "RID:1.2.3.4", "deny:san-email" },
    /* User Principal Name and SmtpUTF8Mailbox (RFC 8398) are otherNames. */
    { "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:bob@example.org", "deny:san-email" },
    { "otherName:1.3.6.1.5.5.7.8.9;UTF8:bob@example.org", "deny:san-email" },
    { "otherName:1.3.6.1.5.5.7.8.9;UTF8:bob@example.org," GOOD, "" },
    { "DER:30:00", "deny:san-email" },
    { "critical,DER:30:00", "deny:san-email" },
    /* No DER; empty; a cut sequence; a byte too many; a wrong tag inside. */
    { "DER:FF", "deny:san-email" },
    { "DER:30", "deny:san-email" },
    { "DER:30:05:81:03:61:40", "deny:san-email" },
    { "DER:30:05:81:03:61:40:62:00", "deny:san-email" },
    { "DER:30:05:81:03:61:40:62", "" },
    { "DER:30:0A:81:03:61:40:62:8F:03:61:40:62", "deny:san-email" },
    /* A directoryName without a name makes the whole extension unreadable. */
    { "DER:30:0A:81:03:61:40:62:A4:03:02:01:01", "deny:san-email" },
};

START_TEST(san_text)
{
    struct sp_recipe recipe = { .san = by_text[_i].san, CLIENT };

    sp_expect(&recipe, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, by_text[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, NULL, by_text[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_ENCRYPT, SP_NOW, NULL, by_text[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_VERIFY, SP_NOW, NULL,
              by_text[_i].expected[0] == '\0' ? "" : "deny:signer-certificate");
    sp_expect(&recipe, SMIMEPOLICY_DECRYPT, SP_NOW, NULL, "");
}
END_TEST

enum { EMAIL = 1, DNS = 2, URI = 6 };

#define BYTES(string) string, sizeof(string) - 1

static const struct {
    int tag;
    const char *bytes;
    size_t len;
    const char *expected;
} by_bytes[] = {
    { EMAIL, BYTES("bob@example.org"), "" },
    { EMAIL, BYTES("a@b"), "" },
    { EMAIL, BYTES("\"a b\"@example.org"), "" },
    { EMAIL, BYTES(""), "deny:san-email" },
    { EMAIL, BYTES("bob"), "deny:san-email" },
    { EMAIL, BYTES("@"), "deny:san-email" },
    { EMAIL, BYTES("@example.org"), "deny:san-email" },
    { EMAIL, BYTES("bob@"), "deny:san-email" },
    { EMAIL, BYTES("bob@example.org\0.evil.example"), "deny:san-email" },
    { EMAIL, BYTES("\0bob@example.org"), "deny:san-email" },
    { EMAIL, BYTES("bob@example.org\0"), "deny:san-email" },
    { EMAIL, BYTES("bob@example.org\n"), "deny:san-email" },
    { EMAIL, BYTES("bob\r\n@example.org"), "deny:san-email" },
    { EMAIL, BYTES("bob\t@example.org"), "deny:san-email" },
    { EMAIL, BYTES("\x1b[31mbob@example.org"), "deny:san-email" },
    { EMAIL, BYTES("bob@example.org\x7f"), "deny:san-email" },
    { EMAIL,
      BYTES("b\xc3\xb6"
            "b@example.org"),
      "deny:san-email" },
    /* Names that misled the original system. */
    { DNS, BYTES("foo.example, email:victim@example.org"), "deny:san-email" },
    { DNS, BYTES("email:victim@example.org"), "deny:san-email" },
    { URI, BYTES("https://foo.example/, rfc822:victim@example.org"), "deny:san-email" },
};

START_TEST(san_bytes)
{
    char *san = sp_san_der(by_bytes[_i].tag, by_bytes[_i].bytes, by_bytes[_i].len);
    struct sp_recipe recipe = { .san = san, CLIENT };

    sp_expect(&recipe, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, by_bytes[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_ENCRYPT, SP_NOW, NULL, by_bytes[_i].expected);
    free(san);
}
END_TEST

START_TEST(san_twice)
{
    struct sp_recipe recipe = { .san = GOOD, CLIENT, .again = { "subjectAltName", GOOD } };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict = smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_NOW);

    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, NULL, "deny:san-email");
    ck_assert_str_eq(smimepolicy_finding_get0_fault(sp_find(verdict, "san-email")),
                     "Subject Alternative Name is there more than once");
    ck_assert_ptr_null(smimepolicy_verdict_get0_address(verdict));
    ck_assert_ptr_null(smimepolicy_verdict_get0_addresses(verdict)[0]);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

START_TEST(addresses_are_folded)
{
    struct sp_recipe recipe = {
        .san = "DNS:eve@example.org,email:Bob.B@Example.ORG,email:nothing,email:second@example.org"
    };
    X509 *cert = sp_make_cert(&recipe);
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict = smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_NOW);
    const char *const *all = smimepolicy_verdict_get0_addresses(verdict);

    ck_assert_str_eq(smimepolicy_verdict_get0_address(verdict), "bob.b@example.org");
    ck_assert_str_eq(all[0], "bob.b@example.org");
    ck_assert_str_eq(all[1], "second@example.org");
    ck_assert_ptr_null(all[2]);
    smimepolicy_verdict_free(verdict);
    ck_assert_str_eq(sp_facts_address(facts, 0), "bob.b@example.org");
    ck_assert_str_eq(sp_facts_address(facts, 1), "second@example.org");
    ck_assert_ptr_null(sp_facts_address(facts, 2));
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

static const struct {
    const char *san;
    const char *found;
} by_found[] = {
    { NULL, "no Subject Alternative Name" },
    { "DER:30:00", "no names" },
    { "DNS:a.example,DNS:b.example,URI:https://a.example", "DNS, URI" },
    { "DER:30:05:81:03:61:0A:62", "email; 'a\\0Ab' is no address" },
    { "DER:FF", "an extension that is not valid DER" },
};

START_TEST(san_found)
{
    struct sp_recipe recipe = { .san = by_found[_i].san, CLIENT };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict = smimepolicy_evaluate(NULL, cert, NULL, SMIMEPOLICY_SIGN, SP_NOW);

    ck_assert_str_eq(smimepolicy_finding_get0_found(sp_find(verdict, "san-email")),
                     by_found[_i].found);
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names");
    TCase *tests = tcase_create("san-email");

    tcase_add_loop_test(tests, san_text, 0, SP_ROWS(by_text));
    tcase_add_loop_test(tests, san_bytes, 0, SP_ROWS(by_bytes));
    tcase_add_test(tests, san_twice);
    tcase_add_test(tests, addresses_are_folded);
    tcase_add_loop_test(tests, san_found, 0, SP_ROWS(by_found));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
