/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "watch.h"

/* "<thread>:error:<code>:<library>:<function>:<reason>:..." */
static bool is_ours(const char *line)
{
    static const char ours[] = "smimepolicy:";
    const char *code = strstr(line, ":error:");
    const char *library = code == NULL ? NULL : strchr(code + strlen(":error:"), ':');

    return library != NULL && strncmp(library + 1, ours, strlen(ours)) == 0;
}

void shim_watch_feed(struct shim_watch *watch, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n') {
            if (watch->len < sizeof(watch->line) - 1)
                watch->line[watch->len++] = bytes[i];
            continue;
        }
        watch->line[watch->len] = '\0';
        watch->seen = watch->seen || is_ours(watch->line);
        watch->len = 0;
    }
}
