/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The copies that --bcc separate makes of a mail, and their files.  FILE is that of -out: copy 0 is
 * in it, and copy 1 in FILE.bcc1.  Without --bcc separate there is copy 0 alone.
 */
#ifndef SHIM_COPIES_H
#define SHIM_COPIES_H

#include "tool/run/operation.h"

/* Is |recipient| one of those who can read the copy? */
bool shim_copy_has(const struct shim_selected *recipient, size_t copy);
/* The first copy: 0, or 1 if nobody could read that one.  The last is |bcc_copies|. */
size_t shim_copy_first(const struct shim_selection *selection);
/* The file of a copy; owned by the caller.  NULL if out of memory. */
char *shim_copy_file(const struct shim_operation *operation, size_t copy);

/*
 * Refuse --bcc separate if there is a file that could be taken for one of its copies.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_copies_check(const struct shim_operation *operation);

/* Say for whom each file is. */
void shim_copies_tell(const struct shim_operation *operation);
/* An array of each file and who can read it; NULL if out of memory. */
json_t *shim_copies_json(const struct shim_operation *operation);

#endif
