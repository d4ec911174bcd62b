/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sixteen threads do everything at once, while the process forks, and other
 * instances of the provider come and go.  Every answer is checked.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/store.h>

#include "keyring_of_test.h"
#include "register/locks.h"
#include "mail.h"

#define THREADS 16

static atomic_uint wrong, done;

/* Fewer under valgrind and sanitizers, where a round takes twenty times as long. */
static unsigned rounds(void)
{
    return getenv("SP_FEW_FORKS") != NULL ? 3 : 30;
}

/* Is |reason| in the queue of this thread?  Empties it. */
static bool is_told(const char *reason)
{
    unsigned long code;
    bool told = false;

    while ((code = ERR_get_error()) != 0) {
        const char *text = ERR_reason_error_string(code);

        told = told || (text != NULL && strstr(text, reason) != NULL);
    }
    return told;
}

/* Expect that it fails with |reason|; NULL: that it works. */
static void expect(bool worked, const char *reason)
{
    const bool right = reason == NULL ? worked : !worked && is_told(reason);

    ERR_clear_error();
    atomic_fetch_add(right ? &done : &wrong, 1);
}

static void mail_is_signed(void)
{
    expect(sp_sign_as("good-rsa"), NULL);
    expect(sp_sign_as("expired-ec"), "[expired]");
}

static void mail_is_encrypted(void)
{
    expect(sp_encrypt_to("good-ec"), NULL);
    expect(sp_encrypt_to("server-rsa"), "[extended-key-usage]");
}

static void mail_is_read(void)
{
    expect(sp_cms_verify("good-ec", 0), NULL);
    expect(sp_pkcs7_verify("server-rsa", 0), "[signer-certificate]");
    expect(sp_cms_decrypt("expired-rsa"), NULL);
}

/* A certificate that the next thread takes, uses and frees. */
static struct {
    pthread_mutex_t mutex;
    X509 *cert;
    bool good;
} shelf = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void certificate_is_handed_over(void)
{
    static atomic_uint turn;
    const bool good = atomic_fetch_add(&turn, 1) % 2 == 0;
    X509 *mine = sp_read_cert(good ? "good-rsa" : "expired-rsa"), *taken;
    bool taken_good;

    pthread_mutex_lock(&shelf.mutex);
    taken = shelf.cert;
    taken_good = shelf.good;
    shelf.cert = mine;
    shelf.good = good;
    pthread_mutex_unlock(&shelf.mutex);
    if (taken != NULL)
        expect(sp_cms_encrypt(taken, NULL, 0), taken_good ? NULL : "[expired]");
    X509_free(taken);
}

/* By fingerprint: a look-up by address parses every certificate of the address. */
#define URI "smimepolicy:cert/"
static char good_uri[sizeof(URI) + 2 * SP_SHA256_LENGTH] = URI;

static void name_certificate(const char *name)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    X509 *cert = sp_read_cert(name);

    ck_assert_int_eq(X509_digest(cert, EVP_sha256(), fingerprint, NULL), 1);
    ck_assert_int_eq(OPENSSL_buf2hexstr_ex(good_uri + strlen(URI), sizeof(good_uri) - strlen(URI),
                                           NULL, fingerprint, sizeof(fingerprint), '\0'),
                     1);
    X509_free(cert);
}

static void keyring_is_asked(void)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(good_uri, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info = store != NULL ? OSSL_STORE_load(store) : NULL;
    X509 *cert = info != NULL ? OSSL_STORE_INFO_get1_CERT(info) : NULL;

    expect(cert != NULL && sp_cms_encrypt(cert, NULL, 0), NULL);
    X509_free(cert);
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
}

static bool sign_with_key(const char *name)
{
    EVP_PKEY *key = sp_read_key(name);
    bool made = sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes));

    EVP_PKEY_free(key);
    return made;
}

/*
 * Use two keys: the keyring has a certificate of the first, which the program does
 * not parse; the second has none.
 */
static void keyring_is_fallen_back_on(void)
{
    expect(sign_with_key("compressed-ec"), "[expired]");
    expect(sign_with_key("stranger-ec"), "[certificate-required]");
}

static void (*const works[])(void) = {
    mail_is_signed,   mail_is_encrypted,         mail_is_read, certificate_is_handed_over,
    keyring_is_asked, keyring_is_fallen_back_on,
};
#define WORKS (sizeof(works) / sizeof(works[0]))

static void *work(void *arg)
{
    for (size_t i = 0; i < rounds() * WORKS; i++)
        works[((size_t)(uintptr_t)arg + i) % WORKS]();
    return NULL;
}

/* Load and unload a library context with the same settings. */
static void reload(const char *configuration)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

    expect(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init) == 1 &&
               OSSL_LIB_CTX_load_config(libctx, configuration) == 1,
           NULL);
    OSSL_LIB_CTX_free(libctx);
}

/* In the child no lock of ours is held by a thread that does not exist there. */
static void take_every_lock_in_a_child(void)
{
    int status = -1;
    pid_t child = fork();

    /* Nothing is asserted here: libcheck has a lock, too. */
    if (child == 0) {
        alarm(SP_PATIENCE);
        for (size_t i = 0; i < SP_SHARDS; i++) {
            sp_lock(i);
            sp_unlock(i);
        }
        /* No exit(): a missing thread may hold libcrypto's locks. */
        (void)raise(SIGKILL);
    }
    ck_assert_int_ge(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, NULL);
}

/*
 * For ThreadSanitizer: the parsing thread may hold the last reference to a
 * certificate, after the thread that used it.  libcrypto is not instrumented, so its
 * reference counts, which order the two, are not seen.
 */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:let_go\nrace:settle\n";
}

/* Certificates that are still alive at the end of the program. */
static X509 *alive[4];
static pthread_t threads[THREADS];

START_TEST(all_at_once)
{
    static const char *const names[] = { "good-rsa", "good-ec", "expired-rsa", "server-ec" };
    const unsigned answers = (2 + 2 + 3 + 1 + 1 + 2) * THREADS * rounds() + 2 * rounds();
    char *settings, *text, *configuration;

    ck_assert_int_gt(asprintf(&settings, "keyring = %s\n", sp_keyring_of_test()), 0);
    text = sp_configuration(settings);
    configuration = sp_temporary(text);
    sp_start(settings);
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_put(SP_ROLE_IDENTITY, "compressed-ec");
    name_certificate("good-rsa");
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (void *)i), 0);
    for (unsigned i = 0; i < rounds(); i++) {
        reload(configuration);
        take_every_lock_in_a_child();
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    /* The first exchange finds nothing, and the last certificate stays. */
    ck_assert_uint_eq(atomic_load(&wrong), 0);
    ck_assert_uint_eq(atomic_load(&done), answers - 1);
    for (size_t i = 0; i < 4; i++)
        alive[i] = sp_read_cert(names[i]);
    free(configuration);
    free(text);
    free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("torture");
    TCase *tests = sp_case(suite, "torture");

    tcase_add_test(tests, all_at_once);
    return sp_run_forked(suite);
}
