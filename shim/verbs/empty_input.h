/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Input that is no message: of nobody, of nothing, or without an end.
 */
#ifndef SHIM_EMPTY_INPUT_H
#define SHIM_EMPTY_INPUT_H

#include "stock/request.h"

/*
 * Would |request| make a mail of nothing?  That is what comes through a pipe
 * from a program that was refused.  Waits for the first byte and reads none; a
 * file or device that is empty is somebody's choice.  Says so on stderr.
 */
bool shim_input_is_empty(const struct shim_args *args, const struct shim_request *request);

/*
 * Is what |request| would read no regular file, pipe, socket or terminal?  A
 * directory reads as an empty message, and /dev/zero has no end.  |like_stock|:
 * /dev/null passes, as programs give it for an empty message.  Says so on stderr.
 */
bool shim_input_is_unfit(const struct shim_args *args, const struct shim_request *request,
                         bool like_stock);

#endif
