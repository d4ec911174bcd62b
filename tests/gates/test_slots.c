/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables of a backend: each function has its gate, or stays as it is.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

#include "gates/slots.h"
#include "harness.h"
#include "policy/command.h"
#include "policy/policy.h"

static void backends_own(void)
{
}

static void another(void)
{
}

/* Digests have gates only if raw signatures pass. */
static void adopt_policy(const char *raw_keys)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();

    ck_assert_int_eq(smimepolicy_settings_set(settings, "raw_keys", raw_keys, NULL), 1);
    sp_policy_adopt(settings);
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
    { sp_gate_digest, 64, OSSL_FUNC_DIGEST_UPDATE },
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

/* A backend with more algorithms than there are slots: none is left without its gate. */
START_TEST(as_many_algorithms_as_slots)
{
    const int slots = rows[_i].slots;
    OSSL_DISPATCH(*tables)[2] = calloc((size_t)slots + 1, sizeof(*tables));
    void (*before)(void) = NULL;

    adopt_policy("pass");
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

START_TEST(functions_that_have_gates)
{
    static const OSSL_DISPATCH backend[] = {
        { 1, backends_own }, { 2, backends_own }, { 3, backends_own }, { 0, NULL }
    };
    static const struct sp_gate gates[] = { { 3, another }, { 2, another }, { 9, another } };
    OSSL_DISPATCH *table = sp_splice(backend, gates, 2);

    ck_assert(table[0].function_id == 1 && table[0].function == backends_own);
    ck_assert(table[1].function_id == 2 && table[1].function == another);
    ck_assert(table[2].function_id == 3 && table[2].function == another);
    ck_assert_int_eq(table[3].function_id, 0);
    OPENSSL_free(table);
    table = sp_splice(backend + 3, gates, 3);
    ck_assert_int_eq(table[0].function_id, 0);
    OPENSSL_free(table);
}
END_TEST

static const struct {
    sp_gate_fn *gate;
    const char *names;
    int function_id;
    const char *raw_keys;
    bool untouched;
} kinds[] = {
    { sp_gate_keyexch, "HKDF", OSSL_FUNC_KEYEXCH_DERIVE, "judge", true },
    { sp_gate_keyexch, "ECDH", OSSL_FUNC_KEYEXCH_SET_PEER, "judge", false },
    { sp_gate_signature, "HMAC", OSSL_FUNC_SIGNATURE_SIGN_INIT, "judge", true },
    { sp_gate_signature, "X:cmac", OSSL_FUNC_SIGNATURE_SIGN_INIT, "judge", true },
    { sp_gate_signature, "RSA", OSSL_FUNC_SIGNATURE_SIGN_INIT, "judge", false },
    { sp_gate_digest, "SHA2-256", OSSL_FUNC_DIGEST_UPDATE, "judge", true },
    { sp_gate_digest, "SHA2-256", OSSL_FUNC_DIGEST_UPDATE, "pass", false },
    { sp_gate_store, "org.openssl.winstore", OSSL_FUNC_STORE_OPEN, "judge", true },
    { sp_gate_store, "file", OSSL_FUNC_STORE_ATTACH, "judge", true },
    { sp_gate_store, "file", OSSL_FUNC_STORE_OPEN, "judge", false },
};

/* What has no certificate is left as it is, and so has no table of ours. */
START_TEST(algorithms_left_alone)
{
    static const struct sp_backend backend;
    const OSSL_DISPATCH functions[] = { { kinds[_i].function_id, backends_own }, { 0, NULL } };
    const OSSL_ALGORITHM algorithm = { kinds[_i].names, "", functions, NULL };
    bool untouched = !kinds[_i].untouched;
    OSSL_DISPATCH *table;

    adopt_policy(kinds[_i].raw_keys);
    table = kinds[_i].gate(&algorithm, &backend, &untouched);
    ck_assert_int_eq(untouched, kinds[_i].untouched);
    ck_assert_int_eq(table == NULL, kinds[_i].untouched);
    ck_assert(table == NULL || table[0].function != backends_own);
    OPENSSL_free(table);
}
END_TEST

/* The functions that have gates: of anybody, and of the command that decrypts. */
static const struct {
    sp_gate_fn *gate;
    const char *functions[2];
} gated[] = {
    { sp_gate_digest, { " 3", " 3" } },
    { sp_gate_keymgmt, { " 6 8 10 23", " 6 8 10 23" } },
    { sp_gate_keyexch, { " 2 4 5 6", " 2 4 5 6" } },
    { sp_gate_signature,
      { " 2 3 4 5 8 9 11 12 13 15 16 17 27 30", " 2 3 4 5 8 9 11 12 13 15 16 17 27 30" } },
    { sp_gate_asym_cipher, { " 2 3 6 7", " 2 3 4 6 7" } },
    { sp_gate_kem, { " 2 12", " 2 4 12" } },
};

START_TEST(functions_of_an_operation)
{
    enum { MOST = 40 };
    static const struct sp_backend backend;
    OSSL_DISPATCH functions[MOST + 1] = { { 0, NULL } };
    const OSSL_ALGORITHM algorithm = { "ONE", "", functions, NULL };
    char found[200] = "";
    const int row = _i / 2, decrypts = _i % 2;
    bool untouched = true;
    OSSL_DISPATCH *table;

    for (int i = 0; i < MOST; i++)
        functions[i] = (OSSL_DISPATCH){ i + 1, backends_own };
    adopt_policy("pass");
    if (decrypts == 1)
        ck_assert(
            sp_command_adopt(&(struct sp_command){ .has_use = true, .use = SMIMEPOLICY_DECRYPT }));
    table = gated[row].gate(&algorithm, &backend, &untouched);
    ck_assert(!untouched && table != NULL);
    for (int i = 0; i < MOST; i++)
        if (table[i].function != backends_own)
            (void)sprintf(found + strlen(found), " %d", table[i].function_id);
    ck_assert_str_eq(found, gated[row].functions[decrypts]);
    ck_assert_int_eq(table[MOST].function_id, 0);
    OPENSSL_free(table);
}
END_TEST

static int initialised;

static int initialise(void *ctx, void *key, const OSSL_PARAM params[])
{
    (void)ctx, (void)key, (void)params;
    initialised++;
    return 1;
}

/* An operation that keeps the key it has names none, and none is judged. */
START_TEST(no_key)
{
    static const struct sp_backend backend;
    const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_KEM_ENCAPSULATE_INIT, (void (*)(void))initialise },
        { OSSL_FUNC_KEM_DECAPSULATE_INIT, (void (*)(void))initialise },
        { 0, NULL }
    };
    const OSSL_ALGORITHM algorithm = { "ONE", "", functions, NULL };
    bool untouched = true;
    OSSL_DISPATCH *table;

    adopt_policy("judge");
    ck_assert(
        sp_command_adopt(&(struct sp_command){ .has_use = true, .use = SMIMEPOLICY_DECRYPT }));
    table = sp_gate_kem(&algorithm, &backend, &untouched);
    for (int i = 0; i < 2; i++) {
        OSSL_FUNC_kem_encapsulate_init_fn *init =
            (OSSL_FUNC_kem_encapsulate_init_fn *)table[i].function;

        ck_assert(table[i].function != functions[i].function);
        ck_assert_int_eq(init(NULL, NULL, NULL), 1);
        ck_assert_int_eq(initialised, i + 1);
    }
    OPENSSL_free(table);
}
END_TEST

