/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the CRLs in the command's keyring say of certificates.
 *
 * They are asked in the keyring that shim_keyring_find() has found, else in that of the
 * setting `keyring`; without one nothing is known.
 */
#ifndef SHIM_CRL_ANSWERS_H
#define SHIM_CRL_ANSWERS_H

#include "common/shim.h"
#include "rules/revocation.h"

/*
 * For a command that uses no keyring: find the one whose CRLs are asked, if there is a place for
 * it.  A code as of shim_keyring_find().
 */
int shim_crls_find(struct shim *shim);
/* The path of that keyring; NULL if there is none.  Borrowed. */
const char *shim_crls(const struct shim *shim);

/*
 * Add what they say of |cert|, with |facts|, to |verdict|, which is taken over.  NULL if it is
 * NULL, or memory runs out.
 *
 * @param signed_at  as for sp_judge_revocation()
 */
smimepolicy_verdict *shim_add_revocation(const struct shim *shim, smimepolicy_verdict *verdict,
                                         const X509 *cert, const struct sp_facts *facts, time_t at,
                                         const struct sp_signing_time *signed_at);
/* smimepolicy_evaluate() with them. */
smimepolicy_verdict *shim_evaluate(const struct shim *shim, const X509 *cert, const EVP_PKEY *key,
                                   smimepolicy_use use, time_t at);
/*
 * Judge the revocation of an issuer.  It is an anchor if it |ends_chain|, or the keyring keeps
 * it as a ca.
 */
smimepolicy_verdict *shim_judge_issuer(const struct shim *shim, const X509 *cert, bool ends_chain,
                                       smimepolicy_use use, time_t at);

#endif
