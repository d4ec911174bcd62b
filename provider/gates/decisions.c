/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gates/decisions.h"

#include <openssl/err.h>

#include "gates/uploaded.h"
#include "log/decision_log.h"
#include "log/report.h"
#include "policy/command.h"
#include "policy/policy.h"
#include "policy/reasons.h"

bool sp_gate_no_memory(void)
{
    SP_RAISE(SP_REASON_NO_MEMORY, "nothing is known of this key");
    return false;
}

bool sp_gate_refused_before(void)
{
    SP_RAISE(SP_REASON_REFUSED_BEFORE, "start a new operation with another certificate");
    return false;
}

bool sp_gate_refused_locked(const char *operation)
{
    const struct sp_decision decision = {
        .operation = operation, .refused = true, .denied = true, .note = sp_policy_locked()
    };

    SP_RAISE(SP_REASON_LOCKED, "refused: %s: %s", operation, decision.note);
    sp_decision_log(sp_policy(), &decision);
    sp_report_decision(&decision);
    return false;
}

bool sp_observing(void)
{
    return sp_policy()->mode == SP_MODE_OBSERVE;
}

static struct sp_decision decide(const char *operation, const smimepolicy_verdict *verdict,
                                 const struct sp_cert *cert, bool observed)
{
    const bool denied = !smimepolicy_verdict_allowed(verdict);

    return (struct sp_decision){ .operation = operation,
                                 .denied = denied,
                                 .refused = denied && !observed,
                                 .verdict = verdict,
                                 .certificate = cert != NULL ? cert->digest : NULL };
}

bool sp_conclude(const char *operation, const smimepolicy_verdict *verdict, struct sp_cert *cert,
                 bool observed)
{
    const struct sp_decision decision = decide(operation, verdict, cert, observed);

    if (decision.refused)
        sp_raise_verdict(verdict);
    sp_decision_log(sp_policy(), &decision);
    sp_report_decision(&decision);
    if (cert != NULL)
        atomic_store(&cert->was_reported, true);
    return !decision.refused;
}

smimepolicy_verdict *sp_judge_cert(const struct sp_cert *cert, smimepolicy_use use, bool no_mail)
{
    const struct sp_facts *facts = sp_cert_facts(cert);
    const time_t now = time(NULL);

    if (facts == NULL)
        return sp_refuse_incomplete(use);
    if (no_mail)
        return sp_judge_raw(facts, use, now, sp_policy());
    return sp_gate_add_revocation(sp_judge(facts, use, now, SP_WITH_VALIDITY, sp_policy()), facts,
                                  cert, NULL, now);
}

/*
 * Conclude a verdict on the message as a whole.  It is of interest only if it has
 * findings.  True if the operation goes on.
 */
static bool conclude_message(smimepolicy_verdict *verdict, bool observed)
{
    const char *operation =
        verdict == NULL ? NULL : smimepolicy_use_name(smimepolicy_verdict_use(verdict));
    bool allowed = verdict != NULL && (smimepolicy_verdict_count(verdict) == 0 ||
                                       sp_conclude(operation, verdict, NULL, observed));

    if (verdict == NULL)
        (void)sp_gate_no_memory();
    smimepolicy_verdict_free(verdict);
    return allowed;
}

/* Each recipient comes here, and the cipher is reported once. */
bool sp_command_allows_cipher(void)
{
    const char *name = sp_command()->cipher;
    smimepolicy_verdict *verdict;
    bool allowed;

    if (name == NULL)
        return true;
    ERR_set_mark();
    verdict = sp_judge_cipher(sp_cipher_find(name), false, sp_policy());
    ERR_pop_to_mark();
    if (verdict == NULL || sp_command_once(SP_ONCE_CIPHER))
        return conclude_message(verdict, sp_observing());
    allowed = smimepolicy_verdict_allowed(verdict) || sp_observing();
    smimepolicy_verdict_free(verdict);
    return allowed || sp_gate_refused_before();
}

static bool is_signer(const struct sp_cert *cert, const void *unused)
{
    (void)unused;
    return atomic_load(&cert->was_compared);
}

static bool is_recipient(const struct sp_cert *cert, const void *unused)
{
    (void)unused;
    return !sp_facts_is_ca(cert->facts) || sp_facts_is_person_ca(cert->facts);
}

static smimepolicy_verdict *judge_sender(const struct sp_facts **facts, size_t count)
{
    const struct sp_sender sender = {
        .is_mail = true, .from_fields = 1, .from = &sp_command()->sender, .from_count = 1
    };

    return sp_judge_sender_to_sign((const struct sp_facts *const *)facts, count, &sender);
}

/* `openssl` has compared every signer's key by now, so all signers are known. */
bool sp_command_compare_sender(void)
{
    struct sp_certs signers = { 0 };
    const struct sp_facts **facts = NULL;
    bool allowed;

    if (sp_command()->sender == NULL || !sp_command_once(SP_ONCE_SENDER))
        return true;
    allowed = sp_certs_find(&signers, is_signer, NULL) || sp_gate_no_memory();
    if (allowed && signers.count > 0) {
        facts = OPENSSL_malloc(signers.count * sizeof(*facts));
        for (size_t i = 0; facts != NULL && i < signers.count; i++)
            facts[i] = sp_cert_facts(signers.certs[i]);
        allowed = conclude_message(facts != NULL ? judge_sender(facts, signers.count) : NULL, true);
    }
    OPENSSL_free(facts);
    sp_certs_clear(&signers);
    return allowed;
}

/* Report what is found about |cert|; false, and raised, if memory ran out. */
static bool report_cert(const struct sp_cert *cert, smimepolicy_use use)
{
    smimepolicy_verdict *verdict = sp_judge_cert(cert, use, false);
    struct sp_decision decision;

    if (verdict == NULL)
        return sp_gate_no_memory();
    decision = decide(smimepolicy_use_name(use), verdict, cert, sp_observing());
    sp_report_decision(&decision);
    smimepolicy_verdict_free(verdict);
    return true;
}

void sp_command_report_rest(smimepolicy_use use)
{
    struct sp_certs rest = { 0 };

    if (!sp_command_is_to(use) || sp_policy_locked() != NULL)
        return;
    (void)sp_certs_find(&rest, use == SMIMEPOLICY_SIGN ? is_signer : is_recipient, NULL);
    for (size_t i = 0; i < rest.count; i++)
        if (!atomic_exchange(&rest.certs[i]->was_reported, true))
            (void)report_cert(rest.certs[i], use);
    sp_certs_clear(&rest);
}

bool sp_command_report_allowed(smimepolicy_use use, const struct sp_owners *owners)
{
    const char *operation = smimepolicy_use_name(use);

    sp_report_allowed(operation, owners->count > 0 ? owners->certs[0]->digest : NULL);
    return !sp_report_failed() || sp_gate_refused_locked(operation);
}

/*
 * A message is tried with a key as often as it has recipients, so each certificate is
 * reported once, and a key without one, too.
 */
bool sp_command_report_decryption(const struct sp_owners *owners)
{
    struct sp_cert *cert = owners->count > 0 ? owners->certs[0] : NULL;

    if (cert == NULL ? !sp_command_once(SP_ONCE_KEY) : atomic_exchange(&cert->was_reported, true))
        return true;
    return (cert == NULL || report_cert(cert, SMIMEPOLICY_DECRYPT)) &&
           sp_command_report_allowed(SMIMEPOLICY_DECRYPT, owners);
}
