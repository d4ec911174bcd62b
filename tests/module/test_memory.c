/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of ours fails once.  There must be no crash and no leak (the
 * sanitizers look), and above all nothing may be allowed that is refused otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "keyring_of_test.h"
#include "mail.h"
#include "policy/policy.h"
#include "settings/expect.h"
#include "settings/settings.h"
#include "starve.h"

struct person {
    X509 *cert;
    EVP_PKEY *key;
};

static struct person read_person(OSSL_LIB_CTX *libctx, const char *name)
{
    struct person person = { .cert = X509_new_ex(libctx, NULL) };
    BIO *file = sp_read_file(name, "pem");

    if (person.cert != NULL)
        (void)PEM_read_bio_X509(file, &person.cert, NULL, NULL);
    BIO_free(file);
    file = sp_read_file(name, "key");
    person.key = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, libctx, NULL);
    BIO_free(file);
    return person;
}

static bool sign(OSSL_LIB_CTX *libctx, const struct person *person, unsigned int flags)
{
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message =
        CMS_sign_ex(person->cert, person->key, NULL, data, flags | CMS_BINARY, libctx, NULL);

    BIO_free(data);
    CMS_ContentInfo_free(message);
    return message != NULL;
}

static bool encrypt(OSSL_LIB_CTX *libctx, const struct person *person)
{
    BIO *data = BIO_new_mem_buf("hello", 5);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(libctx, "AES-128-CBC", NULL);
    STACK_OF(X509) *to = sk_X509_new_null();
    CMS_ContentInfo *message;

    ck_assert_int_gt(sk_X509_push(to, person->cert), 0);
    message = CMS_encrypt_ex(to, data, cipher, CMS_BINARY, libctx, NULL);
    CMS_ContentInfo_free(message);
    EVP_CIPHER_free(cipher);
    sk_X509_free(to);
    BIO_free(data);
    return message != NULL;
}

/* Sign attributes in two pieces, the second of them in a copy of the context. */
static bool sign_in_pieces(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t size = sizeof(signature);
    const size_t first = 40, rest = sizeof(sp_mail_attributes) - first;
    bool done = EVP_DigestSignInit_ex(ctx, NULL, "SHA256", libctx, NULL, key, NULL) == 1 &&
                EVP_DigestSignUpdate(ctx, sp_mail_attributes, first) == 1 &&
                EVP_MD_CTX_copy_ex(copy, ctx) == 1 &&
                EVP_DigestSignUpdate(copy, sp_mail_attributes + first, rest) == 1 &&
                EVP_DigestSignFinal(copy, signature, &size) == 1;

    EVP_MD_CTX_free(copy);
    EVP_MD_CTX_free(ctx);
    return done;
}

/* The number of uses of |name|, of four, that worked. */
static int use(OSSL_LIB_CTX *libctx, const char *name)
{
    struct person person = read_person(libctx, name);
    int done = 0;

    if (person.cert != NULL && person.key != NULL)
        done = sign(libctx, &person, 0) + sign(libctx, &person, CMS_NOATTR) +
               encrypt(libctx, &person) + sign_in_pieces(libctx, person.key);
    EVP_PKEY_free(person.key);
    X509_free(person.cert);
    return done;
}

static bool verify(OSSL_LIB_CTX *libctx, const char *name)
{
    CMS_ContentInfo *message = CMS_ContentInfo_new_ex(libctx, NULL);
    BIO *file = sp_read_file(name, "sig");
    X509_STORE *store = X509_STORE_new();
    struct person ca = read_person(libctx, "ca");
    bool done = false;

    if (d2i_CMS_bio(file, &message) != NULL && ca.cert != NULL &&
        X509_STORE_add_cert(store, ca.cert) == 1)
        done = CMS_verify(message, NULL, store, NULL, NULL, 0) == 1;
    CMS_ContentInfo_free(message);
    X509_STORE_free(store);
    X509_free(ca.cert);
    EVP_PKEY_free(ca.key);
    BIO_free(file);
    return done;
}

static const char *const kinds[][3] = { { "good-rsa", "expired-rsa", "no-address-rsa" },
                                        { "good-ec", "expired-ec", "no-address-ec" } };

/* Load, use and unload the provider while one allocation fails; false if none was left to fail. */
static bool live(const char *const *names, long fails)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *provider;
    int good = 0;
    bool verified = false, starving;

    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    sp_starve(fails);
    provider = OSSL_PROVIDER_load(libctx, "smimepolicy");
    if (provider != NULL) {
        good = use(libctx, names[0]);
        ck_assert_msg(use(libctx, names[1]) == 0, "allowed when allocation %ld fails", fails);
        ck_assert_msg(!verify(libctx, names[2]), "verified when allocation %ld fails", fails);
        verified = verify(libctx, names[0]);
        ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
    }
    starving = sp_starve_end();
    OSSL_LIB_CTX_free(libctx);
    ERR_clear_error();
    if (!starving)
        ck_assert_msg(good == 4 && verified, "with all the memory: %d, %d", good, verified);
    return starving;
}

