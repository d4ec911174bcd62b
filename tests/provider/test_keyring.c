/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The keyring inside a process: keys of certificates that nobody parsed, email
 * trust, and what is loaded by a smimepolicy: URI.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509v3.h>

#include "certs.h"
#include "kept.h"
#include "mail.h"
#include "store/uri.h"

static const unsigned char digest[32];

/* Start with the keyring in the settings, and |more| of them. */
static void start(const char *more)
{
    char *settings;

    ck_assert_int_gt(asprintf(&settings, "keyring = %s\n%s", sp_kept_path(), more), 0);
    sp_start(settings);
    free(settings);
}

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
    start("");
    sp_keep(SP_ROLE_IDENTITY, "good-ec");
    sp_keep(SP_ROLE_CONTACT, "good-rsa");
    sp_keep(SP_ROLE_IDENTITY, "expired-rsa");
    EXPECT_DONE(sign_mail("good-ec"));
    EXPECT_DONE(sign_mail("good-rsa"));
    EXPECT_DONE(sign_raw("good-ec"));
    EXPECT_REFUSED(sign_mail("expired-rsa"), "[expired]");
    EXPECT_REFUSED(sign_raw("expired-rsa"), "[expired]");
    EXPECT_REFUSED(sign_mail("stranger-ec"), "[certificate-required]");
    EXPECT_DONE(sign_raw("stranger-ec"));
}
END_TEST

START_TEST(disagreement_refuses)
{
    start("unknown_keys = refuse");
    sp_keep(SP_ROLE_IDENTITY, "good-rsa");
    EXPECT_DONE(sign_raw("good-rsa"));
    sp_keep(SP_ROLE_IDENTITY, "old-rsa");
    EXPECT_REFUSED(sign_raw("good-rsa"), "certificates that are judged differently share this key");
    EXPECT_REFUSED(sign_raw("stranger-rsa"), "[certificate-required]");
}
END_TEST

/* A point that came over the wire, as TLS sets it into a new key. */
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
    start("");
    EXPECT_REFUSED(sign_mail("good-ec"), "there is no keyring in");
    EXPECT_DONE(agree_as_tls());
    sp_keep(SP_ROLE_IDENTITY, "good-ec");
    EXPECT_DONE(sign_mail("good-ec"));
    ck_assert_int_eq(chmod(sp_kept_path(), 0777), 0);
    EXPECT_REFUSED(sign_mail("good-ec"), "keyring cannot be used");
    EXPECT_REFUSED(sign_raw("stranger-ec"), "can be written by others");
    EXPECT_DONE(agree_as_tls());
    /* A certificate that was parsed is judged without asking. */
    EXPECT_DONE(sp_sign_as("good-ec"));
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
    start("trust = keyring");
    sp_keep(SP_ROLE_CONTACT, "good-ec");
    EXPECT_REFUSED(verify("good-rsa", "ca", 0), "[distrust-default]");
    EXPECT_REFUSED(verify("good-rsa", "ca", PARTIAL), "[distrust-default]");
    EXPECT_REFUSED(verify("good-rsa", "good-rsa", PARTIAL), "[distrust-default]");
    EXPECT_DONE(verify("good-ec", "good-ec", PARTIAL));
    sp_keep(SP_ROLE_CA, "ca");
    EXPECT_DONE(verify("good-rsa", "ca", 0));
    EXPECT_REFUSED(verify("good-rsa", "good-rsa", PARTIAL), "[distrust-default]");
    EXPECT_REFUSED(verify("no-address-ec", "ca", 0), "[signer-certificate]");
    ck_assert_int_eq(chmod(sp_kept_path(), 0777), 0);
    EXPECT_REFUSED(verify("good-rsa", "ca", 0), "keyring cannot be used");
}
END_TEST

