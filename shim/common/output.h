/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Output that appears completely or not at all.
 */
#ifndef SHIM_OUTPUT_H
#define SHIM_OUTPUT_H

#include <signal.h>
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
/*
 * Wait until |fd| takes more, or for a while if it is -1.  False, with errno set, if a signal has
 * come that is held back and is to end us.
 */
bool shim_wait_to_write(int fd);
/* Copy what is left to read of |from|; false with errno set. */
bool shim_copy_rest(int from, int to);
/* Copy |from|, from its start to its end; false with errno set. */
bool shim_copy_all(int from, int to);

/*
 * A new file in |dir|, with mode 0600 and close-on-exec, whose |name| is "/" and a template; -1
 * with errno set.  |*path| is for the caller to free.
 */
int shim_temporary(char **path, const char *name, const char *dir);
/* A new unlinked file in $TMPDIR, with mode 0600 and close-on-exec; -1 with errno set. */
int shim_spool(void);
/* The directory of spool files, for messages: $TMPDIR or /tmp.  Borrowed. */
const char *shim_spool_dir(void);

/*
 * Hold back the signals that can be caught until our temporary files are gone; also SIGPIPE, from a
 * reader of stderr that has gone.
 */
void shim_hold_signals(sigset_t *before);
/* Has a signal come that ends us, and that is held back? */
bool shim_is_to_end(void);
/* Does the signal end us?  Not if it is ignored, as SIGHUP is under nohup. */
bool shim_signal_ends(int number);

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

enum shim_written { SHIM_WRITTEN, SHIM_NOTHING_WRITTEN, SHIM_NOT_WRITTEN };

/* An output file: stock writes a temporary one, and we move it into place after success. */
struct shim_output {
    char *wanted;    /* owned: the target, symbolic links followed */
    char *temporary; /* owned: the temporary file; NULL once moved or removed */
    bool in_place;   /* |wanted| is a device or a pipe: copy instead of rename */
    bool fill;       /* |wanted| is an empty file, which its maker may have open: copy, too */
    /* set by the caller: has stock, which wrote the file by itself, done that?  With errno set */
    enum shim_written (*look)(const char *temporary);
    enum shim_secrecy secrecy;
    mode_t mode;
    bool holds;      /* signals, since it has begun */
    sigset_t before; /* then */
};

/*
 * Begin; false with the reason on stderr.  Call shim_output_end() in any case: until then signals
 * are held back, so that none leaves the temporary file.  Who needs long asks shim_is_to_end().
 */
bool shim_output_begin(struct shim_output *output, const char *path, enum shim_secrecy secrecy);
/* Open its temporary file for writing; -1 with the reason on stderr. */
int shim_output_open(const struct shim_output *output);
/*
 * Move the file into its place; false with the reason on stderr, and the temporary file removed.
 * SIGINT, SIGTERM and SIGHUP end the wait for the reader of a FIFO, or for one that is slow.
 */
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
