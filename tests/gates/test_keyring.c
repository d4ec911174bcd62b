/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The keyring in a process: keys whose certificates nobody has parsed, and email
 * trust.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "keyring/forks.h"
#include "keyring_of_test.h"
#include "keyrings.h"
#include "mail.h"

static const unsigned char digest[32];

static bool sign_mail(const char *name)
{
    EVP_PKEY *key = sp_read_key(name);
    bool done = sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes));

    EVP_PKEY_free(key);
    return done;
}

static bool sign_raw(const char *name)
{
    EVP_PKEY *key = sp_read_key(name);
    bool done = sp_sign_data(key, NULL, digest, sizeof(digest));

    EVP_PKEY_free(key);
    return done;
}

START_TEST(a_key_of_no_parsed_certificate)
{
    sp_start_with_keyring("");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_put(SP_ROLE_IDENTITY, "expired-rsa");
    EXPECT_DONE(sign_mail("good-ec"));
    EXPECT_DONE(sign_mail("good-rsa"));
    EXPECT_DONE(sign_raw("good-ec"));
    EXPECT_REFUSED(sign_mail("expired-rsa"), "[expired]");
    EXPECT_REFUSED(sign_raw("expired-rsa"), "[expired]");
    EXPECT_REFUSED(sign_mail("stranger-ec"), "[certificate-required]");
    EXPECT_DONE(sign_raw("stranger-ec"));
}
END_TEST

#define THREADS 8

static atomic_uint signed_mails, told_expired;

static bool first_error_is(const char *rule)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());

    return text != NULL && strstr(text, rule) != NULL;
}

static void *fall_back(void *unused)
{
    for (int i = 0; i < 40; i++) {
        if (sign_mail("good-ec"))
            atomic_fetch_add(&signed_mails, 1);
        if (!sign_mail("expired-rsa") && first_error_is("[expired]"))
            atomic_fetch_add(&told_expired, 1);
        ERR_clear_error();
    }
    return unused;
}

/* A certificate of the keyring that one thread is parsing is not found by another thread. */
START_TEST(a_key_in_many_threads)
{
    pthread_t threads[THREADS];

    sp_start_with_keyring("");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_put(SP_ROLE_IDENTITY, "expired-rsa");
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fall_back, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(atomic_load(&signed_mails), THREADS * 40);
    ck_assert_uint_eq(atomic_load(&told_expired), THREADS * 40);
}
END_TEST

START_TEST(disagreement_refuses)
{
    sp_start_with_keyring("unknown_keys = refuse");
    sp_put(SP_ROLE_IDENTITY, "good-rsa");
    EXPECT_DONE(sign_raw("good-rsa"));
    sp_put(SP_ROLE_IDENTITY, "old-rsa");
    EXPECT_REFUSED(sign_raw("good-rsa"), "certificates that are judged differently share this key");
    EXPECT_REFUSED(sign_raw("stranger-rsa"), "[certificate-required]");
}
END_TEST

/* A point from the wire, which TLS sets into a new key. */
static bool agree_as_tls(void)
{
    EVP_PKEY *own = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256"), *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    unsigned char *point = NULL;
    size_t length = EVP_PKEY_get1_encoded_public_key(other, &point);
    bool done = length > 0 && EVP_PKEY_copy_parameters(peer, own) == 1 &&
                EVP_PKEY_set1_encoded_public_key(peer, point, length) == 1 &&
                EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1;

    OPENSSL_free(point);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
    EVP_PKEY_free(other);
    EVP_PKEY_free(peer);
    return done;
}

START_TEST(a_keyring_that_cannot_be_read)
{
    sp_start_with_keyring("");
    EXPECT_REFUSED(sign_mail("good-ec"), "there is no keyring in");
    EXPECT_DONE(agree_as_tls());
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    EXPECT_DONE(sign_mail("good-ec"));
    ck_assert_int_eq(chmod(sp_keyring_of_test(), 0777), 0);
    EXPECT_REFUSED(sign_mail("good-ec"), "keyring cannot be used");
    EXPECT_REFUSED(sign_raw("stranger-ec"), "can be written by others");
    EXPECT_DONE(agree_as_tls());
    /* A parsed certificate is judged without asking the keyring. */
    EXPECT_DONE(sp_sign_as("good-ec"));
}
END_TEST

/* What is wrong with the entries of the one key, and what is said of it. */
static const char *const damages[][2] = {
    { "UPDATE certificate SET der = x'3000'", "keyring: entry 1 cannot be parsed" },
    { "UPDATE certificate SET fingerprint = x'00'", ": entry 1 is damaged" },
};

START_TEST(a_damaged_entry)
{
    sp_start_with_keyring("");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES, damages[_i][0]);
    for (int i = 0; i < 2; i++)
        EXPECT_REFUSED(sign_mail("good-ec"), damages[_i][1]);
    EXPECT_REFUSED(sign_mail("stranger-ec"), "[certificate-required]");
}
END_TEST

/* Is |name|, whose issuer is |issuer|, trusted by a store of |anchor| with |flags|? */
static bool verify(const char *name, const char *anchor, unsigned long flags)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *cert = sp_read_cert(name), *trusted = sp_read_cert(anchor);
    bool done;

    ck_assert_int_eq(X509_STORE_add_cert(store, trusted), 1);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    X509_STORE_CTX_set_flags(ctx, flags);
    done = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(trusted);
    X509_free(cert);
    return done;
}

#define PARTIAL X509_V_FLAG_PARTIAL_CHAIN

