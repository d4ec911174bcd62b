/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The checks of X.509 verification that the process shares: purposes, email trust,
 * and the certificates from which a chain is built.
 */
#ifndef SP_HOOKS_H
#define SP_HOOKS_H

#include <stdbool.h>

#include "base/compat.h"

bool sp_purposes_replace(void);
void sp_purposes_restore(void);

/*
 * Called while a chain is built: |cert|, of the trust store, ends it so far.
 * |may_issue|: it may vouch for other certificates.
 */
void sp_purposes_chain_ends(const X509 *cert, bool may_issue);
/*
 * Called when the chain is built: the purpose of |x509|, of the trust store, is
 * asked next.  False, with a reason raised and logged, if libcrypto could not check
 * it.
 */
bool sp_purposes_begin_trusted(sp_trust_x509 *x509);

bool sp_trust_replace(void);
void sp_trust_restore(void);

/* Start or stop the hook of `own_anchors = first`.  With another setting they do nothing. */
bool sp_own_anchor_start(void);
void sp_own_anchor_stop(void);
/* While purposes are asked, in a program of the command: the chain of |signer|, or NULL. */
const STACK_OF(X509) *sp_own_anchor_chain(const X509 *signer);

#endif
