/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Who owns the directories of a path: could others put another file in its place?
 */
#ifndef SP_PATH_OWNERS_H
#define SP_PATH_OWNERS_H

#include <stdbool.h>
#include <sys/types.h>

struct sp_place {
    int dir;         /* owned: the directory that the name is looked up in, or -1 */
    char *name;      /* owned: the last name of the path; no symbolic link, or not there */
    char *unsafe;    /* owned: the first directory in which others may put a file, or NULL */
    uid_t owner;     /* of |unsafe| */
    bool writable;   /* others may write |unsafe|; false: it belongs to somebody else */
    bool shared;     /* others may create files in |dir| */
    bool redirected; /* others may have made a symbolic link that the path goes through */
};

/*
 * Look |path| up one name at a time, following symbolic links.  A directory is safe
 * if it belongs to the superuser, to this process or to |owner|, and nobody else may
 * write it.  In a sticky directory, such as /tmp, entries of the superuser and of
 * this process are safe.  In a user namespace that does not know the user of this process,
 * others look the same, and nothing is of this process.
 *
 * @return false with errno set if it cannot be looked up, e.g. ENOENT for a missing
 *         directory; call sp_place_clear() in any case
 */
bool sp_place_find(struct sp_place *place, const char *path, uid_t owner);
void sp_place_clear(struct sp_place *place);
/*
 * Is |uid| the one that stands for all users outside of this user namespace?  The
 * superuser may be among them, so the owner is not known.
 */
bool sp_uid_is_unmapped(uid_t uid);

#endif
