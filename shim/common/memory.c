/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include <openssl/crypto.h>

#include <jansson.h>

#include "common/memory.h"
#include "common/message.h"

/* The process has one thread.  It is never cleared. */
static bool ran_out;

static void *note(void *memory)
{
    if (memory == NULL)
        ran_out = true;
    return memory;
}

/* These two accept a size of 0 as libcrypto's own do. */
static void *watched_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return size == 0 ? NULL : note(malloc(size));
}

static void *watched_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    if (size > 0)
        return note(realloc(old, size));
    free(old);
    return NULL;
}

static void plain_free(void *old, const char *file, int line)
{
    (void)file, (void)line;
    free(old);
}

static void *watched_json(size_t size)
{
    return note(malloc(size));
}

void shim_memory_watch(void)
{
    (void)CRYPTO_set_mem_functions(watched_malloc, watched_realloc, plain_free);
    json_set_alloc_funcs(watched_json, free);
}

bool shim_memory_sufficed(void)
{
    if (ran_out && !shim_no_memory_was_told())
        (void)shim_no_memory();
    return !ran_out;
}

int shim_memory_end(int code)
{
    return shim_memory_sufficed() || code != SHIM_OK ? code : SHIM_SYSTEM;
}