/* An anchor that libcrypto is told to trust still has to satisfy the rules as a signer. */
START_TEST(explicit_trust_is_no_way_round)
{
    static const char *const settings[] = { "trust = caller", "trust = keyring" };
    ASN1_OBJECT *mail;
    X509 *cert;

    start(settings[_i]);
    sp_keep(SP_ROLE_CONTACT, "no-address-ec");
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

/* Everything that |uri| gives, as letters: C a certificate, K a key; "!" at the end if it failed.
 */
struct loaded {
    char kinds[256];
    char first[64]; /* common name of the first certificate */
};

static char *passphrase;

static int tell(char *buffer, int size, int verify, void *data)
{
    (void)verify;
    (void)data;
    (void)snprintf(buffer, (size_t)size, "%s", passphrase);
    return (int)strlen(buffer);
}

static void note(struct loaded *loaded, OSSL_STORE_INFO *info)
{
    const bool is_cert = OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_CERT;
    size_t count = strlen(loaded->kinds);

    if (is_cert && strchr(loaded->kinds, 'C') == NULL)
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(OSSL_STORE_INFO_get0_CERT(info)),
                                        NID_commonName, loaded->first, (int)sizeof(loaded->first));
    if (count < sizeof(loaded->kinds) - 2)
        loaded->kinds[count] = is_cert ? 'C' : 'K';
}

static struct loaded load(const char *uri, int expected, const X509_NAME *subject)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(tell, 0);
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, NULL, NULL, NULL);
    struct loaded loaded = { 0 };
    OSSL_STORE_SEARCH *search = NULL;
    X509_NAME *copy = subject != NULL ? X509_NAME_dup(subject) : NULL;

    if (store != NULL && expected != 0)
        ck_assert_int_eq(OSSL_STORE_expect(store, expected), 1);
    if (copy != NULL) {
        search = OSSL_STORE_SEARCH_by_name(copy);
        ck_assert_int_eq(OSSL_STORE_find(store, search), 1);
    }
    while (store != NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            note(&loaded, info);
        OSSL_STORE_INFO_free(info);
    }
    /* OSSL_STORE_error() of 3.0 is true at every end. */
    if (ERR_peek_error() != 0)
        loaded.kinds[strlen(loaded.kinds)] = '!';
    OSSL_STORE_SEARCH_free(search);
    X509_NAME_free(copy);
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    return loaded;
}

static void expect_load(const char *uri, int expected, const char *kinds, const char *first,
                        const char *error)
{
    struct loaded loaded = load(uri, expected, NULL);
    const char *errors = sp_errors();

    ck_assert_msg(strcmp(loaded.kinds, kinds) == 0, "%s: %s, not %s: %s", uri, loaded.kinds, kinds,
                  errors);
    ck_assert_str_eq(loaded.first, first);
    if (error == NULL)
        ck_assert_str_eq(errors, "");
    else
        ck_assert_msg(strstr(errors, error) != NULL, "%s: %s", uri, errors);
}

#define CERT      OSSL_STORE_INFO_CERT
#define KEY       OSSL_STORE_INFO_PKEY
#define BOB(kind) "smimepolicy:" kind "/bob@example.org"

START_TEST(by_address)
{
    start("");
    sp_keep(SP_ROLE_IDENTITY, "old-ec");
    sp_keep(SP_ROLE_IDENTITY, "encrypt-only-rsa");
    sp_keep(SP_ROLE_IDENTITY, "good-ec");
    sp_keep(SP_ROLE_CONTACT, "sign-only-rsa");
    sp_keep(SP_ROLE_CONTACT, "good-rsa");
    sp_keep(SP_ROLE_CA, "ca");
    expect_load(BOB("identity"), 0, "CKCKCK", "good-ec", NULL);
    expect_load(BOB("identity"), CERT, "CCC", "good-ec", NULL);
    expect_load(BOB("identity"), KEY, "K", "", NULL);
    /* Among equals the first that was stored: both may be encrypted to. */
    expect_load(BOB("contact"), CERT, "CCCCC", "encrypt-only-rsa", NULL);
    expect_load(BOB("contact"), 0, "CCCCC", "encrypt-only-rsa", NULL);
    expect_load(BOB("contact"), KEY, "!", "", "nothing of the kind");
    expect_load(BOB("contact"), OSSL_STORE_INFO_CRL, "!", "", "nothing of the kind");
    expect_load("smimepolicy:trust", 0, "CCCCCC", "old-ec", NULL);
    expect_load("smimepolicy:trust", KEY, "!", "", "nothing of the kind");
    expect_load("smimepolicy:identity/ca@example.org", 0, "!", "", "no identity has this address");
}
END_TEST

