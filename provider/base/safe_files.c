/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/safe_files.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/path_owners.h"
#include "base/text.h"

bool sp_file_failed(char **why, const char *path)
{
    /* Out of memory is told by a NULL reason. */
    *why = errno == ENOMEM ? NULL : sp_format("%s: %s", path, strerror(errno));
    return false;
}

static bool is_writable(const char *path, char **why)
{
    *why = sp_format("%s can be written by others than its owner; "
                     "make it the owner's alone: chmod go-w %s",
                     path, path);
    return false;
}

/* Why a path is refused. */
static void tell_strange(const char *path, const struct sp_place *place, char **why)
{
    if (place->redirected && place->unsafe == NULL)
        *why = sp_format("a symbolic link on the way to %s is one that others could have made; "
                         "name the directory itself",
                         path);
    else if (place->writable)
        *why = sp_format("%s, on the way to %s, can be written by others than its owner; make it "
                         "the owner's alone: chmod go-w %s",
                         place->unsafe, path, place->unsafe);
    else if (sp_uid_is_unmapped(place->owner))
        *why = sp_format("%s, on the way to %s, belongs to a user that this user namespace does "
                         "not know (uid %lu), and who may be anybody; run this outside of the "
                         "namespace, or in one to whose own file systems the keyring is bound",
                         place->unsafe, path, (unsigned long)place->owner);
    else
        *why = sp_format("%s, on the way to %s, belongs to somebody else (uid %lu), who could put "
                         "another keyring there; correct its owner, or move the keyring",
                         place->unsafe, path, (unsigned long)place->owner);
}

bool sp_path_is_safe(const char *path, const char *name, uid_t owner, bool partly, char **why)
{
    char *file = sp_format("%s/%s", path, name);
    struct sp_place place = { .dir = -1 };
    bool found =
        file != NULL && (sp_place_find(&place, file, owner) || (partly && errno == ENOENT));
    bool safe = found && place.unsafe == NULL && !place.redirected;

    if (!found)
        (void)sp_file_failed(why, path);
    else if (!safe)
        tell_strange(path, &place, why);
    sp_place_clear(&place);
    OPENSSL_free(file);
    return safe;
}

bool sp_directory_is_safe(const char *path, uid_t *owner, char **why)
{
    struct stat is;

    if (stat(path, &is) != 0)
        return sp_file_failed(why, path);
    if (!S_ISDIR(is.st_mode)) {
        errno = ENOTDIR;
        return sp_file_failed(why, path);
    }
    *owner = is.st_uid;
    return (is.st_mode & SP_BY_OTHERS) == 0 || is_writable(path, why);
}

bool sp_stat_is_safe(const char *file, const struct stat *is, bool directory, mode_t forbidden,
                     uid_t owner, char **why)
{
    if (directory ? !S_ISDIR(is->st_mode) : !S_ISREG(is->st_mode))
        *why = directory ? sp_format("%s is not a directory; put the directory itself there", file)
                         : sp_format("%s is not a regular file; put the file itself there", file);
    else if (is->st_uid != owner && is->st_uid != 0)
        *why = sp_format("%s belongs to somebody else than its directory; correct its owner", file);
    else if ((is->st_mode & forbidden & SP_BY_OTHERS) != 0)
        return is_writable(file, why);
    else if ((is->st_mode & forbidden) != 0)
        *why = sp_format("%s holds private keys and can be read by others; "
                         "make it the owner's alone: chmod 600 %s",
                         file, file);
    else
        return true;
    return false;
}

bool sp_file_is_safe(const char *file, mode_t forbidden, uid_t owner, char **why)
{
    struct stat is;

    if (lstat(file, &is) != 0)
        return errno == ENOENT || sp_file_failed(why, file);
    return sp_stat_is_safe(file, &is, false, forbidden, owner, why);
}
