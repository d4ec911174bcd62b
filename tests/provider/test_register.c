/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The register's own lists: which certificates a key has, and when a certificate is settled.
 */
#include <stdint.h>
#include <string.h>

#include "harness.h"
#include "register/compared.h"
#include "register/key_table.h"
#include "register/locks.h"
#include "register/prints.h"
#include "register/register.h"
#include "register/state.h"
#include "starve.h"

#define REFS 100

static struct sp_cert a = { .refs = REFS }, b = { .refs = REFS }, c = { .refs = REFS };

static void set_up(void)
{
    ck_assert(sp_starve_watch());
    ck_assert(sp_locks_init());
    sp_prints_open();
    sp_keys_open();
    (void)sp_register_begin(NULL, true);
}

/* Which of a, b and c are in the list, as letters in its order. */
static const char *letters(struct sp_cert *const *certs, size_t count)
{
    static char text[8];

    ck_assert_uint_lt(count, sizeof(text));
    for (size_t i = 0; i < count; i++)
        text[i] = certs[i] == &a ? 'a' : (certs[i] == &b ? 'b' : 'c');
    text[count] = '\0';
    return text;
}

static const struct sp_piece text_1 = { "one", 3 }, text_2 = { "two", 3 };

static void expect_found(const struct sp_compared *compared, const struct sp_piece *what,
                         const char *expected)
{
    struct sp_certs found = { 0 };

    ck_assert(sp_compared_find(compared, what, &found));
    ck_assert_str_eq(letters(found.certs, found.count), expected);
    sp_certs_clear(&found);
}

/* Sign |what| with the certificate that the key was compared with. */
static void sign(struct sp_compared *compared, struct sp_cert *cert, bool allowed,
                 const struct sp_piece *what)
{
    struct sp_certs judged = { 0 };

    ck_assert(sp_compared_add(compared, cert));
    ck_assert(sp_compared_find(compared, what, &judged));
    sp_compared_conclude(compared, &judged, allowed, what);
    sp_certs_clear(&judged);
}

START_TEST(one_signature_after_another)
{
    struct sp_compared compared = { 0 };

    expect_found(&compared, NULL, "");
    sign(&compared, &a, true, &text_1);
    ck_assert(!sp_compared_depends(&compared));
    expect_found(&compared, &text_2, "a");
    sign(&compared, &b, false, &text_2);
    ck_assert(sp_compared_depends(&compared));
    /* What was allowed before is the same signature; another one may be by either. */
    expect_found(&compared, &text_1, "a");
    expect_found(&compared, &text_2, "ab");
    expect_found(&compared, NULL, "ab");
    /* A new comparison counts alone, and once. */
    ck_assert(sp_compared_add(&compared, &c));
    ck_assert(sp_compared_add(&compared, &c));
    ck_assert(!sp_compared_depends(&compared));
    expect_found(&compared, &text_1, "c");
    sp_compared_clear(&compared);
    expect_found(&compared, &text_1, "");
    ck_assert_ptr_null(compared.last);
    ck_assert_uint_eq(atomic_load(&a.refs), REFS);
    ck_assert_uint_eq(atomic_load(&b.refs), REFS);
    ck_assert_uint_eq(atomic_load(&c.refs), REFS);
}
END_TEST

/* What counts as the same: neither a beginning nor what is too long, but anything up to that. */
START_TEST(same_bytes_again)
{
    static const unsigned char bytes[SP_LONGEST_REMEMBERED + 1];
    const struct sp_piece longest = { bytes, SP_LONGEST_REMEMBERED },
                          shorter = { bytes, SP_LONGEST_REMEMBERED - 1 },
                          too_long = { bytes, sizeof(bytes) }, empty = { bytes, 0 };
    struct sp_compared compared = { 0 };

    sign(&compared, &a, true, &longest);
    sign(&compared, &b, false, &text_1);
    expect_found(&compared, &longest, "a");
    expect_found(&compared, &shorter, "ab");
    expect_found(&compared, &too_long, "ab");
    expect_found(&compared, &empty, "ab");
    sp_compared_note(&compared, &too_long);
    expect_found(&compared, &too_long, "ab");
    sp_starve(1);
    sp_compared_note(&compared, &text_1);
    ck_assert(sp_starve_end());
    expect_found(&compared, &text_1, "ab");
    sp_compared_note(&compared, &text_1);
    expect_found(&compared, &text_1, "a");
    sp_compared_clear(&compared);
}
END_TEST

START_TEST(compared_without_memory)
{
    struct sp_compared compared = { 0 };
    struct sp_certs found = { 0 };

    sp_starve(1);
    ck_assert(!sp_compared_add(&compared, &a));
    ck_assert(sp_starve_end());
    sign(&compared, &a, true, &text_1);
    sign(&compared, &b, false, &text_2);
    for (long fails = 1; fails <= 2; fails++) {
        sp_starve(fails);
        ck_assert(!sp_compared_find(&compared, NULL, &found));
        ck_assert(sp_starve_end());
        sp_certs_clear(&found);
    }
    ck_assert(sp_compared_add(&compared, &c));
    sp_starve(1);
    ck_assert(!sp_compared_find(&compared, NULL, &found));
    ck_assert(sp_starve_end());
    sp_compared_clear(&compared);
}
END_TEST

/* Their first byte is the same: so is the shard. */
static const struct sp_keyid id_1 = { .known = true, .hash = { 7, [8] = 1 } },
                             id_2 = { .known = true, .hash = { 7, [8] = 2 } };