START_TEST(an_escaped_address)
{
    static const char address[] = "O'Brien+a/b?c%d#\"e\"@Example.Org";
    X509 *cert;
    char *uri;

    start("");
    cert = sp_make_cert(&(struct sp_recipe){ .subject = "O'Brien",
                                             .san = "email:O'Brien+a/b?c%d#\"e\"@Example.Org",
                                             .usage = "digitalSignature" });
    sp_keep_cert(SP_ROLE_CONTACT, cert, NULL, NULL);
    uri = sp_uri_write(SP_URI_CONTACT, address);
    expect_load(uri, 0, "C", "O'Brien", NULL);
    OPENSSL_free(uri);
    X509_free(cert);
}
END_TEST

START_TEST(a_key_under_a_passphrase)
{
    X509 *cert;
    EVP_PKEY *key;

    start("");
    cert = sp_read_cert("good-rsa");
    key = sp_read_key("good-rsa");
    sp_keep_cert(SP_ROLE_IDENTITY, cert, key, "secret");
    passphrase = (char[]){ "secret" };
    expect_load(BOB("identity"), 0, "CK", "good-rsa", NULL);
    expect_load(BOB("identity"), KEY, "K", "", NULL);
    passphrase = (char[]){ "wrong" };
    expect_load(BOB("identity"), KEY, "!", "", "is the passphrase right?");
    expect_load(BOB("identity"), CERT, "C", "good-rsa", NULL);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

static const struct elsewhere {
    const char *uri, *kinds, *error;
} elsewhere[] = {
    { "file:" SP_PKI "/good-rsa.key", "CK", NULL },
    { "file:" SP_PKI "/nowhere.key", "C!", "nowhere.key: no private key could be loaded" },
    { "file:" SP_PKI "/good-rsa.pem", "C!", "good-rsa.pem: no private key could be loaded" },
    { "pkcs11:object=x", "C!", "-inkey 'pkcs11:object=x'" },
    { "smimepolicy:identity/bob@example.org", "C!", "not in a file" },
};

START_TEST(a_key_elsewhere)
{
    const struct elsewhere *row = &elsewhere[_i];
    X509 *cert;

    start("");
    cert = sp_read_cert("good-rsa");
    sp_keep_elsewhere(cert, row->uri);
    expect_load(BOB("identity"), 0, row->kinds, "good-rsa", row->error);
    X509_free(cert);
}
END_TEST

/* More than a page of the cursor, and one of them by its name. */
START_TEST(many)
{
    enum { MANY = 150 };
    char name[32], kinds[MANY + 1] = "";
    X509 *cert = NULL;
    struct loaded loaded;

    start("");
    for (int i = 0; i < MANY; i++) {
        X509_free(cert);
        (void)snprintf(name, sizeof(name), "Person %d", i);
        cert = sp_make_cert(&(struct sp_recipe){ .subject = name,
                                                 .key = sp_test_ec(),
                                                 .serial = i + 1,
                                                 .san = "email:many@example.org",
                                                 .usage = "digitalSignature" });
        sp_keep_cert(SP_ROLE_CONTACT, cert, NULL, NULL);
        kinds[i] = 'C';
    }
    expect_load("smimepolicy:trust", 0, kinds, "Person 0", NULL);
    expect_load("smimepolicy:contact/many@example.org", 0, kinds, "Person 0", NULL);
    loaded = load("smimepolicy:trust", 0, X509_get_subject_name(cert));
    ck_assert_str_eq(loaded.kinds, "C");
    ck_assert_str_eq(loaded.first, "Person 149");
    EXPECT_DONE(true);
    X509_free(cert);
}
END_TEST

START_TEST(without_a_keyring)
{
    sp_start(NULL);
    expect_load("smimepolicy:trust", 0, "!", "", "the setting keyring is not set");
    expect_load(SP_PKI "/ca.pem", 0, "C", "CA", NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring");
    TCase *tests = sp_case(suite, "keyring");

    tcase_add_test(tests, a_key_of_no_parsed_certificate);
    tcase_add_test(tests, disagreement_refuses);
    tcase_add_test(tests, a_keyring_that_cannot_be_read);
    tcase_add_test(tests, trust_is_the_keyrings);
    tcase_add_loop_test(tests, explicit_trust_is_no_way_round, 0, 2);
    tcase_add_test(tests, by_address);
    tcase_add_test(tests, an_escaped_address);
    tcase_add_test(tests, a_key_under_a_passphrase);
    tcase_add_loop_test(tests, a_key_elsewhere, 0, SP_ROWS(elsewhere));
    tcase_add_test(tests, many);
    tcase_add_test(tests, without_a_keyring);
    return sp_run_forked(suite);
}
