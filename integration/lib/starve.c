/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into the command: of the allocations in its own code, or by jansson for
 * it, the one with the number STARVE fails.  It is named in the file STARVE_LOG; at
 * the end the number of all is added.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <jansson.h>

static unsigned long seen, wanted;
static bool starving; /* the next one */
static FILE *report;

/* glibc's internal names of these functions. */
void *__libc_malloc(size_t size);
void *__libc_realloc(void *old, size_t size);

static void *starved(void)
{
    starving = false;
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return starving ? starved() : __libc_malloc(size);
}

void *realloc(void *old, size_t size)
{
    return starving ? starved() : __libc_realloc(old, size);
}

static void count(const char *file, int line)
{
    if (++seen != wanted)
        return;
    (void)fprintf(report, "%s:%d\n", file, line);
    (void)fflush(report);
    starving = true;
}

/* Allocations inside libcrypto are left alone. */
static void count_ours(const char *file, int line)
{
    if (file != NULL && (strncmp(file, "shim/", 5) == 0 || strncmp(file, "provider/", 9) == 0))
        count(file, line);
}

/* The allocators that the command gives to libcrypto and jansson. */
static CRYPTO_malloc_fn their_malloc;
static CRYPTO_realloc_fn their_realloc;
static json_malloc_t their_json;

static void *counting_malloc(size_t size, const char *file, int line)
{
    count_ours(file, line);
    return their_malloc(size, file, line);
}

static void *counting_realloc(void *old, size_t size, const char *file, int line)
{
    count_ours(file, line);
    return their_realloc(old, size, file, line);
}

static void *counting_json(size_t size)
{
    count("jansson", 0);
    return their_json(size);
}

int CRYPTO_set_mem_functions(CRYPTO_malloc_fn malloc_fn, CRYPTO_realloc_fn realloc_fn,
                             CRYPTO_free_fn free_fn)
{
    int (*set)(CRYPTO_malloc_fn, CRYPTO_realloc_fn, CRYPTO_free_fn);

    *(void **)&set = dlsym(RTLD_NEXT, "CRYPTO_set_mem_functions");
    their_malloc = malloc_fn;
    their_realloc = realloc_fn;
    return set(counting_malloc, counting_realloc, free_fn);
}

void json_set_alloc_funcs(json_malloc_t malloc_fn, json_free_t free_fn)
{
    void (*set)(json_malloc_t, json_free_t);

    *(void **)&set = dlsym(RTLD_NEXT, "json_set_alloc_funcs");
    their_json = malloc_fn;
    set(counting_json, free_fn);
}

static void __attribute__((constructor)) start(void)
{
    const char *number = getenv("STARVE");
    const char *log = getenv("STARVE_LOG");

    report = log == NULL ? NULL : fopen(log, "we");
    if (number == NULL || report == NULL)
        abort();
    wanted = strtoul(number, NULL, 10);
}

static void __attribute__((destructor)) stop(void)
{
    (void)fprintf(report, "%lu\n", seen);
    (void)fclose(report);
}
