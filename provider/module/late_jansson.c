/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * jansson, loaded when the module writes JSON for the first time.  That is for the
 * decision log alone, and most programs have none: to map a library, and to bind what
 * it calls, would cost each of them a fiftieth of its start.
 *
 * The functions have the names of jansson's, so that nobody who calls them has to
 * know.  They are linked into the module and seen by nothing else.
 */
#include <stdarg.h>
#include <stdbool.h>

#include <openssl/crypto.h>

#include <jansson.h>

#include "base/symbol.h"

#define FUNCTIONS(X)                                                                               \
    X(array)                                                                                       \
    X(array_append_new)                                                                            \
    X(delete)                                                                                      \
    X(dumps)                                                                                       \
    X(integer)                                                                                     \
    X(loads)                                                                                       \
    X(null)                                                                                        \
    X(object)                                                                                      \
    X(object_get)                                                                                  \
    X(object_set_new)                                                                              \
    X(string)                                                                                      \
    X(vpack_ex)

struct functions {
#define X(name) __typeof__(json_##name) *(name);
    FUNCTIONS(X)
#undef X
};

/* Written once, under |once|. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct functions loaded;
static bool complete;

static void load(void)
{
#define X(name) "json_" #name "\0"
    complete = sp_symbols_load("libjansson.so.4\0", FUNCTIONS(X), &loaded);
#undef X
}

static bool is_loaded(void)
{
    return CRYPTO_THREAD_run_once(&once, load) == 1 && complete;
}

json_t *json_array(void)
{
    return is_loaded() ? loaded.array() : NULL;
}

json_t *json_object(void)
{
    return is_loaded() ? loaded.object() : NULL;
}

json_t *json_null(void)
{
    return is_loaded() ? loaded.null() : NULL;
}

json_t *json_integer(json_int_t value)
{
    return is_loaded() ? loaded.integer(value) : NULL;
}

json_t *json_string(const char *value)
{
    return is_loaded() ? loaded.string(value) : NULL;
}

json_t *json_loads(const char *input, size_t flags, json_error_t *error)
{
    return is_loaded() ? loaded.loads(input, flags, error) : NULL;
}

char *json_dumps(const json_t *json, size_t flags)
{
    return is_loaded() ? loaded.dumps(json, flags) : NULL;
}

json_t *json_object_get(const json_t *object, const char *key)
{
    return is_loaded() ? loaded.object_get(object, key) : NULL;
}

int json_object_set_new(json_t *object, const char *key, json_t *value)
{
    return is_loaded() ? loaded.object_set_new(object, key, value) : -1;
}

int json_array_append_new(json_t *array, json_t *value)
{
    return is_loaded() ? loaded.array_append_new(array, value) : -1;
}

void json_delete(json_t *json)
{
    if (is_loaded())
        loaded.delete(json);
}

json_t *json_pack(const char *format, ...)
{
    json_t *json;
    va_list values;

    va_start(values, format);
    json = is_loaded() ? loaded.vpack_ex(NULL, 0, format, values) : NULL;
    va_end(values);
    return json;
}
