/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates are not for mail, and what `raw_keys` does with them.
 */
#include <string.h>

#include "rules/rules.h"
#include "verdicts.h"

#define USAGE      .usage = "digitalSignature,keyEncipherment"
#define NOT_BROKEN "DNS:localhost"

static const struct row {
    const char *label;
    struct sp_recipe recipe;
    bool for_mail;
} rows[] = {
    { "nothing", { USAGE }, false },
    { "server", { .san = "DNS:localhost,IP:192.0.2.1", .extended = "serverAuth", USAGE }, false },
    { "time stamps", { .extended = "critical,timeStamping", USAGE }, false },
    { "CA", { .usage = "keyCertSign,cRLSign", .basic = "critical,CA:TRUE" }, false },
    { "any purpose", { .extended = "anyExtendedKeyUsage", USAGE }, false },
    { "address in the subject", { .subject = "bob@example.org", USAGE }, false },
    { "SmtpUTF8Mailbox",
      { .san = "otherName:1.3.6.1.5.5.7.8.9;UTF8:bob@example.org", USAGE },
      false },
    { "mailto", { .san = "URI:mailto:bob@example.org", USAGE }, false },
    { "printed like an address", { .san = "RID:1.2.3.4", USAGE }, false },
    { "expired or not",
      { .not_after = "20230802142028Z", .extended = "serverAuth", USAGE },
      false },
    { "address", { .san = "email:bob@example.org", USAGE }, true },
    { "address of a server",
      { .san = "DNS:localhost,email:bob@example.org", .extended = "serverAuth", USAGE },
      true },
    { "a name that is no address", { .san = "email:bob", USAGE }, true },
    { "an empty name", { .san = "DER:30:02:81:00", USAGE }, true },
    { "mail alone", { .extended = "emailProtection", USAGE }, true },
    { "mail too", { .san = NOT_BROKEN, .extended = "serverAuth,emailProtection", USAGE }, true },
    { "broken names", { .san = "DER:FF", USAGE }, true },
    { "names and a byte", { .san = "DER:30:03:82:01:61:00", USAGE }, true },
    { "broken purposes", { .san = NOT_BROKEN, .extended = "DER:30", USAGE }, true },
    { "names twice",
      { .san = NOT_BROKEN, .again = { "subjectAltName", NOT_BROKEN }, USAGE },
      true },
    { "purposes twice",
      { .extended = "serverAuth", .again = { "extendedKeyUsage", "clientAuth" }, USAGE },
      true },
};

START_TEST(for_mail)
{
    X509 *cert = sp_make_cert(&rows[_i].recipe);
    struct sp_facts *facts = sp_facts_new(cert);

    ck_assert_msg(sp_is_for_mail(facts) == rows[_i].for_mail, "%s", rows[_i].label);
    sp_facts_free(facts);
    X509_free(cert);
}
END_TEST

static const struct setting {
    const char *const pairs[5];
    const char *summary;
    bool names_it;
} settings[] = {
    { { NULL }, "deny:san-email deny:extended-key-usage", true },
    { { "raw_keys", "judge", NULL }, "deny:san-email deny:extended-key-usage", true },
    /* If everything counts as mail the setting would not help. */
    { { "unknown_keys", "refuse", NULL }, "deny:san-email deny:extended-key-usage", false },
    { { "raw_keys", "pass", NULL }, "note:san-email", false },
    { { "raw_keys", "pass", "unknown_keys", "refuse", NULL }, "note:san-email", false },
};

START_TEST(judged)
{
    static const smimepolicy_use uses[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_ENCRYPT };
    const struct setting *row = &settings[_i];
    smimepolicy_settings *chosen = sp_settings_of(row->pairs);
    X509 *cert = sp_make_cert(&rows[1].recipe);
    struct sp_facts *facts = sp_facts_new(cert);

    for (int i = 0; i < SP_ROWS(uses); i++) {
        smimepolicy_verdict *verdict = sp_judge_raw(facts, uses[i], SP_NOW, chosen);
        const char *remedy = smimepolicy_finding_get0_remedy(sp_find(verdict, "san-email"));
        char *summary = sp_summary(verdict);

        ck_assert_str_eq(summary, row->summary);
        ck_assert_int_eq(strstr(remedy, ", or set raw_keys = pass if this is no mail") != NULL,
                         row->names_it);
        free(summary);
        smimepolicy_verdict_free(verdict);
        /* Other operations than raw ones do not name it. */
        verdict = sp_judge(facts, uses[i], SP_NOW, SP_WITH_VALIDITY, chosen);
        remedy = smimepolicy_finding_get0_remedy(sp_find(verdict, "san-email"));
        ck_assert_int_eq(smimepolicy_verdict_allowed(verdict), 0);
        ck_assert_ptr_null(strstr(remedy, "raw_keys"));
        smimepolicy_verdict_free(verdict);
    }
    sp_facts_free(facts);
    X509_free(cert);
    smimepolicy_settings_free(chosen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("raw operations");
    TCase *tests = tcase_create("raw operations");

    tcase_add_loop_test(tests, for_mail, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, judged, 0, SP_ROWS(settings));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