static const char *opened;

static void *open_file(void *provctx, const char *uri)
{
    opened = uri;
    return provctx;
}

static void *open_other_file(void *provctx, const char *uri)
{
    (void)provctx, (void)uri;
    return NULL;
}

/* There is no file whose name is one of our URIs; other files are the backend's. */
START_TEST(file_with_the_name_of_a_uri)
{
    static const char path[] = "/tmp/ca.pem";
    static const OSSL_DISPATCH first[] = { { OSSL_FUNC_STORE_OPEN, (void (*)(void))open_file },
                                           { 0, NULL } };
    static const OSSL_DISPATCH second[] = {
        { OSSL_FUNC_STORE_OPEN, (void (*)(void))open_other_file }, { 0, NULL }
    };
    static const struct sp_backend backend;
    OSSL_ALGORITHM algorithm = { "file", "", first, NULL };
    bool untouched;
    OSSL_DISPATCH *table = sp_gate_store(&algorithm, &backend, &untouched);
    OSSL_FUNC_store_open_fn *open = (OSSL_FUNC_store_open_fn *)table[0].function;
    int provctx;

    ck_assert_ptr_null(open(&provctx, "smimepolicy:trust"));
    ck_assert_ptr_null(opened);
    ck_assert_ptr_eq(open(&provctx, path), &provctx);
    ck_assert_ptr_eq(opened, path);
    OPENSSL_free(table);
    /* The first backend's again, and another's, which is left as it is. */
    table = sp_gate_store(&algorithm, &backend, &untouched);
    ck_assert(!untouched && table != NULL);
    OPENSSL_free(table);
    algorithm.implementation = second;
    ck_assert_ptr_null(sp_gate_store(&algorithm, &backend, &untouched));
    ck_assert(untouched);
}
END_TEST

