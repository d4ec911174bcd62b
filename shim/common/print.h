/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Printing what may have come from outside, such as the name of a file.
 */
#ifndef SHIM_PRINT_H
#define SHIM_PRINT_H

#include <stdarg.h>
#include <stdio.h>

/*
 * At most one line: a line end at the end of |format| is one, and everything
 * else that would do something to a terminal is escaped (see shown.h).
 */
void shim_print(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void shim_vprint(FILE *to, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
