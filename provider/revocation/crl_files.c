/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which CRLs are stored, and whether they are sound.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/name_hash.h"
#include "base/text.h"
#include "revocation/crl_open.h"

#define SUFFIX ".crl"

/* Names of a folder. */
struct names {
    char **names; /* owned, each one too */
    size_t count;
    bool failed;
};

static bool keep_name(const char *name, void *data)
{
    struct names *names = data;
    char **more = OPENSSL_realloc(names->names, (names->count + 1) * sizeof(*more));

    if (more != NULL) {
        names->names = more;
        more[names->count] = OPENSSL_strdup(name);
    }
    names->failed = more == NULL || more[names->count] == NULL;
    names->count += !names->failed;
    return !names->failed;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Read and sort the names; false with |*why| set, or if memory ran out. */
static bool read_names(struct names *names, const struct sp_crl_folder *folder, const char *suffix,
                       char **why)
{
    *names = (struct names){ 0 };
    if (!sp_crl_names(folder, suffix, keep_name, names)) {
        const int reason = errno;
        char *path = sp_crl_path(folder->keyring, folder->name, "");

        *why = path == NULL ? NULL : sp_format("%s: %s", path, strerror(reason));
        OPENSSL_free(path);
        return false;
    }
    if (names->failed)
        return false;
    if (names->names != NULL)
        qsort(names->names, names->count, sizeof(*names->names), compare_names);
    return true;
}

static void clear_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        OPENSSL_free(names->names[i]);
    OPENSSL_free(names->names);
}

void sp_crl_file_clear(struct sp_crl_file *file)
{
    OPENSSL_free(file->path);
    OPENSSL_free(file->cert);
    OPENSSL_free(file->damage);
    *file = (struct sp_crl_file){ 0 };
}

static void set_about(struct sp_crl_file *file, const struct sp_crl_header *header)
{
    file->name = header->name;
    file->count = header->count;
    file->cert_length = (size_t)header->cert_length;
    memcpy(file->key, header->key, sizeof(file->key));
    memcpy(file->number, header->number, sizeof(file->number));
    file->about = (struct sp_crl_about){ .this_update = header->this_update,
                                         .next_update = header->next_update,
                                         .number = header->number_length > 0 ? file->number : NULL,
                                         .number_length = (size_t)header->number_length,
                                         .scope = (unsigned)header->scope,
                                         .part = header->part };
    if ((header->scope & SP_CRL_INDIRECT) != 0) {
        memcpy(file->others, header->others, sizeof(file->others));
        file->about.others = file->others;
    }
    memcpy(file->about.points, header->points, sizeof(file->about.points));
    memcpy(file->about.content, header->content, sizeof(file->about.content));
}

/* Read the file |name|; FAULT with |*why| set. */
static enum sp_crl_there read_file(struct sp_crl_file *file, const struct sp_crl_folder *folder,
                                   const char *name, char **why)
{
    struct sp_crl_opened opened;
    enum sp_crl_there there = sp_crl_open(&opened, folder, name, why);
    bool read;

    if (there != SP_CRL_THERE)
        return there;
    set_about(file, &opened.header);
    read = sp_crl_read_cert(&opened, &file->cert);
    sp_crl_close(&opened);
    if (file->cert != NULL)
        return SP_CRL_THERE;
    return sp_crl_damaged(read ? sp_crl_path(folder->keyring, folder->name, name) : NULL, why);
}

struct telling {
    sp_crl_told_fn *tell;
    void *data; /* borrowed */
    bool stopped;
};

static bool tell_file(const struct sp_crl_folder *folder, const char *name, struct telling *telling)
{
    struct sp_crl_file file = { .path = sp_crl_path(folder->keyring, folder->name, name) };
    enum sp_crl_there there = SP_CRL_FAULT;

    if (file.path != NULL)
        there = read_file(&file, folder, name, &file.damage);
    if (there == SP_CRL_THERE || file.damage != NULL)
        telling->stopped = !telling->tell(&file, telling->data);
    there = there == SP_CRL_FAULT && file.damage != NULL ? SP_CRL_THERE : there;
    sp_crl_file_clear(&file);
    return there != SP_CRL_FAULT;
}

