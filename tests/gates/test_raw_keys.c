/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The setting `raw_keys`: what it lets pass, and what it does not.
 */
#include <string.h>

#include <openssl/err.h>

#include "certs.h"
#include "keyring_of_test.h"
#include "mail.h"

#define WAY_OUT "or set raw_keys = pass if this is no mail"

static const unsigned char bytes[32] = { 1 };

static bool sign_raw(struct sp_owner *who)
{
    return sp_sign_data(who->key, NULL, bytes, sizeof(bytes));
}

static bool sign_mail(struct sp_owner *who)
{
    return sp_sign_data(who->key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes));
}

/* Encrypt to the certificate's own key object, as libcrypto does. */
static bool encrypt_raw(struct sp_owner *who)
{
    EVP_PKEY *public = X509_get_pubkey(who->cert);
    bool done = sp_rsa_encrypt(public, bytes, sizeof(bytes));

    EVP_PKEY_free(public);
    return done;
}

static bool encapsulate(struct sp_owner *who)
{
    EVP_PKEY *public = X509_get_pubkey(who->cert);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, public, NULL);
    unsigned char out[512], secret[512];
    size_t size = sizeof(out), secret_size = sizeof(secret);
    bool done = EVP_PKEY_encapsulate_init(ctx, NULL) == 1 &&
                EVP_PKEY_CTX_set_kem_op(ctx, "RSASVE") == 1 &&
                EVP_PKEY_encapsulate(ctx, out, &size, secret, &secret_size) == 1;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(public);
    return done;
}

static bool sign_without_attributes(struct sp_owner *who)
{
    return sp_cms_sign(who->cert, who->key, CMS_NOATTR);
}

static bool sign_message(struct sp_owner *who)
{
    return sp_cms_sign(who->cert, who->key, 0);
}

static bool encrypt_message(struct sp_owner *who)
{
    return sp_cms_encrypt(who->cert, NULL, 0);
}

/* What a row is refused for (NULL: it passes), by default and with `raw_keys = pass`. */
static const struct row {
    const char *name;
    bool (*use)(struct sp_owner *who);
    const char *judged, *passing;
} rows[] = {
    { "server-rsa", sign_raw, WAY_OUT, NULL },
    { "server-ec", sign_raw, WAY_OUT, NULL },
    { "single-rsa", sign_raw, WAY_OUT, NULL },
    { "single-ec", sign_raw, WAY_OUT, NULL },
    { "any-rsa", sign_raw, WAY_OUT, NULL },
    { "utf8-rsa", sign_raw, WAY_OUT, NULL },
    { "server-rsa", encrypt_raw, WAY_OUT, NULL },
    { "single-rsa", encrypt_raw, WAY_OUT, NULL },
    { "any-rsa", encrypt_raw, WAY_OUT, NULL },
    { "utf8-rsa", encrypt_raw, WAY_OUT, NULL },
    /* The disadvantage: libcrypto's own mail functions make such signatures, too. */
    { "server-rsa", sign_without_attributes, WAY_OUT, NULL },
    { "server-ec", sign_without_attributes, WAY_OUT, NULL },
    { "server-rsa", encrypt_message, WAY_OUT, NULL },
    /* Signed attributes, and operations that are neither a signature nor RSA encryption. */
    { "server-rsa", sign_mail, "[san-email]", "[san-email]" },
    { "server-ec", sign_mail, "[san-email]", "[san-email]" },
    { "server-rsa", sign_message, "[extended-key-usage]", "[extended-key-usage]" },
    { "server-ec", sign_message, "[extended-key-usage]", "[extended-key-usage]" },
    { "server-ec", encrypt_message, "[san-email]", "[san-email]" },
    { "single-ec", encrypt_message, "[san-email]", "[san-email]" },
    { "server-rsa", encapsulate, "[san-email]", "[san-email]" },
    /* Certificates that are for mail, or may be. */
    { "expired-rsa", sign_raw, "[expired]", "[expired]" },
    { "expired-ec", sign_raw, "[expired]", "[expired]" },
    { "expired-rsa", sign_without_attributes, "[expired]", "[expired]" },
    { "expired-rsa", encrypt_raw, "[expired]", "[expired]" },
    { "no-address-rsa", sign_raw, "[san-email]", "[san-email]" },
    { "no-address-rsa", encrypt_raw, "[san-email]", "[san-email]" },
    { "served-mail-rsa", sign_raw, "[extended-key-usage]", "[extended-key-usage]" },
    { "no-name-rsa", sign_raw, "[san-email]", "[san-email]" },
    { "broken-rsa", sign_raw, "[san-email]", "[san-email]" },
    { "broken-rsa", encrypt_raw, "[san-email]", "[san-email]" },
    { "vague-rsa", sign_raw, "[extended-key-usage]", "[extended-key-usage]" },
    { "good-rsa", sign_raw, NULL, NULL },
    { "good-rsa", encrypt_raw, NULL, NULL },
};

