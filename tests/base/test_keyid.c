/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A key has the same id in a certificate and as an object of the backend.
 */
#include <stdint.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "certs.h"
#include "harness.h"
#include "backend/backend.h"
#include "base/key_id.h"

/* An export function like the backend's, for an EVP_PKEY. */
static int export_pkey(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
    OSSL_PARAM *params = NULL;
    int done = EVP_PKEY_todata(key, selection, &params) == 1 && callback(params, arg) == 1;

    OSSL_PARAM_free(params);
    return done;
}

static OSSL_PROVIDER *stock;

/* Load the providers for the test's own keys; the backend below is only borrowed. */
static void load_stock(void)
{
    stock = OSSL_PROVIDER_load(NULL, "default");
    ck_assert_ptr_nonnull(stock);
}

static void unload_stock(void)
{
    ck_assert_int_eq(OSSL_PROVIDER_unload(stock), 1);
}

static struct sp_sha256 start_sha256(void)
{
    struct sp_backend backend = { 0 };
    struct sp_sha256 sha;

    ck_assert(sp_backend_load(&backend, NULL, "default"));
    ck_assert(sp_sha256_from(&sha, &backend));
    return sha;
}

static EVP_PKEY *make_rsa(const char *group)
{
    (void)group;
    return sp_make_rsa("RSA", 1024);
}

static EVP_PKEY *make_pss(const char *group)
{
    (void)group;
    return sp_make_rsa("RSA-PSS", 1024);
}

static EVP_PKEY *make_ec(const char *group)
{
    return sp_make_key("EC", group);
}

static EVP_PKEY *make_explicit(const char *group)
{
    (void)group;
    return sp_make_explicit_ec();
}

static EVP_PKEY *make_compressed(const char *group)
{
    EVP_PKEY *key = sp_make_key("EC", group);

    ck_assert_int_eq(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                                    "compressed"),
                     1);
    return key;
}

static EVP_PKEY *make_plain(const char *type)
{
    return sp_make_key(type, NULL);
}

static EVP_PKEY *make_dsa(const char *group)
{
    (void)group;
    return sp_make_dsa();
}

static const struct row {
    EVP_PKEY *(*make)(const char *group);
    const char *group;
} rows[] = {
    { make_rsa, NULL },
    { make_pss, NULL },
    { make_ec, "P-256" },
    { make_ec, "P-384" },
    { make_ec, "P-521" },
    { make_ec, "secp256k1" },
    { make_ec, "brainpoolP256r1" },
    { make_explicit, NULL },
    { make_compressed, "P-256" },
    { make_compressed, "P-521" },
    { make_plain, "ED25519" },
    { make_plain, "X25519" },
    { make_dsa, NULL },
};

static struct sp_keyid id_in_cert(const struct sp_sha256 *sha, EVP_PKEY *key)
{
    X509 *issuer = sp_make_cert(&(struct sp_recipe){ .key = sp_test_ec() });
    X509 *cert = sp_make_cert(&(struct sp_recipe){ .key = key, .issuer = issuer });
    struct sp_keyid id = sp_keyid_of_cert(sha, cert);

    X509_free(issuer);
    X509_free(cert);
    return id;
}

START_TEST(same_name_everywhere)
{
    const struct row *row = &rows[_i];
    struct sp_sha256 sha = start_sha256();
    EVP_PKEY *key = row->make(row->group), *other = row->make(row->group);
    EVP_PKEY *public = sp_public_part(key);
    struct sp_keyid in_cert = id_in_cert(&sha, key), of_other = id_in_cert(&sha, other);
    struct sp_keyid of_key = sp_keyid_of_key(&sha, export_pkey, key);
    struct sp_keyid of_public = sp_keyid_of_key(&sha, export_pkey, public);

    ck_assert(in_cert.known && of_key.known && of_public.known && of_other.known);
    ck_assert(sp_keyid_equal(&in_cert, &of_key));
    ck_assert(sp_keyid_equal(&in_cert, &of_public));
    ck_assert(!sp_keyid_equal(&in_cert, &of_other));
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(public);
}
END_TEST

