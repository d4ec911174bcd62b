/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The fields of a header (RFC 5322, 2.2).  They are read strictly: a header in which
 * two readers could find different fields is refused.
 */
#ifndef SHIM_FIELDS_H
#define SHIM_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "rules/rules.h"

/* The longest header, in bytes.  No mail has a longer one. */
#define SHIM_MAX_HEADER (1 << 20)

struct shim_field {
    const char *name; /* as spelled, without the colon */
    size_t name_len;
    const char *body; /* folded as it came, without the last line end */
    size_t len;
};

/* Is |name| the name of this field?  Case does not matter. */
bool shim_field_is(const struct shim_field *field, const char *name);

/*
 * Why the |len| bytes of a header cannot be read; the empty line is included if
 * there is one.  Every reader of a header calls this first.
 */
enum sp_unreadable shim_fields_check(const char *header, size_t len);

/*
 * Read the next field at |*at|, which begins as 0; false at the end.  The header
 * must have passed shim_fields_check().  The first line of an mbox, "From " without
 * a colon, is a field named "From ".
 */
bool shim_fields_next(const char *header, size_t len, size_t *at, struct shim_field *field);

#endif
