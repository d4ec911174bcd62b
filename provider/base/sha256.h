/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256, inside callbacks of libcrypto too.
 */
#ifndef SP_SHA256_H
#define SP_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core_dispatch.h>

#define SP_SHA256_LENGTH 32

/*
 * SHA-256 by the backend's own functions: nothing is fetched, so that it is
 * safe inside any callback.
 */
struct sp_sha256 {
    void *provctx;
    OSSL_FUNC_digest_newctx_fn *newctx;
    OSSL_FUNC_digest_init_fn *init;
    OSSL_FUNC_digest_update_fn *update;
    OSSL_FUNC_digest_final_fn *final;
    OSSL_FUNC_digest_freectx_fn *freectx;
};

/* A piece of the input; a list of them ends with a NULL |data|. */
struct sp_piece {
    const void *data;
    size_t length;
};

/* |sha| NULL: whatever libcrypto fetches, for callers outside of callbacks. */
bool sp_sha256(const struct sp_sha256 *sha, const struct sp_piece *pieces,
               unsigned char digest[SP_SHA256_LENGTH]);

#endif
