/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Gates of SIGNATURE: who may sign mail.
 *
 * With a digest (the usual case) the init is only noted, and the first data tell
 * whether it is mail.  A raw signature has no such data: it is how signatures
 * without attributes are made, and is judged at init.  If the algorithm is given the
 * message instead of a digest, `raw_keys` lets nothing pass.
 */
#include <openssl/err.h>

#include "gates/signature.h"
#include "base/compat.h"
#include "gates/made_digests.h"
#include "policy/command.h"
#include "policy/policy.h"

#define SLOTS 128
static struct signature signatures[SLOTS];

static int digest_sign_init(const struct signature *s, void *ctx, const char *digest, void *key,
                            const OSSL_PARAM params[])
{
    int done = s->digest_sign_init(ctx, digest, key, params);

    return done == 1 ? sp_signature_begin(s, ctx, key, false, SP_STAGE_NEW) : done;
}

static int digest_verify_init(const struct signature *s, void *ctx, const char *digest, void *key,
                              const OSSL_PARAM params[])
{
    int done = s->digest_verify_init(ctx, digest, key, params);

    if (done != 1)
        return done;
    if (sp_gate_watches_verification() || sp_command_is_to(SMIMEPOLICY_VERIFY) ||
        (sp_signature_watches_digests() && sp_digest_asks(sp_digest_find(digest), sp_policy())))
        return sp_signature_begin(s, ctx, key, true, SP_STAGE_NEW);
    /* Forget an earlier signature in this context. */
    sp_contexts_end(ctx);
    return done;
}

static enum sp_kind kind_of(const unsigned char *data, size_t length)
{
    enum sp_kind kind;

    ERR_set_mark();
    kind = sp_kind_of(data, length);
    ERR_pop_to_mark();
    return kind;
}

static bool judge(const struct signature *s, void *ctx, const struct sp_context *context,
                  const unsigned char *data, size_t length)
{
    const enum sp_kind kind = kind_of(data, length);
    struct sp_signing signing = { .data = data, .length = length };

    if (kind == SP_KIND_OTHER)
        return true;
    if (context->verifying)
        return sp_gate_verifies(context->key, context->slot, sp_signature_evidence(kind, true)) &&
               sp_gate_verifies_with(sp_signature_digest(s, ctx), context->key, context->slot) &&
               sp_gate_verifies_mail(context->key, context->slot, data, length);
    signing.evidence = sp_signature_evidence(kind, false);
    signing.digest = sp_signature_digest(s, ctx);
    return sp_gate_signs(context->key, context->slot, &signing);
}

/*
 * Judge the data of a signature.  Attributes that come in pieces are collected until
 * they are complete or can be no attributes.
 */
static bool may_take(const struct signature *s, void *ctx, const unsigned char *data, size_t length)
{
    struct sp_context context;
    bool allowed;

    if (!sp_contexts_get(ctx, &context) || context.stage == SP_STAGE_PASSED)
        return true;
    if (context.stage == SP_STAGE_REFUSED)
        return sp_gate_refused_before();
    if (length == 0)
        return true;
    if (context.head != NULL || sp_attributes_begin(data, length)) {
        if (!sp_contexts_gather(ctx, data, length) || !sp_contexts_get(ctx, &context))
            return sp_gate_no_memory();
        data = context.head;
        length = context.head_length;
        if (sp_attributes_begin(data, length))
            return true;
    }
    allowed = judge(s, ctx, &context, data, length);
    sp_contexts_set_stage(ctx, allowed ? SP_STAGE_PASSED : SP_STAGE_REFUSED);
    return allowed;
}

/* The backend has digested data that were judged here, so no raw signature of them can follow. */
static int known(int done)
{
    sp_digested_forget();
    return done;
}

