/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/symbol.h"

#include <dlfcn.h>
#include <string.h>

bool sp_symbol(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);

    /* C does not convert addresses of functions to void pointers. */
    memcpy(function, &symbol, size);
    return symbol != NULL;
}
