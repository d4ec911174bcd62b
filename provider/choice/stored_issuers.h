/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The issuers of a certificate, and those of them that the keyring has.
 */
#ifndef SP_STORED_ISSUERS_H
#define SP_STORED_ISSUERS_H

#include <time.h>

#include "keyring/keyring.h"

/* Has |issuer| issued |cert|, by its name, its usages and its key? */
bool sp_has_issued(X509 *issuer, X509 *cert);
/* Is |cert| a root?  It is not sent along: a reader that trusts it has it. */
bool sp_is_root(X509 *cert);

/*
 * The issuer of |cert| in |certs|, preferably one that is valid at |at|; borrowed.
 * NULL: it is not there, or |cert| is a root, for whose issuer an older root of the
 * same name would pass.
 */
X509 *sp_issuer_among(const STACK_OF(X509) *certs, X509 *cert, time_t at);

/*
 * Add what |query| finds to |found|, each certificate once and with a reference.  Of
 * more than 256 the rest is left out.
 *
 * @param why  set on failure as for sp_keyring_open()
 */
bool sp_stored_certs(struct sp_keyring *keyring, const struct sp_query *query,
                     STACK_OF(X509) *found, char **why);
/* As sp_stored_certs(): the CAs that vouch, and may have issued |cert| by their names. */
bool sp_stored_issuers(struct sp_keyring *keyring, const X509 *cert, STACK_OF(X509) *found,
                       char **why);

/*
 * Add to |certs| the stored intermediates that may be in the chains of those in it, by
 * their names.  Several rounds are made, up to the length of a long chain.
 *
 * @param why  set on failure as for sp_keyring_open()
 */
bool sp_stored_intermediates(struct sp_keyring *keyring, STACK_OF(X509) *certs, char **why);

/* Is any issuer stored?  |why| as for sp_stored_certs(). */
bool sp_stores_issuers(struct sp_keyring *keyring, bool *any, char **why);
/*
 * Find the chain above |cert|: its issuer, the issuer of that one, and so on, as far
 * as they are stored, as a ca or an intermediate, a root among them.  Of several issuers one that
 * is valid at |at| is taken.  Validity is for the caller to judge: sp_judge_along().
 *
 * @param path  empty; gets the chain, with references
 * @param why   set on failure as for sp_keyring_open()
 */
bool sp_stored_path(struct sp_keyring *keyring, X509 *cert, time_t at, STACK_OF(X509) *path,
                    char **why);

#endif
