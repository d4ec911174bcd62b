/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules private-key-algorithm and private-key-match.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "rules/rules.h"
#include "verdicts.h"

#define GOOD                                                                                       \
    .san = "email:bob@example.org", .usage = "digitalSignature,keyEncipherment",                   \
    .issuer_key = sp_test_ec()

enum given { OWN, OTHER, OWN_PUBLIC, PSS_KEY, DSA_KEY, ED25519_KEY, SM2_KEY };

static const struct {
    enum given given;
    const char *expected;
    const char *fault; /* of the first finding */
} private_keys[] = {
    { OWN, "", NULL },
    { OTHER, "deny:private-key-match", "private key does not belong to the certificate" },
    { OWN_PUBLIC, "deny:private-key-algorithm", "a public key was given as private key" },
    { PSS_KEY, "deny:private-key-match", "private key does not belong to the certificate" },
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
    case PSS_KEY:
        return sp_make_rsa("RSA-PSS", 1024);
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

    verdict = smimepolicy_evaluate_key(NULL, stranger, NULL, both);
    ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), 1);
    smimepolicy_verdict_free(verdict);
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

/* Keys by hand, with small numbers: what counts is how the two encodings are compared. */
static const struct {
    int algorithm;
    const char *public;
    size_t public_length;
    const char *private;
    size_t private_length;
    bool own;
} by_hand[] = {
#define BYTES(string) string, sizeof(string) - 1
#define RSA_ROW(public, private, own)                                                              \
    {                                                                                              \
        NID_rsaEncryption, BYTES(public), BYTES(private), own                                      \
    }
#define EC_ROW(public, private, own)                                                               \
    {                                                                                              \
        NID_X9_62_id_ecPublicKey, BYTES(public), BYTES(private), own                               \
    }
#define RSA_PUBLIC  "\x30\x06\x02\x01\x05\x02\x01\x03"
#define RSA_PRIVATE "\x30\x0c\x02\x01\x00\x02\x01\x05\x02\x01\x03\x02\x01\x07"
    RSA_ROW(RSA_PUBLIC, RSA_PRIVATE, true),
    /* Bytes behind the public key, or nothing in it. */
    RSA_ROW(RSA_PUBLIC "\0", RSA_PRIVATE, false),
    RSA_ROW("\x30\x00", RSA_PRIVATE, false),
    RSA_ROW("\x30\x01\x02", RSA_PRIVATE, false),
    /* Another exponent, and another modulus. */
    RSA_ROW("\x30\x06\x02\x01\x05\x02\x01\x11", RSA_PRIVATE, false),
    RSA_ROW("\x30\x06\x02\x01\x0d\x02\x01\x03", RSA_PRIVATE, false),
    /* No SEQUENCE, or one of another class; a version that is no INTEGER. */
    RSA_ROW("\x31\x06\x02\x01\x05\x02\x01\x03", RSA_PRIVATE, false),
    RSA_ROW("\x70\x06\x02\x01\x05\x02\x01\x03", RSA_PRIVATE, false),
    RSA_ROW(RSA_PUBLIC, "\x31\x0c\x02\x01\x00\x02\x01\x05\x02\x01\x03\x02\x01\x07", false),
    RSA_ROW(RSA_PUBLIC, "\x70\x0c\x02\x01\x00\x02\x01\x05\x02\x01\x03\x02\x01\x07", false),
    RSA_ROW(RSA_PUBLIC, "\x30\x0c\x04\x01\x00\x02\x01\x05\x02\x01\x03\x02\x01\x07", false),
    RSA_ROW(RSA_PUBLIC, "\x30\x0c\x42\x01\x00\x02\x01\x05\x02\x01\x03\x02\x01\x07", false),
    /* A length that DER does not have. */
    RSA_ROW(RSA_PUBLIC, "\x30\x0b\x22\x80\x02\x01\x05\x02\x01\x03\x02\x01\x07", false),
    /* The private key ends with the public numbers, or before they do. */
    RSA_ROW(RSA_PUBLIC, "\x30\x09\x02\x01\x00\x02\x01\x05\x02\x01\x03", false),
    RSA_ROW(RSA_PUBLIC, "\x30\x06\x02\x01\x00\x02\x01\x05\x02\x01\x03\x02\x01\x07", false),
#define EC_PUBLIC  "\x04\x01\x02"
#define EC_VERSION "\x02\x01\x01\x04\x01\x2a" /* and the private number */
    EC_ROW(EC_PUBLIC, "\x30\x0e" EC_VERSION "\xa1\x06\x03\x04\x00" EC_PUBLIC, true),
    /* Another point; one that is shorter, with the missing byte behind the key; a longer one. */
    EC_ROW(EC_PUBLIC, "\x30\x0e" EC_VERSION "\xa1\x06\x03\x04\x00\x04\x01\x03", false),
    EC_ROW(EC_PUBLIC, "\x30\x0d" EC_VERSION "\xa1\x05\x03\x03\x00" EC_PUBLIC, false),
    EC_ROW(EC_PUBLIC, "\x30\x0f" EC_VERSION "\xa1\x07\x03\x05\x00" EC_PUBLIC "\x03", false),
    /* An element that is cut. */
    EC_ROW(EC_PUBLIC, "\x30\x04\x02\x01\x01\x04", false),
    /* No point at all, in either. */
    EC_ROW("", "\x30\x0b" EC_VERSION "\xa1\x03\x03\x01\x00", false),
    EC_ROW(EC_PUBLIC, "\x30\x0a" EC_VERSION "\xa1\x02\x03\x00", false),
    /* Bits that are not used. */
    EC_ROW(EC_PUBLIC, "\x30\x0e" EC_VERSION "\xa1\x06\x03\x04\x01" EC_PUBLIC, false),
    /* Another element than the point is the last: of another tag, or class. */
    EC_ROW(EC_PUBLIC, "\x30\x0e" EC_VERSION "\xa0\x06\x03\x04\x00" EC_PUBLIC, false),
    EC_ROW(EC_PUBLIC, "\x30\x0e" EC_VERSION "\x21\x06\x03\x04\x00" EC_PUBLIC, false),
    EC_ROW(EC_PUBLIC, "\x30\x0f" EC_VERSION "\xa1\x06\x03\x04\x00" EC_PUBLIC "\x05", false),
    EC_ROW(EC_PUBLIC, "\x30\x10" EC_VERSION "\xa1\x06\x03\x04\x00" EC_PUBLIC "\x05\x00", false),
    /* What is in it is no BIT STRING, and it is in no SEQUENCE. */
    EC_ROW(EC_PUBLIC, "\x30\x0e" EC_VERSION "\xa1\x06\x04\x04\x00" EC_PUBLIC, false),
    EC_ROW(EC_PUBLIC, "\x31\x0e" EC_VERSION "\xa1\x06\x03\x04\x00" EC_PUBLIC, false),
};

