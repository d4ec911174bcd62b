/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 that may be called inside callbacks of libcrypto.
 */
#ifndef SP_SHA256_H
#define SP_SHA256_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/core_dispatch.h>

#define SP_SHA256_LENGTH 32

/* SHA-256 by the backend's own functions.  Nothing is fetched, so any callback may use it. */
struct sp_sha256 {
    void *provctx;
    OSSL_FUNC_digest_newctx_fn *newctx;
    OSSL_FUNC_digest_init_fn *init;
    OSSL_FUNC_digest_update_fn *update;
    OSSL_FUNC_digest_final_fn *final;
    OSSL_FUNC_digest_freectx_fn *freectx;
};

/* A piece of the input.  A list of pieces ends with a NULL |data|. */
struct sp_piece {
    const void *data;
    size_t length;
};

/* Hash |pieces|.  |sha| NULL: fetch from libcrypto, for callers outside of callbacks. */
bool sp_sha256(const struct sp_sha256 *sha, const struct sp_piece *pieces,
               unsigned char digest[SP_SHA256_LENGTH]);

/* The size of a fingerprint as text: 64 hexadecimal digits and a NUL. */
#define SP_FINGERPRINT_TEXT (2 * SP_SHA256_LENGTH + 1)
void sp_fingerprint_text(const unsigned char fingerprint[SP_SHA256_LENGTH],
                         char text[SP_FINGERPRINT_TEXT]);

#endif