/* Under valgrind each round takes seconds: with SP_STARVE_STEP=N one in N is tried. */
START_TEST(every_allocation_fails_once)
{
    const char *text = getenv("SP_STARVE_STEP");
    const long step = text != NULL ? strtol(text, NULL, 10) : 1;
    long fails = 1;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    while (live(kinds[_i], fails))
        fails += step;
    /* There are more allocations than this, unless ours were not recognised. */
    ck_assert_int_gt(fails, 200);
}
END_TEST

static OSSL_LIB_CTX *context_from(const char *path)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(libctx, path), 1);
    return libctx;
}

static OSSL_LIB_CTX *context_with(const char *settings)
{
    char *text = sp_configuration(settings), *path = sp_temporary(text);
    OSSL_LIB_CTX *libctx = context_from(path);

    free(path);
    free(text);
    return libctx;
}

/*
 * The settings that were promised arrive, or the provider does not start or is locked: alone,
 * or beside an instance that goes on.
 */
START_TEST(every_allocation_of_a_start_fails_once)
{
    smimepolicy_settings *settings;
    OSSL_LIB_CTX *beside;
    long fails = 0;
    bool starving;
    char *text;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    settings = smimepolicy_settings_new();
    text = sp_settings_text(settings);
    ck_assert_int_eq(setenv(SP_EXPECT, text, 1), 0);
    beside = _i == 1 ? context_with(NULL) : NULL;
    do {
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
        OSSL_PROVIDER *provider;

        ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
        sp_starve(++fails);
        provider = OSSL_PROVIDER_load(libctx, "smimepolicy");
        starving = sp_starve_end();
        /* A lock lasts as long as the instance beside. */
        ck_assert_msg(starving ||
                          (provider != NULL && (beside != NULL || sp_policy_locked() == NULL)),
                      "with all the memory");
        if (provider != NULL)
            ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
        OSSL_LIB_CTX_free(libctx);
        ck_assert_int_eq(sp_policy() != NULL, _i == 1);
        ERR_clear_error();
    } while (starving);
    ck_assert_int_gt(fails, 50);
    OSSL_LIB_CTX_free(beside);
    OPENSSL_free(text);
    smimepolicy_settings_free(settings);
}
END_TEST

static OSSL_LIB_CTX *context_with_keyring(const char *settings)
{
    char *all;
    OSSL_LIB_CTX *libctx;

    ck_assert_int_gt(asprintf(&all, "keyring = %s\n%s", sp_keyring_of_test(), settings), 0);
    libctx = context_with(all);
    free(all);
    return libctx;
}

/* The number of certificates and keys loaded.  If it ends early there is an error. */
static int load(OSSL_LIB_CTX *libctx, const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, libctx, NULL, NULL, NULL, NULL, NULL, NULL);
    int count = 0;

    while (store != NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        count += info != NULL;
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return count;
}

static bool sign_mail(OSSL_LIB_CTX *libctx, const char *name)
{
    BIO *file = sp_read_file(name, "key");
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, libctx, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t size = sizeof(signature);
    bool done =
        key != NULL && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", libctx, NULL, key, NULL) == 1 &&
        EVP_DigestSign(ctx, signature, &size, sp_mail_attributes, sizeof(sp_mail_attributes)) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    BIO_free(file);
    return done;
}

static const char *const uris[] = { "smimepolicy:identity/bob@example.org",
                                    "smimepolicy:contact/bob@example.org", "smimepolicy:trust" };

/* Use the keyring while one allocation fails; false if none was left to fail. */
static bool use_keyring(OSSL_LIB_CTX *libctx, long fails)
{
    static const int all[] = { 4, 3, 3 };
    int loaded[SP_ROWS(uris)];
    bool starving;

    sp_starve(fails);
    for (int i = 0; i < SP_ROWS(uris); i++) {
        loaded[i] = load(libctx, uris[i]);
        ck_assert_msg(loaded[i] == all[i] || ERR_peek_error() != 0,
                      "%s: %d and no error when allocation %ld fails", uris[i], loaded[i], fails);
        ERR_clear_error();
    }
    (void)sign_mail(libctx, "good-ec");
    ck_assert_msg(!sign_mail(libctx, "expired-rsa"), "signs when allocation %ld fails", fails);
    ck_assert_msg(!verify(libctx, "good-ec"), "trusted when allocation %ld fails", fails);
    starving = sp_starve_end();
    ERR_clear_error();
    if (!starving)
        ck_assert_msg(loaded[0] == all[0] && loaded[1] == all[1] && loaded[2] == all[2],
                      "with all the memory: %d, %d, %d", loaded[0], loaded[1], loaded[2]);
    return starving;
}

