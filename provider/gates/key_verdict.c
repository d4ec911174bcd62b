/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gates/key_verdict.h"

#include <openssl/err.h>

#include "gates/signer_path.h"
#include "gates/uploaded.h"
#include "log/report.h"
#include "policy/command.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "policy/trace.h"
#include "register/register.h"

static bool refuse_unknown(smimepolicy_use use, enum sp_via via)
{
    smimepolicy_verdict *verdict = sp_refuse_unknown_key(use, via == SP_VIA_FIRST);
    bool allowed;

    if (verdict == NULL)
        return sp_gate_no_memory();
    allowed = sp_conclude(smimepolicy_use_name(use), verdict, NULL, sp_observing());
    smimepolicy_verdict_free(verdict);
    return allowed;
}

static bool is_any_for_mail(const struct sp_owners *owners)
{
    for (size_t i = 0; i < owners->count; i++) {
        const struct sp_facts *facts = sp_cert_facts(owners->certs[i]);

        if (facts == NULL || sp_is_for_mail(facts))
            return true;
    }
    return false;
}

/*
 * Is this a raw operation with a key whose certificates are all not for mail?  This
 * counts every certificate of the key, also those that the program did not compare
 * it with.
 */
static bool is_no_mail(const struct sp_owners *owners, const void *key, const struct sp_slot *slot,
                       enum sp_evidence evidence)
{
    struct sp_owners all;
    bool none;

    if (evidence != SP_EVIDENCE_RAW || owners->count == 0 || is_any_for_mail(owners))
        return false;
    if (owners->via != SP_VIA_MATCH && owners->via != SP_VIA_OWN_KEY)
        return true;
    ERR_set_mark();
    none = sp_owners_find_equal(&all, key, slot->export_key) && !is_any_for_mail(&all);
    ERR_pop_to_mark();
    sp_owners_free(&all);
    return none;
}

/*
 * Raise that the key belongs to several certificates, of which only some may be
 * used, and that nothing tells which one is meant.
 */
static void raise_shared(smimepolicy_use use, const smimepolicy_verdict *allowed,
                         const smimepolicy_verdict *refused)
{
    SP_RAISE(SP_REASON_SHARED_KEY, "allowed: %s (serial %s); refused: %s (serial %s)",
             smimepolicy_verdict_get0_subject(allowed), smimepolicy_verdict_get0_serial(allowed),
             smimepolicy_verdict_get0_subject(refused), smimepolicy_verdict_get0_serial(refused));
    sp_report_line("refused %s - - certificates that are judged differently share this key; "
                   "allowed: %s (serial %s)",
                   smimepolicy_use_name(use), smimepolicy_verdict_get0_subject(allowed),
                   smimepolicy_verdict_get0_serial(allowed));
}

/* All certificates of the key must be allowed, as any of them may be meant. */
static bool judge_owners(smimepolicy_use use, const struct sp_owners *owners, bool no_mail)
{
    smimepolicy_verdict *good = NULL, *bad = NULL;
    struct sp_cert *good_cert = NULL, *bad_cert = NULL;
    bool allowed = true;

    for (size_t i = 0; i < owners->count && allowed; i++) {
        smimepolicy_verdict *verdict = sp_judge_cert(owners->certs[i], use, no_mail);
        smimepolicy_verdict **place = NULL;

        if (verdict == NULL)
            allowed = sp_gate_no_memory();
        else if (smimepolicy_verdict_allowed(verdict) && good == NULL)
            place = &good, good_cert = owners->certs[i];
        else if (!smimepolicy_verdict_allowed(verdict) && bad == NULL)
            place = &bad, bad_cert = owners->certs[i];
        if (place != NULL)
            *place = verdict;
        else
            smimepolicy_verdict_free(verdict);
    }
    if (allowed && bad != NULL) {
        if (good != NULL && !sp_observing())
            raise_shared(use, good, bad);
        allowed = sp_conclude(smimepolicy_use_name(use), bad, bad_cert, sp_observing());
    } else if (allowed && good != NULL) {
        allowed = sp_conclude(smimepolicy_use_name(use), good, good_cert, sp_observing());
    }
    smimepolicy_verdict_free(good);
    smimepolicy_verdict_free(bad);
    return allowed;
}

