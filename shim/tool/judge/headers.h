/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * --headers: a whole mail is signed or encrypted.  Its fields stay outside, except
 * those that describe its content.
 */
#ifndef SHIM_HEADERS_H
#define SHIM_HEADERS_H

#include "tool/run/operation.h"

/*
 * Read the mail of |operation| into its selection: sender and recipients, the fields
 * that stay outside, and the rest as the message.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_headers_read(struct shim_operation *operation);

#endif
