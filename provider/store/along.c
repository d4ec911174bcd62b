/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/along.h"

#include <openssl/crypto.h>

#include "choice/stored_issuers.h"
#include "base/key_marks.h"
#include "base/sha256.h"
#include "gates/decisions.h"
#include "log/report.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "store/load_state.h"

/* May |issuer| go along?  If not, the reason is raised. */
static bool may_go(const X509 *issuer, time_t at)
{
    struct sp_facts *facts = sp_facts_new(issuer);
    smimepolicy_verdict *verdict =
        facts == NULL ? NULL : sp_judge_along(facts, at, SP_ALONG_STORED);
    bool may = verdict != NULL && (smimepolicy_verdict_allowed(verdict) != 0 ||
                                   sp_conclude("sign", verdict, NULL, sp_observing()));

    if (verdict == NULL)
        SP_RAISE(SP_REASON_NO_MEMORY, "an issuer was not judged");
    smimepolicy_verdict_free(verdict);
    sp_facts_free(facts);
    return may;
}

static bool push(STACK_OF(X509) *along, X509 *cert)
{
    return X509_add_cert(along, cert, X509_ADD_FLAG_UP_REF) == 1;
}

/* Judge |path|, and add to |along| what is sent. */
static bool add_path(STACK_OF(X509) *along, const STACK_OF(X509) *path, time_t at)
{
    bool done = true;

    for (int i = 0; done && i < sk_X509_num(path); i++) {
        X509 *issuer = sk_X509_value(path, i);

        done = may_go(issuer, at) && (sp_is_root(issuer) || push(along, issuer));
    }
    return done;
}

/* Find the chain above the chosen identity, and judge it. */
static bool find_along(struct sp_keyring *keyring, const struct sp_choice *choice,
                       STACK_OF(X509) *along, const char *name)
{
    const time_t now = time(NULL);
    STACK_OF(X509) *path = sk_X509_new_null();
    char *why = NULL;
    X509 *signer = sp_record_parse(&choice->records[sp_choice_place(choice, 0)], &why);
    bool found = path != NULL && signer != NULL && sp_stored_path(keyring, signer, now, path, &why);
    bool done = found ? add_path(along, path, now) : sp_load_refuse(SP_REASON_KEYRING, name, why);

    X509_free(signer);
    sk_X509_pop_free(path, X509_free);
    return done;
}

STACK_OF(X509) *sp_along(struct sp_keyring *keyring, const struct sp_choice *choice,
                         const char *name)
{
    STACK_OF(X509) *along = sk_X509_new_null();
    bool any = false;
    char *why = NULL;
    bool done = along != NULL && (choice->count == 0 || sp_stores_issuers(keyring, &any, &why))
                    ? !any || find_along(keyring, choice, along, name)
                    : sp_load_refuse(SP_REASON_KEYRING, name, why);

    if (done)
        return along;
    sk_X509_pop_free(along, X509_free);
    return NULL;
}

/* The rule against a certificate that was not chosen, or "-". */
static const char *rule_against(const smimepolicy_verdict *verdict)
{
    return smimepolicy_verdict_allowed(verdict)
               ? "-"
               : smimepolicy_finding_rule(smimepolicy_verdict_get0_finding(verdict, 0));
}

static bool report_others(const struct sp_choice *choice, const char *address)
{
    char fingerprint[SP_FINGERPRINT_TEXT];
    bool done = true;

    for (size_t i = 1; done && i < choice->count; i++) {
        const size_t place = choice->order[i];
        const smimepolicy_verdict *verdict = choice->candidates[place].verdict;
        char *text = sp_passed_over_text(verdict);

        sp_fingerprint_text(choice->records[place].fingerprint, fingerprint);
        done = text != NULL;
        if (done)
            sp_report_line("passed-over %s %s %s %s %s", smimepolicy_use_name(choice->use), address,
                           fingerprint, rule_against(verdict), text);
        OPENSSL_free(text);
    }
    return done;
}

/* How the choice was made: "only", "unusable", "changed" or "same", see along.h. */
static const char *how_chosen(const struct sp_choice *choice, bool changed)
{
    if (choice->count == 1)
        return "only";
    if (!sp_choice_is_usable(choice, choice->order[0]))
        return "unusable";
    return changed ? "changed" : "same";
}

static void report_key(const struct sp_record *record, smimepolicy_use use, const char *fingerprint)
{
    sp_report_line("key %s %s %s", smimepolicy_use_name(use), fingerprint,
                   sp_may_be_ec(record->der, record->der_length)    ? "ec"
                   : sp_may_be_pss(record->der, record->der_length) ? "pss"
                                                                    : "rsa");
}

bool sp_report_choice(const struct sp_choice *choice, const char *address)
{
    char fingerprint[SP_FINGERPRINT_TEXT];
    bool changed = false;
    char *text = NULL;

    if (!sp_report_is_on() || choice->count == 0)
        return true;
    if (choice->count > 1) {
        if (!sp_choice_has_changed(choice, time(NULL), sp_policy(), &changed))
            return false;
        text = sp_chosen_text(choice->candidates[choice->order[0]].verdict, choice->count);
        if (text == NULL)
            return false;
    }
    sp_fingerprint_text(choice->records[sp_choice_place(choice, 0)].fingerprint, fingerprint);
    sp_report_line("chosen %s %s %s %s%s%s", smimepolicy_use_name(choice->use), address,
                   fingerprint, how_chosen(choice, changed), text != NULL ? " " : "",
                   text != NULL ? text : "");
    OPENSSL_free(text);
    report_key(&choice->records[sp_choice_place(choice, 0)], choice->use, fingerprint);
    return report_others(choice, address);
}

void sp_report_along(const struct sp_choice *choice)
{
    char fingerprint[SP_FINGERPRINT_TEXT];

    if (choice->count == 0)
        return;
    sp_fingerprint_text(choice->records[sp_choice_place(choice, 0)].fingerprint, fingerprint);
    sp_report_line("along %s", fingerprint);
}
