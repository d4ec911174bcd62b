/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules private-key-algorithm and private-key-match.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "rules/rules.h"
#include "verdicts.h"

#define GOOD                                                                                       \
    .san = "email:bob@example.org", .usage = "digitalSignature,keyEncipherment",                   \
    .issuer_key = sp_test_ec()

enum given { OWN, OTHER, OWN_PUBLIC, DSA_KEY, ED25519_KEY, SM2_KEY };

static const struct {
    enum given given;
    const char *expected;
    const char *fault; /* of the first finding */
} private_keys[] = {
    { OWN, "", NULL },
    { OTHER, "deny:private-key-match", "private key does not belong to the certificate" },
    { OWN_PUBLIC, "deny:private-key-algorithm", "a public key was given as private key" },
    { DSA_KEY, "deny:private-key-algorithm deny:private-key-match",
      "private key algorithm is DSA" },
    { ED25519_KEY, "deny:private-key-algorithm deny:private-key-match",
      "private key algorithm is ED25519" },
    { SM2_KEY, "deny:private-key-algorithm deny:private-key-match",
      "private key algorithm is SM2" },
};

static EVP_PKEY *make_given(enum given given, EVP_PKEY *own)
{
    switch (given) {
    case OWN:
        EVP_PKEY_up_ref(own);
        return own;
    case OWN_PUBLIC:
        return sp_public_part(own);
    case DSA_KEY:
        return sp_make_dsa();
    case ED25519_KEY:
        return sp_make_key("ED25519", NULL);
    case SM2_KEY:
        return sp_make_key("SM2", NULL);
    case OTHER:
        break;
    }
    return sp_make_key("EC", "P-256");
}

static void expect_private(smimepolicy_verdict *verdict, int row)
{
    char *summary = sp_summary(verdict);

    ck_assert_str_eq(summary, private_keys[row].expected);
    if (private_keys[row].fault != NULL)
        ck_assert_str_eq(
            smimepolicy_finding_get0_fault(smimepolicy_verdict_get0_finding(verdict, 0)),
            private_keys[row].fault);
    free(summary);
    smimepolicy_verdict_free(verdict);
}

/* With an RSA and an EC certificate: the key alone, and with a use. */
START_TEST(private_key)
{
    EVP_PKEY *own[] = { sp_test_rsa(), sp_test_ec() };

    for (size_t i = 0; i < 2; i++) {
        struct sp_recipe recipe = { GOOD, .key = own[i] };
        X509 *cert = sp_make_cert(&recipe);
        EVP_PKEY *key = make_given(private_keys[_i].given, own[i]);

        ERR_clear_error();
        expect_private(smimepolicy_evaluate_key(NULL, key, cert, NULL), _i);
        for (int use = SMIMEPOLICY_UPLOAD; use <= SMIMEPOLICY_DECRYPT; use++)
            expect_private(smimepolicy_evaluate(NULL, cert, key, (smimepolicy_use)use, SP_NOW), _i);
        ck_assert_uint_eq(ERR_peek_error(), 0);
        EVP_PKEY_free(key);
        X509_free(cert);
    }
}
END_TEST

static const char *match_found(const smimepolicy_verdict *verdict)
{
    return smimepolicy_finding_get0_found(sp_find(verdict, "private-key-match"));
}

START_TEST(mismatch_names_the_owner)
{
    struct sp_recipe recipes[] = { { GOOD, .subject = "Alice", .serial = 1 },
                                   { GOOD, .subject = "Bob", .key = sp_test_ec() } };
    X509 *alice = sp_make_cert(&recipes[0]);
    X509 *bob = sp_make_cert(&recipes[1]);
    EVP_PKEY *stranger = sp_make_key("EC", "P-256");
    STACK_OF(X509) *both = sk_X509_new_null();
    smimepolicy_verdict *verdict;

    sk_X509_push(both, alice);
    verdict = smimepolicy_evaluate_key(NULL, sp_test_ec(), alice, both);
    ck_assert_str_eq(match_found(verdict), "a key of none of the given certificates");
    smimepolicy_verdict_free(verdict);
    sk_X509_push(both, bob);
    verdict = smimepolicy_evaluate_key(NULL, sp_test_ec(), alice, both);
    ck_assert_str_eq(match_found(verdict), "the key of CN=Bob, serial 0x1f");
    smimepolicy_verdict_free(verdict);
    verdict = smimepolicy_evaluate_key(NULL, sp_test_ec(), NULL, both);
    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), 1);
    smimepolicy_verdict_free(verdict);
    verdict = smimepolicy_evaluate_key(NULL, stranger, NULL, both);
    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), 0);
    smimepolicy_verdict_free(verdict);
    verdict = smimepolicy_evaluate_key(NULL, stranger, NULL, NULL);
    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), 1);
    ck_assert_ptr_null(smimepolicy_verdict_get0_subject(verdict));
    smimepolicy_verdict_free(verdict);
    ck_assert_ptr_null(smimepolicy_evaluate_key(NULL, NULL, alice, both));
    sk_X509_free(both);
    EVP_PKEY_free(stranger);
    X509_free(alice);
    X509_free(bob);
}
END_TEST

