/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A mail that is signed or encrypted as a mail (--headers): its fields stay
 * outside, but for those that describe its content.
 */
#ifndef SHIM_HEADERS_H
#define SHIM_HEADERS_H

#include "tool/run/operation.h"

/*
 * Read the mail that |operation| is about into its selection: who sends it to
 * whom, the fields that stay outside, and what is left as the message.
 *
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_headers_read(struct shim_operation *operation);

#endif
