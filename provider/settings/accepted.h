/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which texts a setting accepts, where that is more than a list of words.
 */
#ifndef SP_ACCEPTED_H
#define SP_ACCEPTED_H

#include <stdbool.h>
#include <stdint.h>

bool sp_has_control(const char *value);
/*
 * "service=NAME", or a URI of PostgreSQL.  One with a password is not accepted: nothing secret
 * stands in our files, and libpq reads it from its own.
 */
bool sp_accepts_hub(const char *value);
bool sp_accepts_realm(const char *value);
/* "no", "yes", or SHA-256 fingerprints. */
bool sp_accepts_anchors(const char *value);
/* The seconds of a span of time such as "90m", "12h", "1d" or "2w"; 0 if it is none. */
int64_t sp_seconds(const char *value);
bool sp_accepts_span(const char *value);

#endif
