/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file that a command writes by itself, as a stream.
 */
#ifndef SHIM_OUTPUT_STREAM_H
#define SHIM_OUTPUT_STREAM_H

#include <stdio.h>

#include "common/output.h"

/*
 * Let |write| write the file |path|, which appears when it is complete and on the disk.
 *
 * @return SHIM_OK, what |write| returned, or SHIM_SYSTEM with the reason on stderr
 */
int shim_output_stream(const char *path, enum shim_secrecy secrecy,
                       int (*write)(FILE *to, void *data), void *data);

#endif