static void expect_row(const struct row *row, const char *expected)
{
    struct sp_owner who = sp_read_owner(row->name);

    EXPECT(row->use(&who), expected);
    sp_free_owner(&who);
}

START_TEST(judged)
{
    sp_start(NULL);
    expect_row(&rows[_i], rows[_i].judged);
}
END_TEST

START_TEST(passing)
{
    sp_start("raw_keys = pass");
    expect_row(&rows[_i], rows[_i].passing);
}
END_TEST

/* The remedy names the setting only if it would help. */
START_TEST(named_only_where_it_helps)
{
    struct sp_owner who;

    sp_start(_i == 0 ? NULL : "unknown_keys = refuse");
    for (int i = 0; i < SP_ROWS(rows); i++) {
        const bool helps = _i == 0 && rows[i].judged != NULL && rows[i].passing == NULL;
        const char *text;

        who = sp_read_owner(rows[i].name);
        ERR_clear_error();
        ck_assert_int_eq(rows[i].use(&who), rows[i].judged == NULL);
        text = sp_errors();
        ck_assert_msg((strstr(text, "raw_keys") != NULL) == helps, "row %d: %s", i, text);
        sp_free_owner(&who);
    }
}
END_TEST

/* A key with two certificates, one of them for mail: then it does not matter which one is meant. */
static const struct pair {
    const char *server, *mail;
    bool compared; /* the key was compared with the server's certificate */
} pairs[] = { { "server-rsa", "expired-rsa", false }, { "server-rsa", "expired-rsa", true },
              { "server-ec", "expired-ec", false },   { "server-ec", "expired-ec", true },
              { "shared-rsa", "good-rsa", false },    { "shared-rsa", "good-rsa", true },
              { "shared-ec", "good-ec", false },      { "shared-ec", "good-ec", true },
              { "server-rsa", "broken-rsa", true } };

START_TEST(shared_key)
{
    const struct pair *row = &pairs[_i];
    struct sp_owner server;
    X509 *mail;

    sp_start("raw_keys = pass");
    server = sp_read_owner(row->server);
    EXPECT_DONE(sign_raw(&server));
    mail = sp_read_cert(row->mail);
    if (row->compared)
        ck_assert_int_eq(X509_check_private_key(server.cert, server.key), 1);
    EXPECT_REFUSED(sign_raw(&server), "refused: sign:");
    if (row->compared && EVP_PKEY_get_base_id(server.key) == EVP_PKEY_RSA)
        EXPECT_REFUSED(encrypt_raw(&server), "refused: encrypt:");
    /* When the certificate for mail is freed, the key is the server's alone. */
    X509_free(mail);
    X509_free(sp_read_cert("ca"));
    EXPECT_DONE(sign_raw(&server));
    sp_free_owner(&server);
}
END_TEST

/* The key was compared with both, and neither is for mail. */
START_TEST(compared_with_two)
{
    struct sp_owner server, single;

    sp_start("raw_keys = pass");
    server = sp_read_owner("server-rsa");
    single = sp_read_owner("single-rsa");
    ck_assert_int_eq(X509_check_private_key(server.cert, server.key), 1);
    ck_assert_int_eq(X509_check_private_key(single.cert, server.key), 1);
    EXPECT_DONE(sign_raw(&server));
    ck_assert_int_eq(X509_check_private_key(server.cert, server.key), 1);
    ck_assert_int_eq(X509_check_private_key(single.cert, server.key), 1);
    EXPECT_REFUSED(sign_mail(&server), "[san-email]");
    sp_free_owner(&single);
    sp_free_owner(&server);
}
END_TEST

/*
 * Compared with one that may sign and with one that may not: what was signed by the one passes,
 * and something else does not, each time.
 */
