/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Output that appears whole or not at all.
 */
#ifndef SHIM_OUTPUT_H
#define SHIM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Everything, whatever write() does in between; false with errno set. */
bool shim_write_all(int fd, const void *bytes, size_t len);
/* From the start of |from| to its end; false with errno set. */
bool shim_copy_all(int from, int to);
/* An unlinked file in $TMPDIR, 0600, close-on-exec; -1 with errno set. */
int shim_spool(void);
/* Where that is, for messages: $TMPDIR or /tmp.  Borrowed. */
const char *shim_spool_dir(void);

/* What is in an output, and so who may read it. */
enum shim_secrecy {
    SHIM_PUBLIC, /* whoever the umask lets */
    SHIM_MAIL,   /* decrypted: its owner alone, and whoever has opened the file before */
    SHIM_KEYS    /* its owner alone; what others may read, or may have opened, is no place for it */
};

/*
 * Before something secret is written to |fd|, which is |name| to its user: a
 * file or pipe that others may read is made private, or refused with the
 * reason on stderr.
 */
bool shim_make_private(int fd, enum shim_secrecy secrecy, const char *name);

/* A file that stock writes for us and that we hand over after success. */
struct shim_output {
    char *wanted;      /* owned: where it goes, symbolic links followed */
    char *temporary;   /* owned: where stock writes; NULL once moved or removed */
    bool in_place;     /* |wanted| is a device or a pipe: copy instead of rename */
    bool fill;         /* |wanted| is an empty file, which its maker may hold open: copy too */
    bool certificates; /* set by the caller: PEM that stock writes itself, or nothing */
    enum shim_secrecy secrecy;
    mode_t mode;
};

/* false with the reason on stderr; shim_output_end() is needed all the same. */
bool shim_output_begin(struct shim_output *output, const char *path, enum shim_secrecy secrecy);
/* Its temporary file, to write; -1 with the reason on stderr. */
int shim_output_open(const struct shim_output *output);
/* Put the file in its place; false with the reason on stderr. */
bool shim_output_commit(struct shim_output *output);
/* Remove what is left. */
void shim_output_end(struct shim_output *output);

#endif
