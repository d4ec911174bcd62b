/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Loading by a smimepolicy: URI, through OSSL_STORE.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include "certs.h"
#include "keyring/contact.h"
#include "keyring_of_test.h"
#include "keyrings.h"
#include "store/uri.h"

/* What |uri| loads, as letters: C for a certificate, K for a key, "!" at the end if it failed. */
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

static void note_name(struct loaded *loaded, const X509_NAME *name)
{
    int place = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, place));

    (void)snprintf(loaded->first, sizeof(loaded->first), "%.*s", ASN1_STRING_length(value),
                   (const char *)ASN1_STRING_get0_data(value));
}

static void note(struct loaded *loaded, OSSL_STORE_INFO *info)
{
    const bool is_cert = OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_CERT;
    size_t count = strlen(loaded->kinds);

    if (is_cert && strchr(loaded->kinds, 'C') == NULL)
        note_name(loaded, X509_get_subject_name(OSSL_STORE_INFO_get0_CERT(info)));
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
    /* In 3.0 OSSL_STORE_error() is true at every end. */
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
    sp_start_with_keyring("");
    sp_put(SP_ROLE_IDENTITY, "old-ec");
    sp_put(SP_ROLE_IDENTITY, "encrypt-only-rsa");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_put(SP_ROLE_CONTACT, "sign-only-rsa");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_put(SP_ROLE_CA, "ca");
    expect_load(BOB("identity"), 0, "CKCKCK", "good-ec", NULL);
    expect_load(BOB("identity"), CERT, "CCC", "good-ec", NULL);
    expect_load(BOB("identity"), KEY, "K", "", NULL);
    /* Of equal ones the first that was stored: both may be encrypted to. */
    expect_load(BOB("contact"), CERT, "CCCCC", "encrypt-only-rsa", NULL);
    expect_load(BOB("contact"), 0, "CCCCC", "encrypt-only-rsa", NULL);
    expect_load(BOB("contact"), KEY, "!", "", "nothing of the kind");
    expect_load(BOB("contact"), OSSL_STORE_INFO_CRL, "!", "", "nothing of the kind");
    expect_load(BOB("contact"), OSSL_STORE_INFO_NAME, "!", "", "nothing of the kind");
    expect_load("smimepolicy:trust", 0, "CCCCCC", "old-ec", NULL);
    expect_load("smimepolicy:trust", KEY, "!", "", "nothing of the kind");
    expect_load("smimepolicy:identity/ca@example.org", 0, "!", "", "no identity has this address");
}
END_TEST

START_TEST(an_escaped_address)
{
    X509 *cert;

    sp_start_with_keyring("");
    cert = sp_make_cert(&(struct sp_recipe){ .subject = "O'Brien",
                                             .san = "email:O'Brien+a/b?c%d#\"e\"@Example.Org",
                                             .usage = "digitalSignature" });
    sp_put_cert(SP_ROLE_CONTACT, cert, NULL, NULL);
    expect_load("smimepolicy:contact/O%27Brien%2Ba%2Fb%3Fc%25d%23%22e%22@Example.Org", 0, "C",
                "O'Brien", NULL);
    X509_free(cert);
}
END_TEST

START_TEST(a_key_under_a_passphrase)
{
    X509 *cert;
    EVP_PKEY *key;

    sp_start_with_keyring("");
    cert = sp_read_cert("good-rsa");
    key = sp_read_key("good-rsa");
    sp_put_cert(SP_ROLE_IDENTITY, cert, key, "secret");
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

    sp_start_with_keyring("");
    cert = sp_read_cert("good-rsa");
    sp_put_elsewhere(cert, row->uri);
    expect_load(BOB("identity"), 0, row->kinds, "good-rsa", row->error);
    X509_free(cert);
}
END_TEST

/* The program is asked for the passphrase of a key in a file, too. */
START_TEST(a_key_elsewhere_under_a_passphrase)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text, *file, uri[200];
    EVP_PKEY *key;
    X509 *cert;

    sp_start_with_keyring("");
    cert = sp_read_cert("good-rsa");
    key = sp_read_key("good-rsa");
    ck_assert_int_eq(
        PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL), 1);
    ck_assert_int_eq(BIO_write(out, "", 1), 1);
    ck_assert_int_gt(BIO_get_mem_data(out, &text), 0);
    file = sp_temporary(text);
    (void)snprintf(uri, sizeof(uri), "file:%s", file);
    sp_put_elsewhere(cert, uri);
    passphrase = (char[]){ "secret" };
    expect_load(BOB("identity"), 0, "CK", "good-rsa", NULL);
    passphrase = (char[]){ "wrong" };
    expect_load(BOB("identity"), 0, "C!", "good-rsa", "no private key could be loaded");
    free(file);
    BIO_free(out);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/* Of several keys in a file the first is taken. */
