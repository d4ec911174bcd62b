/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Email trust: which certificates of a trust store may vouch for a signer.
 */
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/compat.h"
#include "gates/hooks.h"
#include "gates/key_verdict.h"
#include "gates/uploaded.h"
#include "log/decision_log.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "register/register.h"

#define OPERATION "verify"

typedef int trust_fn(X509_TRUST *, sp_trust_x509 *, int);

static trust_fn check_trust;
static trust_fn *original; /* NULL until replaced */
static char *name;         /* an owned copy: the table frees its own name when it is written */

static X509_TRUST *find(void)
{
    return X509_TRUST_get0(X509_TRUST_get_by_id(X509_TRUST_EMAIL));
}

static bool set(trust_fn *check)
{
    return X509_TRUST_add(X509_TRUST_EMAIL, 0, check, name, NID_email_protect, NULL) == 1;
}

bool sp_trust_replace(void)
{
    const X509_TRUST *now = find();

    if (now == NULL || (name = OPENSSL_strdup(X509_TRUST_get0_name(now))) == NULL)
        return false;
    original = now->check_trust;
    return set(check_trust);
}

void sp_trust_restore(void)
{
    const X509_TRUST *now = find();

    if (name != NULL && now != NULL && now->check_trust == check_trust)
        (void)set(original);
    OPENSSL_free(name);
    name = NULL;
}

/*
 * The last certificate of a trust store that may not end the chain, see decide().
 * Only its address is compared.  The first question of each verification sets it
 * anew.
 */
static _Thread_local const void *unvouched;
static _Thread_local struct sp_standing unvouched_standing;

static int reject(const struct sp_facts *facts, const struct sp_cert *cert,
                  struct sp_standing standing)
{
    smimepolicy_verdict *verdict = sp_judge_anchor(facts, facts, standing, false);
    const struct sp_decision decision = { .operation = OPERATION,
                                          .refused = true,
                                          .denied = true,
                                          .verdict = verdict,
                                          .certificate = cert != NULL ? cert->digest : NULL };

    if (verdict != NULL)
        sp_raise_verdict(verdict);
    else
        (void)sp_gate_no_memory();
    sp_decision_log(sp_policy(), &decision);
    smimepolicy_verdict_free(verdict);
    return X509_TRUST_REJECTED;
}

/* Answer while the chain is built.  If the answer is "trusted", libcrypto ends the chain here. */
static int judge(const X509 *x509, const struct sp_facts *facts, const struct sp_cert *cert,
                 int original_answer)
{
    struct sp_standing standing = { 0 };

    if (!sp_uploaded_standing(x509, OPERATION, &standing))
        return X509_TRUST_REJECTED;
    sp_purposes_chain_ends(x509, sp_may_issue(facts, standing, true));
    if (sp_policy()->trust != SP_TRUST_KEYRING && !sp_is_never_anchor(standing))
        return original_answer;
    switch (sp_vouches(facts, standing, original_answer == X509_TRUST_TRUSTED)) {
    case SP_VOUCHES:
        return X509_TRUST_TRUSTED;
    case SP_VOUCHES_FOR_ITSELF:
        return X509_TRUST_UNTRUSTED;
    case SP_VOUCHED_FOR_LATER:
        unvouched = x509;
        unvouched_standing = standing;
        return X509_TRUST_UNTRUSTED;
    default:
        return reject(facts, cert, standing);
    }
}

/* Read the facts, from the register if it has them, and answer.  |is_second| as in decide(). */
static int ask(const X509 *x509, int original_answer, bool is_second)
{
    struct sp_cert *cert = sp_register_of_x509(x509);
    const struct sp_facts *facts = cert != NULL ? sp_cert_facts(cert) : NULL;
    struct sp_facts *own = facts == NULL ? sp_facts_new(x509) : NULL;
    int answer = X509_TRUST_REJECTED;

    if (facts == NULL && own == NULL)
        (void)sp_gate_no_memory();
    else if (is_second)
        answer =
            reject(facts != NULL ? facts : own, facts != NULL ? cert : NULL, unvouched_standing);
    else
        answer =
            judge(x509, facts != NULL ? facts : own, facts != NULL ? cert : NULL, original_answer);
    sp_facts_free(own);
    sp_cert_unref(cert);
    return answer;
}

/*
 * libcrypto asks twice about a certificate of the program's trust store.  First,
 * while the chain is built: may the chain end here?  Then, with NO_SS_COMPAT: is the
 * certificate trusted so explicitly that its purpose need not be checked?  The
 * second answer is never "trusted": an anchor that signs mail has to satisfy the
 * rules, too.
 *
 * With `trust = keyring` only an uploaded certificate ends a chain.  A CA that was
 * not uploaded may lead to one that was.  So the first answer is "untrusted", and
 * libcrypto continues the chain.  With X509_V_FLAG_PARTIAL_CHAIN, however, libcrypto
 * is content with "untrusted" and ends the chain.  So the certificate is remembered
 * until another one is asked about, and rejected at the second question.
 *
 * What came with a mail, or from a directory, counts as not uploaded, and that whoever
 * vouches: a program may name it in its store, or a user with -CAfile.
 *
 * A contact's certificate may be a CA below another one.  It is "untrusted", too;
 * whether it may vouch for others is asked with its purpose.
 */
static int decide(sp_trust_x509 *x509, int original_answer, bool is_second)
{
    bool was_unvouched = unvouched == x509;

    if (sp_policy_locked() != NULL) {
        SP_RAISE(SP_REASON_LOCKED, "refused: " OPERATION ": %s", sp_policy_locked());
        return X509_TRUST_REJECTED;
    }
    if (is_second)
        return was_unvouched                     ? ask(x509, original_answer, true)
               : sp_purposes_begin_trusted(x509) ? X509_TRUST_UNTRUSTED
                                                 : X509_TRUST_REJECTED;
    unvouched = NULL;
    return ask(x509, original_answer, false);
}

/* The original check comes first: it knows what a BEGIN TRUSTED CERTIFICATE rejects. */
static int check_trust(X509_TRUST *trust, sp_trust_x509 *x509, int flags)
{
    int answer = original(trust, x509, flags);

    if (answer == X509_TRUST_REJECTED)
        return answer;
    return decide(x509, answer, ((unsigned)flags & X509_TRUST_NO_SS_COMPAT) != 0);
}
