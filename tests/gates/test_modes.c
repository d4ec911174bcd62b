/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the settings change: unknown keys, unverified signers, observe mode, trust,
 * and wrong settings.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>

#include "mail.h"
#include "settings/settings.h"

static const unsigned char content_key[32] = { 1 }, premaster[48] = { 3, 3 };

static bool sign_mail(EVP_PKEY *key)
{
    return sp_sign_data(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes));
}

static bool sign_stamp(EVP_PKEY *key)
{
    return sp_sign_data(key, "SHA256", sp_stamp_attributes, sizeof(sp_stamp_attributes));
}

static bool sign_raw(EVP_PKEY *key)
{
    return sp_sign_data(key, NULL, content_key, sizeof(content_key));
}

static bool sign_other(EVP_PKEY *key)
{
    return sp_sign_data(key, "SHA256", "hello", 5);
}

static bool encrypt_content_key(EVP_PKEY *key)
{
    return sp_rsa_encrypt(key, content_key, sizeof(content_key));
}

static bool encrypt_premaster(EVP_PKEY *key)
{
    return sp_rsa_encrypt(key, premaster, sizeof(premaster));
}

/* Agree with |peer| and a key made for it, as for a recipient or in TLS. */
static bool agree_with(EVP_PKEY *peer)
{
    EVP_PKEY *own = EVP_EC_gen(
        EC_curve_nid2nist(EVP_PKEY_get_bits(peer) == 384 ? NID_secp384r1 : NID_X9_62_prime256v1));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    bool done = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(own);
    return done;
}

/* The same with the peer's point set into a key, as in TLS. */
static bool agree_with_point(EVP_PKEY *key)
{
    unsigned char *point = NULL;
    size_t length = EVP_PKEY_get1_encoded_public_key(key, &point);
    EVP_PKEY *peer = EVP_PKEY_new();
    bool done = EVP_PKEY_copy_parameters(peer, key) == 1 &&
                EVP_PKEY_set1_encoded_public_key(peer, point, length) == 1 && agree_with(peer);

    EVP_PKEY_free(peer);
    OPENSSL_free(point);
    return done;
}

/* Keys without a certificate in this process. */
static const struct unknown {
    const char *key;
    bool (*use)(EVP_PKEY *key);
    bool passes, passes_when_refusing;
} unknowns[] = {
    { "stranger-rsa", sign_mail, false, false },
    { "stranger-ec", sign_mail, false, false },
    { "stranger-rsa", sign_stamp, true, false },
    { "stranger-ec", sign_stamp, true, false },
    { "stranger-rsa", sign_raw, true, false },
    { "stranger-ec", sign_raw, true, false },
    { "stranger-rsa", sign_other, true, true },
    { "stranger-ec", sign_other, true, true },
    { "stranger-rsa", encrypt_content_key, true, false },
    { "stranger-rsa", encrypt_premaster, true, true },
    { "stranger-ec", agree_with, true, false },
    { "stranger-ec", agree_with_point, true, true },
};

START_TEST(unknown_keys)
{
    const struct unknown *row = &unknowns[_i];
    EVP_PKEY *key;
    X509 *cert;

    sp_start(NULL);
    cert = sp_read_cert("good-rsa");
    key = sp_read_key(row->key);
    EXPECT(row->use(key), row->passes ? NULL : "belongs to no certificate");
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

START_TEST(unknown_keys_refused)
{
    const struct unknown *row = &unknowns[_i];
    EVP_PKEY *key;
    X509 *cert;

    sp_start("unknown_keys = refuse");
    cert = sp_read_cert("good-rsa");
    key = sp_read_key(row->key);
    EXPECT(row->use(key), row->passes_when_refusing ? NULL : "[certificate-required]");
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

/* The setting does not change known keys. */
START_TEST(known_keys_with_unknown_refused)
{
    sp_start("unknown_keys = refuse");
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_DONE(sp_encrypt_to("good-ec"));
    EXPECT_REFUSED(sp_sign_as("expired-ec"), "[expired]");
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    EXPECT_DONE(sp_cms_decrypt("expired-rsa"));
    EXPECT_DONE(sp_cms_decrypt("expired-ec"));
}
END_TEST

/* A hub without a copy of it was never in touch. */
START_TEST(hub_without_a_keyring)
{
    sp_start("hub = postgresql:///none");
    EXPECT_REFUSED(sp_sign_as("good-rsa"), "[keyring-stale]");
    EXPECT_REFUSED(sp_encrypt_to("good-ec"), "[keyring-stale]");
}
END_TEST

static bool verify_cms(int flags)
{
    return sp_cms_verify("good-rsa", (unsigned int)flags);
}

static bool verify_pkcs7(int flags)
{
    return sp_pkcs7_verify("good-rsa", flags);
}

static const struct verification {
    bool (*verify)(int flags);
    int flags;
    bool checks;
} verifications[] = {
    { verify_cms, 0, true },
    { verify_cms, CMS_NO_SIGNER_CERT_VERIFY, false },
    { verify_pkcs7, 0, true },
    { verify_pkcs7, PKCS7_NOVERIFY, false },
    { verify_pkcs7, PKCS7_NOCHAIN, false },
};

START_TEST(unverified_signers)
{
    const struct verification *row = &verifications[_i];

    sp_start("unverified_signers = refuse");
    EXPECT(row->verify(row->flags), row->checks ? NULL : "[distrust-default]");
    EXPECT_DONE(verify_cms(0));
    /* The certificate of each message is parsed anew: an earlier check does not count for it. */
    EXPECT(row->verify(row->flags), row->checks ? NULL : "never checked");
}
END_TEST

START_TEST(unverified_signers_pass_by_default)
{
    const struct verification *row = &verifications[_i];

    sp_start(NULL);
    EXPECT_DONE(row->verify(row->flags));
}
END_TEST

static bool begin_to_verify(X509 *cert)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, X509_get0_pubkey(cert), NULL);
    bool done = EVP_PKEY_verify_init(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return done;
}

/* A certificate that was parsed twice is one; an older one with the same key is another. */
START_TEST(verified_in_another_copy)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *ca, *checked, *copy, *old;

    sp_start("unverified_signers = refuse");
    ca = sp_read_cert("ca");
    checked = sp_read_cert("good-rsa");
    copy = sp_read_cert("good-rsa");
    old = sp_read_cert("old-rsa");
    EXPECT_REFUSED(begin_to_verify(copy), "never checked");
    EXPECT_REFUSED(begin_to_verify(old), "never checked");
    ck_assert_int_eq(X509_STORE_add_cert(store, ca), 1);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, checked, NULL), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    EXPECT_DONE(X509_verify_cert(ctx) == 1);
    EXPECT_DONE(begin_to_verify(checked));
    EXPECT_DONE(begin_to_verify(copy));
    EXPECT_REFUSED(begin_to_verify(old), "never checked");
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(old);
    X509_free(copy);
    X509_free(checked);
    X509_free(ca);
}
END_TEST

