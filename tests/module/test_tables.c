/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables that we offer in place of the backend's.
 */
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

#include "harness.h"
#include "module/gated_tables.h"
#include "policy/policy.h"
#include "starve.h"
#include "store/loader.h"

static void backends_own(void)
{
}

static void adopt_policy(const char *raw_keys, const char *keys)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();

    ck_assert_int_eq(smimepolicy_settings_set(settings, "raw_keys", raw_keys, NULL), 1);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "keys", keys, NULL), 1);
    sp_policy_adopt(settings);
}

/* Every function that an algorithm can have. */
enum { MOST = 40 };
static OSSL_DISPATCH functions[MOST + 1];

static struct sp_instance *new_instance(void)
{
    for (int i = 0; i < MOST; i++)
        functions[i] = (OSSL_DISPATCH){ i + 1, backends_own };
    return OPENSSL_zalloc(sizeof(struct sp_instance));
}

/* Then ours is the only one. */
START_TEST(backend_without_a_store)
{
    struct sp_instance *instance = new_instance();
    const OSSL_ALGORITHM *stores;

    adopt_policy("judge", "all");
    /* It has no digests either. */
    ck_assert(!sp_instance_build(instance));
    stores = instance->tables[OSSL_OP_STORE];
    ck_assert_ptr_nonnull(stores);
    ck_assert_str_eq(stores[0].algorithm_names, sp_store_loader.algorithm_names);
    ck_assert_ptr_null(stores[1].algorithm_names);
    ck_assert_ptr_null(instance->tables[OSSL_OP_DIGEST]);
    sp_instance_free(instance);
}
END_TEST

/* Of which operations the algorithms have our property, and functions of ours. */
static const struct {
    int operation;
    const char *raw_keys;
    bool preferred, gated;
} operations[] = {
    { OSSL_OP_DIGEST, "judge", false, false },    { OSSL_OP_DIGEST, "pass", true, true },
    { OSSL_OP_CIPHER, "pass", false, false },     { OSSL_OP_MAC, "pass", false, false },
    { OSSL_OP_RAND, "judge", false, false },      { OSSL_OP_KEYMGMT, "judge", true, true },
    { OSSL_OP_KEYEXCH, "judge", true, true },     { OSSL_OP_SIGNATURE, "judge", true, true },
    { OSSL_OP_ASYM_CIPHER, "judge", true, true }, { OSSL_OP_KEM, "judge", true, true },
    { OSSL_OP_ENCODER, "pass", false, false },    { OSSL_OP_DECODER, "judge", true, false },
    { OSSL_OP_STORE, "judge", true, false },      { OSSL_OP_STORE, "judge", true, true },
};

START_TEST(algorithms_of_an_operation)
{
    const int operation = operations[_i].operation;
    /* Of the stores that of files alone. */
    const char *const name = operation == OSSL_OP_STORE && operations[_i].gated ? "file" : "ONE";
    const OSSL_ALGORITHM original[] = { { name, "provider=b", functions, NULL },
                                        { NULL, NULL, NULL, NULL } };
    struct sp_instance *instance = new_instance();
    const OSSL_ALGORITHM *table;

    adopt_policy(operations[_i].raw_keys, "all");
    instance->backend.tables[operation] = original;
    (void)sp_instance_build(instance);
    table = instance->tables[operation];
    ck_assert_str_eq(table[0].algorithm_names, name);
    ck_assert_str_eq(table[0].property_definition,
                     operations[_i].preferred ? "provider=b,smime.policy" : "provider=b");
    ck_assert_int_eq(table[0].implementation != functions, operations[_i].gated);
    if (operation == OSSL_OP_STORE)
        ck_assert_str_eq((++table)->algorithm_names, sp_store_loader.algorithm_names);
    ck_assert_ptr_null(table[1].algorithm_names);
    sp_instance_free(instance);
}
END_TEST