/* What names the curve: an object identifier, as a rule. */
static void *make_curve(int type, int curve)
{
    ASN1_STRING *sequence;

    if (type == V_ASN1_OBJECT)
        return OBJ_nid2obj(curve);
    if (type != V_ASN1_SEQUENCE)
        return NULL;
    sequence = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    ck_assert_int_eq(ASN1_STRING_set(sequence, "\x30\x00", 2), 1);
    return sequence;
}

static X509 *public_by_hand(int row, int type, int curve)
{
    X509 *cert = X509_new();
    /* OpenSSL 4 gives it const. */
    X509_PUBKEY *held = (X509_PUBKEY *)(uintptr_t)X509_get_X509_PUBKEY(cert);
    size_t length = by_hand[row].public_length;

    ck_assert_int_eq(X509_PUBKEY_set0_param(
                         held, OBJ_nid2obj(by_hand[row].algorithm), type, make_curve(type, curve),
                         OPENSSL_memdup(by_hand[row].public, length + 1), (int)length),
                     1);
    return cert;
}

static PKCS8_PRIV_KEY_INFO *private_by_hand(int row, int type, int curve)
{
    PKCS8_PRIV_KEY_INFO *key = PKCS8_PRIV_KEY_INFO_new();
    size_t length = by_hand[row].private_length;

    ck_assert_int_eq(PKCS8_pkey_set0(key, OBJ_nid2obj(by_hand[row].algorithm), 0, type,
                                     make_curve(type, curve),
                                     OPENSSL_memdup(by_hand[row].private, length), (int)length),
                     1);
    return key;
}

START_TEST(own_by_odd_encoding)
{
    int type = by_hand[_i].algorithm == NID_rsaEncryption ? V_ASN1_NULL : V_ASN1_OBJECT;
    X509 *cert = public_by_hand(_i, type, NID_X9_62_prime256v1);
    PKCS8_PRIV_KEY_INFO *key = private_by_hand(_i, type, NID_X9_62_prime256v1);

    ck_assert_int_eq(sp_key_is_own(key, cert), by_hand[_i].own);
    PKCS8_PRIV_KEY_INFO_free(key);
    X509_free(cert);
    ERR_clear_error();
}
END_TEST

