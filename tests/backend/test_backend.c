/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the backend's tables say, and what the core has to offer.
 */
#include <openssl/core_names.h>

#include "backend/backend.h"
#include "backend/instance.h"
#include "backend/upcalls.h"
#include "harness.h"

static const struct {
    const char *names, *name;
    bool held;
} lists[] = {
    { "RSA", "RSA", true },
    { "RSA", "rsa", true },
    { "RSA:rsaEncryption:1.2.840.113549.1.1.1", "RSA", true },
    { "RSA:rsaEncryption:1.2.840.113549.1.1.1", "RSAENCRYPTION", true },
    { "RSA:rsaEncryption:1.2.840.113549.1.1.1", "1.2.840.113549.1.1.1", true },
    /* A name is a whole one: no beginning, and no end. */
    { "RSA-PSS:RSASSA-PSS", "RSA", false },
    { "RSA-PSS:RSASSA-PSS", "PSS", false },
    { "RSA", "RSA-PSS", false },
    { "EC:ED25519", "ED2551", false },
    { "EC:ED25519", "D25519", false },
    { "", "RSA", false },
    { "RSA", "", false },
    /* Of two lists, one name in common will do, wherever it stands. */
    { "A:B:C", "X:Y:c", true },
    { "A:B:C", "a:Y:Z", true },
    { "A:B:C", "X:b:Z", true },
    { "A:B:C", "X:Y:Z", false },
    { "A:", "B:", false },
};

START_TEST(names_in_common)
{
    ck_assert_int_eq(sp_names_hold(lists[_i].names, lists[_i].name), lists[_i].held);
    ck_assert_int_eq(sp_names_meet(lists[_i].names, lists[_i].name), lists[_i].held);
    ck_assert_int_eq(sp_names_meet(lists[_i].name, lists[_i].names), lists[_i].held);
}
END_TEST

static void one(void)
{
}

static void two(void)
{
}

START_TEST(functions_of_a_table)
{
    static const OSSL_DISPATCH table[] = { { 7, one }, { 8, two }, { 0, NULL }, { 9, one } };

    ck_assert(sp_dispatch_find(table, 7) == one);
    ck_assert(sp_dispatch_find(table, 8) == two);
    ck_assert(sp_dispatch_find(table, 9) == NULL);
    ck_assert(sp_dispatch_find(table + 2, 7) == NULL);
}
END_TEST

/* Without one of its functions there is no digest to be had; it is found by its name. */
static const int digest_functions[] = { OSSL_FUNC_DIGEST_NEWCTX, OSSL_FUNC_DIGEST_INIT,
                                        OSSL_FUNC_DIGEST_UPDATE, OSSL_FUNC_DIGEST_FINAL,
                                        OSSL_FUNC_DIGEST_FREECTX };
#define DIGEST_FUNCTIONS SP_ROWS(digest_functions)

START_TEST(digest_of_the_backend)
{
    OSSL_DISPATCH functions[DIGEST_FUNCTIONS + 2] = { { OSSL_FUNC_DIGEST_DIGEST, one } };
    OSSL_ALGORITHM algorithms[] = { { "SHA1", "", NULL, NULL },
                                    { "SHA-256:sha2-256", "", functions, NULL },
                                    { NULL, NULL, NULL, NULL } };
    struct sp_backend backend = { .provctx = &backend };
    struct sp_sha256 sha;
    int count = 1;

    ck_assert(!sp_sha256_from(&sha, &backend));
    backend.tables[OSSL_OP_DIGEST] = algorithms;
    for (int i = 0; i < DIGEST_FUNCTIONS; i++)
        if (i != _i)
            functions[count++] = (OSSL_DISPATCH){ digest_functions[i], two };
    ck_assert_int_eq(sp_sha256_from(&sha, &backend), _i == DIGEST_FUNCTIONS);
    algorithms[1].algorithm_names = "SHA-256";
    ck_assert(!sp_sha256_from(&sha, &backend));
}
END_TEST