#define ENTRIES(n)                                                                                 \
    static int sign_init_##n(void *ctx, void *key, const OSSL_PARAM params[])                      \
    {                                                                                              \
        const struct signature *s = &signatures[0##n];                                             \
        return sp_raw_sign_init(s, s->sign_init, sp_raw_evidence(false), ctx, key, params);        \
    }                                                                                              \
    static int sign_message_init_##n(void *ctx, void *key, const OSSL_PARAM params[])              \
    {                                                                                              \
        const struct signature *s = &signatures[0##n];                                             \
        return sp_raw_sign_init(s, s->sign_message_init, SP_EVIDENCE_NONE, ctx, key, params);      \
    }                                                                                              \
    static int verify_init_##n(void *ctx, void *key, const OSSL_PARAM params[])                    \
    {                                                                                              \
        const struct signature *s = &signatures[0##n];                                             \
        return sp_raw_verify_init(s, s->verify_init, sp_raw_evidence(true), ctx, key, params);     \
    }                                                                                              \
    static int verify_message_init_##n(void *ctx, void *key, const OSSL_PARAM params[])            \
    {                                                                                              \
        const struct signature *s = &signatures[0##n];                                             \
        return sp_raw_verify_init(s, s->verify_message_init, SP_EVIDENCE_NONE, ctx, key, params);  \
    }                                                                                              \
    static int digest_sign_init_##n(void *ctx, const char *digest, void *key,                      \
                                    const OSSL_PARAM params[])                                     \
    {                                                                                              \
        return digest_sign_init(&signatures[0##n], ctx, digest, key, params);                      \
    }                                                                                              \
    static int digest_verify_init_##n(void *ctx, const char *digest, void *key,                    \
                                      const OSSL_PARAM params[])                                   \
    {                                                                                              \
        return digest_verify_init(&signatures[0##n], ctx, digest, key, params);                    \
    }                                                                                              \
    static int digest_sign_update_##n(void *ctx, const unsigned char *data, size_t length)         \
    {                                                                                              \
        return may_take(&signatures[0##n], ctx, data, length) &&                                   \
               known(signatures[0##n].digest_sign_update(ctx, data, length));                      \
    }                                                                                              \
    static int digest_verify_update_##n(void *ctx, const unsigned char *data, size_t length)       \
    {                                                                                              \
        return may_take(&signatures[0##n], ctx, data, length) &&                                   \
               known(signatures[0##n].digest_verify_update(ctx, data, length));                    \
    }                                                                                              \
    static int digest_sign_##n(void *ctx, unsigned char *signature, size_t *signature_length,      \
                               size_t size, const unsigned char *data, size_t length)              \
    {                                                                                              \
        /* Without a buffer only the length is asked for. */                                       \
        return (signature == NULL || may_take(&signatures[0##n], ctx, data, length))               \
                   ? known(signatures[0##n].digest_sign(ctx, signature, signature_length, size,    \
                                                        data, length))                             \
                   : 0;                                                                            \
    }                                                                                              \
    static int digest_verify_##n(void *ctx, const unsigned char *signature,                        \
                                 size_t signature_length, const unsigned char *data,               \
                                 size_t length)                                                    \
    {                                                                                              \
        return may_take(&signatures[0##n], ctx, data, length)                                      \
                   ? known(signatures[0##n].digest_verify(ctx, signature, signature_length, data,  \
                                                          length))                                 \
                   : 0;                                                                            \
    }                                                                                              \
    static int sign_##n(void *ctx, unsigned char *signature, size_t *signature_length,             \
                        size_t size, const unsigned char *digest, size_t length)                   \
    {                                                                                              \
        return (signature == NULL || sp_raw_may_sign(&signatures[0##n], ctx, digest, length))      \
                   ? signatures[0##n].sign(ctx, signature, signature_length, size, digest, length) \
                   : 0;                                                                            \
    }                                                                                              \
    static int verify_##n(void *ctx, const unsigned char *signature, size_t signature_length,      \
                          const unsigned char *digest, size_t length)                              \
    {                                                                                              \
        return sp_raw_may_verify(&signatures[0##n], ctx)                                           \
                   ? signatures[0##n].verify(ctx, signature, signature_length, digest, length)     \
                   : 0;                                                                            \
    }                                                                                              \
    static void freectx_##n(void *ctx)                                                             \
    {                                                                                              \
        sp_contexts_end(ctx);                                                                      \
        signatures[0##n].freectx(ctx);                                                             \
    }                                                                                              \
    static void *dupctx_##n(void *ctx)                                                             \
    {                                                                                              \
        return sp_contexts_duplicate(ctx, signatures[0##n].dupctx, signatures[0##n].freectx);      \
    }
SP_SLOTS_128(ENTRIES)
#undef ENTRIES

#define GATES 14
static const struct sp_gate gates[SLOTS][GATES] = {
#define ROW(n)                                                                                     \
    { SP_GATE(OSSL_FUNC_SIGNATURE_SIGN_INIT, sign_init_##n),                                       \
      SP_GATE(OSSL_FUNC_SIGNATURE_SIGN, sign_##n),                                                 \
      SP_GATE(SP_SIGNATURE_SIGN_MESSAGE_INIT, sign_message_init_##n),                              \
      SP_GATE(OSSL_FUNC_SIGNATURE_VERIFY_INIT, verify_init_##n),                                   \
      SP_GATE(OSSL_FUNC_SIGNATURE_VERIFY, verify_##n),                                             \
      SP_GATE(SP_SIGNATURE_VERIFY_MESSAGE_INIT, verify_message_init_##n),                          \
      SP_GATE(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_sign_init_##n),                         \
      SP_GATE(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digest_verify_init_##n),                     \
      SP_GATE(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_sign_update_##n),                     \
      SP_GATE(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, digest_verify_update_##n),                 \
      SP_GATE(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, digest_sign_##n),                                   \
      SP_GATE(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, digest_verify_##n),                               \
      SP_GATE(OSSL_FUNC_SIGNATURE_FREECTX, freectx_##n),                                           \
      SP_GATE(OSSL_FUNC_SIGNATURE_DUPCTX, dupctx_##n) },
    SP_SLOTS_128(ROW)
#undef ROW
};

/* Fill the slot.  No table with its entry functions exists yet. */
static void fill(struct signature *s, const OSSL_DISPATCH *backend)
{
    const struct signature filled = {
        .slot = s->slot,
#define TAKE(member, type, id) .member = (type *)sp_dispatch_find(backend, id)
        TAKE(sign_init, OSSL_FUNC_signature_sign_init_fn, OSSL_FUNC_SIGNATURE_SIGN_INIT),
        TAKE(sign, OSSL_FUNC_signature_sign_fn, OSSL_FUNC_SIGNATURE_SIGN),
        TAKE(sign_message_init, OSSL_FUNC_signature_sign_init_fn, SP_SIGNATURE_SIGN_MESSAGE_INIT),
        TAKE(digest_sign_init, OSSL_FUNC_signature_digest_sign_init_fn,
             OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT),
        TAKE(digest_sign_update, OSSL_FUNC_signature_digest_sign_update_fn,
             OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE),
        TAKE(digest_sign, OSSL_FUNC_signature_digest_sign_fn, OSSL_FUNC_SIGNATURE_DIGEST_SIGN),
        TAKE(verify_init, OSSL_FUNC_signature_verify_init_fn, OSSL_FUNC_SIGNATURE_VERIFY_INIT),
        TAKE(verify, OSSL_FUNC_signature_verify_fn, OSSL_FUNC_SIGNATURE_VERIFY),
        TAKE(verify_message_init, OSSL_FUNC_signature_verify_init_fn,
             SP_SIGNATURE_VERIFY_MESSAGE_INIT),
        TAKE(digest_verify_init, OSSL_FUNC_signature_digest_verify_init_fn,
             OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT),
        TAKE(digest_verify_update, OSSL_FUNC_signature_digest_verify_update_fn,
             OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE),
        TAKE(digest_verify, OSSL_FUNC_signature_digest_verify_fn,
             OSSL_FUNC_SIGNATURE_DIGEST_VERIFY),
        TAKE(get_ctx_params, OSSL_FUNC_signature_get_ctx_params_fn,
             OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS),
        TAKE(freectx, OSSL_FUNC_signature_freectx_fn, OSSL_FUNC_SIGNATURE_FREECTX),
        TAKE(dupctx, OSSL_FUNC_signature_dupctx_fn, OSSL_FUNC_SIGNATURE_DUPCTX)
#undef TAKE
    };

    *s = filled;
}

/* EVP treats MACs as signatures.  They have no certificate. */
static bool is_mac(const char *names)
{
    return sp_names_meet(names, "HMAC:CMAC:SIPHASH:POLY1305");
}

/* From 3.5 on an algorithm may name its key types, e.g. RSA-SHA2-256 takes keys of RSA. */
static const char *key_names(const OSSL_ALGORITHM *algorithm)
{
    sp_signature_query_key_types_fn *query = (sp_signature_query_key_types_fn *)sp_dispatch_find(
        algorithm->implementation, SP_SIGNATURE_QUERY_KEY_TYPES);
    const char **types = query != NULL ? query() : NULL;

    return types != NULL && types[0] != NULL ? types[0] : algorithm->algorithm_names;
}

OSSL_DISPATCH *sp_gate_signature(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                                 bool *untouched)
{
    const OSSL_DISPATCH *functions = algorithm->implementation;
    const size_t i = sp_slot_index(signatures, sizeof(signatures[0]), SLOTS, functions);

    *untouched = is_mac(algorithm->algorithm_names);
    if (*untouched || i == SLOTS)
        return NULL;
    if (signatures[i].slot.backend == NULL) {
        signatures[i].slot =
            sp_slot_of(algorithm, backend, OSSL_OP_SIGNATURE, key_names(algorithm));
        fill(&signatures[i], functions);
    }
    return sp_splice(functions, gates[i], GATES);
}
