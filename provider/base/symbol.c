/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/symbol.h"

#include <dlfcn.h>
#include <string.h>

/* The next of a list of names, each of which ends with a NUL. */
static const char *next_of(const char *names)
{
    return names + strlen(names) + 1;
}

bool sp_symbols_load(const char *files, const char *names, void *functions)
{
    char *to = functions;
    void *library = NULL;
    bool complete;

    for (; library == NULL && *files != '\0'; files = next_of(files))
        library = dlopen(files, RTLD_NOW | RTLD_LOCAL);
    complete = library != NULL;
    for (; complete && *names != '\0'; names = next_of(names)) {
        void *symbol = dlsym(library, names);

        /* C does not convert addresses of functions to void pointers. */
        memcpy(to, &symbol, sizeof(symbol));
        to += sizeof(symbol);
        complete = symbol != NULL;
    }
    return complete;
}
