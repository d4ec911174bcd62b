/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * When a certificate is settled, and which key is its own then.
 */
#include <stdint.h>
#include <string.h>

#include "bare_register.h"
#include "harness.h"
#include "register/prints.h"
#include "register/state.h"
#include "starve.h"

static const struct sp_keyid some = { .known = true, .hash = { 7 } };

static void *no_context(void *provctx)
{
    (void)provctx;
    return NULL;
}

/* Without its fingerprint a certificate is not settled: the log would have none. */
START_TEST(settled_with_its_fingerprint)
{
    const struct sp_sha256 failing = { .newctx = no_context };
    X509 *x509 = sp_read_cert("good-ec");
    struct sp_cert *cert = sp_pinned(x509);
    unsigned char digest[SP_SHA256_LENGTH];
    unsigned int length = 0;

    sp_register_set_sha256(&failing);
    ck_assert(!sp_cert_settle(cert));
    ck_assert_ptr_null(sp_cert_facts(cert));
    sp_register_set_sha256(NULL);
    cert->pinned = false;
    ck_assert(!sp_cert_settle(cert));
    cert->pinned = true;
    ck_assert(sp_cert_settle(cert));
    ck_assert_ptr_nonnull(sp_cert_facts(cert));
    ck_assert_int_eq(X509_digest(x509, EVP_sha256(), digest, &length), 1);
    ck_assert_mem_eq(cert->digest, digest, SP_SHA256_LENGTH);
    X509_free(x509);
    sp_cert_died(cert);
    ck_assert(sp_cert_is_dead(cert));
    ck_assert(sp_cert_settle(cert));
    sp_cert_unref(cert);
}
END_TEST

/* Its key can then be found by no fingerprint: no key is unknown any more. */
START_TEST(settled_without_an_id)
{
    const struct sp_sha256 failing = { .newctx = no_context };
    X509 *x509 = sp_read_cert("good-rsa");
    struct sp_cert *cert = sp_pinned(x509);
    bool proved;

    (void)sp_register_begin(&failing, false);
    if (_i == 0)
        ck_assert(sp_cert_settle(cert));
    else
        ck_assert(sp_cert_set_own_key(cert, x509, NULL, &proved));
    ck_assert(sp_register_has_failed());
    ck_assert(!cert->filed);
    /* When it is settled, its key is read. */
    if (_i == 1) {
        sp_register_set_sha256(NULL);
        ck_assert(sp_cert_settle(cert));
        ck_assert(cert->filed);
    }
    X509_free(x509);
}
END_TEST

/* What memory was missing for is not settled, and only a lineage that is missing is a failure. */
START_TEST(settled_without_memory)
{
    const bool keeps = _i == 1;
    X509 *x509 = sp_read_cert("good-ec");
    const struct sp_facts *facts;
    long fails = 0;
    bool settled, starving;

    (void)sp_register_begin(NULL, false);
    sp_register_keep_lineage(keeps);
    do {
        struct sp_cert *cert = sp_pinned(x509);

        (void)sp_register_begin(NULL, false);
        sp_starve(++fails);
        settled = sp_cert_settle(cert);
        starving = sp_starve_end();
        ck_assert(settled == (cert->facts != NULL) && settled == cert->id.known);
        ck_assert((settled && keeps) == (cert->lineage != NULL));
        ck_assert(settled || sp_register_has_failed() == keeps);
        facts = sp_cert_facts(cert);
        ck_assert(!settled || (sp_cert_settle(cert) && sp_cert_facts(cert) == facts));
        /* Nobody asks for its fingerprint. */
        for (int i = 0; i < SP_SHA256_LENGTH; i++)
            ck_assert_uint_eq(cert->digest[i], 0);
        sp_cert_unref(cert);
    } while (starving);
    ck_assert(settled);
    ck_assert_int_gt(fails, keeps ? 2 : 1);
    X509_free(x509);
}
END_TEST

static void set_bits(const ASN1_BIT_STRING *bits, const char *text)
{
    ck_assert_int_eq(ASN1_STRING_set((ASN1_BIT_STRING *)(uintptr_t)bits, text, -1), 1);
}

/*
 * However short its signature and its key are, a certificate that has them is complete, whether
 * it is hashed or not.
 */
