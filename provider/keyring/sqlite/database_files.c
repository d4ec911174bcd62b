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

#include "base/safe_files.h"
#include "base/text.h"
#include "keyring/sqlite/store.h"

#define FOR_ALL  0755
#define FILE_ALL 0644
#define FILE_OWN 0600

char *sp_store_file(const char *path, const char *name)
{
    return sp_format("%s/%s", path, name);
}

bool sp_sqlite_is_own(const char *path, char **why)
{
    *why = NULL;
    return sp_path_is_safe(path, SP_CERTIFICATES, geteuid(), false, why);
}

static bool is_safe(const char *path, const char *name, mode_t forbidden, uid_t owner, char **why)
{
    char *file = sp_store_file(path, name);
    bool safe = file != NULL && sp_file_is_safe(file, forbidden, owner, why);

    OPENSSL_free(file);
    return safe;
}

bool sp_files_safe(const char *path, char **why)
{
    uid_t owner;

    return sp_directory_is_safe(path, &owner, why) &&
           sp_path_is_safe(path, SP_CERTIFICATES, owner, false, why) &&
           is_safe(path, SP_CERTIFICATES, SP_BY_OTHERS, owner, why) &&
           is_safe(path, SP_KEYS, S_IRWXG | S_IRWXO, owner, why);
}

/* Make the parent directories, with the mode 0700 that $XDG_DATA_HOME requires. */
static bool make_parents(char *path, char **why)
{
    bool made = true;

    for (char *slash = path; made && *slash != '\0' && (slash = strchr(slash + 1, '/')) != NULL;
         *slash = '/') {
        *slash = '\0';
        made = mkdir(path, 0700) == 0 || errno == EEXIST || sp_file_failed(why, path);
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
        done = chmod(copy, FOR_ALL) == 0 || sp_file_failed(why, path);
    } else if (done) {
        done = errno == EEXIST || sp_file_failed(why, path);
    }
    OPENSSL_free(copy);
    return done;
}

/* Make an empty file, which is an empty database.  SQLite gives its journal the same mode. */
static bool make_file(const char *path, const char *name, mode_t mode, enum sp_made *made,
                      char **why)
{
    char *file = sp_store_file(path, name);
    bool done;
    int fd;

    if (file == NULL)
        return false;
    fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    done = fd >= 0 ? fchmod(fd, mode) == 0 : errno == EEXIST;
    if (fd >= 0 && *made == SP_MADE_NOTHING)
        *made = SP_MADE_FILES;
    if (!done)
        (void)sp_file_failed(why, file);
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
    if ((new && !sp_path_is_safe(path, SP_CERTIFICATES, geteuid(), true, why)) ||
        !make_directories(path, made, why) || !sp_files_safe(path, why) ||
        !make_file(path, SP_CERTIFICATES, FILE_ALL, made, why))
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
