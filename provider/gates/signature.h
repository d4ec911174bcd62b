/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the gates of signatures share.
 */
#ifndef SP_SIGNATURE_H
#define SP_SIGNATURE_H

#include "gates/classify.h"
#include "gates/contexts.h"
#include "gates/key_verdict.h"

/* An algorithm: the backend's own functions. */
struct signature {
    struct sp_slot slot;
    OSSL_FUNC_signature_sign_init_fn *sign_init;
    OSSL_FUNC_signature_sign_fn *sign;
    OSSL_FUNC_signature_sign_init_fn *sign_message_init;
    OSSL_FUNC_signature_digest_sign_init_fn *digest_sign_init;
    OSSL_FUNC_signature_digest_sign_update_fn *digest_sign_update;
    OSSL_FUNC_signature_digest_sign_fn *digest_sign;
    OSSL_FUNC_signature_verify_init_fn *verify_init;
    OSSL_FUNC_signature_verify_fn *verify;
    OSSL_FUNC_signature_verify_init_fn *verify_message_init;
    OSSL_FUNC_signature_digest_verify_init_fn *digest_verify_init;
    OSSL_FUNC_signature_digest_verify_update_fn *digest_verify_update;
    OSSL_FUNC_signature_digest_verify_fn *digest_verify;
    OSSL_FUNC_signature_get_ctx_params_fn *get_ctx_params;
    OSSL_FUNC_signature_freectx_fn *freectx;
    OSSL_FUNC_signature_dupctx_fn *dupctx;
};

int sp_signature_begin(const struct signature *s, void *ctx, const void *key, bool verifying,
                       enum sp_stage stage);
enum sp_evidence sp_signature_evidence(enum sp_kind kind, bool verifying);
/* The NID of the digest that |ctx| works with. */
int sp_signature_digest(const struct signature *s, void *ctx);
/* Is any digest of a mail judged? */
bool sp_signature_watches_digests(void);

/* The kind of the data that this thread digested last, as evidence. */
enum sp_evidence sp_raw_evidence(bool verifying);
/* The gates: before |backend|, which is the init, and before the digest is signed or verified. */
int sp_raw_sign_init(const struct signature *s, OSSL_FUNC_signature_sign_init_fn *backend,
                     enum sp_evidence evidence, void *ctx, void *key, const OSSL_PARAM params[]);
bool sp_raw_may_sign(const struct signature *s, const void *ctx, const unsigned char *data,
                     size_t length);
int sp_raw_verify_init(const struct signature *s, OSSL_FUNC_signature_verify_init_fn *backend,
                       enum sp_evidence evidence, void *ctx, void *key, const OSSL_PARAM params[]);
bool sp_raw_may_verify(const struct signature *s, void *ctx);

#endif
