/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "policy/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/quiet_write.h"

void sp_trace_write(const char *format, ...)
{
    char text[512];
    char line[600];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    (void)snprintf(line, sizeof(line), "smimepolicy[%ld]: %s\n", (long)getpid(), text);
    /* One write for each line, so that the lines of threads do not mix.  A failure is ignored. */
    (void)sp_quiet_write(STDERR_FILENO, line, strlen(line));
}
