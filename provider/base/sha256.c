/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/sha256.h"

#include <openssl/evp.h>

static bool fetched_sha256(const struct sp_piece *pieces, unsigned char digest[SP_SHA256_LENGTH])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

    for (; done && pieces->data != NULL; pieces++)
        done = EVP_DigestUpdate(ctx, pieces->data, pieces->length) == 1;
    done = done && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return done;
}

bool sp_sha256(const struct sp_sha256 *sha, const struct sp_piece *pieces,
               unsigned char digest[SP_SHA256_LENGTH])
{
    size_t length = 0;
    void *ctx;
    bool done;

    if (sha == NULL)
        return fetched_sha256(pieces, digest);
    ctx = sha->newctx(sha->provctx);
    done = ctx != NULL && sha->init(ctx, NULL) == 1;
    for (; done && pieces->data != NULL; pieces++)
        done = sha->update(ctx, pieces->data, pieces->length) == 1;
    done = done && sha->final(ctx, digest, &length, SP_SHA256_LENGTH) == 1 &&
           length == SP_SHA256_LENGTH;
    if (ctx != NULL)
        sha->freectx(ctx);
    return done;
}

void sp_fingerprint_text(const unsigned char fingerprint[SP_SHA256_LENGTH],
                         char text[SP_FINGERPRINT_TEXT])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SP_SHA256_LENGTH; i++) {
        *text++ = digits[fingerprint[i] >> 4];
        *text++ = digits[fingerprint[i] & 15];
    }
    *text = '\0';
}
