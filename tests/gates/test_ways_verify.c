/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ways round `unverified_signers = refuse`, by whoever writes the message: see
 * docs/security/bypasses.md.
 */
#include <openssl/err.h>

#include "mail.h"

/* Read a message as a program that wants only its content. */
static bool extract(const char *name, int type)
{
    struct sp_owner who = sp_read_owner(name);
    PKCS7 *pkcs7 = sp_pkcs7_of_type(who.cert, who.key, type);
    CMS_ContentInfo *cms =
        sp_cms_of_type(who.cert, who.key, type != NID_undef ? type : NID_pkcs7_data);
    int by_pkcs7, by_cms;

    ck_assert_msg(pkcs7 != NULL && cms != NULL, "%s", sp_errors());
    by_pkcs7 = PKCS7_verify(pkcs7, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY);
    by_cms = CMS_verify(cms, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY);
    ck_assert_int_eq(by_cms, by_pkcs7);
    CMS_ContentInfo_free(cms);
    PKCS7_free(pkcs7);
    sp_free_owner(&who);
    return by_pkcs7 == 1;
}

static const struct row {
    const char *name;
    int type;
} rows[] = { { "good-rsa", NID_pkcs7_data },
             { "good-rsa", NID_undef },
             { "good-rsa", NID_id_smime_ct_TSTInfo },
             { "stamp-ec", NID_id_smime_ct_TSTInfo },
             { "stamp-ec", NID_undef } };

/* In observe mode every certificate signs here; the setting holds all the same. */
START_TEST(unverified)
{
    sp_start("mode = observe\nunverified_signers = refuse");
    EXPECT_REFUSED(extract(rows[_i].name, rows[_i].type), "[distrust-default]");
}
END_TEST

START_TEST(unverified_passes_by_default)
{
    sp_start("mode = observe");
    EXPECT_DONE(extract(rows[_i].name, rows[_i].type));
}
END_TEST

/* Sign |data| with |key|, or (|digest| NULL) as a digest, and verify that. */
static bool sign_and_verify(EVP_PKEY *key, const char *digest, const void *data, size_t length)
{
    EVP_PKEY_CTX *raw = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[512];
    size_t size = sizeof(signature);
    bool done;

    if (digest == NULL) {
        ck_assert_int_eq(EVP_PKEY_sign_init(raw), 1);
        ck_assert_int_eq(EVP_PKEY_sign(raw, signature, &size, data, length), 1);
        done = EVP_PKEY_verify_init(raw) == 1 &&
               EVP_PKEY_verify(raw, signature, size, data, length) == 1;
    } else {
        ck_assert_int_eq(EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL), 1);
        ck_assert_int_eq(EVP_DigestSign(ctx, signature, &size, data, length), 1);
        ck_assert_int_eq(EVP_MD_CTX_reset(ctx), 1);
        done = EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
               EVP_DigestVerify(ctx, signature, size, data, length) == 1;
    }
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_CTX_free(raw);
    return done;
}

/* Of a key that is nobody's only signed attributes are surely of mail. */
START_TEST(key_of_no_certificate)
{
    static const unsigned char digest[32] = { 1 };
    EVP_PKEY *key;

    sp_start("mode = observe\nunverified_signers = refuse");
    key = sp_read_key("stranger-ec");
    EXPECT_DONE(sign_and_verify(key, NULL, digest, sizeof(digest)));
    EXPECT_DONE(sign_and_verify(key, "SHA256", "hello", 5));
    EXPECT_REFUSED(sign_and_verify(key, "SHA256", sp_mail_attributes, sizeof(sp_mail_attributes)),
                   "[distrust-default]");
    EVP_PKEY_free(key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ways to verify");
    TCase *tests = sp_case(suite, "ways to verify");

    tcase_add_loop_test(tests, unverified, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, unverified_passes_by_default, 0, SP_ROWS(rows));
    tcase_add_test(tests, key_of_no_certificate);
    return sp_run_forked(suite);
}
