/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates that are passed between threads, with forks and exits.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "register/locks.h"
#include "mail.h"
#include "register/register.h"

/* A thread that parses a certificate, and then waits until it is told to end. */
struct parser {
    pthread_t thread;
    pthread_barrier_t parsed, over;
    const char *name;
    X509 *cert;
};

static void *parse_and_wait(void *arg)
{
    struct parser *parser = arg;

    parser->cert = sp_read_cert(parser->name);
    pthread_barrier_wait(&parser->parsed);
    pthread_barrier_wait(&parser->over);
    return NULL;
}

static void parse_elsewhere(struct parser *parser, const char *name)
{
    parser->name = name;
    ck_assert_int_eq(pthread_barrier_init(&parser->parsed, NULL, 2), 0);
    ck_assert_int_eq(pthread_barrier_init(&parser->over, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&parser->thread, NULL, parse_and_wait, parser), 0);
    pthread_barrier_wait(&parser->parsed);
}

static void end_parser(struct parser *parser)
{
    pthread_barrier_wait(&parser->over);
    ck_assert_int_eq(pthread_join(parser->thread, NULL), 0);
    pthread_barrier_destroy(&parser->parsed);
    pthread_barrier_destroy(&parser->over);
}

static bool encrypt_it(X509 *cert, EVP_PKEY *key)
{
    (void)key;
    return sp_cms_encrypt(cert, NULL, 0);
}

static bool sign_cms(X509 *cert, EVP_PKEY *key)
{
    return sp_cms_sign(cert, key, 0);
}

static bool sign_pkcs7(X509 *cert, EVP_PKEY *key)
{
    return sp_pkcs7_sign(cert, key, PKCS7_NOATTR);
}

static bool check_and_add(X509 *cert, EVP_PKEY *key)
{
    return X509_check_private_key(cert, key) == 1 && sp_pkcs7_add_signature(cert, key);
}

typedef bool use_fn(X509 *cert, EVP_PKEY *key);
static use_fn *const uses[] = { encrypt_it, sign_cms, sign_pkcs7, check_and_add };

static const struct who {
    const char *name, *refused;
} who[] = { { "good-rsa", NULL },
            { "good-ec", NULL },
            { "expired-rsa", "[expired]" },
            { "expired-ec", "[expired]" } };

#define PAIRS (SP_ROWS(uses) * SP_ROWS(who))

START_TEST(parsed_in_another_thread)
{
    use_fn *use = uses[_i / SP_ROWS(who)];
    const struct who *row = &who[_i % SP_ROWS(who)];
    struct parser parser;
    EVP_PKEY *key;

    sp_start(NULL);
    parse_elsewhere(&parser, row->name);
    key = sp_read_key(row->name);
    EXPECT(use(parser.cert, key), row->refused);
    EVP_PKEY_free(key);
    end_parser(&parser);
    X509_free(parser.cert);
}
END_TEST

START_TEST(parsed_in_a_thread_that_ended)
{
    use_fn *use = uses[_i / SP_ROWS(who)];
    const struct who *row = &who[_i % SP_ROWS(who)];
    struct parser parser;
    EVP_PKEY *key;

    sp_start(NULL);
    parse_elsewhere(&parser, row->name);
    end_parser(&parser);
    key = sp_read_key(row->name);
    EXPECT(use(parser.cert, key), row->refused);
    EXPECT(sp_pkcs7_add_signature(parser.cert, key), row->refused);
    EVP_PKEY_free(key);
    X509_free(parser.cert);
}
END_TEST

/* Only an equal key leads to it, and its parse may still go on. */
START_TEST(not_known_to_be_complete)
{
    struct parser parser;
    EVP_PKEY *key;

    sp_start(NULL);
    parse_elsewhere(&parser, who[_i].name);
    key = sp_read_key(who[_i].name);
    EXPECT_REFUSED(sp_pkcs7_add_signature(parser.cert, key), "is not complete");
    /* It may be one for mail. */
    EXPECT_REFUSED(sp_sign_data(key, NULL, sp_mail_attributes, 32), "is not complete");
    EVP_PKEY_free(key);
    end_parser(&parser);
    X509_free(parser.cert);
}
END_TEST

