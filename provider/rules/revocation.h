/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules on revocation: `revoked` and `revocation-unknown`.  What is stored is found by
 * the room revocation, and judged here.
 */
#ifndef SP_RULES_REVOCATION_H
#define SP_RULES_REVOCATION_H

#include <stdint.h>

#include "base/name_hash.h"
#include "rules/rules.h"

/* So many points of a certificate have a CRL of another issuer. */
#define SP_MOST_DELEGATIONS 4
/* [RFC 5280, 4.2.1.13] One of them: the certificate's issuer leaves its CRL to another one. */
struct sp_delegation {
    uint64_t issuer; /* the hash of that one's name, its cRLIssuer; 0: there is no other point */
    uint64_t points[SP_MOST_POINTS]; /* the hashes of the point's URIs */
    bool all_reasons;                /* its CRL is about every reason */
};

/* By what an issuer's list of revoked certificates is found, and a certificate in it. */
struct sp_kinship {
    /* hashes of the names and key identifiers, see base/name_hash.h */
    uint64_t subject, issuer;       /* 0: it cannot be read */
    uint64_t key_id, issuer_key_id; /* 0: it has none, has two, or it cannot be read */
    const unsigned char *serial;    /* borrowed from the facts: the octets of the INTEGER */
    size_t serial_length;
    const uint64_t *points; /* borrowed: SP_MOST_POINTS hashes of its distribution points */
    const struct sp_delegation *delegations; /* borrowed: SP_MOST_DELEGATIONS */
    bool is_ca;
};
struct sp_kinship sp_facts_kinship(const struct sp_facts *facts);

/* What is known of the revocation of one certificate. */
struct sp_revocation {
    enum sp_revocation_state {
        SP_REVOCATION_UNKNOWN, /* nothing stored answers for its issuer */
        SP_REVOCATION_NONE,    /* a fresh answer: it is not revoked */
        SP_REVOCATION_STALE,   /* an answer that does not name it, and whose next update is past */
        SP_REVOCATION_REVOKED, /* it is named, whether the answer is fresh or not */
        SP_REVOCATION_DAMAGED  /* what is stored cannot be read: |why| */
    } state;
    int64_t at;                       /* REVOKED: since when, by the issuer */
    int reason;                       /* REVOKED: CRLReason (RFC 5280, 5.3.1); -1: none is given */
    int64_t this_update, next_update; /* of the answer; 0: there is none */
    /* Its issuer, or one above, is revoked; as |at| and |reason|. */
    struct sp_revoked_above {
        bool is;
        int64_t at;
        int reason;
    } above;
    char *why; /* owned: DAMAGED: the file, the fault and the way out; NULL: out of memory */
};
void sp_revocation_clear(struct sp_revocation *revocation);

/* Would sp_judge_revocation() find anything, for some use?  It spares making a verdict. */
bool sp_revocation_speaks(const struct sp_revocation *revocation,
                          const smimepolicy_settings *settings);

/* Do |settings| ask for the revocation of certificates? */
bool sp_revocation_is_asked(const smimepolicy_settings *settings);
/* Does it matter to them whether there is a fresh answer? */
bool sp_revocation_needs_answer(const smimepolicy_settings *settings);

/*
 * Judge |facts| by what is known of its revocation.
 *
 * @param at  when it is used, or the time that a person gives
 * @param signed_at  for a message that is verified: the signer's claim; else NULL
 * @return without findings if nothing speaks against it; NULL only if out of memory
 */
smimepolicy_verdict *sp_judge_revocation(const struct sp_facts *facts,
                                         const struct sp_revocation *revocation,
                                         smimepolicy_use use, time_t at,
                                         const struct sp_signing_time *signed_at,
                                         const smimepolicy_settings *settings);

/*
 * The same of an issuer.  Of an anchor, which needs no CRL, it says only whether a CRL names it:
 * it |is_anchor|, or it is its own issuer, and then it says nothing.
 */
smimepolicy_verdict *sp_judge_issuer_revocation(const struct sp_facts *facts,
                                                const struct sp_revocation *revocation,
                                                bool is_anchor, smimepolicy_use use, time_t at,
                                                const smimepolicy_settings *settings);

/*
 * Move the findings of |more|, which is freed, to |verdict|.  It returns |verdict|, or NULL if
 * one of them is NULL or memory runs out; then both are freed.
 */
smimepolicy_verdict *sp_verdict_join(smimepolicy_verdict *verdict, smimepolicy_verdict *more);
/* Is it its own issuer, by its names and key identifiers?  Nobody else could revoke it. */
bool sp_is_own_issuer(const struct sp_facts *facts);
/* Does it refuse under `revoked`? */
bool sp_says_revoked(const smimepolicy_verdict *verdict);

#endif
