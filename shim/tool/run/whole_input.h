/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message is signed and encrypted from its first byte to its last: stock
 * takes an error of reading for the end, and calls what it made of the part a
 * success.
 */
#ifndef SHIM_WHOLE_INPUT_H
#define SHIM_WHOLE_INPUT_H

#include "tool/run/operation.h"

/*
 * Open the file that -in names, so that we share stock's place in it.
 *
 * @return to be closed by the caller, or -1: stock opens it itself, if any
 */
int shim_whole_open(struct shim_operation *operation);

/*
 * Has stock, when it is done, read all of what it made |made| of, a file?
 * false with the reason on stderr.
 */
bool shim_whole_was_read(const struct shim_operation *operation, int made);

/*
 * After a mistake in its words stock's `smime` makes nothing, says why, calls
 * that a success, and leaves what is there alone.  |made| is what it wrote.
 */
bool shim_whole_made_nothing(const struct shim_operation *operation,
                             const struct shim_stock_result *result, int made);

#endif