/* The same point has the same id in both forms, whether its Y is even (02) or odd (03). */
START_TEST(compressed_or_not)
{
    struct sp_sha256 sha = start_sha256();
    bool seen[2] = { false, false };

    while (!seen[0] || !seen[1]) {
        EVP_PKEY *key = make_compressed("P-256");
        struct sp_keyid compressed = id_in_cert(&sha, key), plain;
        unsigned char *point = NULL;

        ck_assert_int_eq(EVP_PKEY_set_utf8_string_param(
                             key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed"),
                         1);
        ck_assert_uint_eq(EVP_PKEY_get1_encoded_public_key(key, &point), 65);
        seen[point[64] & 1] = true;
        plain = sp_keyid_of_key(&sha, export_pkey, key);
        ck_assert(sp_keyid_equal(&compressed, &plain));
        OPENSSL_free(point);
        EVP_PKEY_free(key);
    }
}
END_TEST

/* What a key management exports, other than that of the backend. */
struct offered {
    int modulus, public; /* the type of the parameter; 0: there is none */
    const char *group;
    bool has_generator;
    unsigned char point[65];
    size_t length;
};

static int export_offered(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
    struct offered *offered = key;
    OSSL_PARAM params[5], *to = params;

    (void)selection;
    if (offered->modulus != 0)
        *to++ = (OSSL_PARAM){ OSSL_PKEY_PARAM_RSA_N, (unsigned)offered->modulus, offered->point,
                              offered->length, 0 };
    if (offered->public != 0)
        *to++ = (OSSL_PARAM){ OSSL_PKEY_PARAM_PUB_KEY, (unsigned)offered->public, offered->point,
                              offered->length, 0 };
    if (offered->group != NULL)
        *to++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *)(uintptr_t)offered->group, 0);
    if (offered->has_generator)
        *to++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_EC_GENERATOR, offered->point, 1);
    *to = OSSL_PARAM_construct_end();
    return callback(params, arg);
}

/* The first byte of the point, and which of its kinds of names the id is equal to. */
static const struct {
    int modulus, public;
    const char *group;
    bool has_generator;
    unsigned char first;
    char name; /* 'E' as a point, 'O' as bytes, 0: there is no id */
} offers[] = {
    { 0, 0, NULL, false, 4, 0 },
    { OSSL_PARAM_INTEGER, 0, NULL, false, 4, 0 },
    { OSSL_PARAM_OCTET_STRING, 0, NULL, false, 4, 0 },
    { 0, OSSL_PARAM_UTF8_STRING, NULL, false, 4, 0 },
    { 0, OSSL_PARAM_UTF8_STRING, "P-256", false, 4, 0 },
    { 0, OSSL_PARAM_OCTET_STRING, NULL, false, 4, 'O' },
    { 0, OSSL_PARAM_OCTET_STRING, NULL, true, 4, 'E' },
    { 0, OSSL_PARAM_OCTET_STRING, "P-256", false, 4, 'E' },
    /* A compressed point needs its curve, by any of its names. */
    { 0, OSSL_PARAM_OCTET_STRING, "P-256", false, 2, 'E' },
    { 0, OSSL_PARAM_OCTET_STRING, "prime256v1", false, 2, 'E' },
    { 0, OSSL_PARAM_OCTET_STRING, "none", false, 2, 0 },
    { 0, OSSL_PARAM_OCTET_STRING, NULL, true, 2, 0 },
};

