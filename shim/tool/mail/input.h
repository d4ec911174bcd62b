/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The message of a command line, which we read before stock does.
 */
#ifndef SHIM_INPUT_H
#define SHIM_INPUT_H

#include <stdbool.h>
#include <stdio.h>

#include <openssl/buffer.h>

/*
 * Open the message |path| (NULL or "-": standard input) as a regular file at
 * its start: a copy, where it can be read only once.
 *
 * @param quiet  what cannot be opened is for stock to say
 * @param input  for the caller to close, if it is not NULL
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_input_open(const char *path, bool quiet, FILE **input);

/*
 * All of the file |path|, into |*bytes|, to free with OPENSSL_free().
 *
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_input_whole(const char *path, char **bytes, size_t *len);

/* The same of a regular file that is open at its start; |name| is told. */
int shim_input_bytes(FILE *file, const char *name, char **bytes, size_t *len);

/* A new temporary file, unlinked; NULL with errno set. */
FILE *shim_input_spool(void);

/* All that is left of |from|; |to| is then at its start.  False with errno set. */
bool shim_input_copy(FILE *from, FILE *to);

/*
 * The header of the mail in |file|, which is at its start, with its empty line,
 * to free with BUF_MEM_free(); |file| is then at the first byte of the body.
 * Of one that is too long no more than shows it.  NULL, with errno set unless
 * out of memory, if it cannot be read.
 */
BUF_MEM *shim_input_header(FILE *file);

#endif
