/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Messages of the command itself.
 */
#include <stdarg.h>
#include <stdio.h>

#include "shim.h"

static void say(const char *format, va_list args)
{
    fputs("smime-policy: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void shim_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
}

int shim_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    fputs("Try 'smime-policy --help'.\n", stderr);
    return SHIM_USAGE;
}
