/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Why a certificate and a private key are compared: to decrypt or to sign.
 */
#ifndef SP_COMPARISON_H
#define SP_COMPARISON_H

#include <stdbool.h>

/*
 * Is this comparison of RSA keys made by PKCS7_decrypt()?  No other function that
 * decrypts compares, and this one decrypts with no other keys.  Then it says nothing about the next
 * signature.  If the caller cannot be found out the answer is no, and the comparison counts as one
 * for a signature.
 */
bool sp_compares_to_decrypt(void);

#endif