START_TEST(keys_elsewhere)
{
    static const char *const names[] = { "good-rsa", "stranger-rsa" };
    BIO *out = BIO_new(BIO_s_mem());
    EVP_PKEY *keys[2], *given = NULL;
    char *text, *file, uri[200];
    OSSL_STORE_CTX *store;
    X509 *cert;

    sp_start_with_keyring("");
    for (int i = 0; i < 2; i++) {
        keys[i] = sp_read_key(names[i]);
        ck_assert_int_eq(PEM_write_bio_PrivateKey(out, keys[i], NULL, NULL, 0, NULL, NULL), 1);
    }
    ck_assert_int_eq(BIO_write(out, "", 1), 1);
    ck_assert_int_gt(BIO_get_mem_data(out, &text), 0);
    file = sp_temporary(text);
    (void)snprintf(uri, sizeof(uri), "file:%s", file);
    cert = sp_read_cert("good-rsa");
    sp_put_elsewhere(cert, uri);
    store = OSSL_STORE_open(BOB("identity"), NULL, NULL, NULL, NULL);
    ck_assert_int_eq(OSSL_STORE_expect(store, KEY), 1);
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL)
            given = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    ck_assert_ptr_nonnull(given);
    ck_assert_int_eq(EVP_PKEY_eq(given, keys[0]), 1);
    OSSL_STORE_close(store);
    EVP_PKEY_free(given);
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
    X509_free(cert);
    BIO_free(out);
    free(file);
}
END_TEST

/* More certificates than fit a page, and one of them by its subject. */
START_TEST(many)
{
    enum { MANY = 150 };
    char name[32], kinds[MANY + 1] = "";
    X509 *cert = NULL;
    struct loaded loaded;

    sp_start_with_keyring("");
    for (int i = 0; i < MANY; i++) {
        X509_free(cert);
        (void)snprintf(name, sizeof(name), "Person %d", i);
        cert = sp_make_cert(&(struct sp_recipe){ .subject = name,
                                                 .key = sp_test_ec(),
                                                 .serial = i + 1,
                                                 .san = "email:many@example.org",
                                                 .usage = "digitalSignature" });
        sp_put_cert(SP_ROLE_CONTACT, cert, NULL, NULL);
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

static bool attach(void)
{
    BIO *in = BIO_new_mem_buf("", 0);
    OSSL_STORE_CTX *store =
        OSSL_STORE_attach(in, "smimepolicy", NULL, NULL, NULL, NULL, NULL, NULL, NULL);

    OSSL_STORE_close(store);
    BIO_free(in);
    return store != NULL;
}

/* A search of an unknown kind must not find everything.  |search| is freed. */
static bool search_by(OSSL_STORE_SEARCH *search)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open("smimepolicy:trust", NULL, NULL, NULL, NULL);
    bool done = OSSL_STORE_find(store, search) == 1;

    ck_assert_int_eq(OSSL_STORE_supports_search(store, OSSL_STORE_SEARCH_BY_NAME), 1);
    ck_assert_int_eq(OSSL_STORE_supports_search(store, OSSL_STORE_SEARCH_BY_ALIAS), 0);
    OSSL_STORE_SEARCH_free(search);
    OSSL_STORE_close(store);
    return done;
}

START_TEST(what_it_cannot_do)
{
    static const char *const told = "searched by subject alone";
    static const unsigned char digest[32];
    X509 *cert;
    X509_NAME *issuer;

    sp_start_with_keyring("");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    cert = sp_read_cert("good-ec");
    issuer = X509_NAME_dup(X509_get_issuer_name(cert));
    EXPECT_REFUSED(attach(), "not read from a stream");
    EXPECT_REFUSED(search_by(OSSL_STORE_SEARCH_by_alias("bob")), told);
    EXPECT_REFUSED(
        search_by(OSSL_STORE_SEARCH_by_issuer_serial(issuer, X509_get0_serialNumber(cert))), told);
    EXPECT_REFUSED(
        search_by(OSSL_STORE_SEARCH_by_key_fingerprint(EVP_sha256(), digest, sizeof(digest))),
        told);
    X509_NAME_free(issuer);
    X509_free(cert);
}
END_TEST

/* Of the certificates of an address those with the subject. */
START_TEST(by_address_and_subject)
{
    X509 *cert, *other;
    struct loaded loaded;

    sp_start_with_keyring("");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    cert = sp_read_cert("good-ec");
    other = sp_read_cert("ca");
    loaded = load(BOB("contact"), 0, X509_get_subject_name(cert));
    ck_assert_str_eq(loaded.kinds, "C");
    ck_assert_str_eq(loaded.first, "good-ec");
    /* There may be none: libcrypto looks for issuers so. */
    loaded = load(BOB("contact"), 0, X509_get_subject_name(other));
    ck_assert_str_eq(loaded.kinds, "");
    X509_free(cert);
    X509_free(other);
}
END_TEST

static char *uri_of_cert(const char *name)
{
    X509 *cert = sp_read_cert(name);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    char *text = NULL;
    size_t used = strlen("smimepolicy:cert/");

    ck_assert_int_eq(X509_digest(cert, EVP_sha256(), digest, &length), 1);
    text = malloc(used + 2 * length + 1);
    memcpy(text, "smimepolicy:cert/", used);
    for (unsigned int i = 0; i < length; i++, used += 2)
        (void)snprintf(text + used, 3, "%02x", digest[i]);
    X509_free(cert);
    return text;
}

START_TEST(by_fingerprint)
{
    char *identity, *contact, *nobody;

    sp_start_with_keyring("");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    identity = uri_of_cert("good-ec");
    contact = uri_of_cert("good-rsa");
    nobody = uri_of_cert("old-ec");
    expect_load(identity, 0, "CK", "good-ec", NULL);
    expect_load(identity, CERT, "C", "good-ec", NULL);
    expect_load(identity, KEY, "K", "", NULL);
    expect_load(contact, 0, "C", "good-rsa", NULL);
    expect_load(contact, KEY, "!", "", "no private key belongs to this certificate");
    expect_load(nobody, 0, "!", "", "no certificate has this fingerprint");
    free(identity);
    free(contact);
    free(nobody);
}
END_TEST

/* Which certificate is the best for an address is not known if one cannot be read. */
START_TEST(a_damaged_entry)
{
    sp_start_with_keyring("");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES,
               "UPDATE certificate SET der = x'3000' WHERE id = 1");
    expect_load(BOB("contact"), 0, "!", "", "keyring: entry 1 cannot be parsed");
}
END_TEST

