/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/fetch/late_curl.h"

#include <dlfcn.h>
#include <stdbool.h>

#include <openssl/crypto.h>

#include "base/symbol.h"

/*
 * The one that does TLS with GnuTLS: it leaves alone the libcrypto of this process, which reads no
 * configuration and may have few decoders (tool/start.c).
 */
#define LIBRARY "libcurl-gnutls.so.4"

/* Written once, under |once|. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct shim_curl loaded;
static bool complete;

/* Load the library.  It is never closed: it may have a thread that looks up a name. */
static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL)
        return;
    complete = true;
#define X(name)                                                                                    \
    complete = sp_symbol(library, "curl_" #name, &loaded.name, sizeof(loaded.name)) && complete;
    SHIM_CURL_FUNCTIONS(X)
#undef X
    complete = complete && loaded.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const struct shim_curl *shim_curl(void)
{
    return CRYPTO_THREAD_run_once(&once, load) == 1 && complete ? &loaded : NULL;
}