static bool unknown_passes(enum sp_evidence evidence)
{
    if (evidence == SP_EVIDENCE_TLS)
        return true;
    return evidence != SP_EVIDENCE_ATTRIBUTES && !sp_policy()->refuse_unknown_keys;
}

static const char *const via_names[] = { [SP_VIA_NONE] = "no certificate",
                                         [SP_VIA_FIRST] = "a certificate from before us",
                                         [SP_VIA_MATCH] = "match",
                                         [SP_VIA_OWN_KEY] = "own key",
                                         [SP_VIA_FINGERPRINT] = "fingerprint",
                                         [SP_VIA_KEYRING] = "keyring" };

/*
 * Find the certificates of the key; false (and raised) if that failed.  |what| is
 * what is to be signed, or NULL.
 */
static bool find_owners(struct sp_owners *owners, const void *key, const struct sp_slot *slot,
                        const struct sp_piece *what, const char *operation)
{
    bool found;

    ERR_set_mark();
    sp_thread_event();
    found = sp_owners_find(owners, key, slot->export_key, what);
    ERR_pop_to_mark();
    SP_TRACE("%s with %s: %zu certificates by %s", operation, slot->names, owners->count,
             via_names[owners->via]);
    if (found && (owners->count > 0 || !sp_register_has_failed()))
        return true;
    sp_owners_free(owners);
    return sp_gate_no_memory();
}

/*
 * Ask the keyring for the certificates of a key of which this process has parsed
 * none.  It is not asked in a TLS handshake, which would have to wait.  False (and
 * raised) if it cannot be asked.
 */
static bool ask_keyring(struct sp_owners *owners, const void *key, const struct sp_slot *slot,
                        enum sp_evidence evidence, const char *operation)
{
    char *why = NULL;

    if (owners->count > 0 || sp_policy()->keyring == NULL || evidence == SP_EVIDENCE_TLS)
        return true;
    if (sp_uploaded_owners(owners, key, slot->export_key, &why)) {
        SP_TRACE("%s with %s: %zu certificates by %s", operation, slot->names, owners->count,
                 via_names[SP_VIA_KEYRING]);
        return true;
    }
    sp_owners_free(owners);
    sp_uploaded_unreadable(operation, why);
    return false;
}

/* Are all certificates of the key for time stamps alone? */
static bool may_stamp(const struct sp_owners *owners)
{
    for (size_t i = 0; i < owners->count; i++) {
        const struct sp_facts *facts = sp_cert_facts(owners->certs[i]);

        if (facts == NULL || !sp_may_stamp(facts))
            return false;
    }
    return owners->count > 0;
}

/*
 * Judge the use of the key.  The caller frees |owners|.  |*judged| is set if it is
 * not passed over as something else than mail.
 */
static bool judge_use(smimepolicy_use use, const void *key, const struct sp_slot *slot,
                      enum sp_evidence evidence, struct sp_owners *owners, bool *judged)
{
    const char *operation = smimepolicy_use_name(use);

    *judged = false;
    if (evidence == SP_EVIDENCE_STAMP && may_stamp(owners))
        return true;
    if (sp_policy_locked() == NULL && !ask_keyring(owners, key, slot, evidence, operation))
        return false;
    if (sp_policy_locked() != NULL && (evidence != SP_EVIDENCE_TLS || owners->count > 0))
        return sp_gate_refused_locked(operation);
    *judged = owners->count > 0 || !unknown_passes(evidence);
    if (owners->count > 0)
        return judge_owners(use, owners, is_no_mail(owners, key, slot, evidence));
    return !*judged || refuse_unknown(use, owners->via);
}

