/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The module as programs load it: what it says of itself, and its decision log.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include <jansson.h>

#include "backend/backend.h"
#include "harness.h"
#include "mail.h"
#include "policy/policy.h"
#include "smimepolicy.h"
#include "starve.h"

static int take(OSSL_PROVIDER *provider, void *data)
{
    if (strcmp(OSSL_PROVIDER_get0_name(provider), "smimepolicy") == 0)
        *(OSSL_PROVIDER **)data = provider;
    return 1;
}

static OSSL_PROVIDER *ours(void)
{
    OSSL_PROVIDER *provider = NULL;

    ck_assert_int_eq(OSSL_PROVIDER_do_all(NULL, take, &provider), 1);
    ck_assert_ptr_nonnull(provider);
    return provider;
}

/* A locked policy is shown as inactive. */
START_TEST(what_it_says_of_itself)
{
    char *name = NULL, *version = NULL, *build = NULL;
    int status = -1;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_NAME, &name, 0),
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_VERSION, &version, 0),
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, &build, 0),
        OSSL_PARAM_construct_int(OSSL_PROV_PARAM_STATUS, &status),
        OSSL_PARAM_construct_end(),
    };
    const OSSL_PARAM *gettable;

    sp_start(_i == 0 ? NULL : "mode = other\n");
    ck_assert_int_eq(OSSL_PROVIDER_get_params(ours(), params), 1);
    ck_assert_str_eq(name, "S/MIME certificate policy");
    ck_assert_str_eq(version, SMIMEPOLICY_VERSION);
    ck_assert_str_eq(build, SMIMEPOLICY_VERSION);
    ck_assert_int_eq(status, _i == 0);
    gettable = OSSL_PROVIDER_gettable_params(ours());
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(OSSL_PARAM_locate_const(gettable, params[i].key));
    ck_assert_ptr_null(gettable[4].key);
    /* What is not asked for is no fault, and what cannot be told is one. */
    ck_assert_int_eq(OSSL_PROVIDER_get_params(ours(), params + 4), 1);
    for (int i = 0; i < 4; i++) {
        OSSL_PARAM wrong[] = { params[i], OSSL_PARAM_construct_end() };

        wrong[0].data_type = OSSL_PARAM_OCTET_STRING;
        ck_assert_int_eq(OSSL_PROVIDER_get_params(ours(), wrong), 0);
    }
    ERR_clear_error();
}
END_TEST

START_TEST(operations)
{
    static const int none[] = { 0, -1, SP_OPERATIONS, 1000, INT_MAX, INT_MIN };
    int no_cache = -1;

    sp_start(NULL);
    for (int i = 0; i < SP_ROWS(none); i++) {
        no_cache = -1;
        ck_assert_ptr_null(OSSL_PROVIDER_query_operation(ours(), none[i], &no_cache));
        ck_assert_int_eq(no_cache, 0);
    }
    ck_assert_ptr_nonnull(OSSL_PROVIDER_query_operation(ours(), OSSL_OP_SIGNATURE, &no_cache));
    ck_assert_int_eq(no_cache, 0);
    ERR_clear_error();
}
END_TEST

/* How many algorithms of |operation| have |name| among their names? */
static int count_named(int operation, const char *name)
{
    int no_cache, count = 0;
    const OSSL_ALGORITHM *each = OSSL_PROVIDER_query_operation(ours(), operation, &no_cache);

    for (; each != NULL && each->algorithm_names != NULL; each++)
        count += strstr(each->algorithm_names, name) != NULL;
    return count;
}

/* With `keys = mail` no file with another key is read or written; the key itself remains. */
START_TEST(keys_of_mail)
{
    static const int files[] = { OSSL_OP_DECODER, OSSL_OP_ENCODER };

    sp_start(_i == 0 ? NULL : "keys = mail\n");
    for (int i = 0; i < SP_ROWS(files); i++) {
        ck_assert_int_eq(count_named(files[i], "ED25519") > 0, _i == 0);
        ck_assert_int_eq(count_named(files[i], "DSA") > 0, _i == 0);
        ck_assert_int_gt(count_named(files[i], "RSA"), 0);
        ck_assert_int_gt(count_named(files[i], "EC"), 0);
    }
    ck_assert_int_gt(count_named(OSSL_OP_KEYMGMT, "ED25519"), 0);
    ERR_clear_error();
}
END_TEST

/* A backend with another name: the default provider of a library context of its own. */
static OSSL_PROVIDER *inner;

static const OSSL_ALGORITHM *query_inner(void *provctx, int operation, int *no_cache)
{
    (void)provctx;
    return OSSL_PROVIDER_query_operation(inner, operation, no_cache);
}

static int start_copy(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                      const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_inner }, { 0, NULL }
    };

    (void)handle, (void)in;
    inner = OSSL_PROVIDER_load(OSSL_LIB_CTX_new(), "default");
    *out = functions;
    *provctx = OSSL_PROVIDER_get0_provider_ctx(inner);
    return inner != NULL;
}