START_TEST(signed_twice_in_a_context)
{
    struct sp_owner good, old;
    EVP_PKEY_CTX *ctx;
    unsigned char signature[512], data[sizeof(bytes)] = "something else";

    sp_start(NULL);
    if (_i == 0)
        memcpy(data, bytes, sizeof(data));
    good = sp_read_owner("good-rsa");
    old = sp_read_owner("old-rsa");
    ck_assert_int_eq(X509_check_private_key(good.cert, good.key), 1);
    EXPECT_DONE(sign_raw(&good));
    ck_assert_int_eq(X509_check_private_key(old.cert, good.key), 1);
    EXPECT_REFUSED(sign_raw(&good), "[expired]");
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, good.key, NULL);
    ck_assert_int_eq(EVP_PKEY_sign_init(ctx), 1);
    for (int i = 0; i < 2; i++) {
        size_t size = sizeof(signature);

        EXPECT(EVP_PKEY_sign(ctx, signature, &size, data, sizeof(data)) == 1,
               _i == 0  ? NULL
               : i == 0 ? "[expired]"
                        : "refused before");
    }
    EVP_PKEY_CTX_free(ctx);
    sp_free_owner(&old);
    sp_free_owner(&good);
}
END_TEST

/*
 * In one context, a raw signature that passed does not excuse a mail, and a mail
 * does not change a raw signature.
 */
START_TEST(mail_after_a_raw_signature)
{
    struct sp_owner who;

    sp_start("raw_keys = pass");
    who = sp_read_owner("server-rsa");
    for (int i = 0; i < 3; i++) {
        EXPECT_DONE(sign_raw(&who));
        EXPECT_REFUSED(sign_mail(&who), "[san-email]");
        EXPECT_REFUSED(sign_message(&who), "[extended-key-usage]");
    }
    sp_free_owner(&who);
}
END_TEST

/* EVP_SignFinal() signs the digest of |data| as a raw signature. */
static bool sign_digest_of(struct sp_owner *who, const void *data, size_t length)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[512];
    unsigned int size;
    bool done = EVP_SignInit(ctx, EVP_sha256()) == 1 && EVP_SignUpdate(ctx, data, length) == 1 &&
                EVP_SignFinal(ctx, signature, &size, who->key) == 1;

    EVP_MD_CTX_free(ctx);
    return done;
}

/* A digest of attributes that this thread has made belongs to a mail. */
START_TEST(digest_of_attributes)
{
    static const char *const names[] = { "server-rsa", "server-ec", "stamp-ec" };
    struct sp_owner who;

    sp_start("raw_keys = pass");
    who = sp_read_owner(names[_i]);
    EXPECT_DONE(sign_digest_of(&who, "hello", 5));
    EXPECT_REFUSED(sign_digest_of(&who, sp_mail_attributes, sizeof(sp_mail_attributes)),
                   "[san-email]");
    EXPECT(sign_digest_of(&who, sp_stamp_attributes, sizeof(sp_stamp_attributes)),
           _i == 2 ? NULL : "[san-email]");
    EXPECT_DONE(sign_digest_of(&who, "hello", 5));
    sp_free_owner(&who);
}
END_TEST

/* In pieces it is not recognised: docs/security/bypasses.md says so. */
START_TEST(attributes_digested_in_pieces)
{
    EVP_MD_CTX *ctx;
    struct sp_owner who;
    unsigned char signature[512];
    unsigned int size;
    bool done;

    sp_start("raw_keys = pass");
    ctx = EVP_MD_CTX_new();
    who = sp_read_owner("server-rsa");
    done = EVP_SignInit(ctx, EVP_sha256()) == 1 &&
           EVP_SignUpdate(ctx, sp_mail_attributes, 10) == 1 &&
           EVP_SignUpdate(ctx, sp_mail_attributes + 10, sizeof(sp_mail_attributes) - 10) == 1 &&
           EVP_SignFinal(ctx, signature, &size, who.key) == 1;
    EXPECT_DONE(done);
    EVP_MD_CTX_free(ctx);
    sp_free_owner(&who);
}
END_TEST

/* With nothing behind them they are attributes, with a byte more they are none. */
START_TEST(attributes_and_a_byte)
{
    const size_t more = (size_t)_i;
    EVP_MD_CTX *ctx;
    struct sp_owner who;
    unsigned char signature[512];
    unsigned int size;
    bool done;

    sp_start("raw_keys = pass");
    ctx = EVP_MD_CTX_new();
    who = sp_read_owner("server-rsa");
    done = EVP_SignInit(ctx, EVP_sha256()) == 1 &&
           EVP_SignUpdate(ctx, sp_mail_attributes, sizeof(sp_mail_attributes)) == 1 &&
           EVP_SignUpdate(ctx, "x", more) == 1 &&
           EVP_SignFinal(ctx, signature, &size, who.key) == 1;
    EXPECT(done, more == 0 ? "[san-email]" : NULL);
    EVP_MD_CTX_free(ctx);
    sp_free_owner(&who);
}
END_TEST

