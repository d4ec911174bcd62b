/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * KEYMGMT refuses no certificate: after a refused import EVP would use another
 * provider.  It tells the register which key object belongs to which certificate.
 */
#include <openssl/err.h>

#include "gates/comparison.h"
#include "gates/key_verdict.h"
#include "gates/slots.h"
#include "policy/engines.h"
#include "register/register.h"

struct keymgmt {
    struct sp_slot slot;
    OSSL_FUNC_keymgmt_has_fn *has;
    OSSL_FUNC_keymgmt_gen_fn *gen;
    OSSL_FUNC_keymgmt_load_fn *load;
    OSSL_FUNC_keymgmt_free_fn *free;
    OSSL_FUNC_keymgmt_match_fn *match;
    bool decrypts; /* PKCS7_decrypt() can use its keys */
};

#define SLOTS 128
static struct keymgmt keymgmts[SLOTS];

static void *gen(const struct keymgmt *k, void *genctx, OSSL_CALLBACK *callback, void *arg)
{
    void *key = k->gen(genctx, callback, arg);

    if (key != NULL)
        sp_keys_generated(key);
    return key;
}

static void *load(const struct keymgmt *k, const void *reference, size_t size)
{
    void *key = k->load(reference, size);

    if (key == NULL)
        return NULL;
    ERR_set_mark();
    /* libcrypto takes no KEYMGMT without this function. */
    sp_keys_loaded(key, k->has(key, OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 1, k->slot.export_key);
    ERR_pop_to_mark();
    return key;
}

static void free_key(const struct keymgmt *k, void *key)
{
    if (key != NULL)
        sp_keys_freed(key);
    k->free(key);
}

static int match(const struct keymgmt *k, const void *a, const void *b, int selection)
{
    int same = k->match(a, b, selection);

    /* Only the public keys matter: ECDH compares the curve alone. */
    if (same != 1 || (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0 || a == b)
        return same;
    /*
     * An engine's signatures reach no gate.  libcrypto compares the keys before, and a
     * locked policy refuses here.
     */
    if (sp_engines_found())
        return sp_gate_refused_locked("sign");
    if (k->decrypts && sp_compares_to_decrypt())
        return same;
    ERR_set_mark();
    sp_keys_matched(a, b, k->slot.export_key);
    ERR_pop_to_mark();
    return same;
}

#define ENTRIES(n)                                                                                 \
    static void *gen_##n(void *genctx, OSSL_CALLBACK *callback, void *arg)                         \
    {                                                                                              \
        return gen(&keymgmts[0##n], genctx, callback, arg);                                        \
    }                                                                                              \
    static void *load_##n(const void *reference, size_t size)                                      \
    {                                                                                              \
        return load(&keymgmts[0##n], reference, size);                                             \
    }                                                                                              \
    static void free_##n(void *key)                                                                \
    {                                                                                              \
        free_key(&keymgmts[0##n], key);                                                            \
    }                                                                                              \
    static int match_##n(const void *a, const void *b, int selection)                              \
    {                                                                                              \
        return match(&keymgmts[0##n], a, b, selection);                                            \
    }
SP_SLOTS_128(ENTRIES)
#undef ENTRIES

#define GATES 4
static const struct sp_gate gates[SLOTS][GATES] = {
#define ROW(n)                                                                                     \
    { SP_GATE(OSSL_FUNC_KEYMGMT_GEN, gen_##n), SP_GATE(OSSL_FUNC_KEYMGMT_LOAD, load_##n),          \
      SP_GATE(OSSL_FUNC_KEYMGMT_FREE, free_##n), SP_GATE(OSSL_FUNC_KEYMGMT_MATCH, match_##n) },
    SP_SLOTS_128(ROW)
#undef ROW
};

OSSL_DISPATCH *sp_gate_keymgmt(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                               bool *untouched)
{
    const OSSL_DISPATCH *functions = algorithm->implementation;
    const size_t i = sp_slot_index(keymgmts, sizeof(keymgmts[0]), SLOTS, functions);

    (void)backend;
    *untouched = false;
    if (i == SLOTS)
        return NULL;
    if (keymgmts[i].slot.backend == NULL)
        keymgmts[i] = (struct keymgmt){
#define TAKE(type, id) (OSSL_FUNC_keymgmt_##type *)sp_dispatch_find(functions, id)
            .slot = { .backend = functions,
                      .names = algorithm->algorithm_names,
                      .export_key = TAKE(export_fn, OSSL_FUNC_KEYMGMT_EXPORT) },
            .has = TAKE(has_fn, OSSL_FUNC_KEYMGMT_HAS),
            .gen = TAKE(gen_fn, OSSL_FUNC_KEYMGMT_GEN),
            .load = TAKE(load_fn, OSSL_FUNC_KEYMGMT_LOAD),
            .free = TAKE(free_fn, OSSL_FUNC_KEYMGMT_FREE),
            .match = TAKE(match_fn, OSSL_FUNC_KEYMGMT_MATCH),
            .decrypts = sp_names_hold(algorithm->algorithm_names, "RSA")
#undef TAKE
        };
    return sp_splice(functions, gates[i], GATES);
}
