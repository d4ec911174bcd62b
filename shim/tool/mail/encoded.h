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
 * Would a reader that decodes the |len| bytes of a field before it takes them
 * apart find other addresses than the |count| that stand there?  Only where an
 * encoded word holds a character of the syntax, and another "@" is about.
 *
 * @param hides  the answer
 * @return false if out of memory
 */
bool shim_encoded_hides(const char *raw, size_t len, size_t count, bool *hides);

#endif
