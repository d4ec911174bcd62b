/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "starve.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static long countdown; /* 0: no allocation fails */
static bool starved;

/*
 * Is it a call from the provider?  Paths are relative to the source tree:
 * libcrypto's begin with "crypto/", the tests' with "tests/".
 */
static bool is_starved(const char *file)
{
    if (countdown == 0 || file == NULL || strncmp(file, "provider/", strlen("provider/")) != 0 ||
        --countdown > 0)
        return false;
    starved = true;
    return true;
}

static void *starving_malloc(size_t size, const char *file, int line)
{
    (void)line;
    return is_starved(file) ? NULL : malloc(size);
}

static void *starving_realloc(void *old, size_t size, const char *file, int line)
{
    (void)line;
    if (size > 0)
        return is_starved(file) ? NULL : realloc(old, size);
    free(old);
    return NULL;
}

static void plain_free(void *old, const char *file, int line)
{
    (void)file, (void)line;
    free(old);
}

bool sp_starve_watch(void)
{
    return CRYPTO_set_mem_functions(starving_malloc, starving_realloc, plain_free) == 1;
}

void sp_starve(long number)
{
    starved = false;
    countdown = number;
}

bool sp_starve_end(void)
{
    countdown = 0;
    return starved;
}
