/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The one S/MIME part of a mail that stock cannot read as it came: a mailing
 * list or gateway put it into a multipart, or named or encoded it in its own way.
 */
#ifndef SHIM_PART_H
#define SHIM_PART_H

#include <stdbool.h>
#include <stdio.h>

/* What of a mail was signed or encrypted; all owned, and NULL where it is not known. */
struct shim_covered {
    char *path;  /* "2", or "1.2" of a multipart in a multipart; NULL: the whole body */
    char *type;  /* "multipart/signed" */
    char *where; /* "part 2 of 3 of a multipart/mixed"; NULL: the whole body */
};

/*
 * Find the part in |*message|, which is then closed, and a message that is made
 * of it in its place: as stock reads it, with the content to the byte.
 *
 * @param boundary  replaced by that of a multipart/signed, or by NULL
 * @param verb      "verify" or "decrypt"
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_part_find(FILE **message, char **boundary, struct shim_covered *covered, const char *verb);

/* Does stock read the message in |file| as it is?  "No" may be wrong.  |file| is then anywhere. */
bool shim_part_is_plain(FILE *file);

/* Tell what was not covered; nothing if all of it was. */
void shim_covered_tell(const struct shim_covered *covered, const char *verb);
void shim_covered_clear(struct shim_covered *covered);

#endif
