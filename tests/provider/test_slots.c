/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A backend with more algorithms than there are slots: none is left without its gate.
 */
#include <check.h>
#include <stdlib.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

#include "harness.h"
#include "gates/slots.h"

static void backends_own(void)
{
}

static const struct {
    sp_gate_fn *gate;
    int slots;
    int function_id; /* one that a gate stands before */
} rows[] = {
    { sp_gate_keymgmt, 128, OSSL_FUNC_KEYMGMT_LOAD },
    { sp_gate_signature, 128, OSSL_FUNC_SIGNATURE_SIGN_INIT },
    { sp_gate_kem, 64, OSSL_FUNC_KEM_ENCAPSULATE_INIT },
    { sp_gate_asym_cipher, 16, OSSL_FUNC_ASYM_CIPHER_ENCRYPT },
    { sp_gate_keyexch, 16, OSSL_FUNC_KEYEXCH_SET_PEER },
};

/* The function before |functions|; NULL if there is none to be had. */
static void (*gate_of(int row, const OSSL_DISPATCH *functions))(void)
{
    static const struct sp_backend backend;
    const OSSL_ALGORITHM algorithm = { "ONE", "provider=backend", functions, NULL };
    bool untouched = true;
    OSSL_DISPATCH *table = rows[row].gate(&algorithm, &backend, &untouched);
    void (*gate)(void) = table == NULL ? NULL : table[0].function;

    ck_assert(!untouched);
    ck_assert(table == NULL || (table[0].function_id == rows[row].function_id &&
                                gate != backends_own && table[1].function_id == 0));
    OPENSSL_free(table);
    return gate;
}

START_TEST(as_many_algorithms_as_slots)
{
    const int slots = rows[_i].slots;
    OSSL_DISPATCH(*tables)[2] = calloc((size_t)slots + 1, sizeof(*tables));
    void (*before)(void) = NULL;

    ck_assert_ptr_nonnull(tables);
    for (int i = 0; i <= slots; i++)
        tables[i][0] = (OSSL_DISPATCH){ rows[_i].function_id, backends_own };
    for (int i = 0; i < slots; i++) {
        void (*gate)(void) = gate_of(_i, tables[i]);

        ck_assert(gate != NULL && gate != before);
        /* The same functions again, under another name: the slot that they have. */
        ck_assert(gate_of(_i, tables[i]) == gate);
        before = gate;
    }
    ck_assert(gate_of(_i, tables[slots]) == NULL);
    ck_assert(gate_of(_i, tables[slots - 1]) == before);
    free(tables);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slots");
    TCase *tests = sp_case(suite, "slots");

    tcase_add_loop_test(tests, as_many_algorithms_as_slots, 0, SP_ROWS(rows));
    return sp_run_forked(suite);
}