/* What another provider would read beside us is not hidden. */
static const char *const beside[] = { NULL, "default", "copy" };

START_TEST(keys_of_mail_beside_others)
{
    OSSL_PROVIDER *other = NULL;

    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "copy", start_copy), 1);
    sp_start("backend = copy\nkeys = mail\n");
    if (beside[_i] != NULL)
        ck_assert_ptr_nonnull(other = OSSL_PROVIDER_load(NULL, beside[_i]));
    ck_assert_int_eq(count_named(OSSL_OP_DECODER, "ED25519") > 0, beside[_i] != NULL);
    ck_assert_int_gt(count_named(OSSL_OP_DECODER, "RSA"), 0);
    ck_assert_int_gt(count_named(OSSL_OP_KEYMGMT, "ED25519"), 0);
    if (other != NULL)
        ck_assert_int_eq(OSSL_PROVIDER_unload(other), 1);
    ERR_clear_error();
}
END_TEST

static int count_group(const OSSL_PARAM params[], void *data)
{
    (void)params;
    ++*(int *)data;
    return 1;
}

/* TLS learns of the backend's groups. */
START_TEST(capabilities)
{
    int count = 0;

    sp_start(NULL);
    ck_assert_int_eq(OSSL_PROVIDER_get_capabilities(ours(), "TLS-GROUP", count_group, &count), 1);
    ck_assert_int_gt(count, 5);
    ck_assert_int_eq(OSSL_PROVIDER_get_capabilities(ours(), "nonsense", count_group, &count), 0);
}
END_TEST

/* Our functions, as the core calls them. */
static struct {
    OSSL_FUNC_provider_teardown_fn *teardown;
    OSSL_FUNC_provider_query_operation_fn *query;
    OSSL_FUNC_provider_get_capabilities_fn *capabilities;
    void *provctx;
} calls;

static int start_and_note(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                          const OSSL_DISPATCH **out, void **provctx)
{
    const int started = OSSL_provider_init(handle, in, out, provctx);

    ck_assert_int_eq(started, 1);
    calls.provctx = *provctx;
    for (const OSSL_DISPATCH *each = *out; each->function_id != 0; each++) {
        if (each->function_id == OSSL_FUNC_PROVIDER_TEARDOWN)
            calls.teardown = OSSL_FUNC_provider_teardown(each);
        if (each->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION)
            calls.query = OSSL_FUNC_provider_query_operation(each);
        if (each->function_id == OSSL_FUNC_PROVIDER_GET_CAPABILITIES)
            calls.capabilities = OSSL_FUNC_provider_get_capabilities(each);
    }
    return started;
}

static OSSL_PROVIDER *load_in(OSSL_LIB_CTX *libctx, OSSL_provider_init_fn *init)
{
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(libctx, "noted", init), 1);
    return OSSL_PROVIDER_load(libctx, "noted");
}

/* What is asked with a context that is not ours has no answer, and ends nothing. */
START_TEST(context_of_nobody)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *provider = load_in(libctx, start_and_note);
    int nobody, no_cache = -1, count = 0;

    ck_assert_ptr_nonnull(provider);
    ck_assert_ptr_null(calls.query(&nobody, OSSL_OP_SIGNATURE, &no_cache));
    ck_assert_int_eq(no_cache, 0);
    ck_assert_int_eq(calls.capabilities(&nobody, "TLS-GROUP", count_group, &count), 0);
    calls.teardown(&nobody);
    ck_assert_ptr_nonnull(calls.query(calls.provctx, OSSL_OP_SIGNATURE, &no_cache));
    ck_assert_ptr_nonnull(sp_policy());
    ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
    OSSL_LIB_CTX_free(libctx);
    ck_assert_ptr_null(sp_policy());
}
END_TEST

/* The errors of a core that is another libcrypto. */
static int raised;

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

static int start_in_another(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                            const OSSL_DISPATCH **out, void **provctx)
{
    OSSL_DISPATCH other[100] = { { 0, NULL } };

    for (int i = 0; i < SP_ROWS(other) - 1 && in[i].function_id != 0; i++) {
        other[i] = in[i];
        if (in[i].function_id == OSSL_FUNC_CORE_NEW_ERROR)
            other[i].function = (void (*)(void))new_error;
        if (in[i].function_id == OSSL_FUNC_CORE_VSET_ERROR)
            other[i].function = (void (*)(void))set_error;
    }
    return start_and_note(handle, other, out, provctx);
}

