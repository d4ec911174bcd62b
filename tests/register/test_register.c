/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The register's own lists: which certificates a key has.
 */
#include <string.h>

#include "bare_register.h"
#include "harness.h"
#include "register/compared.h"
#include "register/key_table.h"
#include "register/prints.h"
#include "register/register.h"
#include "register/state.h"
#include "starve.h"

#define REFS 100

static struct sp_cert a = { .refs = REFS }, b = { .refs = REFS }, c = { .refs = REFS };

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

/* What was refused alone depends on nothing, and what is not known is equal to nothing. */
START_TEST(signatures_of_what_is_not_known)
{
    struct sp_compared compared = { 0 };

    sign(&compared, &b, false, NULL);
    ck_assert(!sp_compared_depends(&compared));
    sign(&compared, &a, true, &text_1);
    sign(&compared, &a, true, NULL);
    expect_found(&compared, &text_1, "ab");
    sp_compared_clear(&compared);
}
END_TEST

/* Those that were not judged are still compared. */
START_TEST(some_of_the_compared)
{
    struct sp_cert **certs = OPENSSL_malloc(2 * sizeof(struct sp_cert *));
    struct sp_certs judged = { .certs = certs, .count = 1 };
    struct sp_compared compared = { 0 };

    certs[0] = sp_cert_ref(&b);
    certs[1] = &a;
    ck_assert(sp_compared_add(&compared, &a) && sp_compared_add(&compared, &b));
    sp_compared_conclude(&compared, &judged, true, NULL);
    expect_found(&compared, NULL, "a");
    sp_compared_clear(&compared);
    ck_assert_uint_eq(atomic_load(&a.refs), REFS);
    ck_assert_uint_eq(atomic_load(&b.refs), REFS);
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
    ck_assert(sp_compared_add(&compared, &c) && sp_compared_add(&compared, &a));
    sp_starve(1);
    ck_assert(!sp_compared_find(&compared, NULL, &found));
    ck_assert(sp_starve_end());
    sp_certs_clear(&found);
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

/* Others are not complete, not for other threads, or gone. */
START_TEST(certificates_that_are_found)
{
    X509 *x509 = sp_read_cert("good-ec");
    struct sp_cert *cert = sp_pinned(x509), *beside;

    ck_assert_uint_eq(count_certs(), 0);
    ck_assert(sp_cert_settle(cert));
    beside = sp_pinned(x509);
    beside->aside = true;
    ck_assert(sp_cert_settle(beside));
    ck_assert_uint_eq(count_certs(), 1);
    sp_cert_unref(beside);
    sp_cert_died(cert);
    ck_assert_uint_eq(count_certs(), 0);
    sp_cert_unref(cert);
    X509_free(x509);
}
END_TEST

/* Another object of the same certificate counts, and no other certificate of that key. */
START_TEST(verified_as_another_object)
{
    X509 *x509 = sp_read_cert("good-ec");
    const struct sp_keyid id = sp_keyid_of_cert(NULL, x509);
    struct sp_cert *certs[3], *raw = sp_pinned(x509);

    ck_assert(sp_prints_file(raw, &id));
    raw->id = id;
    for (int i = 0; i < 3; i++) {
        certs[i] = sp_pinned(x509);
        ck_assert(sp_cert_settle(certs[i]));
    }
    memcpy(raw->digest, certs[0]->digest, sizeof(raw->digest));
    atomic_store(&raw->was_verified, true);
    for (int i = 0; i < 3; i++)
        ck_assert(!sp_register_was_verified(certs[i]));
    ck_assert(sp_register_was_verified(raw));
    atomic_store(&raw->was_verified, false);
    for (int i = 0; i < 3; i++) {
        atomic_store(&certs[i]->was_verified, true);
        for (int j = 0; j < 3; j++)
            ck_assert(sp_register_was_verified(certs[j]));
        ck_assert(!sp_register_was_verified(raw));
        certs[i]->digest[0] ^= 1;
        for (int j = 0; j < 3; j++)
            ck_assert(sp_register_was_verified(certs[j]) == (i == j));
        certs[i]->digest[0] ^= 1;
        atomic_store(&certs[i]->was_verified, false);
    }
    for (int i = 0; i < 3; i++)
        sp_prints_remove(certs[i]);
    sp_prints_remove(raw);
    ck_assert(!sp_register_was_verified(certs[0]));
    X509_free(x509);
}
END_TEST

/* Where nothing is watched, what a program keeps with its certificate is none of ours. */
START_TEST(data_of_the_program)
{
    X509 *x509 = X509_new();

    ck_assert_int_eq(X509_set_ex_data(x509, 0, &a), 1);
    ck_assert_ptr_null(sp_register_of_x509(x509));
    ck_assert(sp_register_start(NULL, false));
    ck_assert_ptr_null(sp_register_of_x509(x509));
    ck_assert(sp_register_stop());
    ck_assert_ptr_null(sp_register_of_x509(x509));
    ck_assert_uint_eq(atomic_load(&a.refs), REFS);
    X509_free(x509);
}
END_TEST

/* Other threads find one that was parsed aside once it is filed, and never in a list. */
START_TEST(parsed_aside)
{
    struct sp_cert *cert;
    X509 *x509;

    ck_assert(sp_register_start(NULL, false));
    for (int i = 0; i < 2; i++) {
        sp_register_set_aside(i == 0);
        x509 = sp_read_cert("good-ec");
        sp_register_set_aside(false);
        cert = sp_register_of_x509(x509);
        ck_assert_ptr_nonnull(cert);
        ck_assert(cert->aside == (i == 0));
        ck_assert_ptr_nonnull(sp_cert_facts(cert));
        ck_assert_uint_eq(count_certs(), i == 0 ? 0 : 1);
        sp_cert_unref(cert);
        X509_free(x509);
    }
    ck_assert(sp_register_stop());
}
END_TEST

/* A birth that is not recorded is not forgotten. */
START_TEST(born_without_memory)
{
    long fails = 0;
    bool starved;

    do {
        X509 *x509;

        ck_assert(sp_register_start(NULL, false));
        sp_starve(++fails);
        x509 = X509_new();
        starved = sp_starve_end();
        ck_assert_ptr_nonnull(x509);
        ck_assert_int_eq(sp_register_has_failed(), starved);
        X509_free(x509);
        ck_assert(sp_register_stop());
    } while (starved);
    ck_assert_int_gt(fails, 1);
}
END_TEST

/*
 * A birth and a death leave nobody inside, and no memory behind; libcrypto keeps something for each
 * start.
 */
START_TEST(started_and_stopped)
{
    long kept = 0, first;

    for (int i = 0; i < 3; i++) {
        ck_assert(sp_register_start(NULL, false));
        X509_free(sp_read_cert("good-ec"));
        X509_free(sp_read_cert("good-rsa"));
        ck_assert(!sp_register_has_failed());
        ck_assert(sp_register_stop());
        if (i == 1)
            kept = sp_starve_kept();
    }
    ck_assert_int_le(sp_starve_kept(), kept + 1);
    first = sp_register_begin(NULL, false);
    ck_assert(sp_register_enter_of(first));
    sp_register_leave();
    ck_assert_int_ne(sp_register_begin(NULL, false), first);
    ck_assert(!sp_register_enter_of(first));
    ck_assert(sp_register_end());
    ck_assert(!sp_register_enter_of(first));
    ck_assert(sp_register_end());
}
END_TEST

/* What is not known has no owner. */
START_TEST(keys_that_are_not_known)
{
    static const char known, unknown;
    struct sp_key news;

    sp_key_note(&(struct sp_key){ .address = &known, .own = sp_cert_ref(&a) });
    sp_keys_disown(&unknown, &a);
    sp_keys_disown(&known, &b);
    sp_key_note_proof(&unknown, &a);
    sp_key_note_proof(&known, &b);
    sp_key_news(&known, &news);
    ck_assert(news.own == &a && !news.proved);
    sp_cert_unref(news.own);
    sp_key_note_proof(&known, &a);
    sp_key_news(&known, &news);
    ck_assert(news.own == &a && news.proved);
    sp_cert_unref(news.own);
    sp_keys_disown(&known, &a);
    sp_key_news(&known, &news);
    ck_assert_ptr_null(news.own);
    ck_assert_uint_eq(atomic_load(&a.refs), REFS);
}
END_TEST

/* So many that each shard has some. */
#define MANY 200

static void fill_every_shard(X509 *x509)
{
    static char addresses[MANY][16];
    struct sp_cert *cert;

    for (size_t i = 0; i < MANY; i++) {
        struct sp_keyid id = { .known = true, .hash = { (unsigned char)i } };

        cert = sp_pinned(x509);
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
}

START_TEST(in_every_shard)
{
    X509 *x509 = sp_read_cert("good-ec");
    long kept;

    /* What libcrypto keeps comes with the first round. */
    fill_every_shard(x509);
    kept = sp_starve_kept();
    fill_every_shard(x509);
    ck_assert_int_eq(sp_starve_kept(), kept);
    X509_free(x509);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("register");
    TCase *tests = sp_case(suite, "register");

    tcase_add_checked_fixture(tests, sp_bare_register, NULL);
    tcase_add_test(tests, one_signature_after_another);
    tcase_add_test(tests, same_bytes_again);
    tcase_add_test(tests, signatures_of_what_is_not_known);
    tcase_add_test(tests, some_of_the_compared);
    tcase_add_test(tests, compared_without_memory);
    tcase_add_test(tests, filed_under_a_key);
    tcase_add_test(tests, certificates_that_are_found);
    tcase_add_test(tests, verified_as_another_object);
    tcase_add_test(tests, data_of_the_program);
    tcase_add_test(tests, parsed_aside);
    tcase_add_test(tests, born_without_memory);
    tcase_add_test(tests, started_and_stopped);
    tcase_add_test(tests, keys_that_are_not_known);
    tcase_add_test(tests, in_every_shard);
    return sp_run_forked(suite);
}
