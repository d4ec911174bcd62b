/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the register does at the birth of a certificate, and whose key a key object is.
 */
#include <pthread.h>
#include <stdint.h>

#include "bare_register.h"
#include "harness.h"
#include "register/key_table.h"
#include "register/prints.h"
#include "register/register.h"
#include "register/state.h"
#include "register/threads.h"
#include "starve.h"

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

static void complete(X509 *x509, EVP_PKEY *key)
{
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    ck_assert_int_gt(X509_sign(x509, key, EVP_sha256()), 0);
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
    for (int i = 0; i < 6; i++)
        complete(x509[i], key);
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

/* One that is complete takes no place from those which are not. */
START_TEST(complete_among_others)
{
    X509 *x509[5], *good = sp_read_cert("good-ec");
    EVP_PKEY *key = sp_read_key("good-ec");
    struct sp_cert *certs[5];

    for (int i = 0; i < 5; i++) {
        x509[i] = i < 4 ? X509_new() : good;
        certs[i] = bear(x509[i]);
    }
    sp_thread_event();
    ck_assert_ptr_nonnull(sp_cert_facts(certs[4]));
    ck_assert_uint_eq(atomic_load(&certs[4]->refs), 1);
    for (int i = 0; i < 4; i++)
        complete(x509[i], key);
    sp_thread_event();
    for (int i = 0; i < 5; i++) {
        ck_assert_ptr_nonnull(sp_cert_facts(certs[i]));
        X509_free(x509[i]);
    }
    EVP_PKEY_free(key);
}
END_TEST

/* A second parse into the same object has ended it. */
START_TEST(dead_before_it_is_complete)
{
    X509 *x509 = X509_new();
    struct sp_cert *cert = bear(x509);

    sp_cert_died(cert);
    sp_thread_event();
    ck_assert_uint_eq(atomic_load(&cert->refs), 1);
    X509_free(x509);
}
END_TEST

struct waiting {
    pthread_t thread;
    pthread_barrier_t born, over;
    X509 *x509;
    struct sp_cert *cert;
};

static void *bear_for(void *arg)
{
    struct waiting *waiting = arg;

    waiting->cert = bear(waiting->x509);
    pthread_barrier_wait(&waiting->born);
    pthread_barrier_wait(&waiting->over);
    return NULL;
}

static void start_waiting(struct waiting *waiting, X509 *x509)
{
    waiting->x509 = x509;
    ck_assert_int_eq(pthread_barrier_init(&waiting->born, NULL, 2), 0);
    ck_assert_int_eq(pthread_barrier_init(&waiting->over, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&waiting->thread, NULL, bear_for, waiting), 0);
    pthread_barrier_wait(&waiting->born);
}

static void end_waiting(struct waiting *waiting)
{
    pthread_barrier_wait(&waiting->over);
    ck_assert_int_eq(pthread_join(waiting->thread, NULL), 0);
}

/* Nothing is read, and everything is let go; what a thread has that has not ended is kept. */
START_TEST(stopped_while_parsing)
{
    X509 *x509 = sp_read_cert("good-ec"), *empty[6];
    struct sp_cert *certs[6];
    struct waiting waiting;

    for (int i = 0; i < 6; i++) {
        empty[i] = i < 5 ? X509_new() : x509;
        certs[i] = bear(empty[i]);
    }
    ck_assert(sp_threads_stop());
    for (int i = 0; i < 6; i++) {
        ck_assert_uint_eq(atomic_load(&certs[i]->refs), 1);
        ck_assert_ptr_null(sp_cert_facts(certs[i]));
    }
    start_waiting(&waiting, x509);
    sp_cert_unref(bear(x509));
    ck_assert(!sp_threads_stop());
    end_waiting(&waiting);
    ck_assert(sp_threads_stop());
    for (int i = 0; i < 6; i++)
        X509_free(empty[i]);
}
END_TEST

/* The threads end one after the other, and the stop finds those that have not. */
START_TEST(stopped_after_some_have_ended)
{
    X509 *x509 = sp_read_cert("good-ec");
    struct waiting waiting[3];

    for (int i = 0; i < 3; i++)
        start_waiting(&waiting[i], x509);
    end_waiting(&waiting[1]);
    ck_assert(!sp_threads_stop());
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(atomic_load(&waiting[i].cert->refs), 1);
        ck_assert((sp_cert_facts(waiting[i].cert) != NULL) == (i == 1));
    }
    end_waiting(&waiting[0]);
    end_waiting(&waiting[2]);
    start_waiting(&waiting[0], x509);
    end_waiting(&waiting[0]);
    ck_assert(sp_threads_stop());
    X509_free(x509);
}
END_TEST

