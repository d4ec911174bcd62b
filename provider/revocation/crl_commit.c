/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Putting a CRL into its place.  Whoever does holds the lock of the folder of its issuer's
 * name, so of two at the same time the newer CRL stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safe_files.h"
#include "base/text.h"
#include "revocation/crl_open.h"
#include "revocation/crl_writer.h"

#define UNFINISHED ".new"
/* So often a folder is made again that another process has removed because it was empty. */
#define MOST_TRIES 8

static bool failed(const char *keyring, const char *folder, const char *name, char **why)
{
    const int reason = errno;
    char *path = sp_crl_path(keyring, folder, name);

    if (path != NULL)
        *why = sp_format("cannot write %s: %s", path, strerror(reason));
    OPENSSL_free(path);
    return false;
}

bool sp_crl_make_crls(struct sp_crl_folder *crls, const char *keyring, char **why)
{
    const enum sp_crl_there there = sp_crl_open_crls(crls, keyring, why);
    uid_t owner;
    char *path;
    bool made;

    if (there != SP_CRL_ABSENT)
        return there == SP_CRL_THERE;
    if (!sp_directory_is_safe(keyring, &owner, why) ||
        !sp_path_is_safe(keyring, SP_CRLS, owner, false, why))
        return false;
    path = sp_crl_path(keyring, "", "");
    made = path != NULL && (mkdir(path, 0755) == 0 ? chmod(path, 0755) == 0 : errno == EEXIST);
    if (path != NULL && !made)
        (void)failed(keyring, "", "", why);
    OPENSSL_free(path);
    return made && sp_crl_open_crls(crls, keyring, why) == SP_CRL_THERE;
}

/* Make the folder |name|, and lock it.  1: done; 0: it was removed meanwhile; -1: it failed. */
static int make_folder(struct sp_crl_folder *folder, const struct sp_crl_folder *crls,
                       const char *name, char **why)
{
    const bool is_new = mkdirat(crls->fd, name, 0755) == 0;
    enum sp_crl_there there;
    struct stat is;

    if (!is_new && errno != EEXIST) {
        (void)failed(crls->keyring, "", name, why);
        return -1;
    }
    there = sp_crl_open_folder(folder, crls, name, why);
    if (there != SP_CRL_THERE)
        return there == SP_CRL_ABSENT ? 0 : -1;
    if ((!is_new || fchmod(folder->fd, 0755) == 0) && flock(folder->fd, LOCK_EX) == 0 &&
        fstat(folder->fd, &is) == 0) {
        if (is.st_nlink > 0)
            return 1;
        sp_crl_close_folder(folder);
        return 0;
    }
    (void)failed(crls->keyring, "", name, why);
    sp_crl_close_folder(folder);
    return -1;
}

/* Numbers only go up.  Without a number the date decides, and of equal ones, too. */
static bool is_newer(const struct sp_crl_header *stored, const struct sp_crl_header *header)
{
    int order = 0;

    if (stored->number_length != 0 && header->number_length != 0) {
        if (stored->number_length != header->number_length)
            return stored->number_length > header->number_length;
        order = memcmp(stored->number, header->number, (size_t)stored->number_length);
    }
    return order > 0 || (order == 0 && stored->this_update > header->this_update);
}

/* Is the CRL that is stored no newer?  A file that is damaged is replaced. */
static bool may_replace(const struct sp_crl_writer *writer, const struct sp_crl_folder *folder,
                        const char *name, char **why)
{
    struct sp_crl_opened stored;
    const enum sp_crl_there there = sp_crl_open(&stored, folder, name, why);
    bool newer;

    if (there != SP_CRL_THERE) {
        OPENSSL_free(*why);
        *why = NULL;
        return true;
    }
    newer = is_newer(&stored.header, &writer->header);
    sp_crl_close(&stored);
    if (newer)
        *why = sp_format("a newer CRL of this issuer is stored; upload its current CRL");
    return !newer;
}

static bool remove_unfinished(const char *name, void *folder)
{
    (void)unlinkat(((const struct sp_crl_folder *)folder)->fd, name, 0);
    return true;
}

/* Write the file beside its place, and move it there. */
static bool put_file(const struct sp_crl_writer *writer, const size_t *ends,
                     struct sp_crl_folder *folder, const char *name, char **why)
{
    char unfinished[SP_CRL_FILE_NAME + sizeof(UNFINISHED)];
    int fd;

    memcpy(unfinished, name, strlen(name) + 1);
    memcpy(unfinished + strlen(name), UNFINISHED, sizeof(UNFINISHED));
    /* What an interrupted writer has left. */
    (void)sp_crl_names(folder, UNFINISHED, remove_unfinished, folder);
    fd = openat(folder->fd, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && sp_crl_write(writer, ends, fd) &&
        renameat(folder->fd, unfinished, folder->fd, name) == 0 && fsync(folder->fd) == 0)
        return true;
    (void)failed(folder->keyring, folder->name, name, why);
    (void)unlinkat(folder->fd, unfinished, 0);
    return false;
}

static bool sync_above(const struct sp_crl_folder *crls)
{
    const int keyring = openat(crls->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool done = fsync(crls->fd) == 0 && fsync(keyring) == 0;

    if (keyring >= 0)
        close(keyring);
    return done;
}

static bool put_in_folder(struct sp_crl_writer *writer, const struct sp_crl_folder *crls,
                          const size_t *ends, char **why)
{
    char name[SP_CRL_FILE_NAME], folder_name[SP_CRL_FOLDER_NAME];
    struct sp_crl_folder folder;
    int made = 0;
    bool done;

    sp_crl_folder_name(writer->header.name, folder_name);
    sp_crl_file_name(writer->header.key, writer->header.scope, writer->header.part, name);
    for (int i = 0; i < MOST_TRIES && made == 0; i++)
        made = make_folder(&folder, crls, folder_name, why);
    if (made <= 0)
        return made < 0 ? false : failed(crls->keyring, "", folder_name, why);
    done = may_replace(writer, &folder, name, why) && put_file(writer, ends, &folder, name, why) &&
           (sync_above(crls) || failed(crls->keyring, folder_name, name, why));
    sp_crl_close_folder(&folder);
    /* Only what is empty goes. */
    if (!done)
        (void)unlinkat(crls->fd, folder_name, AT_REMOVEDIR);
    return done;
}

bool sp_crl_writer_commit(struct sp_crl_writer *writer, char **why)
{
    struct sp_crl_folder crls;
    size_t *ends;
    bool done;

    *why = NULL;
    ends = sp_crl_deal(writer, why);
    if (ends == NULL)
        return false;
    done = sp_crl_make_crls(&crls, writer->keyring, why);
    if (done) {
        done = put_in_folder(writer, &crls, ends, why);
        if (!done)
            (void)unlinkat(crls.fd, "../" SP_CRLS, AT_REMOVEDIR);
        sp_crl_close_folder(&crls);
    }
    OPENSSL_free(ends);
    return done;
}
