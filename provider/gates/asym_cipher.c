/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Gates of ASYM_CIPHER: to whom mail may be encrypted with RSA.
 *
 * The certificate is judged when the data come, because a TLS client encrypts its
 * premaster secret to certificates that are not for mail.
 */
#include "gates/classify.h"
#include "gates/contexts.h"
#include "gates/key_verdict.h"
#include "policy/command.h"

struct cipher {
    struct sp_slot slot;
    OSSL_FUNC_asym_cipher_encrypt_init_fn *encrypt_init;
    OSSL_FUNC_asym_cipher_encrypt_fn *encrypt;
    OSSL_FUNC_asym_cipher_decrypt_init_fn *decrypt_init;
    OSSL_FUNC_asym_cipher_freectx_fn *freectx;
    OSSL_FUNC_asym_cipher_dupctx_fn *dupctx;
};

#define SLOTS 16
static struct cipher ciphers[SLOTS];

static int encrypt_init(const struct cipher *c, void *ctx, void *key, const OSSL_PARAM params[])
{
    if (!sp_contexts_begin(ctx, key, &c->slot, false))
        return sp_gate_no_memory();
    return c->encrypt_init(ctx, key, params);
}

static bool may_encrypt(const void *ctx, const unsigned char *data, size_t length)
{
    struct sp_context context;
    bool allowed;

    if (!sp_contexts_get(ctx, &context) || context.stage == SP_STAGE_PASSED)
        return true;
    if (context.stage == SP_STAGE_REFUSED)
        return sp_gate_refused_before();
    /*
     * A premaster secret passes and leaves the context as it is: what it encrypts next
     * is judged.
     */
    if (data != NULL && sp_is_tls_premaster(data, length))
        return true;
    allowed = sp_gate_encrypts(context.key, context.slot, SP_EVIDENCE_RAW);
    sp_contexts_set_stage(ctx, allowed ? SP_STAGE_PASSED : SP_STAGE_REFUSED);
    return allowed;
}

#define ENTRIES(n)                                                                                 \
    static int encrypt_init_##n(void *ctx, void *key, const OSSL_PARAM params[])                   \
    {                                                                                              \
        return encrypt_init(&ciphers[0##n], ctx, key, params);                                     \
    }                                                                                              \
    static int encrypt_##n(void *ctx, unsigned char *out, size_t *out_length, size_t size,         \
                           const unsigned char *data, size_t length)                               \
    {                                                                                              \
        return may_encrypt(ctx, data, length)                                                      \
                   ? ciphers[0##n].encrypt(ctx, out, out_length, size, data, length)               \
                   : 0;                                                                            \
    }                                                                                              \
    static int decrypt_init_##n(void *ctx, void *key, const OSSL_PARAM params[])                   \
    {                                                                                              \
        return sp_gate_decrypts(key, &ciphers[0##n].slot)                                          \
                   ? ciphers[0##n].decrypt_init(ctx, key, params)                                  \
                   : 0;                                                                            \
    }                                                                                              \
    static void freectx_##n(void *ctx)                                                             \
    {                                                                                              \
        sp_contexts_end(ctx);                                                                      \
        ciphers[0##n].freectx(ctx);                                                                \
    }                                                                                              \
    static void *dupctx_##n(void *ctx)                                                             \
    {                                                                                              \
        return sp_contexts_duplicate(ctx, ciphers[0##n].dupctx, ciphers[0##n].freectx);            \
    }
SP_SLOTS_16(ENTRIES)
#undef ENTRIES

/* The last gate is there only for the command that decrypts. */
#define GATES 5
static const struct sp_gate gates[SLOTS][GATES] = {
#define ROW(n)                                                                                     \
    { SP_GATE(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, encrypt_init_##n),                               \
      SP_GATE(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, encrypt_##n),                                         \
      SP_GATE(OSSL_FUNC_ASYM_CIPHER_FREECTX, freectx_##n),                                         \
      SP_GATE(OSSL_FUNC_ASYM_CIPHER_DUPCTX, dupctx_##n),                                           \
      SP_GATE(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, decrypt_init_##n) },
    SP_SLOTS_16(ROW)
#undef ROW
};

OSSL_DISPATCH *sp_gate_asym_cipher(const OSSL_ALGORITHM *algorithm,
                                   const struct sp_backend *backend, bool *untouched)
{
    const OSSL_DISPATCH *functions = algorithm->implementation;
    const size_t i = sp_slot_index(ciphers, sizeof(ciphers[0]), SLOTS, functions);

    *untouched = false;
    if (i == SLOTS)
        return NULL;
    if (ciphers[i].slot.backend == NULL)
        ciphers[i] = (struct cipher){
            .slot = sp_slot_of(algorithm, backend, OSSL_OP_ASYM_CIPHER, algorithm->algorithm_names),
#define TAKE(type, id) (OSSL_FUNC_asym_cipher_##type *)sp_dispatch_find(functions, id)
            .encrypt_init = TAKE(encrypt_init_fn, OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT),
            .encrypt = TAKE(encrypt_fn, OSSL_FUNC_ASYM_CIPHER_ENCRYPT),
            .decrypt_init = TAKE(decrypt_init_fn, OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT),
            .freectx = TAKE(freectx_fn, OSSL_FUNC_ASYM_CIPHER_FREECTX),
            .dupctx = TAKE(dupctx_fn, OSSL_FUNC_ASYM_CIPHER_DUPCTX)
#undef TAKE
        };
    return sp_splice(functions, gates[i],
                     sp_command_is_to(SMIMEPOLICY_DECRYPT) ? GATES : GATES - 1);
}
