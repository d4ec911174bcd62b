/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A standard input that nobody writes to.
 */
#ifndef SHIM_EMPTY_INPUT_H
#define SHIM_EMPTY_INPUT_H

#include "request.h"

/*
 * Would |request| make a mail of nothing?  That is what comes through a pipe
 * from a program that was refused.  Waits for the first byte and reads none; a
 * file or device that is empty is somebody's choice.  Says so on stderr.
 */
bool shim_input_is_empty(const struct shim_args *args, const struct shim_request *request);

#endif
