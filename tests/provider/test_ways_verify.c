/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Attempts by the sender of a message to bypass `unverified_signers = refuse`: see
 * docs/bypasses.md.
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

int main(void)
{
    Suite *suite = suite_create("ways to verify");
    TCase *tests = sp_case(suite, "ways to verify");

    tcase_add_loop_test(tests, unverified, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, unverified_passes_by_default, 0, SP_ROWS(rows));
    return sp_run_forked(suite);
}
