/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Gates and a stored CRL: while memory runs out, in threads, and across fork().
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certs.h"
#include "keyring_of_test.h"
#include "mail.h"
#include "revocation/crl_file.h"
#include "starve.h"

static X509 *read_cert(OSSL_LIB_CTX *libctx, const char *name)
{
    BIO *file = sp_read_file(name, "pem");
    X509 *cert = X509_new_ex(libctx, NULL);

    if (cert != NULL)
        (void)PEM_read_bio_X509(file, &cert, NULL, NULL);
    BIO_free(file);
    return cert;
}

/* Store a CRL of |ca| that names |serial|; NULL: nobody. */
static void store_crl_with(X509 *ca, const ASN1_INTEGER *serial)
{
    const struct sp_keyid id = sp_keyid_of_cert(NULL, ca);
    const struct sp_crl_issuer issuer = { .key = id.hash,
                                          .name = X509_get_subject_name(ca),
                                          .cert = ca };
    const struct sp_crl_about about = { .this_update = 1690899628, .next_update = 4102444800 };
    char *why = NULL;
    struct sp_crl_writer *writer = sp_crl_writer_new(sp_keyring_of_test(), &issuer, &about, &why);

    ck_assert_msg(writer != NULL, "%s", why);
    if (serial != NULL) {
        const struct sp_crl_entry entry = { ASN1_STRING_get0_data(serial),
                                            (size_t)ASN1_STRING_length(serial), 1690899628, 1, 0 };

        ck_assert(sp_crl_writer_add(writer, &entry, &why));
    }
    ck_assert_msg(sp_crl_writer_commit(writer, &why), "%s", why);
    sp_crl_writer_free(writer);
}

/* Of a certificate of make_pki; NULL: of nobody. */
static void store_crl_of(X509 *ca, const char *name)
{
    X509 *cert = name != NULL ? read_cert(NULL, name) : NULL;

    store_crl_with(ca, cert != NULL ? X509_get0_serialNumber(cert) : NULL);
    X509_free(cert);
}

static void store_crl(const char *name)
{
    X509 *ca = read_cert(NULL, "ca");

    store_crl_of(ca, name);
    X509_free(ca);
}

/* Of a CA with the name of ours, and another key. */
static void store_crl_of_namesake(const char *name)
{
    X509 *ca = read_cert(NULL, "ca");
    EVP_PKEY *key = EVP_EC_gen("P-256");

    ck_assert(X509_set_pubkey(ca, key) == 1 && X509_sign(ca, key, EVP_sha256()) > 0);
    store_crl_of(ca, name);
    EVP_PKEY_free(key);
    X509_free(ca);
}

static bool remove_crl(const struct sp_crl_file *file, void *data)
{
    char *why;

    (void)data;
    ck_assert(sp_crl_file_remove(file->path, &why));
    return true;
}

/* So that the keyring of the test can be removed. */
static void remove_crls(void)
{
    char *why, folder[128];

    ck_assert(sp_crl_files_each(sp_keyring_of_test(), remove_crl, NULL, &why));
    (void)snprintf(folder, sizeof(folder), "%s/crls", sp_keyring_of_test());
    ck_assert_int_eq(rmdir(folder), 0);
}

static bool encrypt(OSSL_LIB_CTX *libctx, const char *name)
{
    X509 *cert = read_cert(libctx, name);
    BIO *data = BIO_new_mem_buf("hello", 5);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(libctx, "AES-128-CBC", NULL);
    STACK_OF(X509) *to = sk_X509_new_null();
    CMS_ContentInfo *message = NULL;

    if (cert != NULL && sk_X509_push(to, cert) > 0)
        message = CMS_encrypt_ex(to, data, cipher, CMS_BINARY, libctx, NULL);
    CMS_ContentInfo_free(message);
    EVP_CIPHER_free(cipher);
    sk_X509_pop_free(to, X509_free);
    BIO_free(data);
    return message != NULL;
}

static OSSL_LIB_CTX *context(void)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    char *settings, *conf, *path;

    sp_put(SP_ROLE_CA, "ca");
    ck_assert_int_gt(asprintf(&settings, "keyring = %s", sp_keyring_of_test()), 0);
    conf = sp_configuration(settings);
    path = sp_temporary(conf);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(libctx, path), 1);
    free(path);
    free(conf);
    free(settings);
    return libctx;
}

