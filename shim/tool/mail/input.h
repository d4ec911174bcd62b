/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Opening the message of a command line, which we read before stock does.
 */
#ifndef SHIM_INPUT_H
#define SHIM_INPUT_H

#include <stdbool.h>
#include <stdio.h>

#include <openssl/buffer.h>

/*
 * Open the message |path| (NULL or "-": standard input) as a regular file at its
 * beginning.  It is copied if it can be read only once.
 *
 * @param quiet  do not report what cannot be opened: stock does
 * @param input  for the caller to close, if it is not NULL
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_input_open(const char *path, bool quiet, FILE **input);

/*
 * Read all of the file |path| into |*bytes|, to free with OPENSSL_free().
 *
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_input_whole(const char *path, char **bytes, size_t *len);

/*
 * As shim_input_whole(), for a regular file that is open at its beginning; |name| is
 * for messages.
 */
int shim_input_bytes(FILE *file, const char *name, char **bytes, size_t *len);

/* A new temporary file, unlinked; NULL with errno set. */
FILE *shim_input_spool(void);

/* Copy the rest of |from| to |to|, which is then at its beginning.  False with errno set. */
bool shim_input_copy(FILE *from, FILE *to);

/*
 * Read the header of the mail in |file|, with its empty line, to free with
 * BUF_MEM_free().  |file| must be at its beginning, and is then at the body.  A
 * header that is too long is cut behind the limit.  NULL if it cannot be read, with
 * errno set unless out of memory.
 */
BUF_MEM *shim_input_header(FILE *file);

#endif