/* One alone is given as it is: nothing was chosen. */
START_TEST(a_damaged_entry_alone)
{
    static const char *const names[] = { BOB("identity"), BOB("chain") };
    const char *errors;

    sp_start_with_keyring("");
    sp_put(SP_ROLE_IDENTITY, "good-rsa");
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES, "UPDATE certificate SET der = x'3000'");
    for (int i = 0; i < SP_ROWS(names); i++) {
        /* OpenSSL 4.0 passes over what it cannot decode. */
        const struct loaded loaded = load(names[i], CERT, NULL);

        ck_assert_msg(*loaded.kinds == '\0' || strcmp(loaded.kinds, "!") == 0, "%s", loaded.kinds);
        errors = sp_errors();
        ck_assert_msg(strstr(errors, "cannot be parsed") == NULL, "%s", errors);
    }
}
END_TEST

/* The reason says what has to be mended. */
START_TEST(what_cannot_be_opened)
{
    sp_start_with_keyring("");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    expect_load("smimepolicy:contact/", 0, "!", "", "not a URI of the keyring: smimepolicy:");
    ck_assert_int_eq(chmod(sp_keyring_of_test(), 0777), 0);
    expect_load("smimepolicy:trust", 0, "!", "", "keyring cannot be used: smimepolicy:trust: ");
}
END_TEST

START_TEST(without_a_keyring)
{
    unsetenv("SMIME_POLICY_KEYRING");
    unsetenv("XDG_DATA_HOME");
    unsetenv("HOME");
    sp_start(NULL);
    expect_load("smimepolicy:trust", 0, "!", "", "neither the setting keyring nor HOME");
    expect_load(SP_PKI "/ca.pem", 0, "C", "CA", NULL);
}
END_TEST

/* Without the setting it is the user's own keyring, by its name or by HOME. */
START_TEST(the_keyring_of_the_user)
{
    const char *data = sp_keyring_of_test();

    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", data, 1), 0);
    sp_start(NULL);
    expect_load("smimepolicy:trust", 0, "!", "", "there is no keyring in ");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    expect_load("smimepolicy:trust", 0, "C", "good-ec", NULL);
    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", "keyring", 1), 0);
    expect_load("smimepolicy:trust", 0, "!", "", "neither the setting keyring nor HOME");
    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", data, 1), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(data, 12345, 0), 0);
        expect_load("smimepolicy:trust", 0, "!", "",
                    "(uid 12345), who could put another keyring there; correct its owner, or move "
                    "the keyring; or name the keyring in the setting keyring");
        ck_assert_int_eq(chown(data, 0, 0), 0);
    }
    expect_load("smimepolicy:trust", 0, "C", "good-ec", NULL);
}
END_TEST

/* A setting may name the keyring of another user. */
START_TEST(the_keyring_of_another_user)
{
    sp_start_with_keyring("");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    if (geteuid() == 0)
        ck_assert_int_eq(chown(sp_keyring_of_test(), 12345, 0), 0);
    expect_load("smimepolicy:trust", 0, "C", "good-ec", NULL);
}
END_TEST

START_TEST(a_locked_policy)
{
    sp_start_with_keyring("mode = other\n");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    expect_load("smimepolicy:trust", 0, "!", "", "refused: load: ");
    expect_load(SP_PKI "/ca.pem", 0, "C", "CA", NULL);
}
END_TEST

