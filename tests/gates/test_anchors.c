/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificate of a program's own store may end a chain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certs.h"
#include "gates/hooks.h"
#include "keyring_of_test.h"

#define YEARS .not_before = "20000101000000Z", .not_after = "20990101000000Z"

/* The root has issued the CA between, which has issued the signer. */
enum { ROOT = 1, BETWEEN = 2, ALL = ROOT | BETWEEN };

#define PARTIAL X509_V_FLAG_PARTIAL_CHAIN
#define UNKNOWN "the chain ends in a certificate that was not uploaded"
#define BY_MAIL "the chain ends in a certificate that came with a mail"

static const struct {
    int named;    /* in the program's store; the CA between is in the message too */
    int uploaded; /* in the keyring; 0: only another contact */
    enum sp_role as;
    unsigned long flags;
    const char *refused[2]; /* with `trust = keyring`, and with `trust = caller`; NULL: it passes */
} rows[] = {
    { ROOT, ROOT, SP_ROLE_CA, 0, { NULL, NULL } },
    { ROOT, 0, SP_ROLE_NONE, 0, { UNKNOWN, NULL } },
    /* A CA that was not uploaded may lead to one that was, unless libcrypto ends there. */
    { ALL, ROOT, SP_ROLE_CA, 0, { NULL, NULL } },
    { ALL, ROOT, SP_ROLE_CA, PARTIAL, { UNKNOWN, NULL } },
    { ALL, BETWEEN, SP_ROLE_CA, 0, { NULL, NULL } },
    { ALL, 0, SP_ROLE_NONE, 0, { UNKNOWN, NULL } },
    { ALL, 0, SP_ROLE_NONE, PARTIAL, { UNKNOWN, NULL } },
    /* Nothing is behind it. */
    { BETWEEN, ROOT, SP_ROLE_CA, PARTIAL, { UNKNOWN, NULL } },
    { BETWEEN, 0, SP_ROLE_NONE, PARTIAL, { UNKNOWN, NULL } },
    { BETWEEN, BETWEEN, SP_ROLE_CA, PARTIAL, { NULL, NULL } },
    /* What no person has put into the keyring. */
    { BETWEEN, BETWEEN, SP_ROLE_INTERMEDIATE, PARTIAL, { BY_MAIL, BY_MAIL } },
    { ROOT, ROOT, SP_ROLE_INTERMEDIATE, 0, { BY_MAIL, BY_MAIL } },
    { ALL, BETWEEN, SP_ROLE_INTERMEDIATE, 0, { UNKNOWN, NULL } },
};

static X509 *make_ca(const char *name, X509 *issuer, EVP_PKEY *key, EVP_PKEY *issuer_key)
{
    return sp_make_cert(&(struct sp_recipe){ YEARS, .subject = name, .key = key, .issuer = issuer,
                                             .issuer_key = issuer_key, .usage = "keyCertSign",
                                             .basic = "critical,CA:TRUE" });
}

static bool verify(X509 *signer, X509 *between, X509_STORE *store, unsigned long flags)
{
    STACK_OF(X509) *message = sk_X509_new_null();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool done;

    ck_assert_int_gt(sk_X509_push(message, between), 0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, message), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    X509_STORE_CTX_set_flags(ctx, flags);
    done = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    sk_X509_free(message);
    return done;
}

START_TEST(ends_of_a_chain)
{
    static const char *const settings[] = { "trust = keyring", "trust = caller" };
    const int row = _i / 2;
    X509_STORE *store = X509_STORE_new();
    X509 *root, *between, *signer;
    /* No key of RSA, which would take long to make. */
    EVP_PKEY *keys[2];

    sp_start_with_keyring(settings[_i % 2]);
    if (rows[row].uploaded == 0)
        sp_put(SP_ROLE_CONTACT, "good-ec");
    for (int i = 0; i < 2; i++)
        keys[i] = sp_make_key("EC", "P-256");
    root = make_ca("Root", NULL, keys[0], keys[0]);
    between = make_ca("Between", root, keys[1], keys[0]);
    signer = sp_make_cert(&(struct sp_recipe){
        YEARS, .key = keys[1], .san = "email:bob@example.org", .usage = "digitalSignature",
        .issuer = between, .issuer_key = keys[1] });
    if ((rows[row].named & ROOT) != 0)
        ck_assert_int_eq(X509_STORE_add_cert(store, root), 1);
    if ((rows[row].named & BETWEEN) != 0)
        ck_assert_int_eq(X509_STORE_add_cert(store, between), 1);
    if ((rows[row].uploaded & ROOT) != 0)
        sp_put_cert(rows[row].as, root, NULL, NULL);
    if ((rows[row].uploaded & BETWEEN) != 0)
        sp_put_cert(rows[row].as, between, NULL, NULL);
    ERR_clear_error();
    EXPECT(verify(signer, between, store, rows[row].flags), rows[row].refused[_i % 2]);
    X509_free(signer);
    X509_free(between);
    X509_free(root);
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
    X509_STORE_free(store);
}
END_TEST

