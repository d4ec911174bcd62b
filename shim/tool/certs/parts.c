/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/buffer.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "tool/certs/parts.h"
#include "base/text.h"

/* The limit of a stream, which is held in memory; it may be a large PEM bundle. */
#define MAX_STREAM (64L << 20)

#define EMPTY "it is empty; give PEM, DER, PKCS#7 or PKCS#12"

/* Read all of |bio|; NULL if it is longer than |most| or cannot be read. */
static BUF_MEM *read_all(BIO *bio, long most)
{
    BUF_MEM *buffer = BUF_MEM_new();
    char block[16384];
    int got;

    while (buffer != NULL && (got = BIO_read(bio, block, sizeof(block))) > 0) {
        size_t before = buffer->length;

        if (before + (size_t)got > (size_t)most ||
            BUF_MEM_grow_clean(buffer, before + (size_t)got) == 0) {
            BUF_MEM_free(buffer);
            return NULL;
        }
        memcpy(buffer->data + before, block, (size_t)got);
    }
    OPENSSL_cleanse(block, sizeof(block));
    return buffer;
}

static bool read_der(struct shim_file_parts *file, BIO *bio)
{
    BUF_MEM *all = read_all(bio, SHIM_LONGEST_PART);
    bool more;

    if (all == NULL)
        return shim_part_broken(file, SHIM_TOO_LONG);
    more = all->length == 0
               ? shim_part_broken(file, EMPTY)
               : shim_parts_der(file, (const unsigned char *)all->data, (long)all->length);
    if (all->length > 0)
        OPENSSL_cleanse(all->data, all->length);
    BUF_MEM_free(all);
    return more;
}

/* Does it look like PEM?  RFC 7468: text for people may precede the first part. */
static bool looks_like_pem(BIO *bio)
{
    char head[8192];
    int got = BIO_read(bio, head, sizeof(head) - 1);
    bool pem = false;

    if (got > 0) {
        head[got] = '\0';
        pem = memmem(head, (size_t)got, "-----BEGIN ", 11) != NULL ||
              (memchr(head, '\0', (size_t)got) == NULL && head[0] != '\x30');
    }
    return BIO_seek(bio, 0) == 0 && pem;
}

static bool tell_legacy(struct shim_file_parts *file)
{
    char note[200];

    (void)snprintf(
        note, sizeof(note),
        "it is encrypted with %.40s, an old cipher that protects little: it was read with "
        "OpenSSL's legacy provider, which was loaded for this file alone",
        file->legacy.cipher);
    file->number = 0;
    return shim_part_note(file, note);
}

static bool read_bio(struct shim_reading_parts *reading, const char *path, BIO *bio)
{
    struct shim_file_parts file = { .reading = reading, .path = path };

    bool more;

    ERR_clear_error();
    more = looks_like_pem(bio) ? shim_parts_pem(&file, bio) : read_der(&file, bio);
    if (file.legacy.used)
        more = tell_legacy(&file) && more;
    shim_legacy_clear(&file.legacy);
    return more;
}

static bool unreadable(struct shim_reading_parts *reading, const char *path, int error)
{
    struct shim_file_parts file = { .reading = reading, .path = path };

    char why[200];

    (void)snprintf(why, sizeof(why), "%s; give a file that can be read", strerror(error));
    return shim_part_broken(&file, why);
}

/* Read a pipe or device.  It can be read once, so all of it is held in memory. */
static bool read_stream(struct shim_reading_parts *reading, const char *name, BIO *input)
{
    struct shim_file_parts file = { .reading = reading, .path = name };
    BUF_MEM *all = input == NULL ? NULL : read_all(input, MAX_STREAM);
    BIO *bio =
        all == NULL || all->length == 0 ? NULL : BIO_new_mem_buf(all->data, (int)all->length);
    bool more;

    if (bio != NULL)
        more = read_bio(reading, name, bio);
    else
        more = shim_part_broken(&file, all != NULL && all->length == 0
                                           ? EMPTY
                                           : "it is larger than 64 MB; give it as a file");

    BIO_free(bio);
    if (all != NULL && all->length > 0)
        OPENSSL_cleanse(all->data, all->length);
    BUF_MEM_free(all);
    return more;
}

static bool read_stdin(struct shim_reading_parts *reading)
{
    BIO *input = BIO_new_fd(STDIN_FILENO, BIO_NOCLOSE);
    bool more = read_stream(reading, "standard input", input);

    BIO_free(input);
    return more;
}

static bool read_file(struct shim_reading_parts *reading, const char *path)
{
    struct stat is;
    BIO *bio;
    bool more;

    if (stat(path, &is) != 0)
        return unreadable(reading, path, errno);
    errno = 0;
    bio = BIO_new_file(path, "rbe");
    if (bio == NULL)
        return unreadable(reading, path, errno != 0 ? errno : ENOMEM);
    more = S_ISREG(is.st_mode) ? read_bio(reading, path, bio) : read_stream(reading, path, bio);
    BIO_free(bio);
    return more;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Hidden files are left out: editors and file managers put theirs everywhere. */
static bool read_entry(struct shim_reading_parts *reading, FTS *tree, FTSENT *entry)
{
    if (entry->fts_level > 0 && entry->fts_name[0] == '.') {
        (void)fts_set(tree, entry, FTS_SKIP);
        return true;
    }
    switch (entry->fts_info) {
    case FTS_F:
        return read_file(reading, entry->fts_path);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return unreadable(reading, entry->fts_path, entry->fts_errno);
    default:
        return true;
    }
}

static bool read_folder(struct shim_reading_parts *reading, const char *path)
{
    char *name = OPENSSL_strdup(path);
    char *const roots[] = { name, NULL };
    FTS *tree = name == NULL ? NULL : fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    bool more = tree != NULL || unreadable(reading, path, ENOMEM);
    FTSENT *entry;

    while (tree != NULL && more && (entry = fts_read(tree)) != NULL)
        more = read_entry(reading, tree, entry);
    if (tree != NULL)
        fts_close(tree);
    OPENSSL_free(name);
    return more;
}

bool shim_parts_read(struct shim_reading_parts *reading, const char *path)
{
    struct stat is;

    if (strcmp(path, "-") == 0)
        return read_stdin(reading);
    if (stat(path, &is) == 0 && S_ISDIR(is.st_mode))
        return read_folder(reading, path);
    return read_file(reading, path);
}
