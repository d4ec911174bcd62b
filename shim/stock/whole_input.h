/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Checks that stock has read its whole input.  Stock takes a read error for the end
 * of the message, signs or encrypts the part before it and reports success.
 */
#ifndef SHIM_WHOLE_INPUT_H
#define SHIM_WHOLE_INPUT_H

#include "stock/request.h"

/*
 * Open the file of -in if it must be read to its end, so that we share the file
 * position with stock.
 *
 * @return for the caller to close, or -1: stock opens the file, if any
 */
int shim_whole_open(const struct shim_args *args, const struct shim_request *request);

/*
 * Has stock read all of the input from which it made the file |made|?  |input| is what
 * it had as standard input in place of -in; -1: nothing.  False with the reason on
 * stderr.
 */
bool shim_whole_was_read(const struct shim_args *args, const struct shim_request *request,
                         int input, int made);

/*
 * Has stock made nothing?  After a usage error stock's `smime` prints the reason
 * (|complained|), exits with success and leaves its output file alone.  |made| is what
 * it wrote.
 */
bool shim_whole_made_nothing(enum shim_api api, const struct shim_request *request, bool complained,
                             int made);

#endif