bool sp_gate_encrypts(const void *key, const struct sp_slot *slot, enum sp_evidence evidence)
{
    const smimepolicy_use use = SMIMEPOLICY_ENCRYPT;
    struct sp_owners owners;
    bool judged, allowed = find_owners(&owners, key, slot, NULL, smimepolicy_use_name(use)) &&
                           judge_use(use, key, slot, evidence, &owners, &judged);

    if (allowed && judged)
        allowed = sp_command_allows_cipher();
    if (!allowed)
        sp_command_report_rest(use);
    else if (judged)
        allowed = sp_command_report_allowed(use, &owners);
    sp_owners_free(&owners);
    return allowed;
}

/* Judge the digest of a signature of |signer|. */
static bool judge_digest(int digest, smimepolicy_use use, struct sp_cert *signer)
{
    smimepolicy_verdict *verdict = sp_judge_digest(digest, sp_cert_facts(signer), use, sp_policy());
    bool allowed;

    if (verdict == NULL)
        return sp_gate_no_memory();
    allowed = sp_conclude(smimepolicy_use_name(use), verdict, signer, sp_observing());
    smimepolicy_verdict_free(verdict);
    return allowed;
}

/*
 * Judge the digest if the signature is one of mail.  It is not if the key has no
 * certificate, or for a time stamp.
 */
static bool may_use_digest(const struct sp_signing *signing, const struct sp_owners *owners)
{
    if (owners->count == 0 || !sp_digest_asks(signing->digest, sp_policy()) ||
        (signing->evidence == SP_EVIDENCE_STAMP && may_stamp(owners)))
        return true;
    return judge_digest(signing->digest, SMIMEPOLICY_SIGN, owners->certs[0]);
}

/* Conclude the verdict on an issuer of a signer; true if the signature goes on. */
static bool conclude_path(const struct sp_cert *signer)
{
    smimepolicy_verdict *verdict;
    struct sp_cert *issuer;
    bool allowed;

    if (!sp_signer_path_judge(signer, &verdict, &issuer))
        return sp_gate_no_memory();
    allowed = verdict == NULL || sp_conclude("sign", verdict, issuer, sp_observing());
    smimepolicy_verdict_free(verdict);
    sp_cert_unref(issuer);
    return allowed;
}

/* Judge the issuers of a signer of mail. */
static bool may_use_path(const struct sp_signing *signing, const struct sp_owners *owners)
{
    bool allowed = true;

    if (!sp_register_keeps_lineage() || (signing->evidence == SP_EVIDENCE_RAW &&
                                         sp_policy()->pass_raw_keys && !is_any_for_mail(owners)))
        return true;
    for (size_t i = 0; i < owners->count && allowed; i++)
        allowed = conclude_path(owners->certs[i]);
    return allowed;
}

void sp_gate_signs_data(const void *key, const unsigned char *data, size_t length)
{
    const struct sp_piece what = { data, length };

    sp_keys_note_signed(key, data != NULL ? &what : NULL);
}

/* Report the decision on a signature of |owners|; true if it goes on. */
static bool report_signature(const struct sp_owners *owners, bool allowed, bool judged)
{
    if (!allowed) {
        sp_command_report_rest(SMIMEPOLICY_SIGN);
        return false;
    }
    return !judged ||
           (sp_command_compare_sender() && sp_command_report_allowed(SMIMEPOLICY_SIGN, owners));
}

bool sp_gate_signs(const void *key, const struct sp_slot *slot, const struct sp_signing *signing)
{
    const struct sp_piece data = { signing->data, signing->length };
    const struct sp_piece *what = data.data != NULL ? &data : NULL;
    struct sp_owners owners;
    bool allowed, judged;

    if (!find_owners(&owners, key, slot, what, "sign"))
        return false;
    allowed = judge_use(SMIMEPOLICY_SIGN, key, slot, signing->evidence, &owners, &judged);
    if (allowed &&
        !(may_use_digest(signing, &owners) && (!judged || may_use_path(signing, &owners)))) {
        sp_command_report_rest(SMIMEPOLICY_SIGN);
        sp_keys_signed(key, &owners, true, NULL);
        return false;
    }
    allowed = report_signature(&owners, allowed, judged);
    sp_keys_signed(key, &owners, allowed, what);
    return allowed;
}

