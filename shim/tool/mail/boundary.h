/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The type in a Content-Type field, and the boundary of a multipart (RFC 2045, RFC
 * 2046).
 */
#ifndef SHIM_BOUNDARY_H
#define SHIM_BOUNDARY_H

#include <stdbool.h>

#include "tool/mail/fields.h"

/*
 * Read the type in lower case, such as "text/plain", to free with OPENSSL_free().
 * NULL if it cannot be read, or if anything but parameters follows.
 *
 * @return false if out of memory
 */
bool shim_type_read(const struct shim_field *content_type, char **type);

/*
 * Read the boundary from the body of a Content-Type field into |*boundary|, to free
 * with OPENSSL_free().  NULL if the type is no multipart, or if readers might take
 * it differently (comments, escapes, the pieces and encodings of RFC 2231, two
 * boundaries).
 *
 * @return false if out of memory
 */
bool shim_boundary_read(const struct shim_field *content_type, char **boundary);

#endif
