/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Refusing input that cannot be a message.
 */
#ifndef SHIM_EMPTY_INPUT_H
#define SHIM_EMPTY_INPUT_H

#include "stock/request.h"

/*
 * Is the input of |request| an empty pipe?  It is if the program before it was
 * refused.  It waits for the first byte and reads none.  An empty file or device is
 * a choice, and is accepted.  If it returns true the reason is on stderr.
 */
bool shim_input_is_empty(const struct shim_args *args, const struct shim_request *request);

/*
 * Is the input of |request| anything but a regular file, pipe, socket or terminal?
 * A directory would read as an empty message, and /dev/zero has no end.
 * |manner| says whether /dev/null is.  If it returns true the reason is on stderr.
 */
bool shim_input_is_unfit(const struct shim_args *args, const struct shim_request *request,
                         const struct shim_manner *manner);

#endif
