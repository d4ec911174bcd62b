/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The files of a keyring: who may write them, and how they are made.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/path_owners.h"
#include "base/text.h"
#include "keyring/sqlite/store.h"

#define FOR_ALL   0755
#define FILE_ALL  0644
#define FILE_OWN  0600
#define BY_OTHERS (S_IWGRP | S_IWOTH)

char *sp_store_file(const char *path, const char *name)
{
    return sp_format("%s/%s", path, name);
}

static bool fail(char **why, const char *path)
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

static bool is_strange(const char *path, const struct sp_place *place, char **why)
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
    return false;
}

/*
 * Is every directory on |path| safe?  Others who may write one could put another
 * keyring there.  |partly|: the last directories may not exist yet.
 */
static bool path_safe(const char *path, uid_t owner, bool partly, char **why)
{
    char *file = sp_store_file(path, SP_CERTIFICATES);
    struct sp_place place = { .dir = -1 };
    bool found =
        file != NULL && (sp_place_find(&place, file, owner) || (partly && errno == ENOENT));
    bool safe = found && place.unsafe == NULL && !place.redirected;

    if (file != NULL && !found)
        (void)fail(why, path);
    else if (found && !safe)
        (void)is_strange(path, &place, why);
    sp_place_clear(&place);
    OPENSSL_free(file);
    return safe;
}

/* Is the file safe?  It must belong to |owner|, who owns the directory, or to the superuser. */
static bool file_safe(const char *path, const char *name, mode_t forbidden, uid_t owner, char **why)
{
    char *file = sp_store_file(path, name);
    struct stat is;
    bool safe = false;

    if (file == NULL)
        return false;
    if (lstat(file, &is) != 0)
        safe = errno == ENOENT || fail(why, file);
    else if (!S_ISREG(is.st_mode))
        *why = sp_format("%s is not a regular file; put the file itself there", file);
    else if (is.st_uid != owner && is.st_uid != 0)
        *why = sp_format("%s belongs to somebody else than its directory; correct its owner", file);
    else if ((is.st_mode & forbidden & BY_OTHERS) != 0)
        safe = is_writable(file, why);
    else if ((is.st_mode & forbidden) != 0)
        *why = sp_format("%s holds private keys and can be read by others; "
                         "make it the owner's alone: chmod 600 %s",
                         file, file);
    else
        safe = true;
    OPENSSL_free(file);
    return safe;
}

bool sp_sqlite_is_own(const char *path, char **why)
{
    *why = NULL;
    return path_safe(path, geteuid(), false, why);
}

bool sp_files_safe(const char *path, char **why)
{
    struct stat is;

    if (stat(path, &is) != 0)
        return fail(why, path);
    if (!S_ISDIR(is.st_mode)) {
        errno = ENOTDIR;
        return fail(why, path);
    }
    if ((is.st_mode & BY_OTHERS) != 0)
        return is_writable(path, why);
    return path_safe(path, is.st_uid, false, why) &&
           file_safe(path, SP_CERTIFICATES, BY_OTHERS, is.st_uid, why) &&
           file_safe(path, SP_KEYS, S_IRWXG | S_IRWXO, is.st_uid, why);
}

/* Make the parent directories, with the mode 0700 that $XDG_DATA_HOME requires. */
static bool make_parents(char *path, char **why)
{
    bool made = true;

    for (char *slash = path; made && *slash != '\0' && (slash = strchr(slash + 1, '/')) != NULL;
         *slash = '/') {
        *slash = '\0';
        made = mkdir(path, 0700) == 0 || errno == EEXIST || fail(why, path);
    }
    return made;
}

static bool make_directories(const char *path, enum sp_made *made, char **why)
{
    char *copy = OPENSSL_strdup(path);
    size_t length = strlen(path);
    bool done;

    if (copy == NULL)
        return false;
    /* The slash of "keyring/" does not make it a parent. */
    while (length > 1 && copy[length - 1] == '/')
        copy[--length] = '\0';
    done = make_parents(copy, why);
    if (done && mkdir(copy, FOR_ALL) == 0) {
        *made = SP_MADE_DIRECTORY;
        done = chmod(copy, FOR_ALL) == 0 || fail(why, path);
    } else if (done) {
        done = errno == EEXIST || fail(why, path);
    }
    OPENSSL_free(copy);
    return done;
}

/* Make an empty file, which is an empty database.  SQLite gives its journal the same mode. */
static bool make_file(const char *path, const char *name, mode_t mode, enum sp_made *made,
                      char **why)
{
    char *file = sp_store_file(path, name);
    int fd =
        file == NULL ? -1 : open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    bool done = file != NULL && (fd >= 0 ? fchmod(fd, mode) == 0 : errno == EEXIST);

    if (fd >= 0 && *made == SP_MADE_NOTHING)
        *made = SP_MADE_FILES;
    if (file != NULL && !done)
        (void)fail(why, file);
    if (fd >= 0)
        close(fd);
    OPENSSL_free(file);
    return done;
}

static void remove_file(const char *path, const char *name)
{
    char *file = sp_store_file(path, name);

    if (file != NULL)
        (void)unlink(file);
    OPENSSL_free(file);
}

void sp_files_remove(const char *path, enum sp_made made)
{
    if (made == SP_MADE_NOTHING)
        return;
    remove_file(path, SP_KEYS);
    remove_file(path, SP_CERTIFICATES);
    if (made == SP_MADE_DIRECTORY)
        (void)rmdir(path);
}

bool sp_files_make(const char *path, enum sp_made *made, char **why)
{
    struct stat is;
    bool new = stat(path, &is) != 0 && errno == ENOENT;
    enum sp_made keys;

    *made = SP_MADE_NOTHING;
    if ((new && !path_safe(path, geteuid(), true, why)) || !make_directories(path, made, why) ||
        !sp_files_safe(path, why) || !make_file(path, SP_CERTIFICATES, FILE_ALL, made, why))
        return false;
    keys = *made;
    return make_file(path, SP_KEYS, FILE_OWN, &keys, why);
}

bool sp_files_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return done;
}

void sp_files_sweep(const char *path)
{
    static const char prefix[] = SP_CERTIFICATES "-mj";
    DIR *directory = opendir(path);
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory != NULL)
        closedir(directory);
}

bool sp_sqlite_exists(const char *path)
{
    char *file = sp_store_file(path, SP_CERTIFICATES);
    struct stat is;
    /* If lstat() fails otherwise, opening the file will report it. */
    bool exists = file == NULL || lstat(file, &is) == 0 || (errno != ENOENT && errno != ENOTDIR);

    OPENSSL_free(file);
    return exists;
}