/* For each kind of key: does the encoding alone tell the own key from another? */
static bool is_own(EVP_PKEY *key, const X509 *cert)
{
    PKCS8_PRIV_KEY_INFO *encoded = EVP_PKEY2PKCS8(key);
    bool own;

    ck_assert_ptr_nonnull(encoded);
    own = sp_key_is_own(encoded, cert);
    PKCS8_PRIV_KEY_INFO_free(encoded);
    return own;
}

static const struct {
    const char *type, *group;
    bool told; /* the encodings suffice; others need the decoded key */
} encoded_keys[] = {
    { "RSA", NULL, true },      { "EC", "P-256", true },    { "EC", "secp521r1", true },
    { "RSA-PSS", NULL, false }, { "ED25519", NULL, false }, { "SM2", NULL, false },
};

START_TEST(own_by_encoding)
{
    const char *type = encoded_keys[_i].type;
    bool rsa = encoded_keys[_i].group == NULL && strncmp(type, "RSA", 3) == 0;
    EVP_PKEY *own = rsa ? sp_make_rsa(type, 2048) : sp_make_key(type, encoded_keys[_i].group);
    EVP_PKEY *other = rsa ? sp_make_rsa(type, 2048) : sp_make_key(type, encoded_keys[_i].group);
    struct sp_recipe recipe = { GOOD, .key = own };
    X509 *cert = sp_make_cert(&recipe);

    ck_assert_int_eq(is_own(own, cert), encoded_keys[_i].told);
    ck_assert(!is_own(other, cert));
    ck_assert(!is_own(sp_test_rsa(), cert) && !is_own(sp_test_ec(), cert));
    X509_free(cert);
    EVP_PKEY_free(other);
    EVP_PKEY_free(own);
}
END_TEST

/* Same curve and algorithm, but the private key has no point or is cut. */
START_TEST(own_by_broken_encoding)
{
    EVP_PKEY *keys[] = { sp_test_rsa(), sp_test_ec() };

    for (size_t i = 0; i < 2; i++) {
        struct sp_recipe recipe = { GOOD, .key = keys[i] };
        X509 *cert = sp_make_cert(&recipe);
        PKCS8_PRIV_KEY_INFO *encoded = EVP_PKEY2PKCS8(keys[i]);
        const unsigned char *der;
        int length, type;
        const void *parameters;
        const X509_ALGOR *algorithm;
        const ASN1_OBJECT *object;

        ck_assert_int_eq(PKCS8_pkey_get0(NULL, &der, &length, &algorithm, encoded), 1);
        X509_ALGOR_get0(&object, &type, &parameters, algorithm);
        for (int cut = 0; cut < length; cut++) {
            PKCS8_PRIV_KEY_INFO *less = PKCS8_PRIV_KEY_INFO_new();
            unsigned char *copy = cut > 0 ? OPENSSL_memdup(der, (size_t)cut) : NULL;

            ck_assert_int_eq(PKCS8_pkey_set0(less, OBJ_dup(object), 0, type,
                                             type == V_ASN1_OBJECT ? OBJ_dup(parameters) : NULL,
                                             copy, cut),
                             1);
            ck_assert(!sp_key_is_own(less, cert));
            PKCS8_PRIV_KEY_INFO_free(less);
        }
        ck_assert(sp_key_is_own(encoded, cert));
        PKCS8_PRIV_KEY_INFO_free(encoded);
        X509_free(cert);
    }
    ERR_clear_error();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("private keys");
    TCase *tests = tcase_create("private keys");

    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, private_key, 0, SP_ROWS(private_keys));
    tcase_add_test(tests, mismatch_names_the_owner);
    tcase_add_loop_test(tests, own_by_encoding, 0, SP_ROWS(encoded_keys));
    tcase_add_test(tests, own_by_broken_encoding);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