/* One digest for a second try, and for a second signer. */
START_TEST(digest_signed_twice)
{
    struct sp_owner mail, who;
    unsigned char signature[1024];
    unsigned int size = sizeof(signature);
    EVP_MD_CTX *ctx;

    sp_start("raw_keys = pass");
    ctx = EVP_MD_CTX_new();
    mail = sp_read_owner("good-rsa");
    who = sp_read_owner("server-rsa");
    ck_assert_int_eq(EVP_SignInit(ctx, EVP_sha256()), 1);
    ck_assert_int_eq(EVP_SignUpdate(ctx, sp_mail_attributes, sizeof(sp_mail_attributes)), 1);
    ck_assert_int_eq(EVP_SignFinal(ctx, signature, &size, who.key), 0);
    ck_assert_int_eq(EVP_SignFinal(ctx, signature, &size, who.key), 0);
    ERR_clear_error();
    EXPECT_DONE(EVP_SignFinal(ctx, signature, &size, mail.key) == 1);
    ck_assert_int_eq(EVP_SignFinal(ctx, signature, &size, who.key), 0);
    EVP_MD_CTX_free(ctx);
    sp_free_owner(&mail);
    sp_free_owner(&who);
}
END_TEST

/* The digest of an earlier mail says nothing about the next raw signature. */
START_TEST(raw_signature_after_a_mail)
{
    struct sp_owner good, who;

    sp_start("raw_keys = pass\nunverified_signers = refuse");
    good = sp_read_owner(_i == 0 ? "good-rsa" : "good-ec");
    who = sp_read_owner("server-rsa");
    for (int i = 0; i < 2; i++) {
        EXPECT_DONE(sign_mail(&good));
        EXPECT_DONE(sign_raw(&who));
        EXPECT_DONE(sign_message(&good));
        EXPECT_DONE(sign_raw(&who));
        EXPECT_DONE(sp_cms_verify("good-rsa", 0));
        EXPECT_DONE(sign_raw(&who));
        EXPECT_DONE(sp_pkcs7_verify("good-ec", 0));
        EXPECT_DONE(sign_raw(&who));
    }
    sp_free_owner(&good);
    sp_free_owner(&who);
}
END_TEST

/* The setting does not change keys without a certificate. */
START_TEST(unknown_keys)
{
    static const char *const refusing = "raw_keys = pass\nunknown_keys = refuse";
    struct sp_owner who = { 0 };

    sp_start(_i == 0 ? "raw_keys = pass" : refusing);
    who.cert = sp_read_cert("server-rsa");
    who.key = sp_read_key("stranger-rsa");
    EXPECT(sign_raw(&who), _i == 0 ? NULL : "[certificate-required]");
    EXPECT_REFUSED(sign_mail(&who), "[certificate-required]");
    EVP_PKEY_free(who.key);
    who.key = sp_read_key("server-rsa");
    EXPECT_DONE(sign_raw(&who));
    sp_free_owner(&who);
}
END_TEST

/* The same for keys of uploaded certificates. */
START_TEST(uploaded)
{
    struct sp_owner who = { 0 };

    sp_start_with_keyring("raw_keys = pass");
    sp_put(SP_ROLE_CA, "single-rsa");
    who.key = sp_read_key("single-rsa");
    EXPECT_DONE(sign_raw(&who));
    EXPECT_REFUSED(sign_mail(&who), "[san-email]");
    sp_put(SP_ROLE_CONTACT, "expired-rsa");
    EXPECT_REFUSED(sign_raw(&who), "refused: sign:");
    EVP_PKEY_free(who.key);
}
END_TEST

START_TEST(locked_all_the_same)
{
    struct sp_owner who;

    sp_start("raw_keys = pass\nmode = nonsense");
    who = sp_read_owner("server-rsa");
    EXPECT_REFUSED(sign_raw(&who), "is locked");
    EXPECT_REFUSED(encrypt_raw(&who), "is locked");
    sp_free_owner(&who);
    /* A key without a certificate, too. */
    who = (struct sp_owner){ .key = sp_read_key("stranger-rsa") };
    EXPECT_REFUSED(sign_raw(&who), "is locked");
    EVP_PKEY_free(who.key);
}
END_TEST

/* Verify a raw signature, by the certificate's own key object or by an equal key. */
static bool verify_raw(const char *name, bool own_key)
{
    unsigned char signature[512];
    size_t size = sizeof(signature);
    EVP_PKEY *key = sp_read_key(name), *public;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    X509 *cert;
    bool done;

    /* The signature is made before the certificate is read, so it is not judged. */
    done = EVP_PKEY_sign_init(ctx) == 1 &&
           EVP_PKEY_sign(ctx, signature, &size, bytes, sizeof(bytes)) == 1;
    ck_assert(done);
    EVP_PKEY_CTX_free(ctx);
    cert = sp_read_cert(name);
    public = own_key ? X509_get_pubkey(cert) : NULL;
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own_key ? public : key, NULL);
    done = EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_verify(ctx, signature, size, bytes, sizeof(bytes)) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(public);
    EVP_PKEY_free(key);
    X509_free(cert);
    return done;
}

