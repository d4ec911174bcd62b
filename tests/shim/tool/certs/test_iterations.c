/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The limit of key derivation for a file with a passphrase.  No test does that work.
 */
#include <limits.h>
#include <stdlib.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>

#include "tool/certs/certs.h"
#include "verdicts.h"

#define FEW  2048
#define MOST SHIM_MOST_ITERATIONS

static unsigned char salt[8] = { 1, 2, 3 };

static X509_ALGOR *pbes2(int iterations)
{
    return PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), iterations, salt, sizeof(salt), NULL,
                             NID_hmacWithSHA256);
}

static const struct {
    int iterations;
    bool few;
} rows[] = { { 1, true },         { FEW, true },          { MOST, true },
             { MOST + 1, false }, { INT_MAX - 1, false }, { INT_MAX, false } };

START_TEST(of_a_key)
{
    X509_ALGOR *new = pbes2(rows[_i].iterations);
    X509_ALGOR *old = PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, rows[_i].iterations,
                                    salt, sizeof(salt));

    ck_assert_int_eq(shim_iterations_few(new), rows[_i].few);
    ck_assert_int_eq(shim_iterations_few(old), rows[_i].few);
    X509_ALGOR_free(new);
    X509_ALGOR_free(old);
}
END_TEST

/* scrypt with N, r and p, without deriving a key. */
static X509_ALGOR *scrypt(uint64_t n, uint64_t r, uint64_t p)
{
    SCRYPT_PARAMS *params = SCRYPT_PARAMS_new();
    PBE2PARAM *scheme = PBE2PARAM_new();
    X509_ALGOR *pbe = X509_ALGOR_new();

    ck_assert_int_eq(ASN1_INTEGER_set_uint64(params->costParameter, n), 1);
    ck_assert_int_eq(ASN1_INTEGER_set_uint64(params->blockSize, r), 1);
    ck_assert_int_eq(ASN1_INTEGER_set_uint64(params->parallelizationParameter, p), 1);
    scheme->keyfunc->algorithm = OBJ_nid2obj(NID_id_scrypt);
    ck_assert_ptr_nonnull(ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), params,
                                                  &scheme->keyfunc->parameter));
    scheme->encryption->algorithm = OBJ_nid2obj(NID_aes_256_cbc);
    pbe->algorithm = OBJ_nid2obj(NID_pbes2);
    ck_assert_ptr_nonnull(
        ASN1_TYPE_pack_sequence(ASN1_ITEM_rptr(PBE2PARAM), scheme, &pbe->parameter));
    SCRYPT_PARAMS_free(params);
    PBE2PARAM_free(scheme);
    return pbe;
}

START_TEST(of_scrypt)
{
    static const struct {
        uint64_t n, r, p;
        bool few;
    } costs[] = {
        { 16384, 8, 1, true },
        { 16384, 8, 100, false },
        { 2, 1, 1 << 23, false },
        { UINT64_MAX, 8, 1, false },
        { 1 << 30, UINT64_C(1) << 62, UINT64_C(1) << 62, false },
        { 0, 0, 0, true },
    };

    for (size_t i = 0; i < SP_ROWS(costs); i++) {
        X509_ALGOR *pbe = scrypt(costs[i].n, costs[i].r, costs[i].p);

        ck_assert_msg(shim_iterations_few(pbe) == costs[i].few, "row %zu", i);
        X509_ALGOR_free(pbe);
    }
}
END_TEST

/* A bag with a key under that many iterations. */
static STACK_OF(PKCS12_SAFEBAG) *key_bag(int iterations)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = sk_PKCS12_SAFEBAG_new_null();
    X509_ALGOR *wanted = pbes2(iterations);
    X509_ALGOR *pbe;
    X509_SIG *key = X509_SIG_new();

    X509_SIG_getm(key, &pbe, NULL);
    ck_assert_int_eq(X509_ALGOR_copy(pbe, wanted), 1);
    X509_ALGOR_free(wanted);
    ck_assert_int_gt(sk_PKCS12_SAFEBAG_push(bags, PKCS12_SAFEBAG_create0_pkcs8(key)), 0);
    return bags;
}

/* A PKCS#12 with that many iterations for its MAC, and with one safe. */
static PKCS12 *pkcs12(int iterations, PKCS7 *safe)
{
    PKCS12 *p12 = PKCS12_init(NID_pkcs7_data);
    STACK_OF(PKCS7) *safes = sk_PKCS7_new_null();

    ck_assert_int_gt(sk_PKCS7_push(safes, safe), 0);
    ck_assert_int_eq(PKCS12_pack_authsafes(p12, safes), 1);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    if (iterations > 0)
        ck_assert_int_eq(PKCS12_setup_mac(p12, iterations, salt, sizeof(salt), EVP_sha256()), 1);
    return p12;
}

