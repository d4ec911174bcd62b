/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the keyring says of keys and certificates that a gate asks about.
 */
#ifndef SP_UPLOADED_H
#define SP_UPLOADED_H

#include "register/register.h"

/*
 * The uploaded certificates that |key| belongs to, for a key of none that this
 * process has parsed.  Adds them to |owners|, which has none.
 *
 * @param why  set on failure as for sp_keyring_open()
 */
bool sp_uploaded_owners(struct sp_owners *owners, const void *key,
                        OSSL_FUNC_keymgmt_export_fn *export_key, const char *path, char **why);

/*
 * What the keyring of the settings keeps |cert| as; without one, none.  One that
 * is not there yet keeps nothing, unless nobody else vouches.
 *
 * False, with a reason raised and logged, if that cannot be found out.
 */
bool sp_uploaded_role(const X509 *cert, const char *operation, enum sp_role *role);

/* Raise and log that the keyring cannot be asked; |why| is taken over, NULL: out of memory. */
void sp_uploaded_unreadable(const char *operation, char *why);

#endif
