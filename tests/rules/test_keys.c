/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules key-algorithm, weak-key and weak-digest.
 */
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "rules/facts.h"
#include "verdicts.h"

#define GOOD                                                                                       \
    .san = "email:bob@example.org", .usage = "digitalSignature,keyEncipherment",                   \
    .issuer_key = sp_test_ec()

/* A key that lives for one row. */
static void expect_key(EVP_PKEY *key, smimepolicy_use use, const char *expected)
{
    struct sp_recipe recipe = { GOOD, .key = key };

    sp_expect(&recipe, use, SP_NOW, NULL, expected);
}

static const struct {
    const char *type;
    bool accepted;
} algorithms[] = {
    { "RSA", true },     { "ED25519", false }, { "ED448", false },
    { "X25519", false }, { "X448", false },    { "SM2", false },
};

START_TEST(key_algorithm)
{
    EVP_PKEY *key = sp_make_key(algorithms[_i].type, NULL);
    bool accepted = algorithms[_i].accepted;
    const char *expected = accepted ? "" : "deny:key-algorithm";
    X509 *cert = sp_make_cert(&(struct sp_recipe){ GOOD, .key = key });

    ck_assert_int_eq(sp_has_key_of_mail(cert), accepted);
    X509_free(cert);
    expect_key(key, SMIMEPOLICY_UPLOAD, expected);
    expect_key(key, SMIMEPOLICY_SIGN, expected);
    expect_key(key, SMIMEPOLICY_ENCRYPT, expected);
    expect_key(key, SMIMEPOLICY_VERIFY, accepted ? "" : "deny:signer-certificate");
    expect_key(key, SMIMEPOLICY_DECRYPT, "");
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(dsa)
{
    EVP_PKEY *key = sp_make_dsa();

    expect_key(key, SMIMEPOLICY_UPLOAD, "deny:key-algorithm");
    expect_key(key, SMIMEPOLICY_SIGN, "deny:key-algorithm");
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(explicit_parameters)
{
    EVP_PKEY *key = sp_make_explicit_ec();
    struct sp_recipe recipe = { GOOD, .key = key };
    X509 *cert = sp_make_cert(&recipe);
    smimepolicy_verdict *verdict = smimepolicy_evaluate(NULL, cert, key, SMIMEPOLICY_SIGN, SP_NOW);

    expect_key(key, SMIMEPOLICY_SIGN, "deny:key-algorithm");
    expect_key(key, SMIMEPOLICY_ENCRYPT, "deny:key-algorithm");
    ck_assert_ptr_nonnull(sp_find(verdict, "private-key-algorithm"));
    ck_assert_ptr_null(sp_find(verdict, "private-key-match"));
    smimepolicy_verdict_free(verdict);
    X509_free(cert);
    EVP_PKEY_free(key);
}
END_TEST

/* Every curve of the library is accepted, except SM2's. */
START_TEST(named_curves)
{
    size_t count = EC_get_builtin_curves(NULL, 0);
    EC_builtin_curve *curves = OPENSSL_zalloc(count * sizeof(*curves));

    ck_assert_uint_gt(count, 3);
    ck_assert_ptr_nonnull(curves);
    EC_get_builtin_curves(curves, count);
    for (size_t i = 0; i < count; i++) {
        struct sp_public_key read = { .kind = SP_KEY_BROKEN };
        const char *expected = "";
        EVP_PKEY *key;
        X509 *cert;

        /* These two curves of IPsec have no object identifier, so no certificate can name them. */
        if (OBJ_length(OBJ_nid2obj(curves[i].nid)) == 0)
            continue;
        key = sp_make_key("EC", OBJ_nid2sn(curves[i].nid));
        if (curves[i].nid == NID_sm2)
            expected = "deny:key-algorithm";
        else if (EVP_PKEY_get_bits(key) < 256)
            expected = "warn:weak-key";
        expect_key(key, SMIMEPOLICY_ENCRYPT, expected);
        cert = sp_make_cert(&(struct sp_recipe){ GOOD, .key = key });
        sp_read_public_key(&read, cert);
        ck_assert_int_eq(read.bits, EVP_PKEY_get_bits(key));
        X509_free(cert);
        EVP_PKEY_free(key);
    }
    OPENSSL_free(curves);
}
END_TEST

START_TEST(rsa_pss)
{
    EVP_PKEY *key = sp_make_rsa("RSA-PSS", 2048);

    expect_key(key, SMIMEPOLICY_UPLOAD, "");
    expect_key(key, SMIMEPOLICY_SIGN, "");
    expect_key(key, SMIMEPOLICY_VERIFY, "");
    expect_key(key, SMIMEPOLICY_ENCRYPT, "deny:key-algorithm");
    EVP_PKEY_free(key);
}
END_TEST

static const struct {
    unsigned bits;
    const char *expected;
} sizes[] = { { 1024, "warn:weak-key" }, { 2047, "warn:weak-key" }, { 2048, "" }, { 3072, "" } };

START_TEST(rsa_sizes)
{
    EVP_PKEY *key = sp_make_rsa("RSA", sizes[_i].bits);

    expect_key(key, SMIMEPOLICY_UPLOAD, sizes[_i].expected);
    expect_key(key, SMIMEPOLICY_VERIFY, sizes[_i].expected);
    expect_key(key, SMIMEPOLICY_DECRYPT, "");
    EVP_PKEY_free(key);
}
END_TEST

/* Public keys made by hand: an algorithm, its parameters, and the bits of the key. */
static const struct {
    int algorithm;
    int parameter_type; /* V_ASN1_OBJECT: a NID; V_ASN1_SEQUENCE: DER */
    int curve;
    const char *parameter;
    size_t parameter_len;
    const char *bits;
    size_t bits_len;
    const char *fault;
} encodings[] = {
#define BYTES(string) string, sizeof(string) - 1
#define BROKEN(name)  "public key (" name ") cannot be read"
#define RSA_ROW(bits)                                                                              \
    {                                                                                              \
        NID_rsaEncryption, V_ASN1_NULL, 0, BYTES(""), BYTES(bits), BROKEN("rsaEncryption")         \
    }
    RSA_ROW(""),
    RSA_ROW("\x30\x00"),
    RSA_ROW("\x30\x80\x02\x01\x05"),
    RSA_ROW("\x30\x03\x02\x01\x00"),
    RSA_ROW("\x30\x04\x02\x82\xff\xff"),
    RSA_ROW("\x30\x03\x04\x01\x05"),
    /* The numbers of SEQUENCE and INTEGER, in another class. */
    RSA_ROW("\x70\x06\x02\x01\x05\x02\x01\x03"),
    RSA_ROW("\x30\x06\x42\x01\x05\x02\x01\x03"),
    { NID_rsassaPss, V_ASN1_SEQUENCE, 0, BYTES("\x30\x02\x05\x00"),
      BYTES("\x30\x06\x02\x01\x05\x02\x01\x03"), BROKEN("rsassaPss") },
    { NID_X9_62_id_ecPublicKey, V_ASN1_NULL, 0, BYTES(""), BYTES("\x04"),
      BROKEN("id-ecPublicKey") },
    { NID_X9_62_id_ecPublicKey, V_ASN1_UNDEF, 0, BYTES(""), BYTES("\x04"),
      BROKEN("id-ecPublicKey") },
    { NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, NID_commonName, BYTES(""), BYTES("\x04"),
      BROKEN("commonName") },
    { NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, NID_sm2, BYTES(""), BYTES("\x04"),
      "public key algorithm is sm2" },
    { NID_X9_62_id_ecPublicKey, V_ASN1_SEQUENCE, 0, BYTES("\x30\x00"), BYTES("\x04"),
      "public key is EC with explicit parameters" },
    { NID_dhKeyAgreement, V_ASN1_NULL, 0, BYTES(""), BYTES("\x02\x01\x05"),
      "public key algorithm is dhKeyAgreement" },
    { NID_commonName, V_ASN1_UNDEF, 0, BYTES(""), BYTES(""), "public key algorithm is commonName" },
};

static void *make_parameter(int row)
{
    ASN1_STRING *text;

    switch (encodings[row].parameter_type) {
    case V_ASN1_OBJECT:
        return OBJ_nid2obj(encodings[row].curve);
    case V_ASN1_SEQUENCE:
        text = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
        ck_assert_int_eq(
            ASN1_STRING_set(text, encodings[row].parameter, (int)encodings[row].parameter_len), 1);
        return text;
    default:
        return NULL;
    }
}

/* Change a length of two bytes, as in the certificate's two outer headers. */
static void grow(unsigned char *header, int by)
{
    int len = header[2] * 256 + header[3] + by;

    ck_assert_int_eq(header[1], 0x82);
    header[2] = (unsigned char)(len >> 8);
    header[3] = (unsigned char)len;
}

/* The encoding of a certificate with the public key |mine| in place of its own. */
static unsigned char *replace_key(const X509 *cert, const X509_PUBKEY *mine, size_t *size)
{
    unsigned char *fresh = NULL;
    unsigned char *old = NULL;
    unsigned char *der = NULL;
    size_t fresh_len = (size_t)i2d_X509_PUBKEY(mine, &fresh);
    size_t old_len = (size_t)i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &old);
    size_t len = (size_t)i2d_X509(cert, &der);
    size_t at;
    unsigned char *out = OPENSSL_zalloc(len + fresh_len);

    ck_assert(fresh != NULL && old != NULL && der != NULL && out != NULL);
    at = (size_t)((unsigned char *)memmem(der, len, old, old_len) - der);
    memcpy(out, der, at);
    memcpy(out + at, fresh, fresh_len);
    memcpy(out + at + fresh_len, der + at + old_len, len - at - old_len);
    *size = len + fresh_len - old_len;
    grow(out, (int)fresh_len - (int)old_len);
    grow(out + 4, (int)fresh_len - (int)old_len);
    OPENSSL_free(fresh);
    OPENSSL_free(old);
    OPENSSL_free(der);
    return out;
}

START_TEST(odd_public_keys)
{
    struct sp_recipe recipe = { GOOD };
    X509 *cert = sp_make_cert(&recipe);
    X509_PUBKEY *key = X509_PUBKEY_new();
    unsigned char *bits = OPENSSL_memdup(encodings[_i].bits, encodings[_i].bits_len + 1);
    unsigned char *der;
    size_t len;
    smimepolicy_verdict *verdict;
    const smimepolicy_finding *finding;

    ck_assert(X509_PUBKEY_set0_param(key, OBJ_nid2obj(encodings[_i].algorithm),
                                     encodings[_i].parameter_type, make_parameter(_i), bits,
                                     (int)encodings[_i].bits_len));
    der = replace_key(cert, key, &len);
    ERR_clear_error();
    verdict = smimepolicy_evaluate_der(NULL, der, len, NULL, SMIMEPOLICY_SIGN, SP_NOW);
    ck_assert_ptr_nonnull(verdict);
    ck_assert_uint_eq(smimepolicy_verdict_count(verdict), 1);
    finding = sp_find(verdict, "key-algorithm");
    ck_assert_ptr_nonnull(finding);
    ck_assert_str_eq(smimepolicy_finding_get0_fault(finding), encodings[_i].fault);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    smimepolicy_verdict_free(verdict);
    OPENSSL_free(der);
    X509_PUBKEY_free(key);
    X509_free(cert);
}
END_TEST

/* The bits of a modulus, whose leading zeros do not count. */
static const struct {
    const char *der;
    size_t length;
    int bits;
} moduli[] = {
    { BYTES("\x30\x06\x02\x01\x01\x02\x01\x03"), 1 },
    { BYTES("\x30\x06\x02\x01\x7f\x02\x01\x03"), 7 },
    { BYTES("\x30\x07\x02\x02\x00\x80\x02\x01\x03"), 8 },
    { BYTES("\x30\x07\x02\x02\x00\xff\x02\x01\x03"), 8 },
    { BYTES("\x30\x07\x02\x02\x01\x00\x02\x01\x03"), 9 },
    { BYTES("\x30\x08\x02\x03\x00\x80\x00\x02\x01\x03"), 16 },
};

START_TEST(size_of_a_modulus)
{
    X509 *cert = X509_new();
    /* OpenSSL 4 gives it const. */
    X509_PUBKEY *held = (X509_PUBKEY *)(uintptr_t)X509_get_X509_PUBKEY(cert);
    struct sp_public_key key = { .kind = SP_KEY_BROKEN };

    ck_assert(X509_PUBKEY_set0_param(held, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL,
                                     OPENSSL_memdup(moduli[_i].der, moduli[_i].length),
                                     (int)moduli[_i].length));
    sp_read_public_key(&key, cert);
    ck_assert_int_eq(key.kind, SP_KEY_RSA);
    ck_assert_int_eq(key.bits, moduli[_i].bits);
    /* The name is never shown. */
    ck_assert_str_eq(key.name, "");
    ck_assert(sp_has_key_of_mail(cert));
    X509_free(cert);
}
END_TEST

/* So long a modulus is one, and a longer one is not. */
START_TEST(longest_modulus)
{
    const int length = (1 << 20) + _i;
    unsigned char *der = OPENSSL_zalloc((size_t)length + 10);
    X509 *cert = X509_new();
    X509_PUBKEY *held = (X509_PUBKEY *)(uintptr_t)X509_get_X509_PUBKEY(cert);
    struct sp_public_key key = { .kind = SP_KEY_BROKEN };

    ck_assert_ptr_nonnull(der);
    for (int i = 0; i < 2; i++) {
        unsigned char *head = der + 5 * i;
        const int content = length + 5 - 5 * i;

        head[0] = i == 0 ? 0x30 : 0x02;
        head[1] = 0x83;
        head[2] = (unsigned char)(content >> 16);
        head[3] = (unsigned char)(content >> 8);
        head[4] = (unsigned char)content;
    }
    der[10] = 0xff;
    ck_assert(X509_PUBKEY_set0_param(held, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL, der,
                                     length + 10));
    sp_read_public_key(&key, cert);
    ck_assert_int_eq(key.kind, _i == 0 ? SP_KEY_RSA : SP_KEY_BROKEN);
    ck_assert_int_eq(key.bits, _i == 0 ? 8 * length : 0);
    X509_free(cert);
}
END_TEST

/* What cannot be read is no key of mail. */
START_TEST(no_key_of_mail)
{
    X509 *cert = X509_new();
    X509_PUBKEY *held = (X509_PUBKEY *)(uintptr_t)X509_get_X509_PUBKEY(cert);

    ck_assert(!sp_has_key_of_mail(cert));
    ck_assert(X509_PUBKEY_set0_param(held, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL,
                                     OPENSSL_memdup("\x30", 1), 1));
    ck_assert(!sp_has_key_of_mail(cert));
    X509_free(cert);
    ERR_clear_error();
}
END_TEST

/* The digest of an algorithm, by its parameters where it is RSASSA-PSS. */
static const struct {
    int algorithm, type;
    const char *parameter;
    size_t length;
    int digest;
} algorithm_digests[] = {
    { NID_sha256WithRSAEncryption, V_ASN1_NULL, BYTES(""), NID_sha256 },
    { NID_ED25519, V_ASN1_UNDEF, BYTES(""), NID_undef },
    { NID_commonName, V_ASN1_UNDEF, BYTES(""), NID_undef },
    { NID_rsassaPss, V_ASN1_UNDEF, BYTES(""), NID_sha1 },
    { NID_rsassaPss, V_ASN1_NULL, BYTES(""), NID_undef },
    { NID_rsassaPss, V_ASN1_SEQUENCE, BYTES("\x30\x00"), NID_sha1 },
    { NID_rsassaPss, V_ASN1_SEQUENCE, BYTES("\x30\x02\x05\x00"), NID_undef },
    { NID_rsassaPss, V_ASN1_SEQUENCE,
      BYTES("\x30\x0f\xa0\x0d\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02"), NID_sha384 },
};

START_TEST(digest_of_an_algorithm)
{
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_STRING *sequence = NULL;

    if (algorithm_digests[_i].type == V_ASN1_SEQUENCE) {
        sequence = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
        ck_assert_int_eq(ASN1_STRING_set(sequence, algorithm_digests[_i].parameter,
                                         (int)algorithm_digests[_i].length),
                         1);
    }
    ck_assert_int_eq(X509_ALGOR_set0(algorithm, OBJ_nid2obj(algorithm_digests[_i].algorithm),
                                     algorithm_digests[_i].type, sequence),
                     1);
    ck_assert_int_eq(sp_algorithm_digest(algorithm), algorithm_digests[_i].digest);
    X509_ALGOR_free(algorithm);
    ERR_clear_error();
}
END_TEST

static const struct {
    const char *digest;
    const char *expected;
} digests[] = { { "MD5", "warn:weak-digest" },
                { "SHA1", "warn:weak-digest" },
                { "SHA224", "" },
                { "SHA256", "" },
                { "SHA384", "" },
                { "SHA3-256", "" } };

START_TEST(weak_digest)
{
    struct sp_recipe recipe = { GOOD, .digest = EVP_get_digestbyname(digests[_i].digest) };

    recipe.issuer_key = sp_test_rsa();
    sp_expect(&recipe, SMIMEPOLICY_UPLOAD, SP_NOW, NULL, digests[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_VERIFY, SP_NOW, NULL, digests[_i].expected);
    sp_expect(&recipe, SMIMEPOLICY_DECRYPT, SP_NOW, NULL, "");
}
END_TEST

/* RSASSA-PSS names its digest in the parameters; without parameters it is SHA-1. */
START_TEST(weak_digest_in_pss)
{
    const char *const names[] = { "SHA1", "SHA256" };
    const char *const expected[] = { "warn:weak-digest", "" };

    for (size_t i = 0; i < 2; i++) {
        struct sp_recipe recipe = { GOOD, .digest = EVP_get_digestbyname(names[i]) };
        EVP_PKEY *key = sp_make_rsa("RSA-PSS", 2048);

        recipe.issuer_key = key;
        sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, NULL, expected[i]);
        EVP_PKEY_free(key);
    }
}
END_TEST

START_TEST(beyond_rules_follow_their_settings)
{
    static const char *const deny[] = { "weak_digest", "deny", "eku_any", "deny", NULL };
    static const char *const ignore[] = { "weak_digest", "ignore", "eku_any", "ignore", NULL };
    struct sp_recipe recipe = { GOOD, .digest = EVP_sha1(),
                                .extended = "emailProtection,anyExtendedKeyUsage" };

    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, NULL, "warn:weak-digest warn:eku-any");
    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, deny, "deny:weak-digest deny:eku-any");
    sp_expect(&recipe, SMIMEPOLICY_SIGN, SP_NOW, ignore, "");
    sp_expect(&recipe, SMIMEPOLICY_VERIFY, SP_NOW, deny, "deny:weak-digest deny:eku-any");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keys");
    TCase *tests = tcase_create("keys");

    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, key_algorithm, 0, SP_ROWS(algorithms));
    tcase_add_test(tests, dsa);
    tcase_add_test(tests, explicit_parameters);
    tcase_add_test(tests, named_curves);
    tcase_add_test(tests, rsa_pss);
    tcase_add_loop_test(tests, rsa_sizes, 0, SP_ROWS(sizes));
    tcase_add_loop_test(tests, odd_public_keys, 0, SP_ROWS(encodings));
    tcase_add_loop_test(tests, size_of_a_modulus, 0, SP_ROWS(moduli));
    tcase_add_loop_test(tests, longest_modulus, 0, 2);
    tcase_add_test(tests, no_key_of_mail);
    tcase_add_loop_test(tests, weak_digest, 0, SP_ROWS(digests));
    tcase_add_test(tests, weak_digest_in_pss);
    tcase_add_loop_test(tests, digest_of_an_algorithm, 0, SP_ROWS(algorithm_digests));
    tcase_add_test(tests, beyond_rules_follow_their_settings);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
