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

#endif