/* Start with the keyring and a report; |more| is added to the section. */
static int start_with_report(const char *more)
{
    char settings[200];
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    (void)snprintf(settings, sizeof(settings),
                   "report = %d\nreport_nonce = 0123456789abcdef0123456789abcdef\n%s", ends[1],
                   more);
    sp_start_with_keyring(settings);
    /* Nothing may wait for what is not written. */
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    return ends[0];
}

static bool is_fingerprint(const char *text)
{
    return strspn(text, "0123456789abcdef") == 64;
}

/*
 * Compare the lines of the report from the first about the keyring on.  A fingerprint
 * reads as F.
 */
static void expect_report(int pipe, const char *expected)
{
    static const char *const words[] = { "asks ", "chosen ", "refused " };
    char text[20000], short_text[20000] = "";
    const ssize_t length = read(pipe, text, sizeof(text) - 1);
    const char *from = NULL;
    size_t used = 0;

    text[length > 0 ? length : 0] = '\0';
    for (int i = 0; i < SP_ROWS(words) && from == NULL; i++)
        from = strstr(text, words[i]);
    for (const char *p = from != NULL ? from : ""; *p != '\0'; p++) {
        const bool skipped = is_fingerprint(p);

        short_text[used++] = skipped ? 'F' : *p;
        p += skipped ? 63 : 0;
    }
    ck_assert_str_eq(short_text, expected);
}

/* The report says next that this certificate goes along. */
static void expect_along(int pipe, const char *name)
{
    X509 *cert = sp_read_cert(name);
    unsigned char hash[SP_SHA256_LENGTH];
    char fingerprint[SP_FINGERPRINT_TEXT], expected[100], text[100];
    const ssize_t length = read(pipe, text, sizeof(text) - 1);

    sp_fingerprint(cert, hash);
    sp_fingerprint_text(hash, fingerprint);
    (void)snprintf(expected, sizeof(expected), "along %s\n", fingerprint);
    text[length > 0 ? length : 0] = '\0';
    ck_assert_str_eq(text, expected);
    X509_free(cert);
}

/* With a report the chosen certificate alone is given. */
START_TEST(the_choice_is_reported)
{
    const int report = start_with_report("");

    sp_put(SP_ROLE_IDENTITY, "old-ec");
    sp_put(SP_ROLE_IDENTITY, "encrypt-only-rsa");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    expect_load(BOB("identity"), CERT, "C", "good-ec", NULL);
    expect_report(
        report,
        "chosen sign bob@example.org F same of 3 certificates CN=good-ec, serial 0x66, is used\n"
        "key sign F ec\n"
        "passed-over sign bob@example.org F usage-sign not CN=encrypt-only-rsa, serial "
        "0x70: Key Usage does not allow signing [usage-sign]\n"
        "passed-over sign bob@example.org F expired not CN=old-ec, serial 0x67: "
        "certificate expired on 2024-07-31T14:20:28Z [expired]\n");
    /* Its key is loaded in addition, and its certificate goes along. */
    expect_load(BOB("identity"), KEY, "K", "", NULL);
    expect_report(report, "");
    expect_load(BOB("chain"), CERT, "C", "good-ec", NULL);
    expect_along(report, "good-ec");
    expect_load(BOB("issuers"), CERT, "!", "", "no issuer of this identity is stored");
    expect_report(report, "");
    expect_load("SMIMEPOLICY:contact/B%6Fb@example.org", 0, "C", "encrypt-only-rsa", NULL);
    expect_report(report,
                  "chosen encrypt B%6Fb@example.org F same of 4 certificates CN=encrypt-only-rsa, "
                  "serial 0x70, is used\n"
                  "key encrypt F rsa\n"
                  "passed-over encrypt B%6Fb@example.org F - not CN=good-ec, serial 0x66: another "
                  "one is valid for longer\n"
                  "passed-over encrypt B%6Fb@example.org F - not CN=good-rsa, serial 0x64: another "
                  "one is valid for longer\n"
                  "passed-over encrypt B%6Fb@example.org F expired not CN=old-ec, serial 0x67: "
                  "certificate expired on 2024-07-31T14:20:28Z [expired]\n");
    expect_load("smimepolicy:contact/nobody@example.org", 0, "!", "", "no contact has this");
    expect_report(report, "");
}
END_TEST

START_TEST(the_best_of_unusable_ones)
{
    const int report = start_with_report("");

    sp_put(SP_ROLE_CONTACT, "sign-only-rsa");
    expect_load(BOB("contact"), CERT, "C", "sign-only-rsa", NULL);
    expect_report(report, "chosen encrypt bob@example.org F only\nkey encrypt F rsa\n");
    sp_put(SP_ROLE_CONTACT, "old-ec");
    expect_load(BOB("contact"), CERT, "C", "sign-only-rsa", NULL);
    expect_report(report, "chosen encrypt bob@example.org F unusable of 2 certificates "
                          "CN=sign-only-rsa, serial 0x6f, is used\n"
                          "key encrypt F rsa\n"
                          "passed-over encrypt bob@example.org F expired not CN=old-ec, serial "
                          "0x67: certificate expired on 2024-07-31T14:20:28Z [expired]\n");
}
END_TEST

