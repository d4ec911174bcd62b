/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The register's own lists: which certificates a key has, and when a certificate is settled.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "harness.h"
#include "register/compared.h"
#include "register/key_table.h"
#include "register/locks.h"
#include "register/prints.h"
#include "register/register.h"
#include "register/state.h"
#include "register/threads.h"
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

static const unsigned char text_1[SP_SHA256_LENGTH] = { 1 }, text_2[SP_SHA256_LENGTH] = { 2 };

static void expect_found(const struct sp_compared *compared, const unsigned char *what,
                         const char *expected)
{
    struct sp_certs found = { 0 };

    ck_assert(sp_compared_find(compared, what, &found));
    ck_assert_str_eq(letters(found.certs, found.count), expected);
    sp_certs_clear(&found);
}

/* Sign |what| with the certificate that the key was compared with. */
static void sign(struct sp_compared *compared, struct sp_cert *cert, bool allowed,
                 const unsigned char *what)
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
    sign(&compared, &a, true, text_1);
    ck_assert(!sp_compared_depends(&compared));
    expect_found(&compared, text_2, "a");
    sign(&compared, &b, false, text_2);
    ck_assert(sp_compared_depends(&compared));
    /* What was allowed before is the same signature; another one may be by either. */
    expect_found(&compared, text_1, "a");
    expect_found(&compared, text_2, "ab");
    expect_found(&compared, NULL, "ab");
    /* A new comparison counts alone, and once. */
    ck_assert(sp_compared_add(&compared, &c));
    ck_assert(sp_compared_add(&compared, &c));
    ck_assert(!sp_compared_depends(&compared));
    expect_found(&compared, text_1, "c");
    sp_compared_clear(&compared);
    expect_found(&compared, text_1, "");
    ck_assert(!compared.has_last);
    ck_assert_uint_eq(atomic_load(&a.refs), REFS);
    ck_assert_uint_eq(atomic_load(&b.refs), REFS);
    ck_assert_uint_eq(atomic_load(&c.refs), REFS);
}
END_TEST

START_TEST(compared_without_memory)
{
    struct sp_compared compared = { 0 };
    struct sp_certs found = { 0 };

    sp_starve(1);
    ck_assert(!sp_compared_add(&compared, &a));
    ck_assert(sp_starve_end());
    sign(&compared, &a, true, text_1);
    sign(&compared, &b, false, text_2);
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

START_TEST(not_complete)
{
    X509 *x509 = X509_new();
    struct sp_cert *cert = pinned(x509);
    EVP_PKEY *key = sp_read_key("good-rsa");

    ck_assert(!sp_cert_settle(cert));
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    ck_assert(!sp_cert_settle(cert));
    ck_assert_int_gt(X509_sign(x509, key, EVP_sha256()), 0);
    ck_assert(sp_cert_settle(cert));
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

/* As at the birth of |x509|; the entry, with a reference. */
static struct sp_cert *bear(X509 *x509)
{
    struct sp_cert *cert;

    sp_register_note_birth();
    sp_thread_event();
    cert = sp_cert_new(x509);
    ck_assert(sp_threads_born(sp_cert_ref(cert), x509));
    return cert;
}

/* The last one and four before it are looked at again; for another, the one tried most often goes.
 */
START_TEST(incomplete_ones)
{
    EVP_PKEY *key = sp_read_key("good-ec");
    X509 *x509[6];
    struct sp_cert *certs[6];

    for (int i = 0; i < 6; i++) {
        x509[i] = X509_new();
        certs[i] = bear(x509[i]);
    }
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(X509_set_pubkey(x509[i], key), 1);
        ck_assert_int_gt(X509_sign(x509[i], key, EVP_sha256()), 0);
    }
    sp_thread_event();
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(sp_cert_facts(certs[i]) != NULL, i > 0);
        X509_free(x509[i]);
    }
    EVP_PKEY_free(key);
}
END_TEST

