/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What mutt's smime_keys has stored: certificates/HASH.N and keys/HASH.N, with an index
 * that says which certificates are valid, and ca-bundle.crt.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "tool/upload/uploading.h"

#define LONGEST_INDEX ((off_t)16 << 20)

/*
 * Read a line "MAILBOX FILE LABEL ISSUER TRUST PURPOSE".  smime_keys copies the mailbox from
 * the certificate as it is, so that a stranger can write words of a line there: a line of
 * more words makes no file valid.  No file is opened for a line: its path is only compared
 * with those of files that were found.
 */
static void read_line(struct shim_import *import, char *line, bool whole)
{
    char *rest = NULL;
    char *word[7] = { NULL };
    char *path;
    bool valid;

    for (size_t i = 0; i < 7; i++)
        word[i] = strtok_r(i == 0 ? line : NULL, " \t\r\n\v\f", &rest);
    valid = whole && word[4] != NULL && word[6] == NULL &&
            (strcmp(word[4], "t") == 0 || strcmp(word[4], "v") == 0);
    path = word[1] == NULL ? NULL : sp_format("%s/certificates/%s", import->folder, word[1]);
    if (path != NULL)
        shim_import_note(import, path, valid ? SHIM_SAID_VALID : 0);
    OPENSSL_free(path);
}

static void read_lines(struct shim_import *import, FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t got;

    while ((got = getline(&line, &size, file)) >= 0)
        read_line(import, line, strlen(line) == (size_t)got);
    free(line);
}

/* Read the index; NULL, or why it cannot be read. */
static const char *read_index(struct shim_import *import, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat is;
    bool usual =
        fd >= 0 && fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && is.st_size <= LONGEST_INDEX;
    FILE *file = usual ? fdopen(fd, "r") : NULL;
    const char *why = fd < 0         ? strerror(errno)
                      : !usual       ? "it is no file of less than 16 MB"
                      : file == NULL ? "out of memory"
                                     : NULL;

    if (file != NULL) {
        read_lines(import, file);
        fclose(file);
    } else if (fd >= 0)
        close(fd);
    return why;
}

static void tell_unread(struct shim_uploading *run, const char *path, const char *why)
{
    char *whole = sp_format("%s; name the folder of smime_keys with --from, or mend its index with "
                            "'smime_keys refresh'",
                            why);

    shim_uploading_unreadable(run, &(struct shim_part){ .path = path },
                              whole != NULL ? whole : why);
    OPENSSL_free(whole);
}

/* Read |name| in the folder, if it is there; false to stop. */
static bool read_in(struct shim_uploading *run, const char *name)
{
    char *path = sp_format("%s/%s", run->import->folder, name);
    bool more = path != NULL && (access(path, F_OK) != 0 || shim_parts_read(&run->reading, path));

    OPENSSL_free(path);
    return more;
}

/* The CAs that mutt trusts: taken with --cas, else named in one line. */
static bool read_cas(struct shim_uploading *run)
{
    char *path = sp_format("%s/ca-bundle.crt", run->import->folder);
    bool more = path != NULL;

    run->import->everything = true;
    if (path != NULL && access(path, F_OK) == 0 && run->import->cas)
        more = shim_parts_read(&run->reading, path);
    else if (path != NULL && access(path, F_OK) == 0)
        shim_part_tell(&(struct shim_part){ .path = path,
                                            .note = "these CAs, which mutt trusts, are left out; "
                                                    "--cas takes them, to vouch for others here "
                                                    "too" },
                       path, run->notes);
    run->import->everything = false;
    OPENSSL_free(path);
    return more;
}

bool shim_import_read_smime_keys(struct shim_uploading *run)
{
    char *path = sp_format("%s/certificates/.index", run->import->folder);
    const char *why = path == NULL ? NULL : read_index(run->import, path);

    if (why != NULL)
        tell_unread(run, path, why);
    OPENSSL_free(path);
    return path == NULL ? shim_uploading_no_memory(run)
                        : read_in(run, "keys") && read_cas(run) && read_in(run, "certificates");
}
