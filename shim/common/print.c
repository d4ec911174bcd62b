/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the tool alone prints.
 */
#include <stdarg.h>
#include <string.h>

#include "common/message.h"
#include "common/print.h"

void shim_print(FILE *to, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    shim_vprint(to, format, args);
    va_end(args);
}

int shim_usage_twice(const char *option, const char *one, const char *other)
{
    /* The value may be a passphrase. */
    if (strncmp(option, "pass", strlen("pass")) == 0)
        return shim_usage("--%s was given twice; give it once", option);
    return shim_usage("--%s was given twice, with %s and with %s; give it once", option, one,
                      other);
}

int shim_explains_not(const char *what, const char *instead)
{
    return shim_usage("%s: it cannot be explained without being done, so --explain is refused; %s",
                      what, instead);
}
