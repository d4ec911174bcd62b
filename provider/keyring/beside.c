/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyring/beside.h"

#define CRLS   "crls"
#define SUFFIX ".crl"

static bool copy_bytes(int from, int to)
{
    struct stat is;
    ssize_t sent;

    if (fstat(from, &is) != 0)
        return false;
    if (!S_ISREG(is.st_mode)) {
        errno = EINVAL;
        return false;
    }
    /* A file is replaced by rename and never changed, so what is open is whole. */
    for (off_t done = 0; done < is.st_size;) {
        sent = sendfile(to, from, &done, (size_t)(is.st_size - done));
        if (sent == 0)
            errno = EIO;
        if (sent <= 0)
            return false;
    }
    return fchmod(to, is.st_mode & 0777) == 0 && fsync(to) == 0;
}

/* Close what is open; errno stays. */
static void close_both(int in, int out)
{
    int reason = errno;

    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    errno = reason;
}

static bool copy_file(int from, int to, const char *name)
{
    int in = openat(from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int out = in < 0 ? -1 : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done = out >= 0 && copy_bytes(in, out);

    close_both(in, out);
    /* It was removed since its folder was read. */
    return done || (in < 0 && errno == ENOENT);
}

typedef bool entry_fn(int from, int to, const char *name);

/* Call |each| for each name in |from|, whose descriptor is taken over. */
static bool for_each(int from, int to, entry_fn *each)
{
    DIR *folder = fdopendir(from);
    const struct dirent *entry;
    bool done = folder != NULL;
    int reason;

    if (folder == NULL)
        close_both(from, -1);
    while (done) {
        errno = 0;
        entry = readdir(folder);
        if (entry == NULL) {
            done = errno == 0;
            break;
        }
        done = entry->d_name[0] == '.' || each(dirfd(folder), to, entry->d_name);
    }
    reason = errno;
    if (folder != NULL)
        closedir(folder);
    errno = reason;
    return done;
}

/* Copy the folder |name|; what |from| has of that name and is none is left out. */
static bool copy_folder(int from, int to, const char *name, entry_fn *each)
{
    int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int out = -1;
    bool done = in < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP);

    if (in >= 0 && mkdirat(to, name, 0755) == 0)
        out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out >= 0)
        done = fchmod(out, 0755) == 0 && for_each(in, out, each) && fsync(out) == 0;
    close_both(out < 0 ? in : -1, out);
    return done;
}

static bool copy_crl(int from, int to, const char *name)
{
    const char *suffix = strrchr(name, '.');
    struct stat is;

    if (suffix == NULL || strcmp(suffix, SUFFIX) != 0)
        return true;
    if (fstatat(from, name, &is, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT;
    return !S_ISREG(is.st_mode) || copy_file(from, to, name);
}

/* CRLs lie in a folder for each issuer. */
static bool copy_issuer(int from, int to, const char *name)
{
    return copy_folder(from, to, name, copy_crl);
}

static int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool sp_beside_copy(const char *from, const char *to)
{
    int in = open_folder(from);
    int out = in < 0 ? -1 : open_folder(to);
    bool done = out >= 0 && copy_folder(in, out, CRLS, copy_issuer);

    close_both(in, out);
    return done;
}

static bool discard_file(int from, int to, const char *name)
{
    (void)to;
    (void)unlinkat(from, name, 0);
    return true;
}

static bool discard_folder(int from, int to, const char *name)
{
    (void)for_each(openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), to,
                   discard_file);
    (void)unlinkat(from, name, AT_REMOVEDIR);
    return true;
}

void sp_beside_discard(const char *from)
{
    int folder = open_folder(from);

    (void)for_each(openat(folder, CRLS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), folder,
                   discard_folder);
    (void)unlinkat(folder, CRLS, AT_REMOVEDIR);
    close_both(folder, -1);
}
