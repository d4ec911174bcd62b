/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * With SIGXFSZ ignored, a file beyond RLIMIT_FSIZE is an error of write() and does
 * not end the command.
 */
#ifndef SHIM_LIMIT_H
#define SHIM_LIMIT_H

void shim_limit_begin(void);
/* Restore the signal as we have inherited it, for a program that replaces us. */
void shim_limit_end(void);

#endif
