/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "keyring/beside.h"

#define CRLS   "crls"
#define SUFFIX ".crl"
/* CRLs lie in a folder for each issuer. */
#define FILE_LEVEL 2

static bool copy_bytes(int from, int to)
{
    struct stat is;
    ssize_t sent = 1;
    off_t done = 0;

    if (fstat(from, &is) != 0)
        return false;
    if (!S_ISREG(is.st_mode)) {
        errno = EINVAL;
        return false;
    }
    /* A file is replaced by rename and never changed, so what is open is whole. */
    while (done < is.st_size && sent > 0) {
        sent = sendfile(to, from, &done, (size_t)(is.st_size - done));
        if (sent == 0)
            errno = EIO;
    }
    return sent > 0 && fchmod(to, is.st_mode & 0777) == 0 && fsync(to) == 0;
}

static bool copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done = out >= 0 && copy_bytes(in, out);
    int reason = errno;

    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    errno = reason;
    /* It was removed since its folder was read. */
    return done || (in < 0 && reason == ENOENT);
}

static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return done;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), end = strlen(suffix);

    return length > end && strcmp(name + length - end, suffix) == 0;
}

static bool copy_entry(FTS *tree, FTSENT *entry, const char *to)
{
    switch (entry->fts_info) {
    case FTS_D:
        if (entry->fts_level < FILE_LEVEL)
            return mkdir(to, 0755) == 0 && chmod(to, 0755) == 0;
        (void)fts_set(tree, entry, FTS_SKIP);
        return true;
    case FTS_DP:
        return entry->fts_level >= FILE_LEVEL || sync_folder(to);
    case FTS_F:
        return entry->fts_level != FILE_LEVEL || !ends_with(entry->fts_name, SUFFIX) ||
               copy_file(entry->fts_path, to);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        errno = entry->fts_errno;
        return entry->fts_errno == ENOENT;
    default:
        return true;
    }
}

static bool copy_tree(FTS *tree, const char *to, size_t skipped)
{
    FTSENT *entry;
    bool done = true;

    errno = 0;
    while (done && (entry = fts_read(tree)) != NULL) {
        char *target = sp_format("%s%s", to, entry->fts_path + skipped);

        done = target != NULL && copy_entry(tree, entry, target);
        if (target == NULL)
            errno = ENOMEM;
        OPENSSL_free(target);
    }
    return done && errno == 0;
}

static FTS *open_tree(char *path)
{
    char *const roots[] = { path, NULL };

    return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
}

bool sp_beside_copy(const char *from, const char *to)
{
    char *path = sp_format("%s/" CRLS, from);
    struct stat is;
    FTS *tree = NULL;
    bool done = path != NULL;

    if (done && lstat(path, &is) == 0) {
        tree = open_tree(path);
        done = tree != NULL && copy_tree(tree, to, strlen(from));
    } else if (done) {
        done = errno == ENOENT;
    }
    if (tree != NULL) {
        int reason = errno;

        (void)fts_close(tree);
        errno = reason;
    }
    OPENSSL_free(path);
    return done;
}

void sp_beside_discard(const char *from)
{
    char *path = sp_format("%s/" CRLS, from);
    FTS *tree = path == NULL ? NULL : open_tree(path);
    FTSENT *entry;

    while (tree != NULL && (entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_DP)
            (void)rmdir(entry->fts_path);
        else if (entry->fts_info != FTS_D)
            (void)unlink(entry->fts_path);
    }
    if (tree != NULL)
        (void)fts_close(tree);
    OPENSSL_free(path);
}