/* Of certificates whose birth was missed the facts are read when they are asked about. */
START_TEST(parsed_before_the_provider_was_there)
{
    static const char *const settings[] = { "trust = keyring", "trust = caller" };
    X509_STORE *store;
    X509 *root, *between, *signer;
    EVP_PKEY *keys[2];
    char *all, *text, *path;

    ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    for (int i = 0; i < 2; i++)
        keys[i] = sp_make_key("EC", "P-256");
    root = make_ca("Root", NULL, keys[0], keys[0]);
    between = make_ca("Between", root, keys[1], keys[0]);
    signer = sp_make_cert(&(struct sp_recipe){
        YEARS, .key = keys[1], .san = "email:bob@example.org", .usage = "digitalSignature",
        .issuer = between, .issuer_key = keys[1] });
    sp_put_cert(SP_ROLE_CA, between, NULL, NULL);
    ck_assert_int_gt(asprintf(&all, "keyring = %s\n%s", sp_keyring_of_test(), settings[_i]), 0);
    text = sp_configuration(all);
    path = sp_temporary(text);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(NULL, path), 1);
    store = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_add_cert(store, root), 1);
    ERR_clear_error();
    EXPECT(verify(signer, between, store, 0), _i == 0 ? UNKNOWN : NULL);
    X509_STORE_free(store);
    X509_free(signer);
    X509_free(between);
    X509_free(root);
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
    free(path);
    free(text);
    free(all);
}
END_TEST

/* That libcrypto has asked about the signer before says nothing about another chain. */
START_TEST(asked_about_for_another_chain)
{
    X509_STORE *store = X509_STORE_new();
    EVP_PKEY *key;
    X509 *own, *signer;

    sp_start_with_keyring("trust = caller");
    key = sp_make_key("EC", "P-256");
    own = sp_make_cert(&(struct sp_recipe){ YEARS, .subject = "Alice", .key = key,
                                            .san = "email:alice@example.org",
                                            .basic = "critical,CA:TRUE" });
    signer = sp_make_cert(&(struct sp_recipe){ YEARS, .key = key, .san = "email:bob@example.org",
                                               .usage = "digitalSignature", .issuer = own,
                                               .issuer_key = key });
    ck_assert_int_eq(X509_STORE_add_cert(store, own), 1);
    ck_assert(sp_purposes_begin_trusted(signer));
    EXPECT_REFUSED(verify(signer, own, store, 0), "[distrust-default]");
    X509_STORE_free(store);
    X509_free(signer);
    X509_free(own);
    EVP_PKEY_free(key);
}
END_TEST

/* Where the keyring vouches, one that is not there is told, and not only that nobody vouches. */
START_TEST(no_keyring)
{
    X509_STORE *store = X509_STORE_new();
    EVP_PKEY *key;
    X509 *root, *signer;

    sp_start(_i == 0 ? "keyring = /nonexistent/keyring\ntrust = keyring\n"
                     : "keyring = /nonexistent/keyring\ntrust = caller\n");
    key = sp_make_key("EC", "P-256");
    root = make_ca("Root", NULL, key, key);
    signer = sp_make_cert(&(struct sp_recipe){ YEARS, .key = key, .san = "email:bob@example.org",
                                               .usage = "digitalSignature", .issuer = root,
                                               .issuer_key = key });
    ck_assert_int_eq(X509_STORE_add_cert(store, root), 1);
    EXPECT(verify(signer, root, store, 0), _i == 0 ? "/nonexistent/keyring" : NULL);
    X509_STORE_free(store);
    X509_free(signer);
    X509_free(root);
    EVP_PKEY_free(key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("anchors");
    TCase *tests = sp_case(suite, "anchors");

    tcase_add_loop_test(tests, ends_of_a_chain, 0, 2 * SP_ROWS(rows));
    tcase_add_loop_test(tests, parsed_before_the_provider_was_there, 0, 2);
    tcase_add_test(tests, asked_about_for_another_chain);
    tcase_add_loop_test(tests, no_keyring, 0, 2);
    return sp_run_forked(suite);
}