START_TEST(offered_by_others)
{
    struct sp_sha256 sha = start_sha256();
    EVP_PKEY *key = sp_test_ec();
    struct sp_keyid in_cert = id_in_cert(&sha, key), id;
    struct offered offered = { .modulus = offers[_i].modulus,
                               .public = offers[_i].public,
                               .group = offers[_i].group,
                               .has_generator = offers[_i].has_generator };
    unsigned char *point = NULL;

    ck_assert_uint_eq(EVP_PKEY_get1_encoded_public_key(key, &point), 65);
    memcpy(offered.point, point, 65);
    offered.length = 65;
    if (offers[_i].first == 2) {
        offered.point[0] = 2 + (point[64] & 1);
        offered.length = 33;
    }
    id = sp_keyid_of_key(&sha, export_offered, &offered);
    ck_assert_int_eq(id.known, offers[_i].name != 0);
    ck_assert(!id.failed);
    ck_assert_int_eq(sp_keyid_equal(&id, &in_cert), offers[_i].name == 'E');
    OPENSSL_free(point);
    ERR_clear_error();
}
END_TEST

/* As providers answer who asks for the size alone. */
static int export_size(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
    const OSSL_PARAM params[] = { OSSL_PARAM_DEFN(OSSL_PKEY_PARAM_RSA_N,
                                                  OSSL_PARAM_UNSIGNED_INTEGER, NULL, 64),
                                  OSSL_PARAM_END };

    (void)key, (void)selection;
    return callback(params, arg);
}

START_TEST(modulus_without_data)
{
    struct sp_sha256 sha = start_sha256();
    const struct sp_keyid id = sp_keyid_of_key(&sha, export_size, sp_test_rsa());

    ck_assert(!id.known && !id.failed);
}
END_TEST

/* The bits of an RSA key alone are told. */
START_TEST(bits_of_rsa)
{
    EVP_PKEY *keys[] = { make_rsa(NULL), make_pss(NULL), sp_make_key("EC", "P-256") };

    for (int i = 0; i < SP_ROWS(keys); i++) {
        X509 *cert = sp_make_cert(&(struct sp_recipe){ .key = keys[i], .issuer_key = keys[0] });

        ck_assert_ptr_eq(sp_keyid_rsa_bits(cert), i < 2 ? X509_get0_pubkey_bitstr(cert) : NULL);
        X509_free(cert);
        EVP_PKEY_free(i > 0 ? keys[i] : NULL);
    }
    EVP_PKEY_free(keys[0]);
}
END_TEST

/* Without a key there is no id, and it equals nothing, not even itself. */
START_TEST(unknown)
{
    struct sp_sha256 sha = start_sha256();
    X509 *empty = X509_new();
    struct sp_keyid none = sp_keyid_of_cert(&sha, empty);
    struct sp_keyid nothing = sp_keyid_of_key(&sha, NULL, empty);
    struct sp_keyid known = none;

    ck_assert(!none.known && !nothing.known);
    ck_assert(!sp_keyid_equal(&none, &nothing));
    ck_assert(!sp_keyid_equal(&none, &none));
    known.known = true;
    ck_assert(sp_keyid_equal(&known, &known));
    ck_assert(!sp_keyid_equal(&known, &none) && !sp_keyid_equal(&none, &known));
    X509_free(empty);
}
END_TEST

/* A public key as it stands in a certificate. */
struct written {
    int nid;
    unsigned char bytes[10];
    int length;
};

static struct sp_keyid id_of_written(const struct written *written)
{
    struct sp_sha256 sha = start_sha256();
    X509 *cert = X509_new();
    unsigned char *copy = OPENSSL_memdup(written->bytes, (size_t)written->length);
    /* Const since 4.0, but no other function sets a key that cannot be decoded. */
    union {
        const X509_PUBKEY *in;
        X509_PUBKEY *out;
    } key = { .in = X509_get_X509_PUBKEY(cert) };
    struct sp_keyid id;

    ck_assert_int_eq(X509_PUBKEY_set0_param(key.out, OBJ_nid2obj(written->nid), V_ASN1_UNDEF, NULL,
                                            copy, written->length),
                     1);
    id = sp_keyid_of_cert(&sha, cert);
    X509_free(cert);
    return id;
}

