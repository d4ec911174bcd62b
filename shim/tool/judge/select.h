/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Selecting certificates from the keyring, and judging them.
 */
#ifndef SHIM_SELECT_H
#define SHIM_SELECT_H

#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/*
 * Find what |operation| takes from the keyring, and judge it: the signer by --from,
 * the recipients by --to, both by --headers, and the key of the recipient of an
 * encrypted message.
 *
 * Findings go to |outcome|.  An address without a usable certificate is a denial,
 * for each of its certificates.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_select(struct shim_operation *operation, struct shim_outcome *outcome);

/* The parts of shim_select(); they return the same. */
int shim_select_by_address(struct shim_operation *operation, struct shim_outcome *outcome);
int shim_select_by_message(struct shim_operation *operation, struct shim_outcome *outcome);

/*
 * Ask for the passphrase of the stored key that was found, with its owner's
 * address.  Stock would ask with the fingerprint, and once.  With several locked
 * keys stock asks, as it takes only one passphrase from us.
 *
 * @return SHIM_OK, with or without a passphrase to hand over, or SHIM_INPUT with the
 *         reason on stderr
 */
int shim_select_unlock(struct shim_operation *operation);

/* Add |cert|, which |record| is about, to the signers or recipients; false if out of memory. */
bool shim_select_take(struct shim_selected **list, size_t *count, X509 *cert,
                      const struct sp_record *record, const char *key_uri);
/*
 * The URI by which stock opens the private key of |record|: owned by the caller;
 * NULL with the reason on stderr.
 */
char *shim_select_key(struct shim_selection *selection, const struct sp_record *record);

#endif
