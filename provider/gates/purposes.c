/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The purposes `smimesign` and `smimeencrypt` under the rules, and who may issue if
 * a mail is verified for another purpose.
 *
 * Validity is not judged here: a verification checks it by itself, and old
 * signatures are checked against their own time.  Revocation is asked as of now,
 * whatever the time of the verification: a program may have taken that from the
 * message, where its signer has written it.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "gates/decisions.h"
#include "gates/hooks.h"
#include "gates/uploaded.h"
#include "log/decision_log.h"
#include "log/report.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "register/register.h"

typedef int check_fn(const X509_PURPOSE *, const X509 *, int);

static check_fn check_sign, check_encrypt, check_any;

static struct purpose {
    int id, trust;
    check_fn *ours;
    check_fn *original;      /* NULL until replaced */
    char *name, *short_name; /* owned copies: the table frees its own when it is written */
} purposes[] = {
    { .id = X509_PURPOSE_SMIME_SIGN, .ours = check_sign },
    { .id = X509_PURPOSE_SMIME_ENCRYPT, .ours = check_encrypt },
    { .id = X509_PURPOSE_ANY, .ours = check_any },
};
#define PURPOSES (sizeof(purposes) / sizeof(purposes[0]))

static X509_PURPOSE *find(int id)
{
    return X509_PURPOSE_get0(X509_PURPOSE_get_by_id(id));
}

static bool set(struct purpose *purpose, check_fn *check)
{
    return X509_PURPOSE_add(purpose->id, purpose->trust, 0, check, purpose->name,
                            purpose->short_name, NULL) == 1;
}

static void forget(struct purpose *purpose)
{
    OPENSSL_free(purpose->name);
    OPENSSL_free(purpose->short_name);
    purpose->name = purpose->short_name = NULL;
}

static bool replace(struct purpose *purpose)
{
    const X509_PURPOSE *now = find(purpose->id);

    if (now == NULL)
        return false;
    purpose->name = OPENSSL_strdup(X509_PURPOSE_get0_name(now));
    purpose->short_name = OPENSSL_strdup(X509_PURPOSE_get0_sname(now));
    purpose->original = now->check_purpose;
    purpose->trust = X509_PURPOSE_get_trust(now);
    if (purpose->name != NULL && purpose->short_name != NULL && set(purpose, purpose->ours))
        return true;
    forget(purpose);
    return false;
}

bool sp_purposes_replace(void)
{
    for (size_t i = 0; i < PURPOSES; i++)
        if (!replace(&purposes[i]))
            return false;
    return true;
}

void sp_purposes_restore(void)
{
    for (size_t i = 0; i < PURPOSES; i++) {
        const X509_PURPOSE *now = find(purposes[i].id);

        /* If another module has replaced the check after us it calls ours: leave it there. */
        if (purposes[i].name != NULL && now != NULL && now->check_purpose == purposes[i].ours)
            (void)set(&purposes[i], purposes[i].original);
        forget(&purposes[i]);
    }
}

/* The facts of one certificate, from the register if it has them. */
struct known {
    struct sp_cert *cert;         /* a reference, or NULL */
    struct sp_facts *own;         /* owned, or NULL */
    const struct sp_facts *facts; /* those of |cert| or |own|; NULL if out of memory */
};

static struct known known(const X509 *x509)
{
    struct known k = { .cert = sp_register_of_x509(x509) };

    k.facts = k.cert != NULL ? sp_cert_facts(k.cert) : NULL;
    if (k.facts == NULL)
        k.facts = k.own = sp_facts_new(x509);
    return k;
}

static void forget_known(struct known *k)
{
    sp_facts_free(k->own);
    sp_cert_unref(k->cert);
}

static int fail(int reason, const char *detail)
{
    SP_RAISE(reason, "refused: verify: %s", detail);
    return 0;
}