/* It is looked at so many times. */
START_TEST(never_complete)
{
    X509 *x509 = X509_new();
    struct sp_cert *cert = bear(x509);
    int events = 0;

    for (; events < 100 && cert->pinned; events++)
        sp_thread_event();
    ck_assert_int_eq(events, 33);
    X509_free(x509);
}
END_TEST

static OPENSSL_CORE_CTX *context_of(const OSSL_CORE_HANDLE *handle)
{
    return (OPENSSL_CORE_CTX *)(uintptr_t)handle;
}

static int contexts_asked;

static int ask_for_end(const OSSL_CORE_HANDLE *handle, OSSL_thread_stop_handler_fn end,
                       void *libctx)
{
    (void)end;
    ck_assert_ptr_eq((const void *)handle, libctx);
    contexts_asked++;
    return 1;
}

static void *bear_elsewhere(void *x509)
{
    sp_cert_unref(bear(x509));
    return NULL;
}

/*
 * Of each context every thread asks for the end once, unless its instance is gone; but never of the
 * default one, which is NULL too.
 */
START_TEST(contexts_that_end)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new(), *other = OSSL_LIB_CTX_new();
    const void *const contexts[] = { NULL, OSSL_LIB_CTX_get0_global_default(), own, other };
    X509 *x509 = X509_new();
    pthread_t thread;
    struct sp_upcalls up = { .get_libctx = context_of, .thread_start = ask_for_end };

    for (int i = 0; i < 4; i++) {
        up.handle = contexts[i];
        sp_threads_add_instance(&up);
        sp_cert_unref(bear(x509));
        ck_assert_int_eq(contexts_asked, i < 2 ? 0 : i - 1);
    }
    up.handle = (const OSSL_CORE_HANDLE *)contexts[2];
    sp_threads_remove_instance(&up);
    ck_assert_int_eq(pthread_create(&thread, NULL, bear_elsewhere, x509), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(contexts_asked, 3);
    X509_free(x509);
    OSSL_LIB_CTX_free(own);
    OSSL_LIB_CTX_free(other);
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

static int export_key(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
    OSSL_PARAM *params = NULL;
    int done;

    ck_assert_int_eq(EVP_PKEY_todata(key, selection, &params), 1);
    done = callback(params, arg);
    OSSL_PARAM_free(params);
    return done;
}

static bool find_owners(struct sp_owners *owners, EVP_PKEY *key, bool equal)
{
    return equal ? sp_owners_find_equal(owners, key, export_key)
                 : sp_owners_find(owners, key, export_key, NULL);
}

/* That memory ran out is told: a key whose certificates are not known may do more. */
START_TEST(owners_by_the_fingerprint)
{
    const bool equal = _i % 2 == 1;
    const char *name = _i / 2 == 0 ? "good-ec" : "good-rsa";
    X509 *x509 = sp_read_cert(name);
    const struct sp_keyid id = sp_keyid_of_cert(NULL, x509);
    EVP_PKEY *key = sp_read_key(name);
    struct sp_owners owners;
    long fails = 0;

    ck_assert(find_owners(&owners, key, equal));
    ck_assert_uint_eq(owners.count, 0);
    ck_assert_int_eq(owners.via, equal ? SP_VIA_FINGERPRINT : SP_VIA_NONE);
    ck_assert(sp_prints_file(&a, &id));
    do {
        sp_starve(++fails);
        ck_assert_msg(!find_owners(&owners, key, equal) || owners.count == 1, "%s: %ld", name,
                      fails);
        sp_owners_free(&owners);
    } while (sp_starve_end());
    ck_assert_int_gt(fails, 1);
    ck_assert(find_owners(&owners, key, equal));
    ck_assert(owners.count == 1 && owners.certs[0] == &a);
    ck_assert_int_eq(owners.via, SP_VIA_FINGERPRINT);
    sp_owners_free(&owners);
    ck_assert_uint_eq(atomic_load(&a.refs), REFS);
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

static int export_nothing(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
    (void)key, (void)selection, (void)callback, (void)arg;
    return 0;
}

static void expect_owner(EVP_PKEY *key, OSSL_FUNC_keymgmt_export_fn *export, int via,
                         const struct sp_cert *cert)
{
    struct sp_owners owners;

    ck_assert(sp_owners_find(&owners, key, export, NULL));
    ck_assert_int_eq(owners.via, via);
    ck_assert_uint_eq(owners.count, cert != NULL);
    ck_assert(cert == NULL || owners.certs[0] == cert);
    sp_owners_free(&owners);
}

/* A private key is no certificate's own, and it shows that a parse is over. */
START_TEST(private_key_behind_a_certificate)
{
    X509 *x509 = sp_read_cert("good-ec");
    EVP_PKEY *key = sp_read_key("good-ec");
    struct sp_cert *cert = bear(x509);
    struct sp_key news;

    sp_keys_loaded(key, true, export_key);
    sp_key_news(key, &news);
    ck_assert_ptr_null(news.own);
    ck_assert(news.loaded);
    ck_assert_ptr_nonnull(sp_cert_facts(cert));
    expect_owner(key, export_key, SP_VIA_FINGERPRINT, cert);
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

/* That a key is a certificate's own is proved by its export, and not by one that gave nothing. */
START_TEST(own_key_that_is_another)
{
    X509 *x509 = sp_read_cert("good-ec");
    EVP_PKEY *key = sp_read_key(_i == 0 ? "good-rsa" : "good-ec");
    struct sp_cert *cert = bear(x509);

    sp_keys_loaded(key, false, export_key);
    expect_owner(key, export_nothing, SP_VIA_OWN_KEY, cert);
    if (_i == 0)
        expect_owner(key, export_key, SP_VIA_NONE, NULL);
    else
        expect_owner(key, export_key, SP_VIA_OWN_KEY, cert);
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

/* Of two certificates whose keys are compared neither is the other's. */
START_TEST(keys_of_two_certificates)
{
    static const char *const names[] = { "good-ec", "good-rsa" };
    X509 *x509[2];
    EVP_PKEY *keys[2];
    struct sp_cert *certs[2];

    for (int i = 0; i < 2; i++) {
        x509[i] = sp_read_cert(names[i]);
        keys[i] = sp_read_key(names[i]);
        certs[i] = bear(x509[i]);
        sp_keys_loaded(keys[i], false, export_key);
    }
    sp_keys_matched(keys[0], keys[1], export_key);
    sp_keys_matched(keys[1], keys[0], export_key);
    for (int i = 0; i < 2; i++) {
        expect_owner(keys[i], export_key, SP_VIA_OWN_KEY, certs[i]);
        EVP_PKEY_free(keys[i]);
        X509_free(x509[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("register");
    TCase *tests = sp_case(suite, "register");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, one_signature_after_another);
    tcase_add_test(tests, compared_without_memory);
    tcase_add_test(tests, filed_under_a_key);
    tcase_add_test(tests, settled_with_its_fingerprint);
    tcase_add_loop_test(tests, settled_without_an_id, 0, 2);
    tcase_add_test(tests, not_complete);
    tcase_add_test(tests, contexts_that_end);
    tcase_add_test(tests, incomplete_ones);
    tcase_add_test(tests, never_complete);
    tcase_add_test(tests, in_every_shard);
    tcase_add_loop_test(tests, another_key_before_it_is_settled, 0, SP_ROWS(next_keys));
    tcase_add_loop_test(tests, owners_by_the_fingerprint, 0, 4);
    tcase_add_test(tests, private_key_behind_a_certificate);
    tcase_add_loop_test(tests, own_key_that_is_another, 0, 2);
    tcase_add_test(tests, keys_of_two_certificates);
    return sp_run_forked(suite);
}