/* The test CA has no key identifier, so the signature is looked at, too. */
START_TEST(every_allocation_fails_once)
{
    const char *text = getenv("SP_STARVE_STEP");
    const long step = text != NULL ? strtol(text, NULL, 10) : 1;
    OSSL_LIB_CTX *libctx;
    long fails = 1;
    bool starved;

    ck_assert(sp_starve_watch());
    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    libctx = context();
    ck_assert(encrypt(libctx, "good-rsa"));
    store_crl("good-rsa");
    EXPECT_REFUSED(encrypt(libctx, "good-rsa"), "[revoked]");
    do {
        sp_starve(fails);
        ck_assert_msg(!encrypt(libctx, "good-rsa"), "encrypted when allocation %ld fails", fails);
        starved = sp_starve_end();
        ERR_clear_error();
        fails += step;
    } while (starved);
    ck_assert_int_gt(fails, 30);
    EXPECT_REFUSED(encrypt(libctx, "good-rsa"), "[revoked]");
    remove_crls();
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* Without key identifiers the signature tells whose CRL it is. */
START_TEST(crl_of_a_namesake)
{
    OSSL_LIB_CTX *libctx = context();

    store_crl_of_namesake("good-rsa");
    EXPECT_DONE(encrypt(libctx, "good-rsa"));
    store_crl("good-rsa");
    EXPECT_REFUSED(encrypt(libctx, "good-rsa"), "[revoked]");
    remove_crls();
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* Also of a certificate that the register does not know. */
START_TEST(parsed_before_us)
{
    X509 *before;
    OSSL_LIB_CTX *libctx;

    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    before = read_cert(NULL, "good-rsa");
    libctx = context();
    store_crl_of_namesake("good-rsa");
    EXPECT_DONE(X509_check_purpose(before, X509_PURPOSE_SMIME_SIGN, 0) == 1);
    store_crl("good-rsa");
    EXPECT_REFUSED(X509_check_purpose(before, X509_PURPOSE_SMIME_SIGN, 0) == 1, "[revoked]");
    remove_crls();
    OSSL_LIB_CTX_free(libctx);
    X509_free(before);
}
END_TEST

#define YEARS .not_before = "20200101000000Z", .not_after = "20991231235959Z"

/* A root, a CA below it, and a signer below that; the root is in the store, or the CA alone. */
static const struct {
    const char *settings;
    enum sp_role root, middle, signer; /* as what they are kept */
    bool is_revoked;                   /* the CA, by the root */
    bool is_alone;                     /* the CA ends the chain */
    const char *refused;
} chains[] = {
    { "", SP_ROLE_CA, SP_ROLE_NONE, SP_ROLE_NONE, false, false, NULL },
    { "", SP_ROLE_CA, SP_ROLE_NONE, SP_ROLE_NONE, true, false, "[revoked]" },
    { "mode = observe", SP_ROLE_CA, SP_ROLE_NONE, SP_ROLE_NONE, true, false, NULL },
    { "", SP_ROLE_CA, SP_ROLE_CA, SP_ROLE_NONE, true, false, "[revoked]" },
    { "", SP_ROLE_NONE, SP_ROLE_NONE, SP_ROLE_NONE, true, true, "[revoked]" },
    /* A contact whose root may not issue vouches for itself. */
    { "", SP_ROLE_CONTACT, SP_ROLE_NONE, SP_ROLE_NONE, false, false, "[distrust-default]" },
    { "", SP_ROLE_CONTACT, SP_ROLE_NONE, SP_ROLE_CONTACT, true, false, NULL },
    /* Only an anchor needs no answer. */
    { "revocation = hard", SP_ROLE_CA, SP_ROLE_NONE, SP_ROLE_NONE, false, false,
      "[revocation-unknown]" },
    { "revocation = hard", SP_ROLE_CA, SP_ROLE_INTERMEDIATE, SP_ROLE_NONE, false, false,
      "[revocation-unknown]" },
    { "revocation = hard", SP_ROLE_CA, SP_ROLE_CONTACT, SP_ROLE_NONE, false, false,
      "[revocation-unknown]" },
    { "revocation = hard", SP_ROLE_CA, SP_ROLE_CA, SP_ROLE_NONE, false, false, NULL },
    { "revocation = hard", SP_ROLE_NONE, SP_ROLE_NONE, SP_ROLE_NONE, false, true, NULL },
};

static bool verify(X509 *signer, X509 *middle, X509 *anchor)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *along = sk_X509_new_null();
    bool done;

    ck_assert(X509_STORE_add_cert(store, anchor) == 1 && sk_X509_push(along, middle) > 0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, along), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    done = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(along);
    return done;
}

/* As sp_start_with_keyring(), in a process that has used libcrypto already. */
static void start_late(const char *settings)
{
    char *all, *text, *path;

    ck_assert_int_gt(asprintf(&all, "keyring = %s\n%s", sp_keyring_of_test(), settings), 0);
    text = sp_configuration(all);
    path = sp_temporary(text);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(NULL, path), 1);
    free(path);
    free(text);
    free(all);
}