static const struct {
    int public_type, public_curve, private_type, private_curve;
    bool own;
} curves[] = {
    { V_ASN1_OBJECT, NID_secp384r1, V_ASN1_OBJECT, NID_secp384r1, true },
    { V_ASN1_OBJECT, NID_secp384r1, V_ASN1_OBJECT, NID_X9_62_prime256v1, false },
    { V_ASN1_OBJECT, NID_secp384r1, V_ASN1_NULL, 0, false },
    { V_ASN1_OBJECT, NID_sm2, V_ASN1_OBJECT, NID_sm2, false },
    { V_ASN1_SEQUENCE, 0, V_ASN1_SEQUENCE, 0, false },
    { V_ASN1_NULL, 0, V_ASN1_NULL, 0, false },
};

/* The same point is another key on another curve. */
START_TEST(own_by_curve)
{
    int row = 0;
    X509 *cert;
    PKCS8_PRIV_KEY_INFO *key;

    while (by_hand[row].algorithm != NID_X9_62_id_ecPublicKey)
        row++;
    cert = public_by_hand(row, curves[_i].public_type, curves[_i].public_curve);
    key = private_by_hand(row, curves[_i].private_type, curves[_i].private_curve);
    ck_assert_int_eq(sp_key_is_own(key, cert), curves[_i].own);
    PKCS8_PRIV_KEY_INFO_free(key);
    X509_free(cert);
}
END_TEST

/*
 * A provider of keys in hardware, as far as the rules ask: of the kind |kind|,
 * it offers their size and not their private number.
 */
static const char *kind;

static void *token_new(void *provider)
{
    (void)provider;
    return OPENSSL_zalloc(1);
}

static void token_free(void *key)
{
    OPENSSL_free(key);
}

static int token_has(const void *key, int selection)
{
    return key != NULL && selection != 0;
}

static int token_import(void *key, int selection, const OSSL_PARAM params[])
{
    return key != NULL && selection != 0 && params != NULL;
}

static const OSSL_PARAM *token_params(int selection)
{
    static const OSSL_PARAM none[] = { OSSL_PARAM_END };

    (void)selection;
    return none;
}

static const OSSL_PARAM *token_offers(void *provider)
{
    static const OSSL_PARAM bits[] = { OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL), OSSL_PARAM_END };

    (void)provider;
    return bits;
}

static int token_get(void *key, OSSL_PARAM params[])
{
    OSSL_PARAM *group = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_GROUP_NAME);

    return key != NULL && (group == NULL || OSSL_PARAM_set_utf8_string(group, "prime256v1") == 1);
}

static const OSSL_ALGORITHM *token_query(void *provider, int operation, int *no_cache)
{
#define FUNCTION(id, name)                                                                         \
    {                                                                                              \
        OSSL_FUNC_KEYMGMT_##id, (void (*)(void))token_##name                                       \
    }
    static const OSSL_DISPATCH functions[] = { FUNCTION(NEW, new),
                                               FUNCTION(FREE, free),
                                               FUNCTION(HAS, has),
                                               FUNCTION(IMPORT, import),
                                               FUNCTION(IMPORT_TYPES, params),
                                               FUNCTION(GETTABLE_PARAMS, offers),
                                               FUNCTION(GET_PARAMS, get),
                                               { 0, NULL } };
    static OSSL_ALGORITHM algorithms[2];

    (void)provider;
    *no_cache = 0;
    algorithms[0] = (OSSL_ALGORITHM){ kind, "provider=token", functions, NULL };
    return operation == OSSL_OP_KEYMGMT ? algorithms : NULL;
}

static int token_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                      const OSSL_DISPATCH **out, void **provider)
{
    static const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))token_query }, { 0, NULL }
    };

    static char nothing;

    (void)core, (void)in;
    *out = functions;
    *provider = &nothing;
    return 1;
}

/* It does not offer its private number: it is no public key for that. */
START_TEST(key_in_hardware)
{
    static const char *const kinds[] = { "RSA", "EC" };
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    OSSL_PARAM none[] = { OSSL_PARAM_construct_end() };
    OSSL_PROVIDER *token;
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *key = NULL;

    kind = kinds[_i];
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "token", token_init), 1);
    token = OSSL_PROVIDER_load(libctx, "token");
    ctx = EVP_PKEY_CTX_new_from_name(libctx, kind, NULL);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, none), 1);
    sp_expect_verdict(smimepolicy_evaluate_key(NULL, key, NULL, NULL), "");
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PROVIDER_unload(token);
    OSSL_LIB_CTX_free(libctx);
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
    tcase_add_loop_test(tests, own_by_odd_encoding, 0, SP_ROWS(by_hand));
    tcase_add_loop_test(tests, own_by_curve, 0, SP_ROWS(curves));
    tcase_add_loop_test(tests, key_in_hardware, 0, 2);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