/* Raise, log and free |verdict|; 1 if the operation may go on. */
static int conclude(smimepolicy_verdict *verdict, const struct known *k, smimepolicy_use use,
                    bool observed)
{
    struct sp_decision decision = { .operation = smimepolicy_use_name(use), .verdict = verdict };

    if (verdict == NULL)
        return fail(SP_REASON_NO_MEMORY, "the certificate was not judged");
    decision.denied = !smimepolicy_verdict_allowed(verdict);
    decision.refused = decision.denied && !observed;
    if (k->facts != k->own)
        decision.certificate = k->cert->digest;
    if (decision.refused)
        sp_raise_verdict(verdict);
    sp_decision_log(sp_policy(), &decision);
    sp_report_decision(&decision);
    smimepolicy_verdict_free(verdict);
    return !decision.refused;
}

static int check_person(const X509 *x509, smimepolicy_use use)
{
    smimepolicy_verdict *verdict = NULL;
    struct known k;
    int answer;

    if (sp_policy_locked() != NULL)
        return fail(SP_REASON_LOCKED, sp_policy_locked());
    ERR_set_mark();
    k = known(x509);
    if (k.facts != NULL)
        verdict = sp_gate_add_revocation(
            sp_judge(k.facts, use, time(NULL), SP_WITHOUT_VALIDITY, sp_policy()), k.facts, k.cert,
            x509, time(NULL));
    ERR_pop_to_mark();
    answer = conclude(verdict, &k, use, sp_policy()->mode == SP_MODE_OBSERVE);
    forget_known(&k);
    return answer;
}

/*
 * The chain that this thread verifies.  libcrypto builds it first, and asks for
 * email trust of each certificate of the trust store, the anchor last.  Then it asks
 * for the purpose of each certificate, the signer's first; directly before, it asks
 * again for email trust if the certificate is from the trust store.  Only addresses
 * are noted here, and only compared: an address may belong to a chain that failed,
 * or that was freed.
 */
static _Thread_local struct {
    const X509 *asked; /* the last certificate asked about while the chain is built */
    bool asked_may_issue;
    const X509 *next;   /* its purpose is asked next: email trust was asked again */
    const X509 *anchor; /* the anchor of the chain whose purposes are asked; NULL: not known */
    bool vouches;       /* the anchor may issue */
    bool for_itself;    /* the signer's certificate is an anchor and needs no issuer */
} chain;

void sp_purposes_chain_ends(const X509 *cert, bool may_issue)
{
    chain.asked = cert;
    chain.asked_may_issue = may_issue;
}

/*
 * libcrypto accepts a certificate whose extensions it cannot read without asking for
 * its purpose.  It is a signer's: libcrypto finds no such issuer.
 */
static bool refuse_unreadable(const X509 *x509)
{
    struct known k;

    if (!check_person(x509, SMIMEPOLICY_VERIFY))
        return false;
    ERR_set_mark();
    k = known(x509);
    ERR_pop_to_mark();
    if (k.facts != NULL)
        (void)conclude(sp_refuse_unreadable(k.facts), &k, SMIMEPOLICY_VERIFY, false);
    else
        (void)fail(SP_REASON_NO_MEMORY, "the signer was not judged");
    forget_known(&k);
    return false;
}

/* libcrypto has read the extensions to build the chain, so they are not read again. */
bool sp_purposes_begin_trusted(sp_trust_x509 *x509)
{
    chain.next = x509;
    return X509_check_purpose(x509, -1, 0) == 1 || refuse_unreadable(x509);
}

/* Begin with the signer.  The keyring is asked only if its answer matters. */
static bool begin_purposes(const X509 *signer)
{
    struct sp_standing standing = { 0 };

    chain.anchor = chain.asked;
    chain.vouches = chain.asked_may_issue;
    chain.asked = NULL;
    chain.for_itself = chain.anchor == signer && chain.next == signer;
    chain.next = NULL;
    if (chain.anchor == NULL || chain.for_itself || chain.vouches)
        return true;
    if (!sp_uploaded_standing(signer, smimepolicy_use_name(SMIMEPOLICY_VERIFY), &standing))
        return false;
    chain.for_itself = sp_vouches_for_itself(standing);
    return true;
}

