/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gates/signer_path.h"

#include "gates/uploaded.h"
#include "policy/policy.h"
#include "register/lineage.h"
#include "rules/revocation.h"

/* The longest path: real ones are shorter. */
#define LONGEST 16
/*
 * So many issuers are looked at for one signature.  Strangers may have sent more of
 * that name.  What is beyond passes, as each reader of the message judges the path.
 */
#define MOST 64

struct walk {
    time_t at;
    unsigned int seen;
    bool failed;                  /* memory ran out */
    smimepolicy_verdict *verdict; /* owned: on |issuer|, which is at fault */
    struct sp_cert *issuer;       /* a reference */
};

static smimepolicy_verdict *judge(struct walk *walk, const struct sp_cert *issuer)
{
    const struct sp_facts *facts = sp_cert_facts(issuer);
    smimepolicy_verdict *verdict = sp_judge_signer_issuer(facts, walk->at, sp_policy());

    verdict = sp_verdict_join(
        verdict, sp_gate_judge_issuer(facts, issuer, NULL, false, SMIMEPOLICY_SIGN, walk->at));

    walk->failed = walk->failed || verdict == NULL;
    return verdict;
}

/* Blame |issuer|; |verdict| is taken over. */
static void blame(struct walk *walk, struct sp_cert *issuer, smimepolicy_verdict *verdict)
{
    smimepolicy_verdict_free(walk->verdict);
    sp_cert_unref(walk->issuer);
    walk->verdict = verdict;
    walk->issuer = sp_cert_ref(issuer);
}

/* |*revoked| is set if it is not usable because a CRL names it. */
static bool is_usable(struct walk *walk, const struct sp_cert *issuer, bool *revoked)
{
    smimepolicy_verdict *verdict = judge(walk, issuer);
    const bool usable = verdict != NULL && smimepolicy_verdict_count(verdict) == 0;

    *revoked = verdict != NULL && sp_says_revoked(verdict);
    smimepolicy_verdict_free(verdict);
    return usable;
}

static bool is_at_fault(struct walk *walk, const struct sp_cert *cert, unsigned int depth);

/* Is one of |issuers| revoked?  Then a stranger of that name does not settle it. */
static bool is_any_revoked(struct walk *walk, const struct sp_certs *issuers)
{
    bool revoked = false;

    for (size_t i = 0; issuers->count > 1 && i < issuers->count && i < MOST && !revoked; i++)
        (void)is_usable(walk, issuers->certs[i], &revoked);
    return revoked;
}

/* Is there an issuer of |cert| that may be used, and whose own path is not at fault? */
static bool is_settled(struct walk *walk, const struct sp_cert *cert,
                       const struct sp_certs *issuers, unsigned int depth)
{
    const bool to_prove = is_any_revoked(walk, issuers);
    bool revoked = false;

    for (size_t i = 0; i < issuers->count && !walk->failed; i++)
        if (++walk->seen > MOST || (is_usable(walk, issuers->certs[i], &revoked) &&
                                    (!to_prove || sp_lineage_has_issued(issuers->certs[i], cert)) &&
                                    !is_at_fault(walk, issuers->certs[i], depth + 1)))
            return true;
    return false;
}

/*
 * Is one of |issuers| proved to be the issuer?  None of them may be used, or its own
 * path is at fault, and then somebody above it is blamed already.
 */
static bool is_proved(struct walk *walk, const struct sp_cert *cert, const struct sp_certs *issuers)
{
    for (size_t i = 0; i < issuers->count && !walk->failed; i++) {
        smimepolicy_verdict *verdict;

        if (!sp_lineage_has_issued(issuers->certs[i], cert) ||
            (verdict = judge(walk, issuers->certs[i])) == NULL)
            continue;
        if (smimepolicy_verdict_count(verdict) > 0)
            blame(walk, issuers->certs[i], verdict);
        else
            smimepolicy_verdict_free(verdict);
        return true;
    }
    return false;
}

static bool is_at_fault(struct walk *walk, const struct sp_cert *cert, unsigned int depth)
{
    struct sp_certs issuers = { 0 };
    bool at_fault = false;

    if (depth < LONGEST && !sp_lineage_find_issuers(cert, &issuers))
        walk->failed = true;
    if (issuers.count > 0 && !walk->failed)
        at_fault = !is_settled(walk, cert, &issuers, depth) && is_proved(walk, cert, &issuers);
    sp_certs_clear(&issuers);
    return at_fault;
}

bool sp_signer_path_judge(const struct sp_cert *signer, smimepolicy_verdict **verdict,
                          struct sp_cert **issuer)
{
    /* If an issuer may be missing, nothing is known. */
    struct walk walk = { .at = time(NULL),
                         .failed = sp_policy()->refuse_signer_path && sp_register_has_failed() };
    const bool at_fault = is_at_fault(&walk, signer, 0);

    if (!at_fault) {
        smimepolicy_verdict_free(walk.verdict);
        sp_cert_unref(walk.issuer);
    }
    *verdict = at_fault ? walk.verdict : NULL;
    *issuer = at_fault ? walk.issuer : NULL;
    return !walk.failed;
}
