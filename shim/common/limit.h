/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file beyond RLIMIT_FSIZE is an error of the write, and not our end.
 */
#ifndef SHIM_LIMIT_H
#define SHIM_LIMIT_H

void shim_limit_begin(void);
/* As it was given to us, for a program that we become. */
void shim_limit_end(void);

#endif
