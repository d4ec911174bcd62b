/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One certificate that is being judged; for the rules alone.
 */
#ifndef SP_CASE_H
#define SP_CASE_H

#include <string.h>

#include "rules/verdict.h"

struct sp_case {
    const struct sp_facts *facts;
    const struct smimepolicy_settings *settings;
    smimepolicy_verdict *verdict;
    smimepolicy_use use;
    time_t at;
    bool exempt; /* a CA that is uploaded: the client rules are not asked */
    enum sp_scope scope;
    enum sp_role role; /* for |ask_first| */
    enum sp_role_source source;
    bool has_key;
    const struct sp_collected *collected; /* borrowed: for |ask_first|, or NULL */
    /* a raw operation: remedies name the setting `raw_keys` */
    bool names_raw_keys;
    void (*ask_first)(struct sp_case *c); /* asks what is not in the table; or NULL */
};

/* sp_judge(), and sp_judge_revocation() unless |revocation| is NULL, as one verdict. */
smimepolicy_verdict *sp_judge_with(const struct sp_facts *facts, smimepolicy_use use, time_t at,
                                   const smimepolicy_settings *settings,
                                   const struct sp_revocation *revocation);
/* Ask every rule that applies to |c|; NULL only if out of memory. */
smimepolicy_verdict *sp_judge_case(struct sp_case *c);

/* "use |what|" or "ask the contact for |what|", by whose certificate it is. */
char *sp_remedy(const struct sp_case *c, const char *what);

/*
 * A verdict with the single denial |rule|, about no certificate or about several.
 * |facts| may be NULL.  The texts are copied.
 */
enum sp_single { SP_CERTIFICATE_REQUIRED, SP_DISTRUST_DEFAULT, SP_PRIVATE_KEY_MATCH };
smimepolicy_verdict *sp_refuse(enum sp_single rule, const struct sp_facts *facts,
                               smimepolicy_use use, const char *fault, const char *found,
                               const char *required, const char *remedy);

/* Deny |signer| under `sender-match`, in the words of sp_judge_sender(). */
void sp_deny_sender(smimepolicy_verdict *verdict, const struct sp_facts *signer,
                    const struct sp_sender *sender);
/* Is the one address of the From field an address of |signer|? */
bool sp_is_only_sender(const struct sp_facts *signer, const struct sp_sender *sender);
/* Is |address| one of its own? */
bool sp_facts_has_address(const struct sp_facts *facts, const char *address);

/* Rules in other files than the table that asks them. */
void sp_ask_ambiguous_role(struct sp_case *c);
void sp_ask_expired(struct sp_case *c);
void sp_ask_not_yet_valid(struct sp_case *c);
void sp_ask_decrypt_expired(struct sp_case *c);
void sp_ask_expires_soon(struct sp_case *c);
void sp_ask_weak_key(struct sp_case *c);
void sp_ask_weak_digest(struct sp_case *c);
void sp_ask_eku_any(struct sp_case *c);
void sp_ask_validity_too_long(struct sp_case *c);

#endif
