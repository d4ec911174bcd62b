/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The fields of a header (RFC 5322, 2.2), read so strictly that no two readers
 * could find different ones.
 */
#ifndef SHIM_FIELDS_H
#define SHIM_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "rules/rules.h"

/* A header with more of it is not that of a mail. */
#define SHIM_MAX_HEADER (1 << 20)

struct shim_field {
    const char *name; /* as it is spelled, without the colon */
    size_t name_len;
    const char *body; /* folded as it came, without the line end after it */
    size_t len;
};

/* Is this the field |name|, in any case? */
bool shim_field_is(const struct shim_field *field, const char *name);

/*
 * What keeps the |len| bytes of a header, its empty line included if it has
 * one, from being read?  Every reader of a header asks this first.
 */
enum sp_unreadable shim_fields_check(const char *header, size_t len);

/*
 * The next field at |*at|, which begins as 0; false at the end.  For a header
 * that passed shim_fields_check().  The first line of an mbox, "From " without
 * a colon, is a field of the name "From ".
 */
bool shim_fields_next(const char *header, size_t len, size_t *at, struct shim_field *field);

#endif
