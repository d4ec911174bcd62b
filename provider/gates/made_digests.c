/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gates/made_digests.h"

#include <openssl/err.h>

#include "gates/slots.h"
#include "policy/policy.h"

struct digest {
    struct sp_slot slot;
    OSSL_FUNC_digest_update_fn *update;
};

#define SLOTS 64
static struct digest digests[SLOTS];

/* Zero-initialised in each thread, which is SP_KIND_OTHER. */
static _Thread_local enum sp_kind last;

enum sp_kind sp_digested_last(void)
{
    return last;
}

void sp_digested_forget(void)
{
    last = SP_KIND_OTHER;
}

static void note(const unsigned char *data, size_t length)
{
    if (length == 0)
        return;
    last = SP_KIND_OTHER;
    if (data[0] != 0x31)
        return;
    ERR_set_mark();
    last = sp_kind_of(data, length);
    ERR_pop_to_mark();
}

#define ENTRIES(n)                                                                                 \
    static int update_##n(void *ctx, const unsigned char *data, size_t length)                     \
    {                                                                                              \
        note(data, length);                                                                        \
        return digests[0##n].update(ctx, data, length);                                            \
    }
SP_SLOTS_64(ENTRIES)
#undef ENTRIES

static const struct sp_gate gates[SLOTS][1] = {
#define ROW(n) { SP_GATE(OSSL_FUNC_DIGEST_UPDATE, update_##n) },
    SP_SLOTS_64(ROW)
#undef ROW
};

OSSL_DISPATCH *sp_gate_digest(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                              bool *untouched)
{
    const OSSL_DISPATCH *functions = algorithm->implementation;
    const size_t i = sp_slot_index(digests, sizeof(digests[0]), SLOTS, functions);

    (void)backend;
    *untouched = !sp_policy()->pass_raw_keys;
    if (*untouched || i == SLOTS)
        return NULL;
    if (digests[i].slot.backend == NULL)
        digests[i] =
            (struct digest){ .slot = { .backend = functions, .names = algorithm->algorithm_names },
                             .update = (OSSL_FUNC_digest_update_fn *)sp_dispatch_find(
                                 functions, OSSL_FUNC_DIGEST_UPDATE) };
    return sp_splice(functions, gates[i], 1);
}
