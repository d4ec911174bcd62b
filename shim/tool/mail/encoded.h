/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Encoded words (RFC 2047) in a list of addresses.
 */
#ifndef SHIM_ENCODED_H
#define SHIM_ENCODED_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Would a reader that decodes the |len| bytes of a field before parsing them find
 * other addresses than the |count| in it?  Only if an encoded word holds a character
 * of the syntax, and there is another "@".
 *
 * @param hides  the answer
 * @return false if out of memory
 */
bool shim_encoded_hides(const char *raw, size_t len, size_t count, bool *hides);

#endif