/* Judge the revocation of an issuer. */
static int judge_revocation(const X509 *x509, const struct known *k, bool is_anchor)
{
    smimepolicy_verdict *verdict =
        sp_gate_judge_issuer(k->facts, k->cert, x509, is_anchor, SMIMEPOLICY_VERIFY, time(NULL));

    if (verdict != NULL && smimepolicy_verdict_count(verdict) == 0) {
        smimepolicy_verdict_free(verdict);
        return 1;
    }
    return conclude(verdict, k, SMIMEPOLICY_VERIFY, sp_observing());
}

/*
 * A self-issued certificate is judged as an issuer of its own, unless it is surely
 * the anchor of this chain and may issue.
 */
static int judge_issuer(const X509 *x509, const struct known *k)
{
    bool is_anchor = chain.anchor == x509 && chain.next == x509;
    struct sp_standing standing = { 0 };
    const bool matters = !chain.for_itself;
    bool may;

    if (!matters)
        may = true;
    else if (is_anchor)
        may = chain.vouches;
    else if (chain.anchor != NULL && !sp_facts_is_person_ca(k->facts))
        may = sp_may_issue(k->facts, standing, false);
    else if (sp_uploaded_standing(x509, smimepolicy_use_name(SMIMEPOLICY_VERIFY), &standing))
        may = sp_may_issue(k->facts, standing, true);
    else
        return 0;
    chain.next = NULL;
    if (is_anchor)
        chain.anchor = NULL;
    if (!may)
        return conclude(sp_refuse_issuer(k->facts, k->facts), k, SMIMEPOLICY_VERIFY, false);
    return !matters || judge_revocation(x509, k, is_anchor);
}

/* May |x509| vouch for the certificate below it? */
static int check_issuer(const X509 *x509)
{
    int answer;
    struct known k;

    ERR_set_mark();
    k = known(x509);
    ERR_pop_to_mark();
    answer = k.facts == NULL ? fail(SP_REASON_NO_MEMORY, "the issuer was not judged")
                             : judge_issuer(x509, &k);
    forget_known(&k);
    return answer;
}

/*
 * A mail is verified for any purpose: the signer is not judged, but who vouches for
 * it is.  Verifications without email trust are left alone.
 */
static int check_any(const X509_PURPOSE *purpose, const X509 *x509, int ca)
{
    bool ends_mail = ca && chain.next == x509 && chain.asked == x509;

    if (ends_mail) {
        chain.anchor = x509;
        chain.vouches = chain.asked_may_issue;
        chain.for_itself = false;
        chain.asked = NULL;
        if (!check_issuer(x509))
            return 0;
    }
    chain.next = NULL;
    return purposes[2].original(purpose, x509, ca);
}

/* Note it for `unverified_signers = refuse`, see key_verdict.h, and for the command. */
static void note_verified(const X509 *x509)
{
    struct sp_cert *cert = sp_register_of_x509(x509);

    if (cert != NULL) {
        atomic_store(&cert->was_verified, true);
        sp_command_note_signer(cert, sp_own_anchor_chain(x509));
    }
    sp_cert_unref(cert);
}

static int check(const X509 *x509, smimepolicy_use use, int ca)
{
    if (ca)
        return check_issuer(x509);
    return begin_purposes(x509) && check_person(x509, use);
}

/*
 * A signer must satisfy the rules and libcrypto.  The rules are asked first, so that
 * their reason is raised if both refuse.
 */
static int check_sign(const X509_PURPOSE *purpose, const X509 *x509, int ca)
{
    int answer;

    if (!check(x509, SMIMEPOLICY_VERIFY, ca))
        return 0;
    answer = purposes[0].original(purpose, x509, ca);
    if (!ca && answer != 0)
        note_verified(x509);
    return answer;
}

/*
 * libcrypto is asked about issuers alone.  For a recipient it accepts Key
 * Encipherment only, and refuses Key Agreement, which elliptic curves need.
 */
static int check_encrypt(const X509_PURPOSE *purpose, const X509 *x509, int ca)
{
    return check(x509, SMIMEPOLICY_ENCRYPT, ca) && (!ca || purposes[1].original(purpose, x509, ca));
}
