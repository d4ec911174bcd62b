/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Gates of KEYEXCH: to whom mail may be encrypted with key agreement.
 *
 * The sender of a mail uses a key that it has just made, the reader the key of a
 * certificate.  So the peer is judged only if the own key was not decoded.  Reading
 * old mail is never refused.
 */
#include "gates/contexts.h"
#include "gates/key_verdict.h"
#include "register/register.h"

struct exchange {
    struct sp_slot slot;
    OSSL_FUNC_keyexch_init_fn *init;
    OSSL_FUNC_keyexch_set_peer_fn *set_peer;
    OSSL_FUNC_keyexch_freectx_fn *freectx;
    OSSL_FUNC_keyexch_dupctx_fn *dupctx;
};

#define SLOTS 16
static struct exchange exchanges[SLOTS];

static int init(const struct exchange *x, void *ctx, void *key, const OSSL_PARAM params[])
{
    if (!sp_contexts_begin(ctx, key, &x->slot, false))
        return sp_gate_no_memory();
    return x->init(ctx, key, params);
}

/*
 * A key of another provider was imported here, and an import does not tell whether
 * the key was made or decoded.  Then only a peer with a known certificate is
 * judged.  The reader's peer is the sender's new key, which has no certificate.
 */
static int set_peer(const struct exchange *x, void *ctx, void *peer)
{
    struct sp_context context = { 0 };
    enum sp_evidence evidence = SP_EVIDENCE_TLS;

    if (!sp_contexts_get(ctx, &context))
        return x->set_peer(ctx, peer);
    if (sp_keys_was_loaded(context.key))
        return sp_gate_decrypts(context.key, &x->slot) ? x->set_peer(ctx, peer) : 0;
    /* TLS sets its peer's point into a new key; a certificate's key is decoded. */
    if (sp_keys_was_generated(context.key) && sp_keys_was_loaded(peer))
        evidence = SP_EVIDENCE_NONE;
    return sp_gate_encrypts(peer, &x->slot, evidence) ? x->set_peer(ctx, peer) : 0;
}

#define ENTRIES(n)                                                                                 \
    static int init_##n(void *ctx, void *key, const OSSL_PARAM params[])                           \
    {                                                                                              \
        return init(&exchanges[0##n], ctx, key, params);                                           \
    }                                                                                              \
    static int set_peer_##n(void *ctx, void *peer)                                                 \
    {                                                                                              \
        return set_peer(&exchanges[0##n], ctx, peer);                                              \
    }                                                                                              \
    static void freectx_##n(void *ctx)                                                             \
    {                                                                                              \
        sp_contexts_end(ctx);                                                                      \
        exchanges[0##n].freectx(ctx);                                                              \
    }                                                                                              \
    static void *dupctx_##n(void *ctx)                                                             \
    {                                                                                              \
        return sp_contexts_duplicate(ctx, exchanges[0##n].dupctx, exchanges[0##n].freectx);        \
    }
SP_SLOTS_16(ENTRIES)
#undef ENTRIES

#define GATES 4
static const struct sp_gate gates[SLOTS][GATES] = {
#define ROW(n)                                                                                     \
    { SP_GATE(OSSL_FUNC_KEYEXCH_INIT, init_##n),                                                   \
      SP_GATE(OSSL_FUNC_KEYEXCH_SET_PEER, set_peer_##n),                                           \
      SP_GATE(OSSL_FUNC_KEYEXCH_FREECTX, freectx_##n),                                             \
      SP_GATE(OSSL_FUNC_KEYEXCH_DUPCTX, dupctx_##n) },
    SP_SLOTS_16(ROW)
#undef ROW
};

OSSL_DISPATCH *sp_gate_keyexch(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                               bool *untouched)
{
    const OSSL_DISPATCH *functions = algorithm->implementation;
    const size_t i = sp_slot_index(exchanges, sizeof(exchanges[0]), SLOTS, functions);

    /* EVP treats key derivation functions as key exchanges.  They have no peer. */
    *untouched = sp_dispatch_find(functions, OSSL_FUNC_KEYEXCH_SET_PEER) == NULL;
    if (*untouched || i == SLOTS)
        return NULL;
    if (exchanges[i].slot.backend == NULL)
        exchanges[i] = (struct exchange){
            .slot = sp_slot_of(algorithm, backend, OSSL_OP_KEYEXCH, algorithm->algorithm_names),
#define TAKE(type, id) (OSSL_FUNC_keyexch_##type *)sp_dispatch_find(functions, id)
            .init = TAKE(init_fn, OSSL_FUNC_KEYEXCH_INIT),
            .set_peer = TAKE(set_peer_fn, OSSL_FUNC_KEYEXCH_SET_PEER),
            .freectx = TAKE(freectx_fn, OSSL_FUNC_KEYEXCH_FREECTX),
            .dupctx = TAKE(dupctx_fn, OSSL_FUNC_KEYEXCH_DUPCTX)
#undef TAKE
        };
    return sp_splice(functions, gates[i], GATES);
}
