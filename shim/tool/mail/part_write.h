/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A part of a mail as a message of its own, in the form that stock reads.
 */
#ifndef SHIM_PART_WRITE_H
#define SHIM_PART_WRITE_H

#include <stdio.h>

#include "tool/mail/tree.h"

/* The part that has the signature of the multipart/signed |part|, or |part| itself. */
const struct shim_part *shim_part_der(const struct shim_tree *tree, const struct shim_part *part);

/*
 * Write |part|: the signed content to the byte, the signature, or what is
 * signed or encrypted as a whole, in base64 of lines that are short enough.
 *
 * @return SHIM_OK, SHIM_INPUT: it is no base64, or SHIM_SYSTEM; nothing is said
 */
int shim_part_write(const struct shim_tree *tree, const struct shim_part *part, FILE *to);

#endif