START_TEST(not_complete)
{
    const ASN1_BIT_STRING *signature;
    X509 *x509 = X509_new();
    struct sp_cert *cert = sp_pinned(x509);
    EVP_PKEY *key = sp_read_key("good-rsa");

    (void)sp_register_begin(NULL, _i == 0);
    ck_assert(!sp_cert_settle(cert));
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    ck_assert(!sp_cert_settle(cert));
    ck_assert_int_gt(X509_sign(x509, key, EVP_sha256()), 0);
    X509_get0_signature(&signature, NULL, x509);
    set_bits(signature, "s");
    set_bits(X509_get0_pubkey_bitstr(x509), "");
    ck_assert(!sp_cert_settle(cert));
    set_bits(X509_get0_pubkey_bitstr(x509), "k");
    ck_assert(sp_cert_settle(cert));
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

/* A second parse into the same object has failed: it has the old signature, and no key. */
START_TEST(failed_parse_behind_a_good_one)
{
    X509 *x509 = sp_read_cert("good-ec"), *again = x509;
    struct sp_cert *cert = sp_pinned(x509);
    unsigned char *der = NULL, *spki = NULL;
    int length = i2d_X509(x509, &der);
    const int spki_length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    unsigned char *key = memmem(der, (size_t)length, spki, (size_t)spki_length);
    const unsigned char *p = der;

    ck_assert_ptr_nonnull(key);
    *key = V_ASN1_NULL;
    ck_assert_int_eq(X509_up_ref(x509), 1);
    ck_assert_ptr_null(d2i_X509(&again, &p, length));
    ck_assert_ptr_null(X509_get_X509_PUBKEY(x509));
    ck_assert(!sp_cert_settle(cert));
    OPENSSL_free(spki);
    OPENSSL_free(der);
    X509_free(x509);
}
END_TEST

/* A key object without an id may be that of the certificate which is being built. */
START_TEST(own_key_without_an_id)
{
    X509 *x509 = X509_new();
    struct sp_cert *cert = sp_pinned(x509);
    EVP_PKEY *key = sp_read_key("good-rsa");
    const struct sp_keyid none = { 0 };
    struct sp_keyid id;
    bool proved;

    ck_assert(sp_cert_set_own_key(cert, key, sp_export_nothing, &proved));
    ck_assert(!proved && !cert->filed && !sp_register_has_failed());
    ck_assert(!sp_cert_has_other_key(cert, &some));
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    for (int i = 0; i < 2; i++) {
        ck_assert(!sp_cert_settle(cert));
        ck_assert_ptr_eq(cert->own_key, key);
    }
    ck_assert_int_gt(X509_sign(x509, key, EVP_sha256()), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert(sp_cert_settle(cert));
        ck_assert_ptr_eq(cert->own_key, key);
    }
    id = sp_keyid_of_cert(NULL, x509);
    ck_assert(id.known && !sp_cert_has_other_key(cert, &id) && !sp_cert_has_other_key(cert, &none));
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

/* The key of the certificate cannot be read: the id of the key object stays. */
START_TEST(own_key_of_an_unreadable_one)
{
    X509 *x509 = X509_new();
    struct sp_cert *cert = sp_pinned(x509);
    EVP_PKEY *key = sp_read_key("good-ec");
    struct sp_cert **certs = NULL;
    struct sp_keyid id;
    bool proved;

    ck_assert(sp_cert_set_own_key(cert, key, sp_export_key, &proved));
    ck_assert(proved);
    id = cert->id;
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    ck_assert_int_gt(X509_sign(x509, key, EVP_sha256()), 0);
    set_bits(X509_get0_pubkey_bitstr(x509), "k");
    ck_assert(!sp_keyid_of_cert(NULL, x509).known);
    for (int i = 0; i < 2; i++) {
        ck_assert(sp_cert_settle(cert));
        ck_assert_ptr_eq(cert->own_key, key);
        ck_assert(cert->id.known && sp_keyid_equal(&cert->id, &id));
        ck_assert_int_eq(sp_prints_find(&id, &certs), 1);
        OPENSSL_free(certs);
    }
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

/* Its parse has failed: the key that was decoded behind it is another certificate's. */
START_TEST(own_key_of_a_failed_parse)
{
    X509 *x509 = X509_new();
    struct sp_cert *cert = sp_pinned(x509);
    EVP_PKEY *key = sp_read_key("good-ec"), *other = sp_read_key("good-rsa");
    struct sp_cert **certs = NULL;
    struct sp_keyid id;
    bool proved;

    ck_assert(sp_cert_set_own_key(cert, key, sp_export_key, &proved));
    id = cert->id;
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    ck_assert(!sp_cert_settle(cert));
    ck_assert_ptr_eq(cert->own_key, key);
    ck_assert_int_eq(X509_set_pubkey(x509, other), 1);
    sp_cert_unpinned(cert);
    ck_assert(!sp_cert_settle(cert));
    ck_assert_ptr_eq(cert->own_key, key);
    cert->pinned = true;
    ck_assert(!sp_cert_settle(cert));
    ck_assert_ptr_null(cert->own_key);
    ck_assert(!cert->id.known);
    ck_assert_int_eq(sp_prints_find(&id, &certs), 0);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    X509_free(x509);
}
END_TEST

/* It gets no key that is decoded later, and one set aside gets none at all. */
START_TEST(no_own_key)
{
    X509 *x509 = sp_read_cert("good-ec");
    struct sp_cert *cert = sp_pinned(x509), *beside = sp_pinned(x509);
    bool proved;

    beside->aside = true;
    ck_assert(!sp_cert_set_own_key(beside, &x509, sp_export_nothing, &proved));
    ck_assert(sp_cert_settle(cert));
    ck_assert(!sp_cert_set_own_key(cert, &x509, sp_export_nothing, &proved));
    beside->aside = false;
    sp_cert_died(beside);
    ck_assert(!sp_cert_set_own_key(beside, &x509, sp_export_nothing, &proved));
    beside = sp_pinned(NULL);
    beside->own_key = &x509;
    beside->id = some;
    ck_assert(!sp_cert_settle(beside));
    ck_assert_ptr_eq(beside->own_key, &x509);
    X509_free(x509);
}
END_TEST

static const struct {
    const char *next; /* whose key the certificate has when it is settled */
    bool same;
} next_keys[] = { { "good-rsa", true }, { "expired-rsa", false }, { "good-ec", false } };

/* The key object of its parse is its own only if it still has this key. */
START_TEST(another_key_before_it_is_settled)
{
    const bool same = next_keys[_i].same;
    X509 *x509 = sp_read_cert("good-rsa");
    const struct sp_keyid before = sp_keyid_of_cert(NULL, x509);
    struct sp_cert *cert = sp_pinned(x509);
    EVP_PKEY *key = sp_read_key(next_keys[_i].next);
    struct sp_cert **certs = NULL;
    struct sp_keyid now;
    int object;
    bool proved = true;

    ck_assert(sp_cert_set_own_key(cert, &object, NULL, &proved));
    ck_assert(!proved);
    ck_assert(!sp_cert_set_own_key(cert, &key, NULL, &proved));
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    now = sp_keyid_of_cert(NULL, x509);
    ck_assert(before.known && now.known && sp_keyid_equal(&before, &now) == same);
    ck_assert(sp_cert_settle(cert));
    ck_assert_ptr_eq(cert->own_key, same ? &object : NULL);
    ck_assert(sp_cert_has_other_key(cert, &before) != same);
    ck_assert(!sp_cert_has_other_key(cert, &now));
    ck_assert_int_eq(sp_prints_find(&before, &certs), same ? 1 : 0);
    OPENSSL_free(certs);
    ck_assert_int_eq(sp_prints_find(&now, &certs), 1);
    ck_assert_ptr_eq(certs[0], cert);
    OPENSSL_free(certs);
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settling");
    TCase *tests = sp_case(suite, "settling");

    tcase_add_checked_fixture(tests, sp_bare_register, NULL);
    tcase_add_test(tests, settled_with_its_fingerprint);
    tcase_add_loop_test(tests, settled_without_an_id, 0, 2);
    tcase_add_loop_test(tests, settled_without_memory, 0, 2);
    tcase_add_loop_test(tests, not_complete, 0, 2);
    tcase_add_test(tests, failed_parse_behind_a_good_one);
    tcase_add_test(tests, own_key_without_an_id);
    tcase_add_test(tests, own_key_of_an_unreadable_one);
    tcase_add_test(tests, own_key_of_a_failed_parse);
    tcase_add_test(tests, no_own_key);
    tcase_add_loop_test(tests, another_key_before_it_is_settled, 0, SP_ROWS(next_keys));
    return sp_run_forked(suite);
}
