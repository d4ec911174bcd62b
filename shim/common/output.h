/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Output that appears completely or not at all.
 */
#ifndef SHIM_OUTPUT_H
#define SHIM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* streams.c: descriptors that are open. */
/*
 * Open standard streams that are closed: else one of our files would take their
 * number.  False, with the reason on stderr if that is open.
 */
bool shim_open_streams(void);
/* Write everything, also after partial writes; false with errno set. */
bool shim_write_all(int fd, const void *bytes, size_t len);
/* Copy what is left to read of |from|; false with errno set. */
bool shim_copy_rest(int from, int to);
/* Copy |from|, from its start to its end; false with errno set. */
bool shim_copy_all(int from, int to);

/* A new unlinked file in $TMPDIR, with mode 0600 and close-on-exec; -1 with errno set. */
int shim_spool(void);
/* The directory of spool files, for messages: $TMPDIR or /tmp.  Borrowed. */
const char *shim_spool_dir(void);

/* What an output holds, and so who may read it. */
enum shim_secrecy {
    SHIM_PUBLIC, /* everybody that the umask allows */
    SHIM_MAIL,   /* decrypted: its owner, and who has opened the file before */
    SHIM_KEYS    /* its owner alone; a file that others may read or may have open is refused */
};

/*
 * To be called before something secret is written to |fd|, called |name| in
 * messages.  A file or pipe that others may read is made private, or refused with
 * the reason on stderr.
 */
bool shim_make_private(int fd, enum shim_secrecy secrecy, const char *name);

/* An output file: stock writes a temporary one, and we move it into place after success. */
struct shim_output {
    char *wanted;    /* owned: the target, symbolic links followed */
    char *temporary; /* owned: the temporary file; NULL once moved or removed */
    bool in_place;   /* |wanted| is a device or a pipe: copy instead of rename */
    bool fill;       /* |wanted| is an empty file, which its maker may have open: copy, too */
    /* set by the caller: certificates in PEM, which stock writes by itself, or nothing */
    bool certificates;
    enum shim_secrecy secrecy;
    mode_t mode;
};

/* Begin; false with the reason on stderr.  Call shim_output_end() in any case. */
bool shim_output_begin(struct shim_output *output, const char *path, enum shim_secrecy secrecy);
/* Open its temporary file for writing; -1 with the reason on stderr. */
int shim_output_open(const struct shim_output *output);
/* Move the file into its place; false with the reason on stderr. */
bool shim_output_commit(struct shim_output *output);
/* Free it, and remove the temporary file if it still exists. */
void shim_output_end(struct shim_output *output);

/* output_stream.c: a file that a command writes by itself, as a stream. */
/*
 * Let |write| write the file |path|, which appears when it is complete and on the disk.
 *
 * @return SHIM_OK, what |write| returned, or SHIM_SYSTEM with the reason on stderr
 */
int shim_output_stream(const char *path, enum shim_secrecy secrecy,
                       int (*write)(FILE *to, void *data), void *data);

#endif