/* Whoever cannot be told of the end of a thread pins nothing for it. */
START_TEST(no_end_of_a_thread)
{
    X509 *x509 = X509_new();
    struct sp_cert *cert = sp_cert_new(x509);
    pthread_key_t key;

    if (_i == 0)
        while (pthread_key_create(&key, NULL) == 0)
            continue;
    sp_starve(_i);
    ck_assert(!sp_threads_born(sp_cert_ref(cert), x509));
    ck_assert(sp_starve_end() == (_i > 0));
    ck_assert_uint_eq(atomic_load(&cert->refs), 1);
    ck_assert_ptr_null(sp_threads_pending());
    X509_free(x509);
}
END_TEST

static OPENSSL_CORE_CTX *context_of(const OSSL_CORE_HANDLE *handle)
{
    return (OPENSSL_CORE_CTX *)(uintptr_t)handle;
}

static int contexts_asked;
static const OSSL_CORE_HANDLE *asked_last;
static OSSL_thread_stop_handler_fn end_of_context;

static int ask_for_end(const OSSL_CORE_HANDLE *handle, OSSL_thread_stop_handler_fn end,
                       void *libctx)
{
    end_of_context = end;
    asked_last = handle;
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
    ck_assert_ptr_eq((const void *)asked_last, other);
    /* Those that are gone are not asked when another one comes. */
    up.handle = (const OSSL_CORE_HANDLE *)contexts[3];
    sp_threads_remove_instance(&up);
    up.handle = (const OSSL_CORE_HANDLE *)(const void *)x509;
    sp_threads_add_instance(&up);
    sp_cert_unref(bear(x509));
    ck_assert_int_eq(contexts_asked, 4);
    X509_free(x509);
    OSSL_LIB_CTX_free(own);
    OSSL_LIB_CTX_free(other);
}
END_TEST

/* A context ends in this thread: what it has is let go, and later the context is asked again. */
START_TEST(context_that_has_ended)
{
    static char contexts[2];
    X509 *x509 = sp_read_cert("good-ec");
    struct sp_cert *cert;

    for (size_t i = 0; i < sizeof(contexts); i++)
        sp_threads_add_instance(&(struct sp_upcalls){
            .handle = (const OSSL_CORE_HANDLE *)(const void *)&contexts[i],
            .get_libctx = context_of,
            .thread_start = ask_for_end,
        });
    for (size_t i = 0; i < sizeof(contexts); i++) {
        cert = bear(x509);
        ck_assert_int_eq(contexts_asked, i == 0 ? 2 : 3);
        end_of_context(&contexts[i]);
        ck_assert_uint_eq(atomic_load(&cert->refs), 1);
        ck_assert_ptr_nonnull(sp_cert_facts(cert));
    }
    (void)bear(x509);
    ck_assert_int_eq(contexts_asked, 4);
    X509_free(x509);
}
END_TEST

/* There is room for so many contexts. */
START_TEST(many_contexts)
{
    static const char contexts[20];
    X509 *x509 = X509_new();

    for (size_t i = 0; i < sizeof(contexts); i++)
        sp_threads_add_instance(&(struct sp_upcalls){
            .handle = (const OSSL_CORE_HANDLE *)(const void *)&contexts[i],
            .get_libctx = context_of,
            .thread_start = ask_for_end,
        });
    sp_cert_unref(bear(x509));
    ck_assert_int_eq(contexts_asked, 16);
    X509_free(x509);
}
END_TEST

static bool find_owners(struct sp_owners *owners, EVP_PKEY *key, bool equal)
{
    return equal ? sp_owners_find_equal(owners, key, sp_export_key)
                 : sp_owners_find(owners, key, sp_export_key, NULL);
}

