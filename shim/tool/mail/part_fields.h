/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the header of a part says about its content (RFC 2045, RFC 2183).
 */
#ifndef SHIM_PART_FIELDS_H
#define SHIM_PART_FIELDS_H

#include "tool/mail/tree.h"

/*
 * Read type, boundary, encoding and name of |part|, whose header has |len| bytes.
 * |*fault| is set if readers might take them differently.
 *
 * @return false if out of memory
 */
bool shim_part_fields_read(struct shim_part *part, size_t len, const char **fault);

#endif
