/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Slots: how a gate in a dispatch table knows its algorithm.
 *
 * A function of a dispatch table is not told for which algorithm it was called, and
 * it has to call the backend's function, which is another one for each algorithm.
 * So each algorithm gets a slot with the backend's functions, and each slot has its
 * own small entry functions, which the macros below make.
 */
#ifndef SP_SLOTS_H
#define SP_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/backend.h"

/* X(n) for n in octal digits; 0##n is the slot's number. */
#define SP_SLOTS_8(X, p) X(p##0) X(p##1) X(p##2) X(p##3) X(p##4) X(p##5) X(p##6) X(p##7)
#define SP_SLOTS_16(X)   SP_SLOTS_8(X, 00) SP_SLOTS_8(X, 01)
#define SP_SLOTS_64(X)                                                                             \
    SP_SLOTS_16(X)                                                                                 \
    SP_SLOTS_8(X, 02)                                                                              \
    SP_SLOTS_8(X, 03) SP_SLOTS_8(X, 04) SP_SLOTS_8(X, 05) SP_SLOTS_8(X, 06) SP_SLOTS_8(X, 07)
#define SP_SLOTS_128(X)                                                                            \
    SP_SLOTS_64(X)                                                                                 \
    SP_SLOTS_8(X, 10)                                                                              \
    SP_SLOTS_8(X, 11)                                                                              \
    SP_SLOTS_8(X, 12)                                                                              \
    SP_SLOTS_8(X, 13) SP_SLOTS_8(X, 14) SP_SLOTS_8(X, 15) SP_SLOTS_8(X, 16) SP_SLOTS_8(X, 17)

/* The part that all slots have in common. */
struct sp_slot {
    const OSSL_DISPATCH *backend;            /* whose functions it holds; NULL while free */
    const char *names;                       /* of the algorithm, for the trace */
    OSSL_FUNC_keymgmt_export_fn *export_key; /* of the keys that it works with */
};

/*
 * The index of the slot of |backend| in an array of |count| structs of |size| bytes, each of
 * which begins with its sp_slot: the one that it has, or a free one.  |count| if there is none.
 */
size_t sp_slot_index(const void *slots, size_t size, size_t count, const OSSL_DISPATCH *backend);

/* One function to put before the backend's. */
struct sp_gate {
    int function_id;
    void (*function)(void);
};
#define SP_GATE(id, name)                                                                          \
    {                                                                                              \
        (id), (void (*)(void))(name)                                                               \
    }

/*
 * A copy of |backend| in which |gates| replace functions.  A function that the
 * backend lacks is not added.  Free it with OPENSSL_free(); NULL if out of memory.
 */
OSSL_DISPATCH *sp_splice(const OSSL_DISPATCH *backend, const struct sp_gate *gates, size_t count);

/*
 * One function for each operation: it makes the gated dispatch table of
 * |algorithm|.  NULL if memory or slots ran out: then the provider does not start,
 * as no algorithm may be without its gate.  For an algorithm that needs no gate it
 * sets |*untouched| and returns NULL.
 */
typedef OSSL_DISPATCH *sp_gate_fn(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                                  bool *untouched);
sp_gate_fn sp_gate_digest;
sp_gate_fn sp_gate_signature;
sp_gate_fn sp_gate_asym_cipher;
sp_gate_fn sp_gate_keyexch;
sp_gate_fn sp_gate_kem;
sp_gate_fn sp_gate_keymgmt;
sp_gate_fn sp_gate_store;

/* The slot of |algorithm| of |operation|, whose keys are those of KEYMGMT for |key_names|. */
struct sp_slot sp_slot_of(const OSSL_ALGORITHM *algorithm, const struct sp_backend *backend,
                          int operation, const char *key_names);

#endif
