/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The issuers of a certificate that the keyring has.
 */
#ifndef SHIM_ISSUERS_H
#define SHIM_ISSUERS_H

#include <time.h>

#include "common/shim.h"
#include "tool/report/outcome.h"
#include "tool/run/selection.h"

/*
 * Judge the chain of each signer up to its root, and have the intermediate CAs sent
 * along, in a file in memory.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_issuers_along(const struct shim *shim, struct shim_selection *selection, time_t now,
                       struct shim_outcome *outcome);

/*
 * Collect what vouches: the first |own| of |certs|, if they are stored and vouch for
 * their own signatures; and unless all of them do, every stored CA that may have
 * issued one of |certs|.
 *
 * @param for_itself  |own| elements: is the certificate stored in a role that
 *                    vouches for itself?
 * @return a new stack, with its elements for the caller to free; NULL with the
 *         reason on stderr
 */
STACK_OF(X509) *shim_issuers_all(struct sp_keyring *keyring, const STACK_OF(X509) *certs, int own,
                                 bool *for_itself);

/* What |keyring|, which may be NULL, says of |cert|.  If it cannot be read: nothing that vouches.
 */
struct sp_standing shim_issuers_standing(struct sp_keyring *keyring, const X509 *cert);

/* Add every certificate of |address| to |certs|; false with the reason on stderr. */
bool shim_issuers_of_address(struct sp_keyring *keyring, const char *address,
                             STACK_OF(X509) *certs);

/*
 * Write |before|, which may be empty, and |certs| in PEM to a file in memory;
 * returns its path "/proc/self/fd/N", or NULL with the reason on stderr.
 */
char *shim_issuers_file(const STACK_OF(X509) *certs, const char *before, size_t len, int *fd);

#endif
