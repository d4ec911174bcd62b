/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reporting the faults of the lint.
 */
#include "common/print.h"
#include "tool/config/lint.h"

void shim_lint_fault(struct shim_lint *lint, const char *format, ...)
{
    va_list args;

    lint->faults++;
    if (lint->silent)
        return;
    shim_print(stdout, "%s: ", lint->path);
    va_start(args, format);
    shim_vprint(stdout, format, args);
    va_end(args);
    putchar('\n');
}
