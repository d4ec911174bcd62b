/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The boundary of a multipart/signed (RFC 1847, RFC 2045).
 */
#ifndef SHIM_BOUNDARY_H
#define SHIM_BOUNDARY_H

#include <stdbool.h>

#include "fields.h"

/*
 * Read it from the body of a Content-Type field into |*boundary|, to free with
 * OPENSSL_free(): NULL for any other type, and for one that is written in a way
 * that readers might take differently (comments, escapes, the pieces and
 * encodings of RFC 2231, two boundaries).
 *
 * @return false if out of memory
 */
bool shim_boundary_read(const struct shim_field *content_type, char **boundary);

#endif
