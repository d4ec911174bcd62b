/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Raw signatures and raw RSA encryption.  Nothing in them tells whether they belong
 * to a mail, so the setting `raw_keys` goes by the certificate.
 */
#include "rules/case.h"

static bool is_unreadable(enum sp_extension state)
{
    return state == SP_EXT_DUPLICATE || state == SP_EXT_BROKEN;
}

/*
 * Any rfc822Name counts, also one that is no valid address.  Addresses in other
 * fields and anyExtendedKeyUsage do not count, as in the other rules.  A missing
 * Extended Key Usage does not count either: self-signed certificates of single
 * sign-on have none.
 */
bool sp_is_for_mail(const struct sp_facts *facts)
{
    return is_unreadable(facts->san) || is_unreadable(facts->extended) ||
           facts->address_count > 0 || facts->name_types[GEN_EMAIL] > 0 ||
           sp_facts_has_purpose(facts, NID_email_protect);
}

static smimepolicy_verdict *let_pass(const struct sp_facts *facts, smimepolicy_use use)
{
    smimepolicy_verdict *verdict = sp_verdict_new(facts, use);

    if (verdict == NULL)
        return NULL;
    sp_verdict_add(
        verdict, SP_RULE_SAN_EMAIL, SMIMEPOLICY_NOTE,
        (struct sp_finding_text){ sp_format("raw_keys = pass lets a certificate that is none "
                                            "for mail pass"),
                                  sp_format("a raw operation, which shows no mail"),
                                  sp_format("a certificate for mail, if it is mail"),
                                  sp_format("set raw_keys = judge where all is mail") });
    return sp_verdict_finish(verdict);
}

smimepolicy_verdict *sp_judge_raw(const struct sp_facts *facts, smimepolicy_use use, time_t at,
                                  const smimepolicy_settings *settings)
{
    if (settings->pass_raw_keys)
        return let_pass(facts, use);
    return sp_judge_case(&(struct sp_case){ .facts = facts,
                                            .use = use,
                                            .at = at,
                                            .scope = SP_WITH_VALIDITY,
                                            .names_raw_keys = sp_raw_keys_would_help(settings),
                                            .settings = settings });
}

bool sp_raw_keys_would_help(const smimepolicy_settings *settings)
{
    return !settings->pass_raw_keys && !settings->refuse_unknown_keys;
}
