/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a certificate is compared with a private key for.
 */
#ifndef SP_COMPARISON_H
#define SP_COMPARISON_H

#include <stdbool.h>

/*
 * Is the comparison that is being made one of PKCS7_decrypt(), which alone of all that
 * decrypt makes one?  It says nothing about whose signature comes next.  Where that
 * cannot be found out, no: every other comparison counts as one to sign.
 */
bool sp_compares_to_decrypt(void);

#endif