/* The kind of the key tells the program how to sign. */
START_TEST(a_pss_key_is_reported)
{
    const int report = start_with_report("");
    EVP_PKEY *key = sp_make_rsa("RSA-PSS", 2048);
    X509 *cert = sp_make_cert(&(struct sp_recipe){ .key = key,
                                                   .not_after = "20991231235959Z",
                                                   .san = "email:bob@example.org",
                                                   .usage = "digitalSignature" });

    sp_put_cert(SP_ROLE_IDENTITY, cert, key, NULL);
    expect_load(BOB("identity"), CERT, "C", "Bob", NULL);
    expect_report(report, "chosen sign bob@example.org F only\nkey sign F pss\n");
    X509_free(cert);
    EVP_PKEY_free(key);
}
END_TEST

/* What has come since a week ago is a change, and what has always been there is none. */
START_TEST(a_change_is_reported)
{
    const int report = start_with_report("");
    X509 *cert = sp_make_cert(&(struct sp_recipe){ .not_after = "20991231235959Z",
                                                   .san = "email:bob@example.org",
                                                   .usage = "keyEncipherment" });
    char expected[300];

    sp_put_cert(SP_ROLE_CONTACT, cert, NULL, NULL);
    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES,
               "UPDATE certificate SET uploaded = 1720000000");
    if (_i == 1)
        sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES,
                   "UPDATE certificate SET uploaded = strftime('%s', 'now') - 86400 WHERE id = 1");
    expect_load(BOB("contact"), CERT, "C", "Bob", NULL);
    (void)snprintf(expected, sizeof(expected),
                   "chosen encrypt bob@example.org F %s of 2 certificates CN=Bob, serial 0x1f, is "
                   "used\nkey encrypt F rsa\npassed-over encrypt bob@example.org F - not "
                   "CN=good-rsa, serial 0x64: another one is valid for longer\n",
                   _i == 1 ? "changed" : "same");
    expect_report(report, expected);
    X509_free(cert);
}
END_TEST

#define DIRECTORY "contacts = ldap://x\ncontacts_age = 1h\n"

/* Which recipients the command asks a directory about first. */
static const struct fetching {
    const char *settings, *cert;
    int origin, age; /* as stored: how many seconds ago */
    bool asks;
} fetchings[] = {
    { DIRECTORY, "good-rsa", SP_ORIGIN_DIRECTORY, 3700, true },
    { DIRECTORY, "good-rsa", SP_ORIGIN_DIRECTORY, 3000, false },
    { DIRECTORY, "good-rsa", SP_ORIGIN_COLLECTED, 3700, false },
    { DIRECTORY, "good-rsa", SP_ORIGIN_UPLOADED, 3700, false },
    { DIRECTORY, "expired-rsa", SP_ORIGIN_UPLOADED, 0, true },
    { DIRECTORY, "sign-only-rsa", SP_ORIGIN_COLLECTED, 0, true },
    { "contacts_age = 1h\n", "good-rsa", SP_ORIGIN_DIRECTORY, 3700, false },
    { "", "sign-only-rsa", SP_ORIGIN_UPLOADED, 0, false },
};

START_TEST(a_directory_is_asked_first)
{
    const struct fetching *row = &fetchings[_i];
    const int report = start_with_report(row->settings);
    char sql[200];

    sp_put(SP_ROLE_CONTACT, row->cert);
    (void)snprintf(sql, sizeof(sql),
                   "UPDATE certificate SET origin = %d, uploaded = strftime('%%s', 'now') - %d",
                   row->origin, row->age);
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES, sql);
    if (row->asks)
        expect_load(BOB("contact"), CERT, "!", "", "a directory is to be asked first");
    else
        expect_load(BOB("contact"), CERT, "C", row->cert, NULL);
    expect_report(report, row->asks ? "asks directory\n"
                                    : "chosen encrypt bob@example.org F only\nkey encrypt F rsa\n");
}
END_TEST

/* Not because of a certificate that is passed over: one that expired, or the later of two. */
START_TEST(the_chosen_one_counts)
{
    const int report = start_with_report(DIRECTORY);

    sp_put(SP_ROLE_CONTACT, "good-rsa");
    sp_put(SP_ROLE_CONTACT, _i == 0 ? "expired-rsa" : "good-ec");
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES,
               "UPDATE certificate SET uploaded = uploaded - 20000 / id;"
               "UPDATE certificate SET origin = 3 WHERE id = 2");
    expect_load(BOB("contact"), CERT, "C", "good-rsa", NULL);
    (void)close(report);
}
END_TEST