/* Broken public keys have no id, and nothing is read past their end. */
static const struct written broken[] = {
    { NID_rsaEncryption, { 0x30 }, 1 },
    { NID_rsaEncryption, { 0x30, 0x03, 0x02, 0x01 }, 4 },
    { NID_rsaEncryption, { 0x30, 0x02, 0x02, 0x05 }, 4 },
    { NID_rsaEncryption, { 0x30, 0x03, 0x02, 0x01, 0x00 }, 5 },
    { NID_rsaEncryption, { 0x30, 0x05, 0x02, 0x01, 0x07 }, 5 },
    { NID_rsaEncryption, { 0x30, 0x05, 0x02, 0x03, 0x00, 0x00, 0x00 }, 7 },
    { NID_rsaEncryption, { 0x04, 0x01, 0x00 }, 3 },
    { NID_rsaEncryption, { 0x04, 0x03, 0x02, 0x01, 0x07 }, 5 },
    { NID_rsaEncryption, { 0x02, 0x01, 0x07 }, 3 },
    { NID_X9_62_id_ecPublicKey, { 0x04 }, 1 },
    { NID_X9_62_id_ecPublicKey, { 0x02, 0x01 }, 2 },
    { NID_dsa, { 0x02 }, 1 },
    { NID_dsa, { 0x02, 0x02, 0x07 }, 3 },
    { NID_dsa, { 0x02, 0x00 }, 2 },
    { NID_dsa, { 0x04, 0x01, 0x07 }, 3 },
};

START_TEST(broken_keys)
{
    struct sp_keyid id = id_of_written(&broken[_i]);

    ck_assert(!id.known && !id.failed);
}
END_TEST

/* One key, written in two ways that libcrypto reads. */
static const struct written twice[][2] = {
    { { NID_rsaEncryption, { 0x30, 0x03, 0x02, 0x01, 0x07 }, 5 },
      { NID_rsaEncryption, { 0x30, 0x80, 0x02, 0x01, 0x07, 0x00, 0x00 }, 7 } },
    { { NID_rsaEncryption, { 0x30, 0x03, 0x02, 0x01, 0x07 }, 5 },
      { NID_rsassaPss, { 0x30, 0x05, 0x02, 0x03, 0x00, 0x00, 0x07 }, 7 } },
    { { NID_X9_62_id_ecPublicKey, { 0x04, 0x01, 0x02 }, 3 },
      { NID_X9_62_id_ecPublicKey, { 0x06, 0x01, 0x02 }, 3 } },
    { { NID_X9_62_id_ecPublicKey, { 0x04, 0x01 }, 2 },
      { NID_X9_62_id_ecPublicKey, { 0x07, 0x01 }, 2 } },
    { { NID_dsa, { 0x02, 0x01, 0x07 }, 3 }, { NID_dhKeyAgreement, { 0x02, 0x81, 0x01, 0x07 }, 4 } },
};

START_TEST(written_in_two_ways)
{
    struct sp_keyid one = id_of_written(&twice[_i][0]), other = id_of_written(&twice[_i][1]);

    ck_assert(sp_keyid_equal(&one, &other));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyid");
    TCase *tests = sp_case(suite, "keyid");

    tcase_add_checked_fixture(tests, load_stock, unload_stock);
    tcase_add_loop_test(tests, same_name_everywhere, 0, SP_ROWS(rows));
    tcase_add_test(tests, compressed_or_not);
    tcase_add_test(tests, modulus_without_data);
    tcase_add_loop_test(tests, offered_by_others, 0, SP_ROWS(offers));
    tcase_add_test(tests, bits_of_rsa);
    tcase_add_test(tests, unknown);
    tcase_add_loop_test(tests, broken_keys, 0, SP_ROWS(broken));
    tcase_add_loop_test(tests, written_in_two_ways, 0, SP_ROWS(twice));
    return sp_run_forked(suite);
}