/* Without attributes only the key tells. */
START_TEST(unverified_signer_without_attributes)
{
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message;
    X509 *cert;
    EVP_PKEY *key;

    sp_start("unverified_signers = refuse");
    cert = sp_read_cert("good-rsa");
    key = sp_read_key("good-rsa");
    message = CMS_sign(cert, key, NULL, data, CMS_NOATTR | CMS_BINARY);
    EXPECT_DONE(message != NULL);
    EXPECT_REFUSED(CMS_verify(message, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY) == 1,
                   "[distrust-default]");
    CMS_ContentInfo_free(message);
    BIO_free(data);
    EVP_PKEY_free(key);
    X509_free(cert);
}
END_TEST

START_TEST(observing)
{
    EVP_PKEY *key;

    sp_start("mode = observe\nunknown_keys = refuse");
    EXPECT_DONE(sp_sign_as("expired-rsa"));
    EXPECT_DONE(sp_sign_as("expired-ec"));
    EXPECT_DONE(sp_encrypt_to("no-address-rsa"));
    EXPECT_DONE(sp_encrypt_to("no-address-ec"));
    EXPECT_DONE(sp_cms_verify("no-address-rsa", 0));
    EXPECT_DONE(sp_cms_verify("good-rsa", 0));
    key = sp_read_key("stranger-rsa");
    EXPECT_DONE(sign_mail(key));
    EXPECT_DONE(sign_raw(key));
    EVP_PKEY_free(key);
}
END_TEST

START_TEST(observing_two_certificates_of_one_key)
{
    X509 *good, *old;
    EVP_PKEY *key;

    sp_start("mode = observe");
    good = sp_read_cert("good-rsa");
    old = sp_read_cert("old-rsa");
    key = sp_read_key("good-rsa");
    EXPECT_DONE(sp_pkcs7_add_signature(good, key));
    EVP_PKEY_free(key);
    X509_free(good);
    X509_free(old);
}
END_TEST

/* No mode turns this off: a signer without a provided anchor is not trusted. */
START_TEST(distrust)
{
    sp_start(_i == 0 ? "trust = keyring" : "trust = keyring\nmode = observe");
    EXPECT_REFUSED(sp_cms_verify("good-rsa", 0), "[distrust-default]");
    EXPECT_REFUSED(sp_pkcs7_verify("good-rsa", 0), "[distrust-default]");
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_DONE(sp_encrypt_to("good-ec"));
}
END_TEST

START_TEST(observing_does_not_excuse_unverified_signers)
{
    sp_start("mode = observe\nunverified_signers = refuse");
    EXPECT_REFUSED(verify_cms(CMS_NO_SIGNER_CERT_VERIFY), "[distrust-default]");
    EXPECT_DONE(verify_cms(0));
}
END_TEST