static const char *ec_keys(int operation)
{
    return operation == OSSL_OP_KEYEXCH ? "ECDH" : NULL;
}

static OSSL_FUNC_keymgmt_export_fn *export_of(const struct sp_backend *backend, int operation,
                                              const char *names)
{
    static const OSSL_DISPATCH functions[] = { { 0, NULL } };
    const OSSL_ALGORITHM algorithm = { "name", "", functions, NULL };
    const struct sp_slot slot = sp_slot_of(&algorithm, backend, operation, names);

    ck_assert(slot.backend == functions && slot.names == algorithm.algorithm_names);
    return slot.export_key;
}

/* The keys of an algorithm: of its own name, of one of its names, or of what keys say. */
START_TEST(keys_of_an_algorithm)
{
    static const char rsa_names[] = "RSA:rsaEncryption";
    static void (*const export_rsa)(void) = backends_own, (*const export_ec)(void) = another;
    const OSSL_DISPATCH rsa[] = { { OSSL_FUNC_KEYMGMT_EXPORT, export_rsa }, { 0, NULL } };
    const OSSL_DISPATCH ec[] = { { OSSL_FUNC_KEYMGMT_EXPORT, export_ec },
                                 { OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME,
                                   (void (*)(void))ec_keys },
                                 { 0, NULL } };
    const OSSL_ALGORITHM keys[] = { { rsa_names, "", rsa, NULL },
                                    { "EC:id-ecPublicKey", "", ec, NULL },
                                    { NULL, NULL, NULL, NULL } };
    struct sp_backend backend = { 0 };
    const int exchange = OSSL_OP_KEYEXCH;

    ck_assert(export_of(&backend, exchange, "RSA") == NULL);
    backend.tables[OSSL_OP_KEYMGMT] = keys;
    ck_assert((void (*)(void))export_of(&backend, exchange, rsa_names) == export_rsa);
    ck_assert((void (*)(void))export_of(&backend, exchange, "rsaencryption") == export_rsa);
    ck_assert((void (*)(void))export_of(&backend, exchange, "ECDH") == export_ec);
    ck_assert(export_of(&backend, OSSL_OP_SIGNATURE, "ECDH") == NULL);
    ck_assert(export_of(&backend, exchange, "DH") == NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slots");
    TCase *tests = sp_case(suite, "slots");

    tcase_add_loop_test(tests, as_many_algorithms_as_slots, 0, SP_ROWS(rows));
    tcase_add_test(tests, functions_that_have_gates);
    tcase_add_loop_test(tests, algorithms_left_alone, 0, SP_ROWS(kinds));
    tcase_add_loop_test(tests, functions_of_an_operation, 0, 2 * SP_ROWS(gated));
    tcase_add_test(tests, no_key);
    tcase_add_test(tests, file_with_the_name_of_a_uri);
    tcase_add_test(tests, keys_of_an_algorithm);
    return sp_run_forked(suite);
}
