/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The way to a file: who else could put another one in its place?
 */
#ifndef SP_PATH_OWNERS_H
#define SP_PATH_OWNERS_H

#include <stdbool.h>
#include <sys/types.h>

struct sp_place {
    int dir;         /* owned: the directory that the name is looked up in, or -1 */
    char *name;      /* owned: the last name of the path; no symbolic link, or not there */
    char *unsafe;    /* owned: the first directory in which others may put something, or NULL */
    uid_t owner;     /* of |unsafe| */
    bool writable;   /* |unsafe| is: others may write it; else it belongs to somebody else */
    bool shared;     /* others may make files in |dir| */
    bool redirected; /* others may have made a symbolic link on the way */
};

/*
 * Look |path| up one name at a time, following symbolic links.  Directories of
 * the superuser, of this process and of |owner| are as good as one's own, if
 * nobody else may write them.  In a sticky one, such as /tmp, only what belongs
 * to the superuser or to this process stays what it is.
 *
 * @return false with errno set if it cannot be looked up; ENOENT too if a
 *         directory is missing.  sp_place_clear() is needed all the same.
 */
bool sp_place_find(struct sp_place *place, const char *path, uid_t owner);
void sp_place_clear(struct sp_place *place);
/*
 * Does |uid| stand for users that this user namespace does not know?  All of them look the same,
 * the superuser among them, so that nobody can be told from anybody.
 */
bool sp_uid_is_unmapped(uid_t uid);

#endif