/* False with |*why| set if the folder cannot be listed. */
static bool tell_folder(const struct sp_crl_folder *folder, struct telling *telling, char **why)
{
    struct names names;
    bool done = read_names(&names, folder, SUFFIX, why);

    for (size_t i = 0; done && i < names.count && !telling->stopped; i++)
        done = tell_file(folder, names.names[i], telling);
    clear_names(&names);
    return done;
}

/* A folder that cannot be opened is told of as a file that is damaged. */
static bool tell_closed(const struct sp_crl_folder *crls, const char *name, struct telling *telling,
                        char *damage)
{
    struct sp_crl_file file = { .path = sp_crl_path(crls->keyring, name, ""), .damage = damage };
    const bool done = file.path != NULL && damage != NULL;

    if (done)
        telling->stopped = !telling->tell(&file, telling->data);
    sp_crl_file_clear(&file);
    return done;
}

static bool tell_name(const struct sp_crl_folder *crls, const char *name, struct telling *telling,
                      char **why)
{
    struct sp_crl_folder folder;
    char *damage = NULL;
    const enum sp_crl_there there = sp_crl_open_folder(&folder, crls, name, &damage);
    bool done;

    if (there == SP_CRL_ABSENT)
        return true;
    if (there == SP_CRL_FAULT)
        return tell_closed(crls, name, telling, damage);
    done = tell_folder(&folder, telling, why);
    sp_crl_close_folder(&folder);
    return done;
}

bool sp_crl_files_each(const char *keyring, sp_crl_told_fn *tell, void *data, char **why)
{
    struct telling telling = { tell, data, false };
    struct sp_crl_folder crls;
    struct names names;
    const enum sp_crl_there there = sp_crl_open_crls(&crls, keyring, why);
    bool done;

    if (there != SP_CRL_THERE)
        return there == SP_CRL_ABSENT;
    done = read_names(&names, &crls, "", why);
    for (size_t i = 0; done && i < names.count; i++)
        if (names.names[i][0] != '.')
            done = tell_name(&crls, names.names[i], &telling, why);
    clear_names(&names);
    sp_crl_close_folder(&crls);
    return done;
}

int sp_crl_file_read(const char *keyring, const struct sp_crl_issuer *issuer,
                     const struct sp_crl_about *about, struct sp_crl_file *file, char **why)
{
    char name[SP_CRL_FILE_NAME], folder_name[SP_CRL_FOLDER_NAME];
    struct sp_crl_folder crls, folder;
    enum sp_crl_there there = sp_crl_open_crls(&crls, keyring, why);

    *file = (struct sp_crl_file){ 0 };
    if (there != SP_CRL_THERE)
        return there == SP_CRL_ABSENT ? 0 : -1;
    sp_crl_folder_name(sp_name_hash(issuer->name), folder_name);
    sp_crl_file_name(issuer->key, about->scope, about->part, name);
    there = sp_crl_open_folder(&folder, &crls, folder_name, why);
    if (there == SP_CRL_THERE) {
        file->path = sp_crl_path(keyring, folder_name, name);
        there = file->path == NULL ? SP_CRL_FAULT : read_file(file, &folder, name, why);
        sp_crl_close_folder(&folder);
    }
    sp_crl_close_folder(&crls);
    return there == SP_CRL_THERE ? 1 : (there == SP_CRL_ABSENT ? 0 : -1);
}

/* KEYRING, the folder and the name of a path that sp_crl_files_each() told. */
struct parts {
    char *path; /* owned: |keyring| */
    const char *folder, *name;
};

