/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writing a part of a mail as a message of its own, in a form that stock reads.
 */
#ifndef SHIM_PART_WRITE_H
#define SHIM_PART_WRITE_H

#include <stdio.h>

#include "tool/mail/tree.h"

/* The part with the signature if |part| is a multipart/signed, else |part|. */
const struct shim_part *shim_part_der(const struct shim_tree *tree, const struct shim_part *part);

/*
 * Write |part|: of a multipart/signed the content unchanged and the signature; else
 * what is signed or encrypted as a whole, in base64 with short lines.
 *
 * @return SHIM_OK, SHIM_INPUT if it is no base64, or SHIM_SYSTEM; nothing is printed
 */
int shim_part_write(const struct shim_tree *tree, const struct shim_part *part, FILE *to);

#endif
