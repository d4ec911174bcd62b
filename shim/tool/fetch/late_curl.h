/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * libcurl, loaded when something is fetched for the first time: no other command pays for it, and
 * where it is not installed nothing else is missing.
 */
#ifndef SHIM_LATE_CURL_H
#define SHIM_LATE_CURL_H

#include <curl/curl.h>

#define SHIM_CURL_FUNCTIONS(X)                                                                     \
    X(easy_cleanup)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_init)                                                                                   \
    X(easy_perform)                                                                                \
    X(easy_setopt)                                                                                 \
    X(easy_strerror)                                                                               \
    X(free)                                                                                        \
    X(global_init)                                                                                 \
    X(slist_append)                                                                                \
    X(slist_free_all)                                                                              \
    X(url)                                                                                         \
    X(url_cleanup)                                                                                 \
    X(url_get)                                                                                     \
    X(url_set)

/* In parentheses: curl.h has macros of some of these names. */
struct shim_curl {
#define X(name) __typeof__((curl_##name)) *name;
    SHIM_CURL_FUNCTIONS(X)
#undef X
};

/* The functions; NULL if the library is not installed, or too old. */
const struct shim_curl *shim_curl(void);

#endif
