/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The checks of X.509 verification that belong to the process: purposes,
 * email trust, and where a chain begins to be looked for.
 */
#ifndef SP_HOOKS_H
#define SP_HOOKS_H

#include <stdbool.h>

#include "base/compat.h"

bool sp_purposes_replace(void);
void sp_purposes_restore(void);

/*
 * While a chain is built: |cert|, of the trust store, ends it so far.
 * |may_issue|: it may do so for others than itself.
 */
void sp_purposes_chain_ends(const X509 *cert, bool may_issue);
/*
 * When it is built: the purpose of |x509|, of the trust store, is asked next.
 * False, with a reason raised and logged, if libcrypto could not ask it.
 */
bool sp_purposes_begin_trusted(sp_trust_x509 *x509);

bool sp_trust_replace(void);
void sp_trust_restore(void);

/* With `own_anchors = first`; else there is nothing to start, or to stop. */
bool sp_own_anchor_start(void);
void sp_own_anchor_stop(void);

#endif
