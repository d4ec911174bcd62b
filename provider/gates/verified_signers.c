/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The signers of the message that the command has `openssl` verify.  It checks the chains
 * of all signers before it verifies the first signature.
 */
#include <string.h>

#include <openssl/err.h>

#include "gates/decisions.h"
#include "log/decision_log.h"
#include "log/report.h"
#include "policy/command.h"
#include "policy/policy.h"

struct signer {
    struct sp_cert *cert; /* a reference */
    char *through;        /* owned: how its chain ends; NULL: memory ran out */
};

/* Only in a program of the command, which has one thread.  Forgotten when we are unloaded. */
static struct {
    struct signer *each; /* owned */
    size_t count;
} signers;

/* Of two signatures with one certificate, or with a copy of it, there is one. */
static const struct signer *find(const struct sp_cert *cert)
{
    for (size_t i = 0; i < signers.count; i++)
        if (memcmp(signers.each[i].cert->digest, cert->digest, SP_SHA256_LENGTH) == 0)
            return &signers.each[i];
    return NULL;
}

void sp_command_note_signer(struct sp_cert *cert, const STACK_OF(X509) *chain)
{
    struct signer *longer;

    if (!sp_command_is_to(SMIMEPOLICY_VERIFY) || sp_cert_facts(cert) == NULL || find(cert) != NULL)
        return;
    /* Without memory the signer is not found below, and refused. */
    longer = OPENSSL_realloc(signers.each, (signers.count + 1) * sizeof(*longer));
    if (longer == NULL)
        return;
    signers.each = longer;
    longer[signers.count++] = (struct signer){ sp_cert_ref(cert), sp_through_text(chain) };
    sp_report_vouched(cert->digest);
}

void sp_command_forget_signers(void)
{
    for (size_t i = 0; i < signers.count; i++) {
        sp_cert_unref(signers.each[i].cert);
        OPENSSL_free(signers.each[i].through);
    }
    OPENSSL_free(signers.each);
    signers.each = NULL;
    signers.count = 0;
}

/* Report what is found, and log what is refused.  |verdict| is taken over. */
static bool conclude(smimepolicy_verdict *verdict, struct sp_cert *cert)
{
    bool allowed;

    if (verdict == NULL)
        return sp_gate_no_memory();
    if (smimepolicy_verdict_allowed(verdict)) {
        const struct sp_decision decision = { .operation = "verify",
                                              .verdict = verdict,
                                              .certificate = cert->digest };

        sp_report_decision(&decision);
        allowed = true;
    } else {
        allowed = sp_conclude("verify", verdict, cert, sp_observing());
    }
    smimepolicy_verdict_free(verdict);
    return allowed;
}

/* For a program the setting `sender` refuses, or what would be refused is only logged. */
static bool conclude_sender(smimepolicy_verdict *verdict, struct sp_cert *cert)
{
    const struct sp_decision decision = { .operation = "verify",
                                          .denied = true,
                                          .verdict = verdict };

    if (verdict == NULL || !sp_command()->for_program ||
        (sp_policy()->refuse_other_senders && !sp_observing()))
        return conclude(verdict, cert);
    if (!smimepolicy_verdict_allowed(verdict))
        sp_decision_log(sp_policy(), &decision);
    smimepolicy_verdict_free(verdict);
    return true;
}

static bool compare(const struct sp_facts **facts)
{
    char *from = sp_command()->sender;
    const struct sp_sender sender = { .is_mail = from != NULL,
                                      .from_fields = from != NULL,
                                      .from = &from,
                                      .from_count = from != NULL,
                                      .needed = sp_command()->for_program &&
                                                sp_policy()->refuse_other_senders };
    bool allowed = true;

    for (size_t i = 0; i < signers.count; i++)
        facts[i] = sp_cert_facts(signers.each[i].cert);
    /* Every fault is reported. */
    for (size_t i = 0; i < signers.count; i++)
        allowed = conclude_sender(sp_judge_sender((const struct sp_facts *const *)facts,
                                                  signers.count, i, &sender),
                                  signers.each[i].cert) &&
                  allowed;
    return allowed;
}

/* Compare the sender with all signers, once. */
static bool compare_sender(void)
{
    const struct sp_facts **facts;
    bool allowed;

    if (!sp_command_once(SP_ONCE_SENDER))
        return true;
    facts = OPENSSL_malloc(signers.count * sizeof(*facts));
    allowed = facts != NULL ? compare(facts) : sp_gate_no_memory();
    OPENSSL_free(facts);
    return allowed;
}

/* A program reads the signing time by itself. */
static bool judge_time(const struct signer *signer, const struct sp_signing_time *when)
{
    return sp_command()->for_program ||
           conclude(sp_judge_signing_time(sp_cert_facts(signer->cert), NULL, 0, when, time(NULL)),
                    signer->cert);
}

static bool report(const struct signer *signer, const struct sp_signing_time *time)
{
    char *text = signer->through == NULL
                     ? NULL
                     : sp_verified_text(sp_cert_facts(signer->cert), time, signer->through);

    if (text == NULL)
        return sp_gate_no_memory();
    sp_report_allowed("verify", signer->cert->digest);
    sp_report_verified(signer->cert->digest, text);
    OPENSSL_free(text);
    return !sp_report_failed() || sp_gate_refused_locked("verify");
}

bool sp_command_verifies(const struct sp_cert *cert, const unsigned char *attributes, size_t length)
{
    const struct signer *signer = find(cert);
    struct sp_signing_time time = { .state = SP_TIME_ABSENT };

    if (signer == NULL)
        return sp_gate_no_memory();
    ERR_set_mark();
    if (attributes != NULL)
        time = sp_signing_time_find(attributes, length);
    ERR_pop_to_mark();
    return judge_time(signer, &time) && compare_sender() && report(signer, &time);
}
