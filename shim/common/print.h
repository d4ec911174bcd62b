/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Printing text that may come from outside, such as file names.
 */
#ifndef SHIM_PRINT_H
#define SHIM_PRINT_H

#include <stdarg.h>
#include <stdio.h>

/*
 * Print one line at most.  A line end at the end of |format| ends the line; every
 * other character that would act on a terminal is escaped (see base/shown.h).
 */
void shim_print(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void shim_vprint(FILE *to, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