/* The certificates are parsed while we watch, or were there before. */
START_TEST(issuer_of_a_signer)
{
    const int row = _i / 2;
    const bool before = _i % 2 == 1;
    struct sp_recipe recipe = { YEARS, .usage = "keyCertSign", .basic = "critical,CA:TRUE" };
    X509 *certs[3];
    const enum sp_role roles[] = { chains[row].root, chains[row].middle, chains[row].signer };
    static const char *const names[] = { "Root", "Middle", "Bob" };

    if (before)
        ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    else
        sp_start_with_keyring(chains[row].settings);
    recipe.key = sp_test_ec();
    for (int i = 0; i < 3; i++) {
        recipe.subject = names[i];
        recipe.serial = 7 + i;
        if (i == 2)
            recipe = (struct sp_recipe){ YEARS,
                                         .subject = names[i],
                                         .key = sp_test_ec(),
                                         .serial = 9,
                                         .issuer = certs[1],
                                         .san = "email:bob@example.org",
                                         .usage = "digitalSignature" };
        certs[i] = sp_make_cert(&recipe);
        recipe.issuer = certs[i];
    }
    if (before)
        start_late(chains[row].settings);
    sp_put(SP_ROLE_CONTACT, "good-ec");
    for (int i = 0; i < 3; i++)
        if (roles[i] != SP_ROLE_NONE)
            sp_put_cert(roles[i], certs[i], NULL, NULL);
    store_crl_with(certs[1], NULL);
    if (chains[row].is_revoked)
        store_crl_with(certs[0], X509_get0_serialNumber(certs[1]));
    ERR_clear_error();
    EXPECT(verify(certs[2], certs[1], certs[chains[row].is_alone ? 1 : 0]), chains[row].refused);
    for (int i = 0; i < 3; i++)
        X509_free(certs[i]);
    remove_crls();
}
END_TEST

/*
 * Beside the CA of a signer, which is revoked or not: others of its name with other keys, and a
 * certificate of the same key that is not revoked.
 */
static const struct {
    int strangers;
    bool is_revoked, is_renewed;
    const char *refused;
} namesakes[] = {
    { 0, false, false, NULL },       { 0, true, false, "[revoked]" }, { 1, false, false, NULL },
    { 1, true, false, "[revoked]" }, { 2, true, false, "[revoked]" }, { 1, true, true, NULL },
};

static X509 *parsed(const struct sp_recipe *recipe)
{
    X509 *made = sp_make_cert(recipe), *cert = X509_dup(made);

    ck_assert_ptr_nonnull(cert);
    X509_free(made);
    return cert;
}