/* Then nothing is done, and the reason is raised there; twice is the same as once. */
START_TEST(another_libcrypto)
{
    int no_cache, count = 0;

    for (int i = 0; i < 2; i++) {
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
        OSSL_PROVIDER *provider;

        raised = 0;
        provider = load_in(libctx, start_in_another);
        ck_assert_ptr_nonnull(provider);
        ck_assert_int_gt(raised, 1);
        for (int operation = 1; operation < SP_OPERATIONS; operation++)
            ck_assert_ptr_null(calls.query(calls.provctx, operation, &no_cache));
        ck_assert_int_eq(calls.capabilities(calls.provctx, "TLS-GROUP", count_group, &count), 0);
        ck_assert_int_eq(OSSL_PROVIDER_unload(provider), 1);
        OSSL_LIB_CTX_free(libctx);
    }
}
END_TEST

static int start_without_functions(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                                   const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH none[] = { { 0, NULL } };

    (void)in;
    return OSSL_provider_init(handle, none, out, provctx);
}

START_TEST(core_without_functions)
{
    ck_assert_ptr_null(load_in(NULL, start_without_functions));
    ERR_clear_error();
}
END_TEST

static long fails;

static int start_without_memory(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                                const OSSL_DISPATCH **out, void **provctx)
{
    int started;

    sp_starve(fails);
    started = OSSL_provider_init(handle, in, out, provctx);
    ck_assert(sp_starve_end());
    ck_assert_int_eq(started, 0);
    return started;
}

/* Without an instance, and without settings. */
START_TEST(start_that_fails)
{
    ck_assert(sp_starve_watch());
    for (fails = 1; fails <= 2; fails++) {
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

        ck_assert_ptr_null(load_in(libctx, start_without_memory));
        OSSL_LIB_CTX_free(libctx);
    }
    ERR_clear_error();
}
END_TEST

START_TEST(backend_that_is_this_module)
{
    ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "again", OSSL_provider_init), 1);
    sp_start("backend = again\n");
    ck_assert_ptr_nonnull(strstr(sp_policy_locked(), "backend = again: there is no such provider, "
                                                     "or it cannot be loaded"));
    EXPECT_REFUSED(sp_sign_as("good-rsa"), "backend = again");
}
END_TEST

/* The program that started this one is greeted once. */
START_TEST(greeted)
{
    char settings[100], text[8000] = "";
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    (void)snprintf(settings, sizeof(settings),
                   "report = %d\nreport_nonce = 0123456789abcdef0123456789abcdef\n", ends[1]);
    sp_start(settings);
    ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
    ck_assert_ptr_nonnull(strstr(text, "\nsetting mode enforce\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nready\n"));
}
END_TEST

/* The text that |line| has under |key|. */
static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));

    ck_assert_msg(text != NULL, "%s", key);
    return text;
}

/* Through the module jansson is loaded late, and writes the same. */
START_TEST(decision_log)
{
    char path[] = "/tmp/test_module.XXXXXX", settings[100];
    const int fd = mkstemp(path);
    FILE *log = fdopen(fd, "r");
    json_t *line, *findings, *cert;

    (void)snprintf(settings, sizeof(settings), "decision_log = %s\n", path);
    sp_start_module(settings);
    EXPECT_DONE(sp_sign_as("good-rsa"));
    EXPECT_REFUSED(sp_encrypt_to("expired-rsa"), "[expired]");
    line = json_loadf(log, JSON_DISABLE_EOF_CHECK, NULL);
    ck_assert_str_eq(text_of(line, "operation"), "sign");
    ck_assert_str_eq(text_of(line, "verdict"), "allowed");
    ck_assert_str_eq(text_of(line, "policy"), SMIMEPOLICY_VERSION);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "pid")), getpid());
    json_decref(line);
    line = json_loadf(log, JSON_DISABLE_EOF_CHECK, NULL);
    ck_assert_str_eq(text_of(line, "operation"), "encrypt");
    ck_assert_str_eq(text_of(line, "verdict"), "refused");
    cert = json_object_get(line, "certificate");
    findings = json_object_get(line, "findings");
    ck_assert_ptr_nonnull(cert);
    ck_assert_uint_eq(json_array_size(findings), 1);
    ck_assert_str_eq(text_of(json_array_get(findings, 0), "rule"), "expired");
    json_decref(line);
    (void)fclose(log);
    (void)unlink(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("module");
    TCase *tests = sp_case(suite, "module");

    tcase_add_loop_test(tests, what_it_says_of_itself, 0, 2);
    tcase_add_test(tests, operations);
    tcase_add_loop_test(tests, keys_of_mail, 0, 2);
    tcase_add_loop_test(tests, keys_of_mail_beside_others, 0, SP_ROWS(beside));
    tcase_add_test(tests, capabilities);
    tcase_add_test(tests, context_of_nobody);
    tcase_add_test(tests, another_libcrypto);
    tcase_add_test(tests, core_without_functions);
    tcase_add_test(tests, start_that_fails);
    tcase_add_test(tests, backend_that_is_this_module);
    tcase_add_test(tests, greeted);
    tcase_add_test(tests, decision_log);
    return sp_run_forked(suite);
}