/* A directory has certificates of recipients.  Who signs has one of his own. */
START_TEST(a_directory_has_no_identity)
{
    const int report = start_with_report(DIRECTORY);

    sp_put(SP_ROLE_IDENTITY, "expired-rsa");
    expect_load(BOB("identity"), CERT, "C", "expired-rsa", NULL);
    expect_report(report, "chosen sign bob@example.org F only\nkey sign F rsa\n");
    expect_load(BOB("chain"), CERT, "C", "expired-rsa", NULL);
    expect_along(report, "expired-rsa");
}
END_TEST

/* The command is told; a program gets what is stored. */
START_TEST(no_program_is_asked_to)
{
    sp_start_with_keyring(DIRECTORY);
    sp_put(SP_ROLE_CONTACT, "expired-rsa");
    expect_load(BOB("contact"), CERT, "C", "expired-rsa", NULL);
}
END_TEST

static const struct asking {
    const char *passphrase, *uri, *kinds, *error, *line;
} asking[] = {
    { NULL, NULL, "K", NULL, "" },
    { "secret", NULL, "!", "it needs a passphrase, and report_asks = no", "asks passphrase\n" },
    { NULL, "pkcs11:object=x", "!", "it needs a token, and report_asks = no", "asks token\n" },
    { NULL, "file:" SP_PKI "/good-rsa.key", "K", NULL, "" },
};