static bool divide(struct parts *parts, const char *path)
{
    char *slash;

    *parts = (struct parts){ .path = OPENSSL_strdup(path) };
    for (int i = 0; parts->path != NULL && i < 3; i++) {
        slash = strrchr(parts->path, '/');
        if (slash == NULL)
            break;
        *slash = '\0';
        if (i == 0)
            parts->name = slash + 1;
        else if (i == 1)
            parts->folder = slash + 1;
        else if (strcmp(slash + 1, SP_CRLS) == 0)
            return true;
    }
    OPENSSL_free(parts->path);
    parts->path = NULL;
    return false;
}

static bool is_none(const char *path, char **why)
{
    *why = sp_format("%s is no stored CRL", path);
    return false;
}

/* Open the folder of |path|; |parts| is set then, for the caller to free. */
static bool open_folder_of(struct sp_crl_folder *folder, struct parts *parts, const char *path,
                           char **why)
{
    struct sp_crl_folder crls;
    enum sp_crl_there there;

    *why = NULL;
    if (!divide(parts, path))
        return is_none(path, why);
    there = sp_crl_open_crls(&crls, parts->path, why);
    if (there == SP_CRL_THERE) {
        there = sp_crl_open_folder(folder, &crls, parts->folder, why);
        folder->keyring = parts->path;
        sp_crl_close_folder(&crls);
    }
    if (there == SP_CRL_THERE)
        return true;
    OPENSSL_free(parts->path);
    return there == SP_CRL_ABSENT ? is_none(path, why) : false;
}

static bool tell_page(const unsigned char page[SP_CRL_PAGE], sp_crl_entry_fn *tell, void *data,
                      uint64_t *count)
{
    struct sp_crl_entry entry;
    size_t offset = 0;

    while (sp_crl_get_entry(page, &offset, &entry)) {
        ++*count;
        if (tell != NULL && !tell(&entry, data))
            return false;
    }
    return true;
}

bool sp_crl_file_entries(const char *path, sp_crl_entry_fn *tell, void *data, char **why)
{
    unsigned char page[SP_CRL_PAGE];
    struct sp_crl_folder folder;
    struct sp_crl_opened file;
    struct parts parts;
    enum sp_crl_there there;
    bool sound = true, told = true;
    uint64_t count = 0;

    if (!open_folder_of(&folder, &parts, path, why))
        return false;
    there = sp_crl_open(&file, &folder, parts.name, why);
    if (there == SP_CRL_THERE) {
        for (uint64_t i = 1; i <= file.header.pages && sound && told; i++) {
            sound = sp_crl_read_page(&file, i, page);
            told = !sound || tell_page(page, tell, data, &count);
        }
        if (!sound || (told && count != file.header.count))
            there = sp_crl_damaged(OPENSSL_strdup(path), why);
        sp_crl_close(&file);
    } else if (there == SP_CRL_ABSENT) {
        (void)is_none(path, why);
    }
    sp_crl_close_folder(&folder);
    OPENSSL_free(parts.path);
    return there == SP_CRL_THERE;
}

bool sp_crl_file_check(const char *path, char **why)
{
    return sp_crl_file_entries(path, NULL, NULL, why);
}

bool sp_crl_file_remove(const char *path, char **why)
{
    struct sp_crl_folder folder;
    struct parts parts;
    bool done;
    char *above;

    if (!open_folder_of(&folder, &parts, path, why))
        return false;
    done = flock(folder.fd, LOCK_EX) == 0 && unlinkat(folder.fd, parts.name, 0) == 0;
    if (!done) {
        *why = sp_format("cannot remove %s: %s", path, strerror(errno));
    } else {
        above = sp_crl_path(parts.path, parts.folder, "");
        if (above != NULL && rmdir(above) != 0)
            (void)fsync(folder.fd);
        OPENSSL_free(above);
    }
    sp_crl_close_folder(&folder);
    OPENSSL_free(parts.path);
    return done;
}