static const struct check {
    const char *name, *judged, *passing;
} checks[] = {
    { "server-rsa", WAY_OUT, NULL },
    { "server-ec", WAY_OUT, NULL },
    { "single-rsa", WAY_OUT, NULL },
    { "good-rsa", "[distrust-default]", "[distrust-default]" },
    { "expired-ec", "[distrust-default]", "[distrust-default]" },
    { "no-address-rsa", "[distrust-default]", "[distrust-default]" },
    { "broken-rsa", "[distrust-default]", "[distrust-default]" },
};

START_TEST(verified_raw)
{
    const struct check *row = &checks[_i / 2];

    sp_start("unverified_signers = refuse");
    EXPECT(verify_raw(row->name, _i % 2 == 0), row->judged);
}
END_TEST

START_TEST(verified_raw_passing)
{
    const struct check *row = &checks[_i / 2];

    sp_start("unverified_signers = refuse\nraw_keys = pass");
    EXPECT(verify_raw(row->name, _i % 2 == 0), row->passing);
}
END_TEST

/* Messages whose signer's certificate was not checked. */
START_TEST(unverified_mail)
{
    static const char *const names[] = { "good-rsa", "good-ec", "server-rsa", "server-ec" };

    sp_start("unverified_signers = refuse\nraw_keys = pass");
    EXPECT_REFUSED(sp_cms_verify(names[_i], CMS_NO_SIGNER_CERT_VERIFY), "[distrust-default]");
    EXPECT_REFUSED(sp_pkcs7_verify(names[_i], PKCS7_NOVERIFY), "[distrust-default]");
}
END_TEST

/* The same for Ed25519, which has data and signature in one call. */
START_TEST(refused_in_one_call)
{
    unsigned char signature[64] = { 1 };
    size_t size = sizeof(signature);
    EVP_MD_CTX *ctx;
    EVP_PKEY *key;
    X509 *made, *cert;

    sp_start("unverified_signers = refuse");
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    made = sp_make_cert(&(struct sp_recipe){ .key = sp_test_ec() });
    ck_assert_int_eq(X509_set_pubkey(made, key), 1);
    ck_assert_int_gt(X509_sign(made, sp_test_ec(), EVP_sha256()), 0);
    cert = X509_dup(made);
    ctx = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, X509_get0_pubkey(cert)), 1);
    EXPECT_REFUSED(EVP_DigestVerify(ctx, signature, sizeof(signature), sp_mail_attributes,
                                    sizeof(sp_mail_attributes)) == 1,
                   "[distrust-default]");
    EVP_MD_CTX_free(ctx);
    ctx = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
    EXPECT_REFUSED(
        EVP_DigestSign(ctx, signature, &size, sp_mail_attributes, sizeof(sp_mail_attributes)) == 1,
        "[san-email]");
    EVP_MD_CTX_free(ctx);
    X509_free(cert);
    X509_free(made);
    EVP_PKEY_free(key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("raw keys");
    TCase *tests = sp_case(suite, "raw keys");

    tcase_add_test(tests, refused_in_one_call);
    tcase_add_loop_test(tests, judged, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, passing, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, named_only_where_it_helps, 0, 2);
    tcase_add_loop_test(tests, shared_key, 0, SP_ROWS(pairs));
    tcase_add_test(tests, compared_with_two);
    tcase_add_loop_test(tests, signed_twice_in_a_context, 0, 2);
    tcase_add_test(tests, mail_after_a_raw_signature);
    tcase_add_loop_test(tests, digest_of_attributes, 0, 3);
    tcase_add_test(tests, attributes_digested_in_pieces);
    tcase_add_loop_test(tests, attributes_and_a_byte, 0, 2);
    tcase_add_test(tests, digest_signed_twice);
    tcase_add_loop_test(tests, raw_signature_after_a_mail, 0, 2);
    tcase_add_loop_test(tests, unknown_keys, 0, 2);
    tcase_add_test(tests, uploaded);
    tcase_add_test(tests, locked_all_the_same);
    tcase_add_loop_test(tests, verified_raw, 0, 2 * SP_ROWS(checks));
    tcase_add_loop_test(tests, verified_raw_passing, 0, 2 * SP_ROWS(checks));
    tcase_add_loop_test(tests, unverified_mail, 0, 4);
    return sp_run_forked(suite);
}