START_TEST(issuer_of_a_signature)
{
    struct sp_recipe recipe = { YEARS, .subject = "Root", .usage = "keyCertSign",
                                .basic = "critical,CA:TRUE" };
    X509 *root, *middle, *beside[3], *signer;
    int count = 0;

    sp_start_with_keyring("signer_path = refuse");
    recipe.key = sp_test_ec();
    root = parsed(&recipe);
    recipe.issuer = root;
    recipe.issuer_key = sp_test_ec();
    recipe.subject = "Middle";
    recipe.serial = 7;
    middle = parsed(&recipe);
    recipe.serial = 8;
    if (namesakes[_i].is_renewed)
        beside[count++] = parsed(&recipe);
    for (int i = 0; i < namesakes[_i].strangers; i++) {
        EVP_PKEY *key = sp_make_key("EC", "P-256");

        recipe.key = key;
        recipe.serial = 9 + i;
        beside[count++] = parsed(&recipe);
        EVP_PKEY_free(key);
    }
    signer = parsed(&(struct sp_recipe){
        YEARS, .subject = "Bob", .serial = 20, .issuer = middle, .issuer_key = sp_test_ec(),
        .key = sp_test_rsa(), .san = "email:bob@example.org", .usage = "digitalSignature" });
    sp_put_cert(SP_ROLE_CA, root, NULL, NULL);
    store_crl_with(root, namesakes[_i].is_revoked ? X509_get0_serialNumber(middle) : NULL);
    ERR_clear_error();
    EXPECT(sp_cms_sign(signer, sp_test_rsa(), 0), namesakes[_i].refused);
    X509_free(signer);
    while (count > 0)
        X509_free(beside[--count]);
    X509_free(middle);
    X509_free(root);
    remove_crls();
}
END_TEST

/* Without a keyring nobody answers for signer and issuer. */
START_TEST(answers_of_no_keyring)
{
    struct sp_recipe recipe = { YEARS, .subject = "Root", .usage = "keyCertSign",
                                .basic = "critical,CA:TRUE" };
    X509 *root, *middle, *signer;

    sp_start(_i == 0 ? "revocation = hard" : "revocation = hard\nmode = observe");
    recipe.key = sp_test_ec();
    root = parsed(&recipe);
    recipe.issuer = root;
    recipe.issuer_key = sp_test_ec();
    recipe.subject = "Middle";
    middle = parsed(&recipe);
    signer = parsed(&(struct sp_recipe){
        YEARS, .subject = "Bob", .issuer = middle, .issuer_key = sp_test_ec(), .key = sp_test_rsa(),
        .san = "email:bob@example.org", .usage = "digitalSignature" });
    EXPECT(verify(signer, middle, root), _i == 0 ? "[revocation-unknown]" : NULL);
    EXPECT(sp_cms_sign(signer, sp_test_rsa(), 0), _i == 0 ? "[revocation-unknown]" : NULL);
    X509_free(signer);
    X509_free(middle);
    X509_free(root);
}
END_TEST

/* What a child, or its parent, stores is known to the other at once. */
START_TEST(across_a_fork)
{
    OSSL_LIB_CTX *libctx = context();
    pid_t child;
    int status;

    ck_assert(encrypt(libctx, "good-rsa"));
    store_crl("good-rsa");
    child = fork();
    if (child == 0)
        _exit(encrypt(libctx, "good-rsa") ? 1 : 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    child = fork();
    if (child == 0) {
        store_crl(NULL);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(encrypt(libctx, "good-rsa"));
    remove_crls();
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

#define ROUNDS 40

/* Encrypt to one who is revoked and to one who is not; returns NULL if each answer was right. */
static void *ask(void *libctx)
{
    bool right = true;

    for (int i = 0; i < ROUNDS && right; i++)
        right = !encrypt(libctx, "good-rsa") && encrypt(libctx, "good-ec");
    ERR_clear_error();
    return right ? NULL : libctx;
}

/* While another thread stores the same CRL again and again. */
START_TEST(in_threads)
{
    OSSL_LIB_CTX *libctx = context();
    pthread_t threads[3];
    void *wrong;

    store_crl("good-rsa");
    for (int i = 0; i < SP_ROWS(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, libctx), 0);
    for (int i = 0; i < ROUNDS; i++)
        store_crl("good-rsa");
    for (int i = 0; i < SP_ROWS(threads); i++) {
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    remove_crls();
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("revoked");
    TCase *tests = sp_case(suite, "gates");

    tcase_set_timeout(tests, 900);
    tcase_add_test(tests, every_allocation_fails_once);
    tcase_add_test(tests, crl_of_a_namesake);
    tcase_add_test(tests, parsed_before_us);
    tcase_add_loop_test(tests, issuer_of_a_signer, 0, 2 * SP_ROWS(chains));
    tcase_add_loop_test(tests, issuer_of_a_signature, 0, SP_ROWS(namesakes));
    tcase_add_loop_test(tests, answers_of_no_keyring, 0, 2);
    tcase_add_test(tests, across_a_fork);
    tcase_add_test(tests, in_threads);
    return sp_run_forked(suite);
}
