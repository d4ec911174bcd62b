/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Taking certificates from the keyring.
 */
#ifndef SHIM_SELECT_H
#define SHIM_SELECT_H

#include "tool/report/outcome.h"
#include "tool/run/operation.h"

/*
 * Find what |operation| takes from the keyring, and judge it: the signer by
 * --from, the recipients by --to, both by --headers, and the key of whoever a
 * message is encrypted to.
 *
 * What was found is told to |outcome|; an address without a usable certificate
 * is a denial, each one named.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_select(struct shim_operation *operation, struct shim_outcome *outcome);

/* The parts, each in a file of its own; all as above. */
int shim_select_by_address(struct shim_operation *operation, struct shim_outcome *outcome);
int shim_select_by_message(struct shim_operation *operation, struct shim_outcome *outcome);

/*
 * Ask for the passphrase of the stored key that was found, by the name of whose it is:
 * stock's own question would name the fingerprint, and would be asked once.  Several
 * locked keys are left to stock, which takes one passphrase from us and asks for each.
 *
 * @return SHIM_OK, with or without one to hand over, or SHIM_INPUT with the reason on stderr
 */
int shim_select_unlock(struct shim_operation *operation);

/* Add |cert|, which |record| is about, to the signers or recipients; false if out of memory. */
bool shim_select_take(struct shim_selected **list, size_t *count, X509 *cert,
                      const struct sp_record *record, const char *key_uri);
/* How stock opens the private key of |record|: owned by the caller; NULL with the reason said. */
char *shim_select_key(struct shim_selection *selection, const struct sp_record *record);
/* "smimepolicy:cert/…", owned by the caller. */
char *shim_select_uri(const unsigned char *fingerprint);

#endif
