/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/fetch/late_curl.h"

#include <stdbool.h>

#include <openssl/crypto.h>

#include "base/symbol.h"

/*
 * The one that does TLS with GnuTLS: it leaves alone the libcrypto of this process, which reads no
 * configuration and may have few decoders (tool/start.c).
 */
#define LIBRARY "libcurl-gnutls.so.4\0"

/* Written once, under |once|. */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct shim_curl loaded;
static bool complete;

static void load(void)
{
#define X(name) "curl_" #name "\0"
    complete = sp_symbols_load(LIBRARY, SHIM_CURL_FUNCTIONS(X), &loaded) &&
               loaded.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
#undef X
}

const struct shim_curl *shim_curl(void)
{
    return CRYPTO_THREAD_run_once(&once, load) == 1 && complete ? &loaded : NULL;
}
