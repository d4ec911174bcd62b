/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "revocation/crl_open.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/safe_files.h"
#include "base/text.h"

#define A_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
/* A pipe that was put there must not be waited for. */
#define A_FILE (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

char *sp_crl_path(const char *keyring, const char *folder, const char *name)
{
    return sp_format("%s/" SP_CRLS "%s%s%s%s", keyring, folder[0] != '\0' ? "/" : "", folder,
                     name[0] != '\0' ? "/" : "", name);
}

enum sp_crl_there sp_crl_damaged(char *path, char **why)
{
    *why = path == NULL ? NULL
                        : sp_format("%s is damaged; remove it, and upload the CRL of its issuer "
                                    "again",
                                    path);
    OPENSSL_free(path);
    return SP_CRL_FAULT;
}

/* Why the file |name| in |folder| could not be opened, by errno. */
static enum sp_crl_there not_opened(const struct sp_crl_folder *folder, const char *name,
                                    char **why)
{
    const int reason = errno;
    char *path;

    if (reason == ENOENT)
        return SP_CRL_ABSENT;
    path = sp_crl_path(folder->keyring, folder->name, name);
    *why = path == NULL ? NULL
           : reason == ELOOP
               ? sp_format("%s is a symbolic link; put the file itself there", path)
               : sp_format("%s: %s; correct that, or remove it", path, strerror(reason));
    OPENSSL_free(path);
    return SP_CRL_FAULT;
}

/* May only the owner of the keyring write what is open as |fd|? */
static bool is_safe(const struct sp_crl_folder *folder, int fd, const char *name, bool directory,
                    struct stat *is, char **why)
{
    char *path = sp_crl_path(folder->keyring, folder->name, name);
    const bool safe = path != NULL && fstat(fd, is) == 0 &&
                      sp_stat_is_safe(path, is, directory, SP_BY_OTHERS, folder->owner, why);

    OPENSSL_free(path);
    return safe;
}

enum sp_crl_there sp_crl_open_crls(struct sp_crl_folder *crls, const char *keyring, char **why)
{
    char *path = sp_crl_path(keyring, "", "");
    struct stat is;

    *crls = (struct sp_crl_folder){ .fd = -1, .keyring = keyring };
    *why = NULL;
    if (path == NULL)
        return SP_CRL_FAULT;
    crls->fd = open(path, A_FOLDER);
    OPENSSL_free(path);
    if (crls->fd < 0)
        return not_opened(crls, "", why);
    if (sp_directory_is_safe(keyring, &crls->owner, why) &&
        sp_path_is_safe(keyring, SP_CRLS, crls->owner, false, why) &&
        is_safe(crls, crls->fd, "", true, &is, why))
        return SP_CRL_THERE;
    sp_crl_close_folder(crls);
    return SP_CRL_FAULT;
}

enum sp_crl_there sp_crl_open_folder(struct sp_crl_folder *folder, const struct sp_crl_folder *crls,
                                     const char *name, char **why)
{
    struct stat is;

    *folder = *crls;
    folder->fd = openat(crls->fd, name, A_FOLDER);
    if (folder->fd < 0)
        return not_opened(crls, name, why);
    if (is_safe(crls, folder->fd, name, true, &is, why)) {
        if (OPENSSL_strlcpy(folder->name, name, sizeof(folder->name)) < sizeof(folder->name))
            return SP_CRL_THERE;
        (void)sp_crl_damaged(sp_crl_path(crls->keyring, name, ""), why);
    }
    sp_crl_close_folder(folder);
    return SP_CRL_FAULT;
}

void sp_crl_close_folder(struct sp_crl_folder *folder)
{
    close(folder->fd);
}

static bool ends_in(const char *name, const char *suffix)
{
    const size_t length = strlen(name), end = strlen(suffix);

    return length >= end && strcmp(name + length - end, suffix) == 0;
}

/*
 * One call gets all names of a folder that has not very many.  Then it has each file that
 * is being replaced once: the kernel does not rename in a folder while it lists it.
 */
bool sp_crl_names(const struct sp_crl_folder *folder, const char *suffix, sp_crl_name_fn *tell,
                  void *data)
{
    union {
        struct dirent64 first;
        char bytes[8192];
    } names;
    ssize_t length;

    while ((length = getdents64(folder->fd, &names, sizeof(names))) > 0)
        for (ssize_t at = 0; at < length;) {
            const struct dirent64 *entry = (const void *)(names.bytes + at);

            if (ends_in(entry->d_name, suffix) && !tell(entry->d_name, data))
                return true;
            at += entry->d_reclen;
        }
    return length == 0;
}

/* Read |length| bytes at |offset|; false also if the file ends before. */
static bool read_at(int fd, void *bytes, size_t length, uint64_t offset)
{
    char *to = bytes;

    while (length > 0) {
        const ssize_t got = TEMP_FAILURE_RETRY(pread(fd, to, length, (off_t)offset));

        if (got <= 0)
            return false;
        to += got, length -= (size_t)got, offset += (uint64_t)got;
    }
    return true;
}

static bool has_header(struct sp_crl_opened *file, const struct sp_crl_folder *folder,
                       const char *name, const struct stat *is)
{
    unsigned char page[SP_CRL_PAGE];
    char file_name[SP_CRL_FILE_NAME], folder_name[SP_CRL_FOLDER_NAME];
    const struct sp_crl_header *header = &file->header;

    if (!read_at(file->fd, page, sizeof(page), 0) || !sp_crl_get_header(page, &file->header))
        return false;
    file->identity = sp_crl_identity(header);
    sp_crl_file_name(header->key, header->scope, header->part, file_name);
    sp_crl_folder_name(header->name, folder_name);
    return strcmp(file_name, name) == 0 && strcmp(folder_name, folder->name) == 0 &&
           (uint64_t)is->st_size == (1 + header->pages) * SP_CRL_PAGE + header->cert_length;
}

enum sp_crl_there sp_crl_open(struct sp_crl_opened *file, const struct sp_crl_folder *folder,
                              const char *name, char **why)
{
    struct stat is;

    file->fd = openat(folder->fd, name, A_FILE);
    if (file->fd < 0)
        return not_opened(folder, name, why);
    if (is_safe(folder, file->fd, name, false, &is, why)) {
        if (has_header(file, folder, name, &is))
            return SP_CRL_THERE;
        (void)sp_crl_damaged(sp_crl_path(folder->keyring, folder->name, name), why);
    }
    sp_crl_close(file);
    return SP_CRL_FAULT;
}

void sp_crl_close(struct sp_crl_opened *file)
{
    close(file->fd);
}

bool sp_crl_read_page(const struct sp_crl_opened *file, uint64_t number,
                      unsigned char page[SP_CRL_PAGE])
{
    return read_at(file->fd, page, SP_CRL_PAGE, number * SP_CRL_PAGE) &&
           sp_crl_is_sealed(page, file->identity, number);
}

bool sp_crl_read_cert(const struct sp_crl_opened *file, unsigned char **cert)
{
    const size_t length = (size_t)file->header.cert_length;
    unsigned char *der = OPENSSL_malloc(length + 1);

    *cert = NULL;
    if (der == NULL)
        return false;
    if (read_at(file->fd, der, length, (1 + file->header.pages) * SP_CRL_PAGE) &&
        sp_crl_sum(file->identity, der, length) == file->header.cert_sum)
        *cert = der;
    else
        OPENSSL_free(der);
    return true;
}