static void expect_filed(const struct sp_keyid *id, const char *expected)
{
    struct sp_cert **certs = NULL;
    int count = sp_prints_find(id, &certs);

    ck_assert_int_ge(count, 0);
    ck_assert_str_eq(letters(certs, (size_t)count), expected);
    for (int i = 0; i < count; i++)
        sp_cert_unref(certs[i]);
    OPENSSL_free(certs);
}

START_TEST(filed_under_a_key)
{
    struct sp_cert **certs = NULL;

    ck_assert(sp_prints_file(&a, &id_1) && sp_prints_file(&b, &id_1) && sp_prints_file(&c, &id_1));
    expect_filed(&id_1, "cba");
    expect_filed(&id_2, "");
    /* Filed again it is where its key is now. */
    ck_assert(sp_prints_file(&b, &id_2));
    expect_filed(&id_1, "ca");
    expect_filed(&id_2, "b");
    sp_prints_remove(&a);
    sp_prints_remove(&a);
    expect_filed(&id_1, "c");
    /* Whoever drops the last reference removes it next. */
    atomic_store(&c.refs, 0);
    expect_filed(&id_1, "");
    atomic_store(&c.refs, REFS);
    sp_starve(1);
    ck_assert_int_eq(sp_prints_find(&id_1, &certs), -1);
    ck_assert(sp_starve_end());
    sp_prints_remove(&c);
    sp_starve(1);
    ck_assert(!sp_prints_file(&c, &id_1));
    ck_assert(sp_starve_end());
    ck_assert(!c.filed);
    expect_filed(&id_1, "");
    sp_prints_close();
    ck_assert(!sp_prints_file(&c, &id_1));
}
END_TEST

static struct sp_cert *pinned(X509 *x509)
{
    struct sp_cert *cert = sp_cert_new(x509);

    cert->pinned = true;
    return cert;
}

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
    struct sp_cert *cert = pinned(x509);
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
    X509 *x509 = sp_read_cert("good-ec");
    struct sp_cert *cert = pinned(x509);
    bool proved;

    (void)sp_register_begin(&failing, false);
    if (_i == 0)
        ck_assert(sp_cert_settle(cert));
    else
        ck_assert(sp_cert_set_own_key(cert, x509, NULL, &proved));
    ck_assert(sp_register_has_failed());
    X509_free(x509);
}
END_TEST

/* However short its signature is, a certificate that has one is complete. */
START_TEST(not_complete)
{
    const ASN1_BIT_STRING *signature;
    X509 *x509 = X509_new();
    struct sp_cert *cert = pinned(x509);
    EVP_PKEY *key = sp_read_key("good-rsa");

    ck_assert(!sp_cert_settle(cert));
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    ck_assert(!sp_cert_settle(cert));
    ck_assert_int_gt(X509_sign(x509, key, EVP_sha256()), 0);
    X509_get0_signature(&signature, NULL, x509);
    ck_assert_int_eq(ASN1_STRING_set((ASN1_BIT_STRING *)(uintptr_t)signature, "s", 1), 1);
    ck_assert(sp_cert_settle(cert));
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

static bool is_any(const struct sp_cert *cert, const void *unused)
{
    (void)cert, (void)unused;
    return true;
}

static size_t count_certs(void)
{
    struct sp_certs found = { 0 };
    size_t count;

    ck_assert(sp_certs_find(&found, is_any, NULL));
    count = found.count;
    sp_certs_clear(&found);
    return count;
}

/* So many that each shard has some. */
#define MANY 200

START_TEST(in_every_shard)
{
    X509 *x509 = sp_read_cert("good-ec");
    static char addresses[MANY][16];
    struct sp_cert *cert;

    for (size_t i = 0; i < MANY; i++) {
        struct sp_keyid id = { .known = true, .hash = { (unsigned char)i } };

        cert = pinned(x509);
        ck_assert(sp_cert_settle(cert));
        ck_assert(sp_prints_file(cert, &id));
        ck_assert_ptr_nonnull(sp_key_find_or_add(addresses[i]));
    }
    ck_assert_uint_eq(count_certs(), MANY);
    /* What is missing from a list is told. */
    for (long fails = 1; fails <= MANY; fails += MANY - 1) {
        struct sp_certs found = { 0 };

        sp_starve(fails);
        ck_assert(!sp_certs_find(&found, is_any, NULL));
        ck_assert(sp_starve_end());
        sp_certs_clear(&found);
    }
    sp_keys_close();
    sp_prints_close();
    sp_keys_open();
    sp_prints_open();
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_ptr_null(sp_key_find(addresses[i]));
        expect_filed(&(struct sp_keyid){ .known = true, .hash = { (unsigned char)i } }, "");
    }
    sp_cert_drop_all();
    ck_assert_uint_eq(count_certs(), 0);
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
    struct sp_cert *cert = pinned(x509);
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
    Suite *suite = suite_create("register");
    TCase *tests = sp_case(suite, "register");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, one_signature_after_another);
    tcase_add_test(tests, same_bytes_again);
    tcase_add_test(tests, compared_without_memory);
    tcase_add_test(tests, filed_under_a_key);
    tcase_add_test(tests, settled_with_its_fingerprint);
    tcase_add_loop_test(tests, settled_without_an_id, 0, 2);
    tcase_add_test(tests, not_complete);
    tcase_add_test(tests, in_every_shard);
    tcase_add_loop_test(tests, another_key_before_it_is_settled, 0, SP_ROWS(next_keys));
    return sp_run_forked(suite);
}
