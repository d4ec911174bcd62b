/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/buffer.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tool/certs/certs.h"
#include "base/json_text.h"
#include "base/text.h"
#include "common/message.h"

/* The limit of a stream, which is held in memory; it may be a large PEM bundle. */
#define MAX_STREAM (64L << 20)
#define BLOCK      16384

#define OUT_OF_MEMORY "out of memory"
#define MOST_FOLDERS  32 /* how deep folders may be nested */
#define EMPTY         "it is empty; give PEM, DER, PKCS#7 or PKCS#12"

void shim_part_give(struct shim_file_parts *file, struct shim_part part)
{
    struct shim_reading_parts *reading = file->reading;

    part.path = file->path;
    part.number = file->number;
    part.exported =
        (part.cert != NULL || part.request != NULL) && reading->exported ? &file->exported : NULL;
    reading->stopped = reading->stopped || !reading->each(&part, reading->arg);
}

void shim_part_broken(struct shim_file_parts *file, const char *why)
{
    shim_part_give(file, (struct shim_part){ .why = why });
    ERR_clear_error();
}

void shim_part_refuse(struct shim_file_parts *file, char *why)
{
    shim_part_broken(file, why != NULL ? why : OUT_OF_MEMORY);
    OPENSSL_free(why);
}

static char *tell_kind(const PKCS8_PRIV_KEY_INFO *plain)
{
    const ASN1_OBJECT *kind = NULL;
    char name[80];

    if (PKCS8_pkey_get0(&kind, NULL, NULL, NULL, plain) != 1 || OBJ_obj2nid(kind) != NID_undef)
        return OPENSSL_strdup(SHIM_NO_KEY);
    shim_object_text(kind, name, sizeof(name));
    return sp_format("it is a private key of a kind that cannot be read (%s); RSA and EC can",
                     name);
}

void shim_part_plain_key(struct shim_file_parts *file, const PKCS8_PRIV_KEY_INFO *plain,
                         const char *pass)
{
    EVP_PKEY *key = EVP_PKCS82PKEY(plain);

    if (key != NULL)
        shim_part_give(file, (struct shim_part){ .key = key, .pass = pass });
    else
        shim_part_refuse(file, tell_kind(plain));
    EVP_PKEY_free(key);
}

const char *shim_part_pass(struct shim_file_parts *file)
{
    struct shim_passphrase *pass = &file->reading->pass;

    if (!pass->given && !shim_passphrase_ask(pass, "passphrase", file->path, false,
                                             "give it with --passin fd:N or --passin file:PATH"))
        return NULL;
    return pass->text;
}

/* Read all of |bio|; NULL if it is longer than |most| or cannot be read. */
static BUF_MEM *read_all(BIO *bio, size_t most)
{
    BUF_MEM *all = BUF_MEM_new();
    size_t len = 0;
    int got = 1;

    while (got > 0 && len <= most && all != NULL && BUF_MEM_grow_clean(all, len + BLOCK) != 0) {
        got = BIO_read(bio, all->data + len, BLOCK);
        len += got > 0 ? (size_t)got : 0;
    }
    if (all != NULL && got <= 0) {
        all->length = len;
        return all;
    }
    BUF_MEM_free(all);
    return NULL;
}

static bool may_be_crl(BIO *bio)
{
    unsigned char head[32];
    int got = BIO_read(bio, head, sizeof(head));

    return BIO_seek(bio, 0) == 0 && got > 0 && shim_may_be_crl(head, (size_t)got);
}