START_TEST(nobody_is_asked)
{
    const struct asking *row = &asking[_i];
    const int report = start_with_report("report_asks = no\n");
    X509 *cert = sp_read_cert("good-rsa");
    EVP_PKEY *key = sp_read_key("good-rsa");

    passphrase = (char[]){ "secret" };
    if (row->uri != NULL)
        sp_put_elsewhere(cert, row->uri);
    else
        sp_put_cert(SP_ROLE_IDENTITY, cert, key, row->passphrase);
    expect_load(BOB("identity"), KEY, row->kinds, "", row->error);
    expect_report(report, row->line);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/* The key is in a file, under a passphrase. */
START_TEST(nobody_is_asked_for_a_file)
{
    const int report = start_with_report("report_asks = no\n");
    X509 *cert = sp_read_cert("good-rsa");
    EVP_PKEY *key = sp_read_key("good-rsa");
    char *file = sp_temporary("");
    char uri[200];
    const char *errors;
    BIO *out = BIO_new_file(file, "w");

    ck_assert_int_eq(
        PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
    BIO_free(out);
    (void)snprintf(uri, sizeof(uri), "file:%s", file);
    passphrase = (char[]){ "secret" };
    sp_put_elsewhere(cert, uri);
    ck_assert_str_eq(load(BOB("identity"), KEY, NULL).kinds, "!");
    errors = sp_errors();
    ck_assert_msg(strstr(errors, "it needs a passphrase, and report_asks = no") != NULL &&
                      strstr(errors, "no private key could be loaded") == NULL,
                  "%s", errors);
    expect_report(report, "asks passphrase\n");
    EVP_PKEY_free(key);
    X509_free(cert);
    free(file);
}
END_TEST

START_TEST(issuers)
{
    sp_start_with_keyring("");
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    expect_load(BOB("issuers"), 0, "!", "", "no issuer of this identity is stored");
    expect_load(BOB("chain"), 0, "C", "good-ec", NULL);
    sp_put(SP_ROLE_CA, "ca");
    /* The root is not sent. */
    expect_load(BOB("issuers"), CERT, "!", "", "no issuer of this identity is stored");
    expect_load(BOB("chain"), CERT, "C", "good-ec", NULL);
    expect_load(BOB("chain"), KEY, "!", "", "nothing of the kind");
    expect_load("smimepolicy:issuers/nobody@example.org", 0, "!", "", "no identity has this");
    expect_load("smimepolicy:chain/nobody@example.org", 0, "!", "", "no identity has this");
}
END_TEST

#define LATER "20991231235959Z"

/*
 * Store Bob as an identity, and as CAs his issuer, which is valid until |issuer_end|,
 * and its root.
 */
static void put_chain(const char *issuer_end, const char *root_end)
{
    struct sp_recipe root = { .subject = "Root",
                              .basic = "critical,CA:TRUE",
                              .serial = 1,
                              .not_after = root_end,
                              .key = sp_test_ec() };
    struct sp_recipe issuer = { .subject = "Issuer",
                                .basic = "critical,CA:TRUE",
                                .serial = 2,
                                .not_after = issuer_end,
                                .key = sp_test_ec() };
    struct sp_recipe bob = { .subject = "Bob",
                             .serial = 3,
                             .not_after = LATER,
                             .san = "email:bob@example.org",
                             .usage = "digitalSignature" };
    X509 *certs[3];

    certs[0] = sp_make_cert(&root);
    issuer.issuer = certs[0];
    certs[1] = sp_make_cert(&issuer);
    bob.issuer = certs[1];
    certs[2] = sp_make_cert(&bob);
    sp_put_cert(SP_ROLE_IDENTITY, certs[2], sp_test_rsa(), NULL);
    sp_put_cert(SP_ROLE_CA, certs[1], NULL, NULL);
    sp_put_cert(SP_ROLE_CA, certs[0], NULL, NULL);
    for (int i = 0; i < 3; i++)
        X509_free(certs[i]);
}

START_TEST(issuers_up_to_the_root)
{
    sp_start_with_keyring("");
    put_chain(LATER, LATER);
    expect_load(BOB("issuers"), CERT, "C", "Issuer", NULL);
    expect_load(BOB("chain"), CERT, "CC", "Bob", NULL);
    /* Of several identities it is that of the chosen one. */
    sp_put(SP_ROLE_IDENTITY, "encrypt-only-rsa");
    expect_load(BOB("chain"), CERT, "CC", "Bob", NULL);
}
END_TEST

/* The report says which certificate goes along, and nothing of issuers that may. */
START_TEST(issuers_in_the_report)
{
    const int report = start_with_report("");
    char text[20000];
    ssize_t length;

    put_chain(LATER, LATER);
    expect_load("smimepolicy:chain/nobody@example.org", 0, "!", "", "no identity has this");
    length = read(report, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    ck_assert_ptr_null(strstr(text, "along"));
    expect_load(BOB("chain"), CERT, "CC", "Bob", NULL);
    length = read(report, text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    ck_assert_msg(strncmp(text, "along ", 6) == 0 && strlen(text) == 6 + 64 + 1, "%s", text);
}
END_TEST

static const struct {
    const char *issuer_end, *root_end, *mode, *line;
} ended[] = {
    { "20230901000000Z", LATER, "", "refused sign - expired " },
    /* The root is judged, too, though it is not sent. */
    { LATER, "20230901000000Z", "", "refused sign - expired " },
    { "20230901000000Z", LATER, "mode = observe\n", "observed sign - expired " },
};

START_TEST(an_issuer_has_expired)
{
    const bool stops = ended[_i].mode[0] == '\0';
    const int report = start_with_report(ended[_i].mode);
    char text[20000];
    ssize_t length;

    put_chain(ended[_i].issuer_end, ended[_i].root_end);
    expect_load(BOB("issuers"), CERT, stops ? "!" : "C", stops ? "" : "Issuer",
                stops ? "[expired]" : NULL);
    length = read(report, text, sizeof(text) - 1);
    ck_assert_int_gt(length, 0);
    text[length] = '\0';
    ck_assert_msg(strstr(text, ended[_i].line) != NULL, "%s", text);
}
END_TEST

START_TEST(damaged_issuers)
{
    sp_start_with_keyring("");
    put_chain(LATER, LATER);
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES,
               "UPDATE certificate SET der = x'3000' WHERE id = 2");
    expect_load(BOB("chain"), CERT, "!", "",
                "keyring cannot be used: " BOB("chain") ": keyring: entry 2 cannot be parsed");
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES,
               "UPDATE certificate SET der = x'3000' WHERE id = 1");
    expect_load(BOB("issuers"), CERT, "!", "", "keyring: entry 1 cannot be parsed");
}
END_TEST

/* Nobody has this address: there is nobody to ask about. */
START_TEST(a_directory_is_not_asked_about_nobody)
{
    const int report = start_with_report(DIRECTORY);

    sp_put(SP_ROLE_CONTACT, "good-ec");
    expect_load("smimepolicy:contact/nobody@example.org", 0, "!", "", "no contact has this");
    expect_report(report, "");
}
END_TEST

/* An entry of the subject is damaged: it is none of those that are looked for. */
START_TEST(damaged_of_a_subject)
{
    X509 *cert;
    struct loaded loaded;

    sp_start_with_keyring("");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    cert = sp_read_cert("good-ec");
    sp_run_sql(sp_keyring_of_test(), SP_CERTIFICATES, "UPDATE certificate SET der = x'3000'");
    loaded = load("smimepolicy:trust", 0, X509_get_subject_name(cert));
    ck_assert_int_eq(loaded.kinds[0] == 'C', 0);
    X509_free(cert);
}
END_TEST

/* A file of that name in the directory of the program is not taken, in no library context. */
START_TEST(a_file_of_that_name)
{
    char dir[] = "/tmp/test_loader.XXXXXX";
    OSSL_LIB_CTX *other = OSSL_LIB_CTX_new();
    BIO *in = sp_read_file("ca", "pem"), *out;
    OSSL_STORE_CTX *store;
    char buffer[4096];
    int length = BIO_read(in, buffer, sizeof(buffer));

    sp_start_with_keyring("");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    ck_assert(mkdtemp(dir) != NULL && chdir(dir) == 0);
    out = BIO_new_file("smimepolicy:trust", "w");
    ck_assert_int_eq(BIO_write(out, buffer, length), length);
    BIO_free(out);
    BIO_free(in);
    expect_load("smimepolicy:trust", 0, "C", "good-ec", NULL);
    expect_load("./smimepolicy:trust", 0, "C", "CA", NULL);
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(other, "smimepolicy", OSSL_provider_init), 1);
    ck_assert_ptr_nonnull(OSSL_PROVIDER_load(other, "smimepolicy"));
    store = OSSL_STORE_open_ex("smimepolicy:trust", other, NULL, NULL, NULL, NULL, NULL, NULL);
    if (store != NULL) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        X509 *cert = info == NULL ? NULL : OSSL_STORE_INFO_get1_CERT(info);
        X509 *expected = sp_read_cert("good-ec");

        ck_assert(cert == NULL || X509_cmp(cert, expected) == 0);
        X509_free(cert);
        X509_free(expected);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    OSSL_LIB_CTX_free(other);
    ck_assert(unlink("smimepolicy:trust") == 0 && chdir("/") == 0 && rmdir(dir) == 0);
}
END_TEST

#define HUB "hub = postgresql:///none\n"

/* What the keyring vouches for, so long after it was in touch with its hub; -1: it never was. */
static const struct {
    const char *settings, *uri;
    int ago;
    const char *kinds, *error;
} ages[] = {
    { HUB, "smimepolicy:trust", -1, "!", "[keyring-stale]" },
    { HUB, "smimepolicy:trust", 90000, "!", "[keyring-stale]" },
    { HUB, "smimepolicy:trust", 60, "C", NULL },
    { HUB "mode = observe\n", "smimepolicy:trust", -1, "C", NULL },
    { HUB, BOB("identity"), -1, "CK", NULL },
    { "", "smimepolicy:trust", -1, "C", NULL },
};

START_TEST(too_old)
{
    sp_start_with_keyring(ages[_i].settings);
    sp_put(SP_ROLE_IDENTITY, "good-ec");
    if (ages[_i].ago >= 0)
        ck_assert(sp_keyring_touch(sp_keyring_of_test(), time(NULL) - ages[_i].ago));
    expect_load(ages[_i].uri, 0, ages[_i].kinds, ages[_i].error == NULL ? "good-ec" : "",
                ages[_i].error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader");
    TCase *tests = sp_case(suite, "loader");

    tcase_add_test(tests, by_address);
    tcase_add_test(tests, an_escaped_address);
    tcase_add_test(tests, a_key_under_a_passphrase);
    tcase_add_loop_test(tests, a_key_elsewhere, 0, SP_ROWS(elsewhere));
    tcase_add_test(tests, a_key_elsewhere_under_a_passphrase);
    tcase_add_test(tests, keys_elsewhere);
    tcase_add_test(tests, many);
    tcase_add_test(tests, what_it_cannot_do);
    tcase_add_test(tests, by_address_and_subject);
    tcase_add_test(tests, by_fingerprint);
    tcase_add_test(tests, a_damaged_entry);
    tcase_add_test(tests, a_damaged_entry_alone);
    tcase_add_test(tests, what_cannot_be_opened);
    tcase_add_test(tests, without_a_keyring);
    tcase_add_test(tests, the_keyring_of_the_user);
    tcase_add_test(tests, the_keyring_of_another_user);
    tcase_add_test(tests, a_locked_policy);
    tcase_add_test(tests, the_choice_is_reported);
    tcase_add_loop_test(tests, a_directory_is_asked_first, 0, SP_ROWS(fetchings));
    tcase_add_loop_test(tests, the_chosen_one_counts, 0, 2);
    tcase_add_test(tests, a_directory_has_no_identity);
    tcase_add_test(tests, no_program_is_asked_to);
    tcase_add_test(tests, the_best_of_unusable_ones);
    tcase_add_test(tests, a_pss_key_is_reported);
    tcase_add_loop_test(tests, a_change_is_reported, 0, 2);
    tcase_add_loop_test(tests, nobody_is_asked, 0, SP_ROWS(asking));
    tcase_add_test(tests, nobody_is_asked_for_a_file);
    tcase_add_test(tests, issuers);
    tcase_add_test(tests, issuers_up_to_the_root);
    tcase_add_test(tests, issuers_in_the_report);
    tcase_add_loop_test(tests, an_issuer_has_expired, 0, SP_ROWS(ended));
    tcase_add_test(tests, damaged_issuers);
    tcase_add_test(tests, a_directory_is_not_asked_about_nobody);
    tcase_add_test(tests, damaged_of_a_subject);
    tcase_add_test(tests, a_file_of_that_name);
    tcase_add_loop_test(tests, too_old, 0, SP_ROWS(ages));
    return sp_run_forked(suite);
}