/* What the core has to have; without one of them nothing starts. */
static const int offered[] = { OSSL_FUNC_CORE_GET_PARAMS,       OSSL_FUNC_CORE_GET_LIBCTX,
                               OSSL_FUNC_CORE_THREAD_START,     OSSL_FUNC_CORE_NEW_ERROR,
                               OSSL_FUNC_CORE_VSET_ERROR,       OSSL_FUNC_CORE_SET_ERROR_MARK,
                               OSSL_FUNC_CORE_POP_ERROR_TO_MARK };
#define OFFERED SP_ROWS(offered)

START_TEST(core_that_lacks_one)
{
    OSSL_DISPATCH functions[OFFERED + 2] = { { OSSL_FUNC_CORE_GETTABLE_PARAMS, one } };
    struct sp_upcalls up;
    int count = 1;

    for (int i = 0; i < OFFERED; i++)
        if (i != _i)
            functions[count++] = (OSSL_DISPATCH){ offered[i], two };
    ck_assert_int_eq(sp_upcalls_from(&up, NULL, functions), _i == OFFERED);
    ck_assert((up.get_params == NULL) == (_i == 0));
    ck_assert((up.pop_error_to_mark == NULL) == (_i == OFFERED - 1));
}
END_TEST

/* A core of another libcrypto raises errors that this one does not see. */
static unsigned long raised;

static void *other_libctx(const OSSL_CORE_HANDLE *handle)
{
    return (void *)(uintptr_t)handle;
}

static void new_error(const OSSL_CORE_HANDLE *handle)
{
    (void)handle;
    raised++;
}

static void set_error(const OSSL_CORE_HANDLE *handle, uint32_t reason, const char *format,
                      va_list args)
{
    (void)handle, (void)reason, (void)format, (void)args;
}

static int mark(const OSSL_CORE_HANDLE *handle)
{
    (void)handle;
    return 1;
}

START_TEST(core_of_another_libcrypto)
{
    static int handle;
    const struct sp_upcalls up = { .handle = (const OSSL_CORE_HANDLE *)&handle,
                                   .get_libctx = (OSSL_FUNC_core_get_libctx_fn *)other_libctx,
                                   .new_error = new_error,
                                   .vset_error = set_error,
                                   .set_error_mark = mark,
                                   .pop_error_to_mark = mark };

    ck_assert(!sp_upcalls_are_ours(&up));
    ck_assert_uint_eq(raised, 1);
    ck_assert_ptr_eq(sp_upcalls_libctx(&up), &handle);
}
END_TEST

static int take_capability(const OSSL_PARAM params[], void *taken)
{
    (void)params;
    ++*(int *)taken;
    return 1;
}

/* In a program with another libcrypto everything fails, and nothing is passed on to a backend. */
START_TEST(program_with_another_libcrypto)
{
    static int handle;
    const OSSL_DISPATCH core[] = {
        { OSSL_FUNC_CORE_GET_PARAMS, one },
        { OSSL_FUNC_CORE_GET_LIBCTX, (void (*)(void))other_libctx },
        { OSSL_FUNC_CORE_THREAD_START, one },
        { OSSL_FUNC_CORE_NEW_ERROR, (void (*)(void))new_error },
        { OSSL_FUNC_CORE_VSET_ERROR, (void (*)(void))set_error },
        { OSSL_FUNC_CORE_SET_ERROR_MARK, (void (*)(void))mark },
        { OSSL_FUNC_CORE_POP_ERROR_TO_MARK, (void (*)(void))mark },
        { 0, NULL },
    };
    const OSSL_DISPATCH *ours = NULL;
    void *provctx = NULL;
    int taken = 0, no_cache = 0;

    ck_assert_int_eq(OSSL_provider_init((const OSSL_CORE_HANDLE *)&handle, core, &ours, &provctx),
                     1);
    ck_assert_uint_eq(raised, 2);
    /* Nor afterwards, when nothing is known of it. */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(((OSSL_FUNC_provider_get_capabilities_fn *)sp_dispatch_find(
                             ours, OSSL_FUNC_PROVIDER_GET_CAPABILITIES))(provctx, "TLS-GROUP",
                                                                         take_capability, &taken),
                         0);
        ck_assert_int_eq(taken, 0);
        for (int operation = 1; operation <= OSSL_OP__HIGHEST; operation++)
            ck_assert_ptr_null(((OSSL_FUNC_provider_query_operation_fn *)sp_dispatch_find(
                ours, OSSL_FUNC_PROVIDER_QUERY_OPERATION))(provctx, operation, &no_cache));
        ((OSSL_FUNC_provider_teardown_fn *)sp_dispatch_find(ours, OSSL_FUNC_PROVIDER_TEARDOWN))(
            provctx);
    }
}
END_TEST

