/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gmime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

#define LIBRARY "libgmime-3.0.so.0"

/* Written once, before the first use; the command has one thread. */
static struct shim_gmime loaded;

/* As the loader would end it: nothing has been written yet, and no file has a name. */
static _Noreturn void give_up(void)
{
    fprintf(stderr, "smime-policy: cannot read mail: %s\n", dlerror());
    exit(SHIM_SYSTEM);
}

/* memcpy: a function's address is no void pointer to C. */
static void take(void *library, const char *name, void *function, size_t size)
{
    void *symbol = dlsym(library, name);

    if (symbol == NULL)
        give_up();
    memcpy(function, &symbol, size);
}

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);

    if (library == NULL)
        give_up();
#define X(name) take(library, #name, &loaded.name, sizeof(loaded.name));
    SHIM_GMIME_FUNCTIONS(X)
#undef X
    loaded.g_mime_init();
}

const struct shim_gmime *shim_gmime(void)
{
    if (loaded.g_mime_init == NULL)
        load();
    return &loaded;
}
