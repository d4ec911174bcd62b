/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The issuers of a signer among the certificates that this process has parsed.
 */
#ifndef SP_SIGNER_PATH_H
#define SP_SIGNER_PATH_H

#include "register/cert.h"

/*
 * Judge the path of |signer|.
 *
 * That a certificate was parsed does not tell that it is sent along: a program may
 * hold an old one in a store, and a stranger's may bear an issuer's name.  So one
 * issuer of that name that may be used settles it.  Only if there is none, and a
 * signature proves that one of the others is the issuer, the path is at fault.
 *
 * @param verdict  set to the verdict on the issuer at fault, to be freed by the
 *                 caller, or to NULL
 * @param issuer   then set to that issuer, a reference
 * @return false if out of memory
 */
bool sp_signer_path_judge(const struct sp_cert *signer, smimepolicy_verdict **verdict,
                          struct sp_cert **issuer);

#endif