static const struct {
    const char *name;
    bool loaded;
} backends[] = { { "default", true }, { "null", false }, { "nobody", false } };

/* A backend without keys is none.  It answers no fetch beside us. */
START_TEST(loaded_backend)
{
    struct sp_backend backend = { 0 };
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

    ck_assert_int_eq(sp_backend_load(&backend, libctx, backends[_i].name), backends[_i].loaded);
    ck_assert_int_eq(OSSL_PROVIDER_available(libctx, backends[_i].name), 0);
    /* Of each kind of algorithm, from the first to the last. */
    ck_assert_int_eq(backend.tables[OSSL_OP_DIGEST] != NULL, backends[_i].loaded);
    ck_assert_int_eq(backend.tables[OSSL_OP_STORE] != NULL, backends[_i].loaded);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

/* An instance of another libcrypto is known by its own address, and one that is gone is not. */
START_TEST(instances_of_the_process)
{
    static int a, b;
    struct sp_instance foreign = { .foreign = true, .backend = { .provctx = &a } };
    struct sp_instance first = { .backend = { .provctx = &a } };
    struct sp_instance second = { .backend = { .provctx = &b } };

    ck_assert_ptr_null(sp_instances_any());
    ck_assert_ptr_null(sp_instance_for(&a));
    sp_instances_add(&foreign);
    ck_assert_ptr_null(sp_instances_any());
    ck_assert_ptr_null(sp_instance_for(&a));
    ck_assert_ptr_eq(sp_instance_for(&foreign), &foreign);
    sp_instances_add(&first);
    sp_instances_add(&second);
    ck_assert_ptr_eq(sp_instances_any(), &second);
    ck_assert_ptr_eq(sp_instance_for(&a), &first);
    ck_assert_ptr_eq(sp_instance_for(&b), &second);
    ck_assert_ptr_null(sp_instance_for(&first));
    atomic_store(&second.gone, true);
    ck_assert_ptr_eq(sp_instances_any(), &first);
    ck_assert_ptr_null(sp_instance_for(&b));
    atomic_store(&first.gone, true);
    ck_assert_ptr_null(sp_instances_any());
    ck_assert_ptr_eq(sp_instances_take(), &second);
    ck_assert_ptr_eq(second.next, &first);
    ck_assert_ptr_null(sp_instance_for(&foreign));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backend");
    TCase *tests = sp_case(suite, "backend");

    tcase_add_loop_test(tests, names_in_common, 0, SP_ROWS(lists));
    tcase_add_test(tests, functions_of_a_table);
    tcase_add_loop_test(tests, digest_of_the_backend, 0, DIGEST_FUNCTIONS + 1);
    tcase_add_loop_test(tests, core_that_lacks_one, 0, OFFERED + 1);
    tcase_add_test(tests, core_of_another_libcrypto);
    tcase_add_test(tests, program_with_another_libcrypto);
    tcase_add_loop_test(tests, loaded_backend, 0, SP_ROWS(backends));
    tcase_add_test(tests, instances_of_the_process);
    return sp_run_forked(suite);
}