/* One string is extended once. */
START_TEST(properties)
{
    static const char first[] = "provider=b", second[] = "fips=no";
    const OSSL_ALGORITHM original[] = {
        { "A", first, functions, NULL },  { "B", NULL, functions, NULL },
        { "C", second, functions, NULL }, { "D", first, functions, NULL },
        { "E", "", functions, NULL },     { NULL, NULL, NULL, NULL },
    };
    static const char *const extended[] = { "provider=b,smime.policy", "smime.policy",
                                            "fips=no,smime.policy", "provider=b,smime.policy",
                                            "smime.policy" };
    struct sp_instance *instance = new_instance();
    const OSSL_ALGORITHM *table;

    adopt_policy("judge", "all");
    instance->backend.tables[OSSL_OP_DECODER] = original;
    (void)sp_instance_build(instance);
    table = instance->tables[OSSL_OP_DECODER];
    for (int i = 0; i < SP_ROWS(extended); i++)
        ck_assert_str_eq(table[i].property_definition, extended[i]);
    ck_assert_ptr_eq(table[0].property_definition, table[3].property_definition);
    sp_instance_free(instance);
}
END_TEST

/* With `keys = mail`: what is for no keys stays, and the backend's order. */
START_TEST(files_of_mail)
{
    static const char other[] = "ED25519:1.3.101.112", more[] = "X25519";
    const OSSL_ALGORITHM keys[] = { { "RSA:rsaEncryption", "", functions, NULL },
                                    { other, "", functions, NULL },
                                    { more, "", functions, NULL },
                                    { NULL, NULL, NULL, NULL } };
    const OSSL_ALGORITHM files[] = {
        { "DER", "", functions, NULL }, { other, "", functions, NULL },
        { other, "", functions, NULL }, { "rsa", "", functions, NULL },
        { more, "", functions, NULL },  { "EC", "", functions, NULL },
        { NULL, NULL, NULL, NULL },
    };
    static const char *const kept[] = { "DER", "rsa", "EC", NULL };
    struct sp_instance *instance = new_instance();

    adopt_policy("judge", _i == 0 ? "mail" : "all");
    instance->backend.tables[OSSL_OP_KEYMGMT] = keys;
    instance->backend.tables[OSSL_OP_DECODER] = files;
    (void)sp_instance_build(instance);
    ck_assert_int_eq(instance->mail_tables[OSSL_OP_DECODER] != NULL, _i == 0);
    /* The backend has no encoders, so that none is hidden. */
    ck_assert_int_eq(instance->mail_tables[OSSL_OP_ENCODER] != NULL, _i == 0);
    for (int i = 0; _i == 0 && i < SP_ROWS(kept); i++)
        ck_assert_pstr_eq(instance->mail_tables[OSSL_OP_DECODER][i].algorithm_names, kept[i]);
    if (_i == 0)
        ck_assert_ptr_null(instance->mail_tables[OSSL_OP_ENCODER][0].algorithm_names);
    sp_instance_free(instance);
}
END_TEST

/* Without one of its tables there is no instance. */
START_TEST(every_allocation_fails_once)
{
    const OSSL_ALGORITHM digests[] = { { "SHA2-256", "", functions, NULL },
                                       { NULL, NULL, NULL, NULL } };
    const OSSL_ALGORITHM keys[] = { { "RSA", "provider=b", functions, NULL },
                                    { "EC", NULL, functions, NULL },
                                    { NULL, NULL, NULL, NULL } };
    bool starved, built;
    long fails = 0, before;

    ck_assert(sp_starve_watch());
    adopt_policy("pass", "mail");
    before = sp_starve_kept();
    do {
        struct sp_instance *instance = new_instance();

        instance->backend.tables[OSSL_OP_DIGEST] = digests;
        instance->backend.tables[OSSL_OP_KEYMGMT] = keys;
        instance->backend.tables[OSSL_OP_DECODER] = keys;
        sp_starve(++fails);
        built = sp_instance_build(instance);
        starved = sp_starve_end();
        ck_assert_msg(built != starved, "when allocation %ld fails", fails);
        sp_instance_free(instance);
        ck_assert_int_eq(sp_starve_kept(), before);
    } while (starved);
    ck_assert_int_gt(fails, 10);
    sp_instance_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tables");
    TCase *tests = sp_case(suite, "tables");

    tcase_add_test(tests, backend_without_a_store);
    tcase_add_loop_test(tests, algorithms_of_an_operation, 0, SP_ROWS(operations));
    tcase_add_test(tests, properties);
    tcase_add_loop_test(tests, files_of_mail, 0, 2);
    tcase_add_test(tests, every_allocation_fails_once);
    return sp_run_forked(suite);
}