static const char *const faults[] = {
    "mode = maybe",
    "backend = no such",
    "backend = nosuchprovider",
    "unknown_keys = yes",
    "raw_keys = refuse",
    "unverified_signers = true",
    "trust = system",
    "keyring = relative",
    "missing_key_usage = deny",
    "ec_key_agreement = yes",
    "decision_log = here",
    "trace = 2",
    "weak_key = warning",
    "weak_digest = error",
    "weak_cipher = 1",
    "eku_any = accept",
    "validity_too_long = x",
    "expires_soon = 30",
    "expired = ignore",
    "san_email = warn",
    "distrust_default = ignore",
    "certificate_required = warn",
};

/* The refusal names the key of the setting and its value. */
START_TEST(locked_by)
{
    const char *fault = faults[_i];
    EVP_PKEY *key;

    sp_start(fault);
    EXPECT_REFUSED(sp_sign_as("good-rsa"), fault);
    EXPECT_REFUSED(sp_sign_as("good-ec"), "is locked");
    EXPECT_REFUSED(sp_encrypt_to("good-rsa"), fault);
    EXPECT_REFUSED(sp_encrypt_to("good-ec"), fault);
    EXPECT_REFUSED(sp_cms_verify("good-rsa", 0), fault);
    EXPECT_REFUSED(sp_pkcs7_verify("good-ec", 0), fault);
    EXPECT_REFUSED(verify_cms(CMS_NO_SIGNER_CERT_VERIFY), fault);
    EXPECT_DONE(sp_cms_decrypt("expired-rsa"));
    /* Operations that are not mail go on. */
    key = sp_read_key("server-rsa");
    EXPECT_DONE(sign_other(key));
    EXPECT_DONE(encrypt_premaster(key));
    EVP_PKEY_free(key);
    key = sp_read_key("server-ec");
    EXPECT_DONE(agree_with_point(key));
    EVP_PKEY_free(key);
}
END_TEST

/* Which file it stands in is known of the process's own configuration alone. */
START_TEST(locked_by_which_file)
{
    char *text = sp_configuration("mode = maybe"), *path = sp_temporary(text);
    OSSL_LIB_CTX *libctx;

    if (_i == 0) {
        sp_start("mode = maybe");
        EXPECT_REFUSED(sp_sign_as("good-ec"), getenv("OPENSSL_CONF"));
        EXPECT_REFUSED(sp_sign_as("good-ec"), "); mend the setting, or see");
    } else {
        sp_start(NULL);
        libctx = OSSL_LIB_CTX_new();
        ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "smimepolicy", OSSL_provider_init), 1);
        (void)OSSL_LIB_CTX_load_config(libctx, path);
        EXPECT_REFUSED(sp_sign_as("good-ec"),
                       "(in the configuration of this library context); mend the setting");
        OSSL_LIB_CTX_free(libctx);
    }
    free(path);
    free(text);
}
END_TEST

/* What the environment says of the settings, or of the library context that openssl works in. */
static const struct {
    const char *variable;
    bool is_right; /* the value is the text of the settings, else another one */
    const char *said;
} variables[] = {
    { SP_EXPECT, true, NULL },
    { SP_EXPECT, false, "the settings that smime-policy started this program with did not arrive" },
    { "OPENSSL_TEST_LIBCTX", false, "OPENSSL_TEST_LIBCTX is set" },
};

START_TEST(told_by_the_environment)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *text;

    ck_assert_int_eq(smimepolicy_settings_set(settings, "unknown_keys", "refuse", NULL), 1);
    text = sp_settings_text(settings);
    ck_assert_int_eq(setenv(variables[_i].variable, variables[_i].is_right ? text : "1", 1), 0);
    sp_start("unknown_keys = refuse");
    EXPECT(sp_sign_as("good-ec"), variables[_i].said);
    EXPECT(sp_encrypt_to("good-rsa"), variables[_i].said);
    /* From openssl itself it is hidden. */
    ck_assert(getenv("OPENSSL_TEST_LIBCTX") == NULL);
    smimepolicy_free(text);
    smimepolicy_settings_free(settings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("modes");
    TCase *tests = sp_case(suite, "modes");

    tcase_add_loop_test(tests, unknown_keys, 0, SP_ROWS(unknowns));
    tcase_add_loop_test(tests, unknown_keys_refused, 0, SP_ROWS(unknowns));
    tcase_add_test(tests, known_keys_with_unknown_refused);
    tcase_add_test(tests, hub_without_a_keyring);
    tcase_add_loop_test(tests, unverified_signers, 0, SP_ROWS(verifications));
    tcase_add_loop_test(tests, unverified_signers_pass_by_default, 0, SP_ROWS(verifications));
    tcase_add_test(tests, verified_in_another_copy);
    tcase_add_test(tests, unverified_signer_without_attributes);
    tcase_add_test(tests, observing);
    tcase_add_test(tests, observing_two_certificates_of_one_key);
    tcase_add_loop_test(tests, distrust, 0, 2);
    tcase_add_test(tests, observing_does_not_excuse_unverified_signers);
    tcase_add_loop_test(tests, locked_by, 0, SP_ROWS(faults));
    tcase_add_loop_test(tests, locked_by_which_file, 0, 2);
    tcase_add_loop_test(tests, told_by_the_environment, 0, SP_ROWS(variables));
    return sp_run_forked(suite);
}