/* The certificate is freed; its public key stays, or the private key compared with it. */
START_TEST(freed_by_another_thread)
{
    const struct who *row = &who[_i];
    struct parser parser;
    EVP_PKEY *key, *public;

    sp_start(NULL);
    parse_elsewhere(&parser, row->name);
    key = sp_read_key(row->name);
    public = X509_get_pubkey(parser.cert);
    ck_assert_int_eq(X509_check_private_key(parser.cert, key), 1);
    X509_free(parser.cert);
    EXPECT(sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)),
           row->refused);
    if (EVP_PKEY_is_a(public, "RSA"))
        EXPECT(sp_rsa_encrypt(public, "0123456789abcdef", 16), row->refused);
    EVP_PKEY_free(public);
    EVP_PKEY_free(key);
    end_parser(&parser);
}
END_TEST

/* Eight threads parse, pass on, use and free. */
#define THREADS 8
#define PLACES  16

struct item {
    X509 *cert;
    EVP_PKEY *key;
    const struct who *who;
};

static struct pool {
    pthread_mutex_t mutex;
    struct item places[PLACES];
    atomic_bool over;
    atomic_uint used[SP_ROWS(who)], wrong;
} pool = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void free_item(struct item *item)
{
    EVP_PKEY_free(item->key);
    X509_free(item->cert);
}

static void use_item(struct item *item, use_fn *use)
{
    const bool done = use(item->cert, item->key);
    const char *errors = sp_errors();

    atomic_fetch_add(&pool.used[item->who - who], 1);
    if (done != (item->who->refused == NULL) ||
        (!done && strstr(errors, item->who->refused) == NULL)) {
        fprintf(stderr, "%s: %d: %s\n", item->who->name, done, errors);
        atomic_fetch_add(&pool.wrong, 1);
    }
}

static void *pass_on(void *arg)
{
    const unsigned int number = (unsigned int)(uintptr_t)arg;

    for (unsigned int round = number; !atomic_load(&pool.over); round++) {
        const struct who *row = &who[round % SP_ROWS(who)];
        struct item item = { .who = row }, *place = &pool.places[(round * 7 + number) % PLACES];
        struct item other;

        item.key = sp_read_key(row->name);
        item.cert = sp_read_cert(row->name);
        pthread_mutex_lock(&pool.mutex);
        other = *place;
        *place = item;
        pthread_mutex_unlock(&pool.mutex);
        if (other.cert != NULL)
            use_item(&other, uses[(round / 3) % SP_ROWS(uses)]);
        free_item(&other);
    }
    return NULL;
}

static bool all_were_used(void)
{
    for (int i = 0; i < SP_ROWS(who); i++) {
        if (atomic_load(&pool.used[i]) == 0)
            return false;
    }
    return true;
}

START_TEST(eight_threads)
{
    const struct timespec two_seconds = { .tv_sec = 2 };
    pthread_t threads[THREADS];

    sp_start(NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, pass_on, (void *)i), 0);
    /* On a slow machine this takes longer: every thread must have had its turn. */
    do
        (void)nanosleep(&two_seconds, NULL);
    while (!all_were_used());
    atomic_store(&pool.over, true);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < PLACES; i++)
        free_item(&pool.places[i]);
    ck_assert_uint_eq(atomic_load(&pool.wrong), 0);
}
END_TEST

static unsigned char *der;
static int der_length;
static atomic_bool stop_parsing;

static void *parse_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop_parsing)) {
        const unsigned char *p = der;

        X509_free(d2i_X509(NULL, &p, der_length));
    }
    return NULL;
}

static void start_parsing(pthread_t *threads, int count)
{
    der_length = sp_read_der("good-rsa", &der);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, parse_on, NULL), 0);
}

/*
 * The child of a fork: none of our locks may be held by a thread that does not exist
 * in it.  It ends without exit(), so that leak checkers do not report what those
 * threads had.
 */
static void take_every_lock(void)
{
    alarm(SP_PATIENCE);
    for (size_t i = 0; i < SP_SHARDS; i++) {
        sp_lock(i);
        sp_unlock(i);
    }
    sp_lock_life();
    sp_unlock_life();
    (void)raise(SIGKILL);
}

/* Fewer under valgrind, which searches every child for leaks for a second. */
static int repetitions(void)
{
    return getenv("SP_FEW_FORKS") != NULL ? 20 : 200;
}

