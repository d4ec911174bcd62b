/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The S/MIME part of a mail that stock cannot read as it came: a mailing list or
 * gateway has put it into a multipart, or has changed its name or encoding.
 */
#ifndef SHIM_PART_H
#define SHIM_PART_H

#include <stdbool.h>
#include <stdio.h>

/* Which part of a mail was signed or encrypted.  All owned; NULL if not known. */
struct shim_covered {
    char *path;  /* "2", or "1.2" of a multipart in a multipart; NULL: the whole body */
    char *type;  /* "multipart/signed" */
    char *where; /* "part 2 of 3 of a multipart/mixed"; NULL: the whole body */
};

/*
 * Find the part in |*message|, and replace |*message|, which is closed, by a message
 * made of the part: in a form that stock reads, with unchanged content.
 *
 * @param boundary  replaced by that of a multipart/signed, or by NULL
 * @param verb      "verify" or "decrypt"
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_part_find(FILE **message, char **boundary, struct shim_covered *covered, const char *verb);

/*
 * Can stock read the message in |file| as it is?  "No" may be wrong.  The position
 * in |file| is undefined afterwards.
 */
bool shim_part_is_plain(FILE *file);

/* Print which parts were not covered; nothing if all were. */
void shim_covered_tell(const struct shim_covered *covered, const char *verb);
void shim_covered_clear(struct shim_covered *covered);

#endif