START_TEST(every_allocation_of_the_keyring_fails_once)
{
    const char *text = getenv("SP_STARVE_STEP");
    const long step = text != NULL ? strtol(text, NULL, 10) : 1;
    OSSL_LIB_CTX *libctx;
    long fails = 1;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    libctx = context_with_keyring("trust = keyring");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_put(SP_ROLE_IDENTITY, "expired-rsa");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    /* Checked last: the register never forgets that it could not record something. */
    ck_assert(sign_mail(libctx, "good-ec"));
    while (use_keyring(libctx, fails))
        fails += step;
    ck_assert_int_gt(fails, 100);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* A keyring that its hub has never been in touch with gives nothing, with all the memory or less.
 */
START_TEST(every_allocation_of_a_stale_keyring_fails_once)
{
    OSSL_LIB_CTX *libctx;
    long fails = 0;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    libctx = context_with_keyring("hub = postgresql:///none");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    do {
        sp_starve(++fails);
        ck_assert_int_eq(load(libctx, "smimepolicy:trust"), 0);
        ck_assert_msg(ERR_peek_error() != 0, "no error when allocation %ld fails", fails);
        ERR_clear_error();
    } while (sp_starve_end());
    EXPECT_REFUSED(load(libctx, "smimepolicy:trust") == 1, "[keyring-stale]");
    ck_assert_int_gt(fails, 5);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* What was written to |pipe|; free() it. */
static char *read_all(int pipe)
{
    char *text = calloc(1, 65537);

    ck_assert_int_gt(read(pipe, text, 65536), 0);
    return text;
}

/*
 * Choose for the program that is told, while one allocation fails; false if none was
 * left to fail.  What is given was reported, or all that follows is refused.
 */
static bool use_choice(const char *conf, int pipe, long fails)
{
    static const char *const lines[] = { "\nchosen encrypt ", "\nkey encrypt ",
                                         "\npassed-over encrypt " };
    OSSL_LIB_CTX *libctx = context_from(conf);
    char *text;
    int along, chosen;
    bool starving, failed;

    ERR_clear_error();
    sp_starve(fails);
    along = load(libctx, "smimepolicy:chain/bob@example.org");
    ck_assert_msg(along == 1 || ERR_peek_error() != 0, "%d when %ld fails", along, fails);
    ERR_clear_error();
    chosen = load(libctx, "smimepolicy:contact/bob@example.org");
    failed = ERR_peek_error() != 0 || sp_policy_locked() != NULL;
    ck_assert_msg(chosen == 1 || failed, "%d when %ld fails", chosen, fails);
    ERR_clear_error();
    starving = sp_starve_end();
    ck_assert(starving || (along == 1 && chosen == 1 && !failed));
    text = read_all(pipe);
    for (int i = 0; !failed && i < SP_ROWS(lines); i++)
        ck_assert_msg(strstr(text, lines[i]) != NULL, "%s when %ld fails", text, fails);
    free(text);
    OSSL_LIB_CTX_free(libctx);
    return starving;
}

/* Call |try| with each allocation failing once, with the settings |more| and a report. */
static void starve_with_report(bool (*try)(const char *conf, int pipe, long fails),
                               const char *more, long least)
{
    const char *text = getenv("SP_STARVE_STEP");
    const long step = text != NULL ? strtol(text, NULL, 10) : 1;
    char *settings, *conf, *path;
    long fails = 1;
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_gt(asprintf(&settings,
                              "%s\nreport = %d\nreport_nonce = 0123456789abcdef0123456789abcdef",
                              more, ends[1]),
                     0);
    conf = sp_configuration(settings);
    path = sp_temporary(conf);
    while (try(path, ends[0], fails))
        fails += step;
    ck_assert_int_gt(fails, least);
    free(path);
    free(conf);
    free(settings);
}

START_TEST(every_allocation_of_a_choice_fails_once)
{
    char *keyring;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_put(SP_ROLE_CA, "ca");
    ck_assert_int_gt(asprintf(&keyring, "keyring = %s", sp_keyring_of_test()), 0);
    starve_with_report(use_choice, keyring, 100);
    free(keyring);
}
END_TEST

/*
 * Verify for the command, while one allocation fails; false if none was left to fail.  What
 * passes was reported.
 */
static bool use_verification(const char *conf, int pipe, long fails)
{
    static const char *const lines[] = { "\nvouched ", "\nnote verify ", "\nallowed verify ",
                                         "\nverified " };
    OSSL_LIB_CTX *libctx = context_from(conf);
    bool passed, starving;
    char *text;

    ERR_clear_error();
    sp_starve(fails);
    passed = verify(libctx, "good-rsa");
    starving = sp_starve_end();
    ERR_clear_error();
    ck_assert(starving || passed);
    text = read_all(pipe);
    for (int i = 0; passed && i < SP_ROWS(lines); i++)
        ck_assert_msg(strstr(text, lines[i]) != NULL, "%s when %ld fails", text, fails);
    free(text);
    OSSL_LIB_CTX_free(libctx);
    return starving;
}

START_TEST(every_allocation_of_a_verification_fails_once)
{
    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    starve_with_report(use_verification,
                       "unverified_signers = refuse\nown_anchors = first\nreport_use = verify", 50);
}
END_TEST

static bool sign_without_attributes(OSSL_LIB_CTX *libctx, const char *name)
{
    struct person person = read_person(libctx, name);
    bool done = person.cert != NULL && person.key != NULL && sign(libctx, &person, CMS_NOATTR);

    EVP_PKEY_free(person.key);
    X509_free(person.cert);
    return done;
}

/*
 * Check what `raw_keys = pass` lets pass while one allocation fails; false if none
 * was left to fail.
 */
static bool use_raw_keys(OSSL_LIB_CTX *libctx, long fails)
{
    bool passed, starving;

    sp_starve(fails);
    passed = sign_without_attributes(libctx, "server-rsa");
    ck_assert_msg(!sign_without_attributes(libctx, "expired-rsa") &&
                      !sign_without_attributes(libctx, "broken-rsa"),
                  "signs when allocation %ld fails", fails);
    starving = sp_starve_end();
    ERR_clear_error();
    if (!starving)
        ck_assert_msg(passed, "with all the memory");
    return starving;
}

START_TEST(every_allocation_of_raw_keys_fails_once)
{
    const char *text = getenv("SP_STARVE_STEP");
    const long step = text != NULL ? strtol(text, NULL, 10) : 1;
    OSSL_LIB_CTX *libctx;
    long fails = 1;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    libctx = context_with_keyring("raw_keys = pass");
    while (use_raw_keys(libctx, fails))
        fails += step;
    ck_assert_int_gt(fails, 50);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

static bool sign_digest(OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    static const unsigned char digest[32];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    unsigned char signature[1024];
    size_t size = sizeof(signature);
    bool done = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
                EVP_PKEY_sign(ctx, signature, &size, digest, sizeof(digest)) == 1;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

/*
 * The key was compared with no certificate, so its fingerprint is looked for: among the
 * certificates that were parsed, or in the keyring.  Certificate and key were read and settled
 * with all the memory: the register has missed nothing.
 */
START_TEST(every_allocation_of_a_look_up_fails_once)
{
    const char *name = kinds[_i / 2][1];
    const bool stored = _i % 2 == 1;
    OSSL_LIB_CTX *libctx;
    struct person person;
    long fails = 0;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    libctx = stored ? context_with_keyring("") : context_with(NULL);
    person = read_person(libctx, name);
    if (stored) {
        sp_put(SP_ROLE_CONTACT, name);
        X509_free(person.cert);
        person.cert = NULL;
    }
    EXPECT_REFUSED(sign_digest(libctx, person.key), "[expired]");
    do {
        sp_starve(++fails);
        ck_assert_msg(!sign_digest(libctx, person.key), "signs when allocation %ld fails", fails);
    } while (sp_starve_end());
    EXPECT_REFUSED(sign_digest(libctx, person.key), "[expired]");
    ck_assert_int_gt(fails, 5);
    EVP_PKEY_free(person.key);
    X509_free(person.cert);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *tests = sp_case(suite, "memory");

    /* Hundreds of rounds, perhaps under valgrind on a busy machine. */
    tcase_set_timeout(tests, 900);
    tcase_add_loop_test(tests, every_allocation_fails_once, 0, SP_ROWS(kinds));
    tcase_add_loop_test(tests, every_allocation_of_a_start_fails_once, 0, 2);
    tcase_add_test(tests, every_allocation_of_the_keyring_fails_once);
    tcase_add_test(tests, every_allocation_of_a_stale_keyring_fails_once);
    tcase_add_test(tests, every_allocation_of_a_choice_fails_once);
    tcase_add_test(tests, every_allocation_of_a_verification_fails_once);
    tcase_add_test(tests, every_allocation_of_raw_keys_fails_once);
    tcase_add_loop_test(tests, every_allocation_of_a_look_up_fails_once, 0, 2 * SP_ROWS(kinds));
    return sp_run_forked(suite);
}
