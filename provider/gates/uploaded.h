/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the keyring knows of the keys and certificates that a gate asks about.
 */
#ifndef SP_UPLOADED_H
#define SP_UPLOADED_H

#include "register/register.h"

/*
 * Find the certificates of |key|, of which this process has parsed none, in the keyring
 * of the settings.  They are added to |owners|, which is empty.
 *
 * @param why  set on failure as for sp_keyring_open()
 */
bool sp_uploaded_owners(struct sp_owners *owners, const void *key,
                        OSSL_FUNC_keymgmt_export_fn *export_key, char **why);

/*
 * What the keyring of the settings says of |cert|; all zero without a
 * keyring.  A keyring that does not exist holds nothing, unless nobody else vouches.
 *
 * False, with a reason raised and logged, if it cannot be found out.
 */
bool sp_uploaded_standing(const X509 *cert, const char *operation, struct sp_standing *standing);

/* Raise and log that the keyring cannot be read.  |why| is taken over; NULL: out of memory. */
void sp_uploaded_unreadable(const char *operation, char *why);

/*
 * Add to |verdict| what the CRLs of the keyring say of the certificate with |facts|, which is
 * |cert| or |x509|; the other may be NULL.  |verdict| is taken over; NULL if it is NULL, or
 * memory runs out.
 */
smimepolicy_verdict *sp_gate_add_revocation(smimepolicy_verdict *verdict,
                                            const struct sp_facts *facts,
                                            const struct sp_cert *cert, const X509 *x509,
                                            time_t at);

/*
 * Judge the revocation of an issuer, of which the facts and |cert| or |x509| are given, as
 * sp_judge_issuer_revocation() does.  It is an anchor if it |ends_chain|, or was uploaded as a
 * ca.  NULL if memory runs out.
 */
smimepolicy_verdict *sp_gate_judge_issuer(const struct sp_facts *facts, const struct sp_cert *cert,
                                          const X509 *x509, bool ends_chain, smimepolicy_use use,
                                          time_t at);

#endif