static PKCS7 *plain_safe(int iterations)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = key_bag(iterations);
    PKCS7 *safe = PKCS12_pack_p7data(bags);

    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    ck_assert_ptr_nonnull(safe);
    return safe;
}

/* A safe encrypted under |pass| with few iterations; then |outer| is written into it. */
static PKCS7 *closed_safe(const char *pass, int inner, int outer)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = key_bag(inner);
    PKCS7 *safe = PKCS12_pack_p7encdata(NID_aes_256_cbc, pass, -1, salt, sizeof(salt), FEW, bags);

    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    ck_assert_ptr_nonnull(safe);
    if (outer != FEW) {
        X509_ALGOR *pbe = pbes2(outer);

        ck_assert_int_eq(X509_ALGOR_copy(safe->d.encrypted->enc_data->algorithm, pbe), 1);
        X509_ALGOR_free(pbe);
    }
    return safe;
}

/* Count as the reader does: first open contents, then those that |pass| opens. */
static bool few_in(const PKCS12 *p12, const char *pass)
{
    STACK_OF(PKCS7) *contents = PKCS12_unpack_authsafes(p12);
    int64_t work = shim_iterations_in(p12, contents);

    for (int i = 0; pass != NULL && i < sk_PKCS7_num(contents) && work <= MOST; i++) {
        PKCS7 *content = sk_PKCS7_value(contents, i);
        STACK_OF(PKCS12_SAFEBAG) *bags = NULL;

        ERR_set_mark();
        if (content->d.ptr != NULL && PKCS7_type_is_encrypted(content))
            bags = PKCS12_unpack_p7encdata(content, pass, -1);
        ERR_pop_to_mark();
        work += shim_iterations_of_bags(bags);
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    sk_PKCS7_pop_free(contents, PKCS7_free);
    return work <= MOST;
}

static void expect(PKCS12 *p12, const char *pass, bool few)
{
    ck_assert_int_eq(few_in(p12, pass), few);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    PKCS12_free(p12);
}

START_TEST(of_a_bundle)
{
    int iterations = rows[_i].iterations;
    /* The other parts need some iterations, too. */
    bool few = rows[_i].few && iterations <= MOST - 4 * FEW;

    expect(pkcs12(iterations, plain_safe(FEW)), NULL, few);
    expect(pkcs12(FEW, plain_safe(iterations)), NULL, few);
    expect(pkcs12(0, plain_safe(iterations)), NULL, rows[_i].few);
    expect(pkcs12(FEW, closed_safe("secret", FEW, iterations)), NULL, few);
    expect(pkcs12(FEW, closed_safe("secret", iterations, FEW)), "secret", few);
    expect(pkcs12(FEW, closed_safe("", iterations, FEW)), "", few);
    /* What is not opened costs nothing. */
    expect(pkcs12(FEW, closed_safe("secret", iterations, FEW)), NULL, true);
    expect(pkcs12(FEW, closed_safe("secret", iterations, FEW)), "other", true);
}
END_TEST

/* Each part is within the limit, all of them together are not. */
START_TEST(of_all_parts_together)
{
    expect(pkcs12(MOST / 2, plain_safe(MOST / 2)), NULL, true);
    expect(pkcs12(MOST / 2 + 1, plain_safe(MOST / 2)), NULL, false);
}
END_TEST

/* libcrypto's parser accepts missing contents and any parameters. */
START_TEST(of_what_is_incomplete)
{
    PKCS7 *safe = PKCS7_new();
    X509_ALGOR *pbe = X509_ALGOR_new();

    safe->type = OBJ_nid2obj(NID_pkcs7_encrypted);
    expect(pkcs12(FEW, safe), "secret", true);
    safe = PKCS7_new();
    safe->type = OBJ_nid2obj(NID_pkcs7_data);
    expect(pkcs12(FEW, safe), "secret", true);
    pbe->algorithm = OBJ_nid2obj(NID_pbes2);
    ck_assert(shim_iterations_few(pbe));
    pbe->algorithm = OBJ_nid2obj(NID_pbe_WithSHA1And3_Key_TripleDES_CBC);
    ck_assert(shim_iterations_few(pbe));
    X509_ALGOR_free(pbe);
    ERR_clear_error();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("iterations");
    TCase *tests = tcase_create("iterations");

    /* For a sanitizer on a busy machine. */
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, of_a_key, 0, SP_ROWS(rows));
    tcase_add_test(tests, of_scrypt);
    tcase_add_loop_test(tests, of_a_bundle, 0, SP_ROWS(rows));
    tcase_add_test(tests, of_all_parts_together);
    tcase_add_test(tests, of_what_is_incomplete);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
