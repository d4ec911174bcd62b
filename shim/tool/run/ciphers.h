/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The ciphers that libcrypto has.
 */
#ifndef SHIM_CIPHERS_H
#define SHIM_CIPHERS_H

#include <stdbool.h>

/*
 * Does libcrypto have the cipher that stock calls |name|?  |*nid| is NID_undef for
 * one that no message can name.
 */
bool shim_cipher_find(const char *name, int *nid);
/* The same, for shim_args_parse(). */
bool shim_cipher_is_known(const char *name);

#endif
