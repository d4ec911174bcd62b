/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "starve.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

static long countdown; /* 0: no allocation fails */
static bool starved;
static atomic_long kept; /* blocks that were not freed yet */

/*
 * Is it a call from the provider or the command?  Paths are relative to the source
 * tree: libcrypto's begin with "crypto/", the tests' with "tests/".
 */
static bool is_ours(const char *file)
{
    return file != NULL && (strncmp(file, "provider/", strlen("provider/")) == 0 ||
                            strncmp(file, "shim/", strlen("shim/")) == 0);
}

static bool is_starved(const char *file)
{
    if (countdown == 0 || !is_ours(file) || --countdown > 0)
        return false;
    starved = true;
    errno = ENOMEM; /* as malloc() says it */
    return true;
}

static void *starving_malloc(size_t size, const char *file, int line)
{
    void *new = is_starved(file) ? NULL : malloc(size);

    (void)line;
    atomic_fetch_add(&kept, new != NULL);
    return new;
}

static void counting_free(void *old, const char *file, int line)
{
    (void)file, (void)line;
    atomic_fetch_sub(&kept, old != NULL);
    free(old);
}

static void *starving_realloc(void *old, size_t size, const char *file, int line)
{
    void *new;

    if (size == 0) {
        counting_free(old, file, line);
        return NULL;
    }
    new = is_starved(file) ? NULL : realloc(old, size);
    atomic_fetch_add(&kept, old == NULL && new != NULL);
    return new;
}

bool sp_starve_watch(void)
{
    return CRYPTO_set_mem_functions(starving_malloc, starving_realloc, counting_free) == 1;
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

long sp_starve_kept(void)
{
    /* From 3.2 on libcrypto notes in its error queue what fails. */
    ERR_clear_error();
    return atomic_load(&kept);
}