bool sp_gate_watches_verification(void)
{
    return sp_policy()->refuse_unverified_signers || sp_policy_locked() != NULL;
}

/* Refuse a signature whose signer's certificate was never checked. */
static bool refuse_unverified(struct sp_cert *cert, bool no_mail)
{
    smimepolicy_verdict *verdict = sp_refuse_unverified(
        cert != NULL ? sp_cert_facts(cert) : NULL, no_mail && sp_raw_keys_would_help(sp_policy()));
    bool allowed;

    if (verdict == NULL)
        return sp_gate_no_memory();
    SP_RAISE(SP_REASON_UNVERIFIED, "unverified_signers = refuse");
    allowed = sp_conclude("verify", verdict, cert, false);
    smimepolicy_verdict_free(verdict);
    return allowed;
}

bool sp_gate_verifies(const void *key, const struct sp_slot *slot, enum sp_evidence evidence)
{
    struct sp_cert *unverified = NULL;
    struct sp_owners owners;
    bool allowed, no_mail, verified = false;

    if (!sp_gate_watches_verification())
        return true;
    if (!find_owners(&owners, key, slot, NULL, "verify"))
        return false;
    for (size_t i = 0; i < owners.count; i++) {
        if (sp_register_was_verified(owners.certs[i]))
            verified = true;
        else
            unverified = owners.certs[i];
    }
    no_mail = !verified && is_no_mail(&owners, key, slot, evidence);
    if (owners.count == 0 && evidence != SP_EVIDENCE_ATTRIBUTES)
        allowed = true;
    else if (sp_policy_locked() != NULL)
        allowed = sp_gate_refused_locked("verify");
    else
        allowed = verified || (no_mail && sp_policy()->pass_raw_keys) ||
                  refuse_unverified(unverified, no_mail);
    sp_owners_free(&owners);
    return allowed;
}

/* The first of |owners| that was checked as the certificate of a signer, or NULL. */
static struct sp_cert *find_signer(const struct sp_owners *owners)
{
    for (size_t i = 0; i < owners->count; i++)
        if (sp_register_was_verified(owners->certs[i]))
            return owners->certs[i];
    return NULL;
}

bool sp_gate_verifies_mail(const void *key, const struct sp_slot *slot,
                           const unsigned char *attributes, size_t length)
{
    struct sp_owners owners;
    struct sp_cert *signer;
    bool allowed;

    if (!sp_command_is_to(SMIMEPOLICY_VERIFY))
        return true;
    if (!find_owners(&owners, key, slot, NULL, "verify"))
        return false;
    signer = find_signer(&owners);
    allowed = signer == NULL || sp_command_verifies(signer, attributes, length);
    sp_owners_free(&owners);
    return allowed;
}

bool sp_gate_verifies_with(int digest, const void *key, const struct sp_slot *slot)
{
    struct sp_cert *signer;
    struct sp_owners owners;
    bool allowed;

    if (!sp_digest_asks(digest, sp_policy()))
        return true;
    if (!find_owners(&owners, key, slot, NULL, "verify"))
        return false;
    signer = find_signer(&owners);
    allowed = signer == NULL || judge_digest(digest, SMIMEPOLICY_VERIFY, signer);
    sp_owners_free(&owners);
    return allowed;
}

bool sp_gate_decrypts(const void *key, const struct sp_slot *slot)
{
    struct sp_owners owners;
    bool allowed;

    if (!sp_command_is_to(SMIMEPOLICY_DECRYPT))
        return true;
    if (sp_policy_locked() != NULL)
        return sp_gate_refused_locked("decrypt");
    allowed =
        find_owners(&owners, key, slot, NULL, "decrypt") && sp_command_report_decryption(&owners);
    sp_owners_free(&owners);
    return allowed;
}