START_TEST(trust_is_the_keyrings)
{
    sp_start_with_keyring("trust = keyring");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    EXPECT_REFUSED(verify("good-rsa", "ca", 0), "[distrust-default]");
    EXPECT_REFUSED(verify("good-rsa", "ca", PARTIAL), "[distrust-default]");
    EXPECT_REFUSED(verify("good-rsa", "good-rsa", PARTIAL), "[distrust-default]");
    EXPECT_DONE(verify("good-ec", "good-ec", PARTIAL));
    sp_put(SP_ROLE_CA, "ca");
    EXPECT_DONE(verify("good-rsa", "ca", 0));
    EXPECT_REFUSED(verify("good-rsa", "good-rsa", PARTIAL), "[distrust-default]");
    EXPECT_REFUSED(verify("no-address-ec", "ca", 0), "[signer-certificate]");
    ck_assert_int_eq(chmod(sp_keyring_of_test(), 0777), 0);
    EXPECT_REFUSED(verify("good-rsa", "ca", 0), "keyring cannot be used");
}
END_TEST

/* An explicitly trusted anchor has to satisfy the rules as a signer, too. */
START_TEST(explicit_trust_is_no_way_round)
{
    static const char *const settings[] = { "trust = caller", "trust = keyring" };
    ASN1_OBJECT *mail;
    X509 *cert;

    sp_start_with_keyring(settings[_i]);
    sp_put(SP_ROLE_CONTACT, "no-address-ec");
    cert = sp_read_cert("no-address-ec");
    mail = OBJ_nid2obj(NID_email_protect);
    ck_assert_int_eq(X509_add1_trust_object(cert, mail), 1);
    ck_assert_int_eq(X509_check_trust(cert, X509_TRUST_EMAIL, 0), X509_TRUST_TRUSTED);
    ck_assert_int_eq(X509_check_trust(cert, X509_TRUST_EMAIL, (int)X509_TRUST_NO_SS_COMPAT),
                     X509_TRUST_UNTRUSTED);
    ck_assert_int_eq(X509_add1_reject_object(cert, mail), 1);
    ck_assert_int_eq(X509_check_trust(cert, X509_TRUST_EMAIL, 0), X509_TRUST_REJECTED);
    X509_free(cert);
}
END_TEST

static bool is_ca(const X509 *cert)
{
    char *why = NULL;
    bool is = sp_keyring_standing_in(sp_keyring_of_test(), cert, &why).role == SP_ROLE_CA;

    OPENSSL_free(why);
    return is;
}

static atomic_uint started;
static atomic_bool begun, enough;

static void *ask_on(void *cert)
{
    atomic_fetch_add(&started, 1);
    while (!atomic_load(&begun))
        ;
    while (!atomic_load(&enough))
        (void)is_ca(cert);
    return NULL;
}

/*
 * In a forked child nobody holds SQLite's mutexes or AddressSanitizer's: the child
 * answers and does not hang.  The fork comes when the threads begin to use a
 * keyring, a little later in each run.
 */
START_TEST(a_child_of_a_process_with_threads)
{
    pthread_t threads[3];
    X509 *cert;

    sp_start_with_keyring("");
    sp_put(SP_ROLE_CA, "ca");
    cert = sp_read_cert("ca");
    sp_keyring_expect_forks();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_on, cert), 0);
    /* Wait for the threads: AddressSanitizer's allocator must not be locked by one that starts. */
    while (atomic_load(&started) < 3)
        (void)sched_yield();
    atomic_store(&begun, true);
    for (volatile int pause = _i * 1000; pause > 0; pause--)
        ;
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            (void)signal(SIGALRM, SIG_DFL);
            (void)alarm(SP_PATIENCE);
            _exit(is_ca(cert) ? 0 : 1);
        }
        ck_assert_int_ge(child, 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(status == 0, "child %d: status %d", i, status);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    X509_free(cert);
}
END_TEST

/* By default OPENSSL_cleanup() does nothing in OpenSSL 4. */
#if OPENSSL_VERSION_MAJOR < 4
/* The keyring stays open between two signatures, and is closed when the provider ends. */
START_TEST(it_is_closed_at_the_end)
{
    int fd;

    sp_start_with_keyring("");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    EXPECT_DONE(sign_mail("good-ec"));
    ck_assert_int_eq(sp_descriptors(sp_keyring_of_test(), &fd), 1);
    EXPECT_DONE(sign_raw("good-ec"));
    ck_assert_int_eq(sp_descriptors(sp_keyring_of_test(), &fd), 1);
    OPENSSL_cleanup();
    ck_assert_int_eq(sp_descriptors(sp_keyring_of_test(), &fd), 0);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("keyring");
    TCase *tests = sp_case(suite, "keyring");

    tcase_add_test(tests, a_key_of_no_parsed_certificate);
    tcase_add_test(tests, a_key_in_many_threads);
    tcase_add_test(tests, disagreement_refuses);
    tcase_add_test(tests, a_keyring_that_cannot_be_read);
#if OPENSSL_VERSION_MAJOR < 4
    tcase_add_test(tests, it_is_closed_at_the_end);
#endif
    tcase_add_loop_test(tests, a_damaged_entry, 0, SP_ROWS(damages));
    tcase_add_test(tests, trust_is_the_keyrings);
    tcase_add_loop_test(tests, a_child_of_a_process_with_threads, 0, 20);
    tcase_add_loop_test(tests, explicit_trust_is_no_way_round, 0, 2);
    return sp_run_forked(suite);
}