static void read_der(struct shim_file_parts *file, BIO *bio)
{
    bool crl = file->reading->crls && may_be_crl(bio);
    BUF_MEM *all = read_all(bio, crl ? SHIM_LONGEST_CRL : SHIM_LONGEST_PART);

    if (all == NULL)
        shim_part_broken(file, crl ? SHIM_CRL_TOO_LONG : SHIM_TOO_LONG);
    else if (all->length == 0)
        shim_part_broken(file, EMPTY);
    else
        (void)shim_parts_der(file, (unsigned char *)all->data, (long)all->length);
    BUF_MEM_free(all);
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

/* Note the use of the legacy provider, also if no further part is wanted. */
static void tell_legacy(struct shim_file_parts *file)
{
    char *note = sp_format("it is encrypted with %s, an old cipher that protects little: it was "
                           "read with OpenSSL's legacy provider, which was loaded for this file "
                           "alone",
                           file->legacy.cipher);
    bool stopped = file->reading->stopped;

    file->number = 0;
    file->reading->stopped = false;
    shim_part_give(file,
                   (struct shim_part){ .note = note, .why = note != NULL ? NULL : OUT_OF_MEMORY });
    file->reading->stopped = file->reading->stopped || stopped;
    OPENSSL_free(note);
}

static void read_bio(struct shim_file_parts *file, BIO *bio)
{
    ERR_clear_error();
    if (looks_like_pem(bio))
        shim_parts_pem(file, bio);
    else
        read_der(file, bio);
    if (file->legacy.used)
        tell_legacy(file);
    shim_legacy_clear(&file->legacy);
}

static void unreadable(struct shim_reading_parts *reading, const char *path, int error)
{
    struct shim_file_parts file = { .reading = reading, .path = path };

    shim_part_refuse(&file, sp_format("%s; give a file that can be read", strerror(error)));
}

/* Read a pipe or device.  It can be read once, so all of it is held in memory. */
static void read_stream(struct shim_file_parts *file, BIO *input)
{
    BUF_MEM *all = input == NULL ? NULL : read_all(input, MAX_STREAM);
    BIO *bio =
        all == NULL || all->length == 0 ? NULL : BIO_new_mem_buf(all->data, (int)all->length);

    if (bio != NULL)
        read_bio(file, bio);
    else
        shim_part_broken(file, all != NULL && all->length == 0
                                   ? EMPTY
                                   : "it is larger than 64 MB; give it as a file");
    BIO_free(bio);
    BUF_MEM_free(all);
}

static void read_stdin(struct shim_reading_parts *reading)
{
    struct shim_file_parts file = { .reading = reading, .path = "standard input" };
    BIO *input = BIO_new_fd(STDIN_FILENO, BIO_NOCLOSE);

    read_stream(&file, input);
    BIO_free(input);
}

static void read_file(struct shim_reading_parts *reading, const char *path)
{
    struct shim_file_parts file = { .reading = reading, .path = path };
    BIO *bio = NULL;
    struct stat is;

    errno = 0;
    if (stat(path, &is) == 0)
        bio = BIO_new_file(path, "rbe");
    if (bio == NULL) {
        unreadable(reading, path, errno != 0 ? errno : ENOMEM);
        return;
    }
    if (S_ISREG(is.st_mode))
        read_bio(&file, bio);
    else
        read_stream(&file, bio);
    BIO_free(bio);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

bool shim_folder_each(const char *path, shim_folder_fn *take, void *data)
{
    char *name = OPENSSL_strdup(path);
    char *const roots[] = { name, NULL };
    FTS *tree = name == NULL ? NULL : fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    const bool opened = tree != NULL;
    FTSENT *entry;

    while (opened && (entry = fts_read(tree)) != NULL && take(tree, entry, data))
        ;
    if (opened)
        fts_close(tree);
    OPENSSL_free(name);
    return opened;
}

/* Why an entry of a folder is no file to read; NULL: it is one, or a folder. */
static const char *why_skipped(const FTSENT *entry)
{
    if (entry->fts_info == FTS_DC)
        return "it is left out: it leads back to a folder that it is in";
    if (entry->fts_info == FTS_DEFAULT || entry->fts_info == FTS_SLNONE)
        return "it is left out: it is no file; name it by itself to read it";
    if (entry->fts_info == FTS_D && entry->fts_level > MOST_FOLDERS)
        return "it is left out: folders are nested more than 32 deep; name it by itself";
    return NULL;
}

/* Hidden files are left out: editors and file managers put theirs everywhere. */
static bool read_entry(FTS *tree, FTSENT *entry, void *data)
{
    struct shim_reading_parts *reading = data;
    struct shim_file_parts file = { .reading = reading, .path = entry->fts_path };
    bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
    const char *skipped = hidden ? NULL : why_skipped(entry);

    if (hidden || skipped != NULL)
        (void)fts_set(tree, entry, FTS_SKIP);
    if (skipped != NULL)
        shim_part_give(&file, (struct shim_part){ .note = skipped });
    else if (!hidden && entry->fts_info == FTS_F)
        read_file(reading, entry->fts_path);
    else if (!hidden && (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
                         entry->fts_info == FTS_NS))
        unreadable(reading, entry->fts_path, entry->fts_errno);
    return !reading->stopped;
}

bool shim_parts_read(struct shim_reading_parts *reading, const char *path)
{
    struct stat is;

    reading->stopped = false;
    if (strcmp(path, "-") == 0)
        read_stdin(reading);
    else if (stat(path, &is) != 0 || !S_ISDIR(is.st_mode))
        read_file(reading, path);
    else if (!shim_folder_each(path, read_entry, reading))
        unreadable(reading, path, ENOMEM);
    return !reading->stopped;
}

bool shim_parts_read_open(struct shim_reading_parts *reading, const char *name, int fd)
{
    struct shim_file_parts file = { .reading = reading, .path = name };
    BIO *bio = BIO_new_fd(fd, BIO_NOCLOSE);

    reading->stopped = false;
    if (bio != NULL)
        read_bio(&file, bio);
    else
        shim_part_broken(&file, OUT_OF_MEMORY);
    BIO_free(bio);
    return !reading->stopped;
}

void shim_part_tell(const struct shim_part *part, const char *path, json_t *list)
{
    char *place =
        part->number == 0 ? sp_format("%s", path) : sp_format("%s, part %u", path, part->number);
    const char *shown = place != NULL ? place : path;

    if (part->why != NULL)
        shim_error("cannot read %s: %s", shown, part->why);
    else
        shim_error("note: %s: %s", shown, part->note);
    json_array_append_new(list,
                          json_pack("{s:o, s:i, s:o}", "file", sp_json_text(path), "part",
                                    (int)part->number, part->why != NULL ? "why" : "note",
                                    sp_json_text(part->why != NULL ? part->why : part->note)));
    OPENSSL_free(place);
}