START_TEST(fork_among_parsing_threads)
{
    const int count = repetitions();
    pthread_t threads[2];
    int fine = 0;

    sp_start(NULL);
    start_parsing(threads, 2);
    for (int i = 0; i < count; i++) {
        int status = -1;
        pid_t child = fork();

        /* Before any assertion, as it allocates, and AddressSanitizer's locks may be held. */
        if (child == 0)
            take_every_lock();
        ck_assert_int_ge(child, 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        fine += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    atomic_store(&stop_parsing, true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    OPENSSL_free(der);
    ck_assert_int_eq(fine, count);
}
END_TEST

/*
 * For ThreadSanitizer: at teardown we may drop the last reference to a certificate.
 * libcrypto is not instrumented, so its reference counts, which order the free after
 * the parser's writes, are not seen.
 */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:let_all_go\n";
}

/*
 * The provider is torn down while other threads go on, as exit() does.  (libcrypto's
 * own cleanup in exit() does not survive that.)
 */
START_TEST(teardown_among_parsing_threads)
{
    pthread_t threads[4];

    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    start_parsing(threads, 4);
    for (int i = 0; i < 50; i++) {
        const struct timespec a_moment = { .tv_nsec = 2000000 };
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
        OSSL_PROVIDER *provider;

        ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
        provider = OSSL_PROVIDER_load(libctx, "smimepolicy");
        ck_assert_ptr_nonnull(provider);
        (void)nanosleep(&a_moment, NULL);
        ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
        OSSL_LIB_CTX_free(libctx);
    }
    atomic_store(&stop_parsing, true);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    OPENSSL_free(der);
}
END_TEST

static pthread_barrier_t parsed;

static void *parse_and_end(void *arg)
{
    const unsigned char *p = der;

    (void)arg;
    X509_free(d2i_X509(NULL, &p, der_length));
    pthread_barrier_wait(&parsed);
    return NULL;
}

/* Wait some microseconds more in each round, to meet every stage of a thread's end. */
static void dawdle(int round)
{
    struct timespec now;

    for (int i = 0; i < 20 * (round % 50); i++)
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
}

/* A program exits right after its threads have finished. */
START_TEST(teardown_among_ending_threads)
{
    const int rounds = repetitions();
    pthread_t threads[4];

    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    der_length = sp_read_der("good-rsa", &der);
    ck_assert_int_eq(pthread_barrier_init(&parsed, NULL, 5), 0);
    for (int round = 0; round < rounds; round++) {
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
        OSSL_PROVIDER *provider;

        ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
        provider = OSSL_PROVIDER_load(libctx, "smimepolicy");
        ck_assert_ptr_nonnull(provider);
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, parse_and_end, NULL), 0);
        pthread_barrier_wait(&parsed);
        dawdle(round);
        ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
        OSSL_LIB_CTX_free(libctx);
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    pthread_barrier_destroy(&parsed);
    OPENSSL_free(der);
}
END_TEST

/* What was recorded is kept if somebody is inside at the stop, and freed if nobody is. */
START_TEST(stopped_with_somebody_inside)
{
    ck_assert(!sp_register_enter());
    ck_assert(sp_register_start(NULL, false));
    ck_assert(sp_register_enter());
    ck_assert(!sp_register_stop());
    ck_assert(!sp_register_enter());
    sp_register_leave();
    ck_assert(sp_register_start(NULL, false));
    ck_assert(sp_register_stop());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = sp_case(suite, "threads");

    tcase_add_loop_test(tests, parsed_in_another_thread, 0, PAIRS);
    tcase_add_loop_test(tests, parsed_in_a_thread_that_ended, 0, PAIRS);
    tcase_add_loop_test(tests, not_known_to_be_complete, 0, SP_ROWS(who));
    tcase_add_loop_test(tests, freed_by_another_thread, 0, SP_ROWS(who));
    tcase_add_test(tests, eight_threads);
    tcase_add_test(tests, fork_among_parsing_threads);
    tcase_add_test(tests, teardown_among_parsing_threads);
    tcase_add_test(tests, teardown_among_ending_threads);
    tcase_add_test(tests, stopped_with_somebody_inside);
    return sp_run_forked(suite);
}