/* That memory ran out is told: a key whose certificates are not known may do more. */
START_TEST(owners_by_the_fingerprint)
{
    static struct sp_cert a = { .refs = 100 };
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
    ck_assert_uint_eq(atomic_load(&a.refs), 100);
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

static int export_again(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
    ck_abort_msg("a key that is proved was exported again");
    return sp_export_nothing(key, selection, callback, arg);
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

/* What a program has put together is neither loaded nor generated. */
START_TEST(where_a_key_comes_from)
{
    int loaded = 0, generated = 0, imported = 0;

    sp_keys_loaded(&loaded, false, sp_export_key);
    sp_keys_generated(&generated);
    ck_assert(sp_keys_was_loaded(&loaded) && !sp_keys_was_generated(&loaded));
    ck_assert(!sp_keys_was_loaded(&generated) && sp_keys_was_generated(&generated));
    ck_assert(!sp_keys_was_loaded(&imported) && !sp_keys_was_generated(&imported));
}
END_TEST

/* A public key that is there before any certificate may be that of one that was missed. */
START_TEST(keys_before_the_first_birth)
{
    EVP_PKEY *public = sp_read_key("good-ec"), *private = sp_read_key("good-ec");
    struct sp_owners owners;

    sp_keys_loaded(public, false, sp_export_key);
    sp_keys_loaded(private, true, sp_export_key);
    expect_owner(public, sp_export_key, SP_VIA_FIRST, NULL);
    expect_owner(private, sp_export_key, SP_VIA_NONE, NULL);
    sp_keys_matched(public, private, sp_export_key);
    expect_owner(private, sp_export_key, SP_VIA_FIRST, NULL);
    ck_assert(!sp_register_has_failed());
    /* Of a key that is not in the table that cannot be noted without memory. */
    sp_keys_freed(private);
    sp_starve(1);
    sp_keys_matched(private, public, sp_export_key);
    ck_assert(sp_starve_end());
    ck_assert(sp_register_has_failed());
    ck_assert(sp_owners_find(&owners, private, sp_export_key, NULL));
    EVP_PKEY_free(private);
    EVP_PKEY_free(public);
}
END_TEST

/* It was used for none before the birth of the first one. */
START_TEST(keys_behind_a_birth)
{
    EVP_PKEY *key = sp_read_key("good-ec");

    ck_assert(!sp_register_saw_birth());
    sp_register_note_birth();
    sp_keys_loaded(key, false, sp_export_key);
    expect_owner(key, sp_export_key, SP_VIA_NONE, NULL);
    EVP_PKEY_free(key);
}
END_TEST

/* A private key is no certificate's own, and it shows that a parse is over. */
START_TEST(private_key_behind_a_certificate)
{
    X509 *x509 = sp_read_cert("good-ec");
    EVP_PKEY *key = sp_read_key("good-ec");
    struct sp_cert *cert = bear(x509);
    struct sp_key news;

    sp_keys_loaded(key, true, sp_export_key);
    sp_key_news(key, &news);
    ck_assert_ptr_null(news.own);
    ck_assert(news.loaded);
    ck_assert_ptr_nonnull(sp_cert_facts(cert));
    expect_owner(key, sp_export_key, SP_VIA_FINGERPRINT, cert);
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

    sp_keys_loaded(key, false, sp_export_key);
    expect_owner(key, sp_export_nothing, SP_VIA_OWN_KEY, cert);
    if (_i == 0) {
        expect_owner(key, sp_export_key, SP_VIA_NONE, NULL);
    } else {
        expect_owner(key, sp_export_key, SP_VIA_OWN_KEY, cert);
        expect_owner(key, export_again, SP_VIA_OWN_KEY, cert);
    }
    EVP_PKEY_free(key);
    X509_free(x509);
}
END_TEST

/* In whatever order a private key and a certificate's own are compared, it is to sign for that. */
START_TEST(private_key_compared)
{
    X509 *x509 = sp_read_cert("good-ec");
    EVP_PKEY *own = sp_read_key("good-ec"), *private = sp_read_key("good-ec");
    struct sp_cert *cert = bear(x509);
    struct sp_owners owners;
    struct sp_key news;

    sp_keys_loaded(own, false, sp_export_key);
    sp_keys_loaded(private, true, sp_export_key);
    if (_i == 0)
        sp_keys_matched(own, private, sp_export_key);
    else
        sp_keys_matched(private, own, sp_export_key);
    expect_owner(own, sp_export_key, SP_VIA_OWN_KEY, cert);
    expect_owner(private, sp_export_key, SP_VIA_MATCH, cert);
    /* It was not compared with one from before us. */
    sp_key_news(private, &news);
    ck_assert(!news.before_us);
    for (int i = 0; i < 2; i++) {
        sp_starve(1);
        ck_assert(!sp_owners_find(&owners, i == 0 ? private : own, sp_export_key, NULL));
        ck_assert(sp_starve_end());
        ck_assert_uint_eq(owners.count, 0);
    }
    EVP_PKEY_free(private);
    EVP_PKEY_free(own);
    X509_free(x509);
}
END_TEST

/* What cannot be noted is not forgotten: the key, if it is not known yet, or whose it is. */
START_TEST(compared_without_memory)
{
    X509 *x509 = sp_read_cert("good-ec");
    EVP_PKEY *own = sp_read_key("good-ec");
    int private;

    sp_cert_unref(bear(x509));
    sp_keys_loaded(own, false, sp_export_key);
    if (_i == 0)
        sp_keys_loaded(&private, true, sp_export_key);
    sp_thread_event();
    ck_assert(!sp_register_has_failed());
    sp_starve(1);
    sp_keys_matched(own, &private, sp_export_nothing);
    ck_assert(sp_starve_end());
    ck_assert(sp_register_has_failed());
    EVP_PKEY_free(own);
    X509_free(x509);
}
END_TEST

/* A signature is refused after one that was allowed: what is signed decides, once it is known. */
START_TEST(signed_for_two)
{
    static const struct sp_piece what = { "what is signed", 14 };
    static const char *const names[] = { "good-ec", "good-rsa" };
    X509 *x509[2];
    EVP_PKEY *keys[2], *private = sp_read_key("good-ec");
    struct sp_cert *certs[2];
    struct sp_owners owners;

    for (int i = 0; i < 2; i++) {
        x509[i] = sp_read_cert(names[i]);
        keys[i] = sp_read_key(names[i]);
        certs[i] = bear(x509[i]);
        sp_keys_loaded(keys[i], false, sp_export_key);
        sp_keys_matched(private, keys[i], sp_export_key);
        expect_owner(private, sp_export_key, SP_VIA_MATCH, certs[i]);
        ck_assert(sp_owners_find(&owners, private, sp_export_key, NULL));
        ck_assert(!sp_keys_depends(private));
        sp_keys_signed(private, &owners, i == 0, NULL);
        ck_assert_uint_eq(owners.count, 0);
    }
    ck_assert(sp_keys_depends(private) && !sp_keys_depends(keys[0]) && !sp_keys_depends(&what));
    sp_keys_note_signed(&what, &what);
    ck_assert(sp_owners_find(&owners, private, sp_export_key, &what));
    ck_assert_uint_eq(owners.count, 2);
    sp_owners_free(&owners);
    sp_keys_note_signed(private, &what);
    ck_assert(sp_owners_find(&owners, private, sp_export_key, &what));
    ck_assert(owners.count == 1 && owners.certs[0] == certs[0]);
    sp_owners_free(&owners);
    for (int i = 0; i < 2; i++) {
        EVP_PKEY_free(keys[i]);
        X509_free(x509[i]);
    }
    EVP_PKEY_free(private);
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
        sp_keys_loaded(keys[i], false, sp_export_key);
    }
    sp_keys_matched(keys[0], keys[1], sp_export_key);
    sp_keys_matched(keys[1], keys[0], sp_export_key);
    for (int i = 0; i < 2; i++) {
        expect_owner(keys[i], sp_export_key, SP_VIA_OWN_KEY, certs[i]);
        EVP_PKEY_free(keys[i]);
        X509_free(x509[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("births");
    TCase *tests = sp_case(suite, "births");

    tcase_add_checked_fixture(tests, sp_bare_register, NULL);
    tcase_add_test(tests, incomplete_ones);
    tcase_add_test(tests, never_complete);
    tcase_add_test(tests, complete_among_others);
    tcase_add_test(tests, dead_before_it_is_complete);
    tcase_add_test(tests, stopped_while_parsing);
    tcase_add_test(tests, stopped_after_some_have_ended);
    tcase_add_loop_test(tests, no_end_of_a_thread, 0, 2);
    tcase_add_test(tests, contexts_that_end);
    tcase_add_test(tests, context_that_has_ended);
    tcase_add_test(tests, many_contexts);
    tcase_add_loop_test(tests, owners_by_the_fingerprint, 0, 4);
    tcase_add_test(tests, where_a_key_comes_from);
    tcase_add_test(tests, keys_before_the_first_birth);
    tcase_add_test(tests, keys_behind_a_birth);
    tcase_add_test(tests, private_key_behind_a_certificate);
    tcase_add_loop_test(tests, own_key_that_is_another, 0, 2);
    tcase_add_loop_test(tests, private_key_compared, 0, 2);
    tcase_add_loop_test(tests, compared_without_memory, 0, 2);
    tcase_add_test(tests, signed_for_two);
    tcase_add_test(tests, keys_of_two_certificates);
    return sp_run_forked(suite);
}
