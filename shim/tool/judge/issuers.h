/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The issuers that the keyring knows of a certificate.
 */
#ifndef SHIM_ISSUERS_H
#define SHIM_ISSUERS_H

#include <time.h>

#include "tool/report/outcome.h"
#include "tool/run/selection.h"

/*
 * Judge the way from each signer to its root, and have the issuers between
 * them sent along, in a file in memory.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_issuers_along(struct shim_selection *selection, time_t now, struct shim_outcome *outcome);

/*
 * The first |own| of |certs| themselves if they are in the keyring: they vouch
 * for what they have signed.  If one of them is not, also every CA of the
 * keyring that may have issued one of |certs|, or another of these CAs.
 *
 * @param for_itself  of |own| elements: is it in the keyring as what vouches for itself?
 * @return new, as its elements, for the caller to free; NULL with the reason on stderr
 */
STACK_OF(X509) *shim_issuers_all(struct sp_keyring *keyring, const STACK_OF(X509) *certs, int own,
                                 bool *for_itself);

/* What |keyring|, if there is one, keeps |cert| as; one that cannot say keeps it as nothing good.
 */
enum sp_role shim_issuers_role(struct sp_keyring *keyring, const X509 *cert);

/* Did |issuer| sign |cert|, by its name, its usages and its key? */
bool shim_has_issued(X509 *issuer, X509 *cert);

/* Add every certificate of |address| to |certs|; false with the reason on stderr. */
bool shim_issuers_of_address(struct sp_keyring *keyring, const char *address,
                             STACK_OF(X509) *certs);

/* "/proc/self/fd/N" with |certs| in PEM behind |before|, which may be empty; NULL: said. */
char *shim_issuers_file(const STACK_OF(X509) *certs, const char *before, size_t len, int *fd);

#endif
