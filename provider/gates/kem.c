/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Gates of KEM: to whom mail may be encrypted with key encapsulation.
 */
#include "base/compat.h"
#include "gates/key_verdict.h"
#include "policy/command.h"
#include "register/register.h"

struct kem {
    struct sp_slot slot;
    OSSL_FUNC_kem_encapsulate_init_fn *encapsulate_init;
    sp_kem_auth_encapsulate_init_fn *auth_encapsulate_init;
    OSSL_FUNC_kem_decapsulate_init_fn *decapsulate_init;
};

#define SLOTS 64
static struct kem kems[SLOTS];

static bool may_encapsulate(const struct kem *k, const void *key)
{
    /* TLS sets its peer's key share into a new key; a certificate's key is decoded. */
    return sp_gate_encrypts(key, &k->slot,
                            sp_keys_was_loaded(key) ? SP_EVIDENCE_NONE : SP_EVIDENCE_TLS);
}

#define ENTRIES(n)                                                                                 \
    static int encapsulate_init_##n(void *ctx, void *key, const OSSL_PARAM params[])               \
    {                                                                                              \
        return may_encapsulate(&kems[0##n], key) && kems[0##n].encapsulate_init(ctx, key, params); \
    }                                                                                              \
    static int auth_encapsulate_init_##n(void *ctx, void *key, void *auth,                         \
                                         const OSSL_PARAM params[])                                \
    {                                                                                              \
        return may_encapsulate(&kems[0##n], key) &&                                                \
               kems[0##n].auth_encapsulate_init(ctx, key, auth, params);                           \
    }                                                                                              \
    static int decapsulate_init_##n(void *ctx, void *key, const OSSL_PARAM params[])               \
    {                                                                                              \
        return sp_gate_decrypts(key, &kems[0##n].slot) &&                                          \
               kems[0##n].decapsulate_init(ctx, key, params);                                      \
    }
SP_SLOTS_64(ENTRIES)
#undef ENTRIES

/* The last gate is there only for the command that decrypts. */
#define GATES 3
static const struct sp_gate gates[SLOTS][GATES] = {
#define ROW(n)                                                                                     \
    { SP_GATE(OSSL_FUNC_KEM_ENCAPSULATE_INIT, encapsulate_init_##n),                               \
      SP_GATE(SP_KEM_AUTH_ENCAPSULATE_INIT, auth_encapsulate_init_##n),                            \
      SP_GATE(OSSL_FUNC_KEM_DECAPSULATE_INIT, decapsulate_init_##n) },
    SP_SLOTS_64(ROW)
#undef ROW
};

OSSL_DISPATCH *sp_gate_kem(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                           bool *untouched)
{
    const OSSL_DISPATCH *functions = algorithm->implementation;
    const size_t i = sp_slot_index(kems, sizeof(kems[0]), SLOTS, functions);

    *untouched = false;
    if (i == SLOTS)
        return NULL;
    if (kems[i].slot.backend == NULL)
        kems[i] = (struct kem){
            .slot = sp_slot_of(algorithm, backend, OSSL_OP_KEM, algorithm->algorithm_names),
            .encapsulate_init = (OSSL_FUNC_kem_encapsulate_init_fn *)sp_dispatch_find(
                functions, OSSL_FUNC_KEM_ENCAPSULATE_INIT),
            .auth_encapsulate_init = (sp_kem_auth_encapsulate_init_fn *)sp_dispatch_find(
                functions, SP_KEM_AUTH_ENCAPSULATE_INIT),
            .decapsulate_init = (OSSL_FUNC_kem_decapsulate_init_fn *)sp_dispatch_find(
                functions, OSSL_FUNC_KEM_DECAPSULATE_INIT)
        };
    return sp_splice(functions, gates[i],
                     sp_command_is_to(SMIMEPOLICY_DECRYPT) ? GATES : GATES - 1);
}
