/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The mails of a file, an mbox, a folder such as a Maildir, or of standard input.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "tool/certs/certs.h"
#include "tool/collect/collecting.h"

/* The mark before each mail of an mbox (RFC 4155). */
#define MARK     "From "
#define MARK_LEN 5

static void fail(struct shim_collecting *run, const struct shim_mail_at *at, int reason)
{
    char *why = sp_format("%s; give a file that can be read", strerror(reason));

    shim_collect_refuse(run, at, SHIM_INPUT, why != NULL ? why : strerror(reason));
    OPENSSL_free(why);
}

/* A mail of an mbox while it is copied out. */
struct piece {
    FILE *file;   /* owned; NULL: none was begun */
    int64_t size; /* of what was written */
};

/* Hand over the mail that ends here. */
static void end_piece(struct shim_collecting *run, struct shim_mail_at *at, struct piece *piece)
{
    if (piece->file == NULL)
        return;
    if (fflush(piece->file) != 0 || fseeko(piece->file, 0, SEEK_SET) != 0) {
        shim_error("cannot keep a copy of a mail: %s", strerror(errno));
        fclose(piece->file);
        run->fault = SHIM_SYSTEM;
    } else {
        shim_collect_mail(run, at, piece->file);
    }
    *piece = (struct piece){ 0 };
}

/* Begin the next mail; false if there are too many, or after a fault. */
static bool begin_piece(struct shim_collecting *run, struct shim_mail_at *at, struct piece *piece)
{
    end_piece(run, at, piece);
    if (run->fault != SHIM_OK)
        return false;
    if (at->number == SHIM_MOST_MAILS) {
        at->number = 0;
        shim_collect_refuse(run, at, SHIM_INPUT,
                            "it has more than 100,000 mails, and the rest is not read; divide it");
        return false;
    }
    at->number++;
    piece->file = shim_input_spool();
    if (piece->file == NULL) {
        shim_error("cannot keep a copy of a mail: %s", strerror(errno));
        run->fault = SHIM_SYSTEM;
    }
    return piece->file != NULL;
}

static bool write_piece(struct shim_collecting *run, struct piece *piece, const char *text,
                        size_t length)
{
    /* The rest of a mail that is too long would change nothing. */
    if (piece->size > SHIM_LONGEST_MAIL)
        return true;
    piece->size += (int64_t)length;
    if (fwrite(text, 1, length, piece->file) == length)
        return true;
    shim_error("cannot keep a copy of a mail: %s", strerror(errno));
    run->fault = SHIM_SYSTEM;
    return false;
}

static bool is_blank(const char *line, size_t length)
{
    return (length == 1 && line[0] == '\n') || (length == 2 && line[0] == '\r' && line[1] == '\n');
}

/*
 * Give each mail of an mbox.  The mark counts at the begin and behind an empty line; what is
 * quoted (">From ") stays as it is, because its signature may be about that.
 */
static void read_mbox(struct shim_collecting *run, struct shim_mail_at *at, FILE *file)
{
    char line[8192];
    struct piece piece = { 0 };
    bool whole = true; /* |line| begins a line */
    bool after_blank = true;
    bool more = true;

    /* fgets() would hide what follows a NUL, so lines are taken apart here. */
    while (more) {
        size_t length = 0;
        int c = 0;

        while (length < sizeof(line) && c != '\n' && (c = getc_unlocked(file)) != EOF)
            line[length++] = (char)c;
        if (length == 0)
            break;
        if (whole && after_blank && length > MARK_LEN && memcmp(line, MARK, MARK_LEN) == 0) {
            more = begin_piece(run, at, &piece);
            /* The rest of a mark that is longer than |line| is no mail. */
            while (c != '\n' && c != EOF)
                c = getc_unlocked(file);
            after_blank = false;
        } else {
            more = write_piece(run, &piece, line, length);
            after_blank = whole && is_blank(line, length);
        }
        whole = c == '\n';
    }
    if (more && run->fault == SHIM_OK)
        end_piece(run, at, &piece);
    if (piece.file != NULL)
        fclose(piece.file);
}

static bool is_mbox(FILE *file)
{
    char begin[MARK_LEN];
    bool is = fread(begin, 1, MARK_LEN, file) == MARK_LEN && memcmp(begin, MARK, MARK_LEN) == 0;

    rewind(file);
    return is;
}

/* Read |file|, which is taken over: one mail, or an mbox. */
static void read_opened(struct shim_collecting *run, struct shim_mail_at *at, FILE *file)
{
    if (is_mbox(file)) {
        at->alone = false;
        read_mbox(run, at, file);
        fclose(file);
    } else {
        shim_collect_mail(run, at, file);
    }
}

static void read_file(struct shim_collecting *run, const char *path, bool alone)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    struct shim_mail_at at = { .path = is_stdin ? "standard input" : path, .alone = alone };
    FILE *file = NULL;
    int code = shim_input_open(path, true, &file);

    if (code == SHIM_OK)
        read_opened(run, &at, file);
    else if (code == SHIM_INPUT)
        fail(run, &at, errno);
    else
        run->fault = code;
}

/* Hidden files are left out, and mails that are still being delivered (a Maildir's tmp). */
static bool is_left_out(const FTSENT *entry)
{
    return entry->fts_level > 0 &&
           (entry->fts_name[0] == '.' ||
            (entry->fts_info == FTS_D && strcmp(entry->fts_name, "tmp") == 0));
}

static bool read_entry(FTS *tree, FTSENT *entry, void *data)
{
    struct shim_collecting *run = data;
    const struct shim_mail_at at = { .path = entry->fts_path };

    if (is_left_out(entry))
        (void)fts_set(tree, entry, FTS_SKIP);
    else if (entry->fts_info == FTS_F)
        read_file(run, entry->fts_path, false);
    else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
        fail(run, &at, entry->fts_errno);
    return run->fault == SHIM_OK;
}

void shim_mails_read(struct shim_collecting *run, const char *path)
{
    struct stat is;

    if (strcmp(path, "-") != 0 && stat(path, &is) == 0 && S_ISDIR(is.st_mode))
        run->fault = shim_folder_each(path, read_entry, run) ? run->fault : shim_no_memory();
    else
        read_file(run, path, true);
}
