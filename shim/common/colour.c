/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/colour.h"

const char shim_colour_end[] = "\033[0m";

bool shim_colour_on(int fd)
{
    const char *unwanted = secure_getenv("NO_COLOR");
    const char *terminal = secure_getenv("TERM");

    return (unwanted == NULL || unwanted[0] == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0 && isatty(fd) == 1;
}

const char *shim_colour_begin(smimepolicy_severity severity)
{
    switch (severity) {
    case SMIMEPOLICY_DENY:
        return "\033[1;31m";
    case SMIMEPOLICY_WARN:
        return "\033[1;33m";
    case SMIMEPOLICY_NOTE:
        return "\033[1;36m";
    default:
        return "\033[1;32m";
    }
}
