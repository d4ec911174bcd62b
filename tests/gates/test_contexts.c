/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is noted of a context of the backend: its key, the data, and the digest.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>

#include "base/compat.h"
#include "gates/contexts.h"
#include "gates/signature.h"
#include "harness.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "register/key_table.h"
#include "register/locks.h"
#include "register/prints.h"
#include "starve.h"

static int one, two, key;
static const struct sp_slot slots[2];
static int released; /* how often the backend freed |two| */

static void *duplicate(void *ctx)
{
    ck_assert_ptr_eq(ctx, &one);
    return &two;
}

static void *duplicate_none(void *ctx)
{
    (void)ctx;
    return NULL;
}

static void release(void *ctx)
{
    ck_assert_ptr_eq(ctx, &two);
    released++;
}

static void copy(void)
{
    ck_assert_ptr_eq(sp_contexts_duplicate(&one, duplicate, release), &two);
}

static void set_up(void)
{
    ck_assert(sp_starve_watch());
    ck_assert(sp_locks_init());
    sp_contexts_open();
}

static void tear_down(void)
{
    sp_contexts_close();
}

static struct sp_context get(const void *address)
{
    struct sp_context context = { 0 };

    ck_assert(sp_contexts_get(address, &context));
    ck_assert_ptr_eq(context.address, address);
    return context;
}

static void gather(const void *address, const char *text)
{
    ck_assert(sp_contexts_gather(address, (const unsigned char *)text, strlen(text)));
}

static void expect_head(const void *address, const char *text)
{
    const struct sp_context context = get(address);

    ck_assert_uint_eq(context.head_length, strlen(text));
    ck_assert((context.head == NULL) == (*text == '\0'));
    ck_assert(context.head == NULL || memcmp(context.head, text, strlen(text)) == 0);
}

/* An init without a key goes on with the key of the last one; nothing else stays. */
START_TEST(begun_again)
{
    struct sp_context context;

    ck_assert(!sp_contexts_get(&one, &context));
    ck_assert(sp_contexts_begin(&one, &key, &slots[0], true));
    gather(&one, "data");
    context = get(&one);
    ck_assert(context.key == &key && context.slot == &slots[0] && context.verifying);
    sp_contexts_set_stage(&one, SP_STAGE_REFUSED);
    gather(&one, "more");
    ck_assert(sp_contexts_begin(&one, NULL, &slots[1], false));
    context = get(&one);
    ck_assert(context.key == &key && context.slot == &slots[1] && !context.verifying);
    ck_assert_int_eq(context.stage, SP_STAGE_NEW);
    expect_head(&one, "");
    ck_assert(sp_contexts_begin(&one, &two, &slots[1], false));
    ck_assert_ptr_eq(get(&one).key, &two);
    ck_assert(!sp_contexts_get(&two, &context));
}
END_TEST

START_TEST(data_in_pieces)
{
    ck_assert(!sp_contexts_gather(&one, (const unsigned char *)"a", 1));
    ck_assert(sp_contexts_begin(&one, &key, &slots[0], false));
    gather(&one, "a");
    gather(&one, "bc");
    expect_head(&one, "abc");
    sp_contexts_set_stage(&one, SP_STAGE_PASSED);
    ck_assert_int_eq(get(&one).stage, SP_STAGE_PASSED);
    expect_head(&one, "");
    /* Nothing is noted of a context that was not begun. */
    sp_contexts_set_stage(&two, SP_STAGE_PASSED);
    ck_assert(!sp_contexts_get(&two, &(struct sp_context){ 0 }));
}
END_TEST

START_TEST(copied)
{
    copy();
    ck_assert(!sp_contexts_get(&two, &(struct sp_context){ 0 }));
    ck_assert_ptr_null(sp_contexts_duplicate(&one, duplicate_none, release));
    ck_assert(sp_contexts_begin(&one, &key, &slots[1], true));
    copy();
    expect_head(&two, "");
    gather(&two, "stale");
    gather(&one, "abc");
    sp_contexts_set_stage(&two, SP_STAGE_REFUSED);
    copy();
    ck_assert(get(&two).key == &key && get(&two).slot == &slots[1] && get(&two).verifying);
    ck_assert_int_eq(get(&two).stage, SP_STAGE_NEW);
    gather(&two, "d");
    expect_head(&two, "abcd");
    expect_head(&one, "abc");
    sp_contexts_end(&one);
    ck_assert(!sp_contexts_get(&one, &(struct sp_context){ 0 }));
    expect_head(&two, "abcd");
    ck_assert_int_eq(released, 0);
}
END_TEST

/* What could not be noted is told, and what was known stays. */
START_TEST(without_memory)
{
    sp_starve(1);
    ck_assert(!sp_contexts_begin(&one, &key, &slots[0], false));
    ck_assert(sp_starve_end());
    ck_assert(sp_contexts_begin(&one, &key, &slots[0], false));
    gather(&one, "abc");
    sp_starve(1);
    ck_assert(!sp_contexts_gather(&one, (const unsigned char *)"d", 1));
    ck_assert(sp_starve_end());
    expect_head(&one, "abc");
    for (long fails = 1; fails <= 2; fails++) {
        sp_starve(fails);
        ck_assert_ptr_null(sp_contexts_duplicate(&one, duplicate, release));
        ck_assert(sp_starve_end());
        ck_assert_int_eq(released, (int)fails);
        ck_assert_uint_ne(ERR_get_error(), 0);
        ck_assert(!sp_contexts_get(&two, &(struct sp_context){ 0 }));
    }
    copy();
}
END_TEST

START_TEST(closed)
{
    ck_assert(sp_contexts_begin(&one, &key, &slots[0], false));
    gather(&one, "abc");
    sp_contexts_close();
    ck_assert(!sp_contexts_get(&one, &(struct sp_context){ 0 }));
    ck_assert(!sp_contexts_begin(&one, &key, &slots[0], false));
    sp_contexts_end(&one);
}
END_TEST

static void *copy_of_backend;
static const void *freed;

static void *backends_dupctx(void *ctx)
{
    (void)ctx;
    return copy_of_backend;
}

static void backends_freectx(void *ctx)
{
    freed = ctx;
}

static const struct {
    sp_gate_fn *gate;
    int dupctx, freectx;
} copying[] = {
    { sp_gate_signature, OSSL_FUNC_SIGNATURE_DUPCTX, OSSL_FUNC_SIGNATURE_FREECTX },
    { sp_gate_asym_cipher, OSSL_FUNC_ASYM_CIPHER_DUPCTX, OSSL_FUNC_ASYM_CIPHER_FREECTX },
    { sp_gate_keyexch, OSSL_FUNC_KEYEXCH_DUPCTX, OSSL_FUNC_KEYEXCH_FREECTX },
};

/* A copy of the backend's has what is noted of the original, or there is none. */
START_TEST(copied_by_the_backend)
{
    const OSSL_DISPATCH functions[] = {
        { copying[_i].dupctx, (void (*)(void))backends_dupctx },
        { copying[_i].freectx, (void (*)(void))backends_freectx },
        { OSSL_FUNC_KEYEXCH_SET_PEER, (void (*)(void))backends_freectx },
        { 0, NULL },
    };
    static const struct sp_backend backend;
    const OSSL_ALGORITHM algorithm = { "ONE", "provider=backend", functions, NULL };
    OSSL_DISPATCH *table;
    OSSL_FUNC_signature_dupctx_fn *dupctx;
    OSSL_FUNC_signature_freectx_fn *freectx;
    bool untouched;

    ck_assert(sp_reasons_begin());
    table = copying[_i].gate(&algorithm, &backend, &untouched);
    dupctx = (OSSL_FUNC_signature_dupctx_fn *)table[0].function;
    freectx = (OSSL_FUNC_signature_freectx_fn *)table[1].function;
    ck_assert(sp_contexts_begin(&one, &key, &slots[0], false));
    ck_assert_ptr_null(dupctx(&one));
    ck_assert(!sp_contexts_get(NULL, &(struct sp_context){ 0 }));
    copy_of_backend = &two;
    sp_starve(1);
    ck_assert_ptr_null(dupctx(&one));
    ck_assert(sp_starve_end());
    ck_assert_ptr_eq(freed, &two);
    EXPECT_REFUSED(false, "nothing is known of this key");
    freed = NULL;
    ck_assert_ptr_eq(dupctx(&one), &two);
    ck_assert_ptr_null(freed);
    ck_assert_ptr_eq(get(&two).key, &key);
    freectx(&two);
    ck_assert_ptr_eq(freed, &two);
    ck_assert(!sp_contexts_get(&two, &(struct sp_context){ 0 }));
    OPENSSL_free(table);
}
END_TEST

static int backends_init(void *ctx, const char *digest, void *data, const OSSL_PARAM params[])
{
    (void)ctx, (void)digest, (void)data, (void)params;
    return 1;
}

static int backends_sign(void *ctx, unsigned char *signature, size_t *signature_length, size_t size,
                         const unsigned char *data, size_t length)
{
    (void)ctx, (void)signature, (void)signature_length, (void)size, (void)data, (void)length;
    return 1;
}

static const int signing[] = { OSSL_FUNC_SIGNATURE_SIGN, OSSL_FUNC_SIGNATURE_DIGEST_SIGN };

/* How long a signature is may be asked for; there is none with a context that was refused. */
START_TEST(signed_when_refused)
{
    const OSSL_DISPATCH functions[] = { { signing[_i], (void (*)(void))backends_sign },
                                        { 0, NULL } };
    static const struct sp_backend backend;
    const OSSL_ALGORITHM algorithm = { "ONE", "provider=backend", functions, NULL };
    OSSL_FUNC_signature_sign_fn *sign;
    OSSL_DISPATCH *table;
    unsigned char signature[8];
    size_t length = sizeof(signature);
    bool untouched;

    ck_assert(sp_reasons_begin());
    table = sp_gate_signature(&algorithm, &backend, &untouched);
    sign = (OSSL_FUNC_signature_sign_fn *)table[0].function;
    ck_assert(sp_contexts_begin(&one, &key, &slots[0], false));
    sp_contexts_set_stage(&one, SP_STAGE_REFUSED);
    EXPECT_DONE(sign(&one, NULL, &length, 0, (const unsigned char *)"data", 4) == 1);
    EXPECT_REFUSED(sign(&one, signature, &length, length, (const unsigned char *)"data", 4) == 1,
                   "start a new operation");
    OPENSSL_free(table);
}
END_TEST

static int export_rsa(void *data, int selection, OSSL_CALLBACK *callback, void *arg)
{
    (void)data, (void)selection, (void)callback, (void)arg;
    return 0;
}

static int export_ec(void *data, int selection, OSSL_CALLBACK *callback, void *arg)
{
    return export_rsa(data, selection, callback, arg);
}

static const char *types[3];

static const char **types_of_keys(void)
{
    return types;
}

static const char **no_types(void)
{
    return NULL;
}

static const struct {
    const char *type; /* NULL: the list is empty */
    sp_signature_query_key_types_fn *query;
    OSSL_FUNC_keymgmt_export_fn *export_key;
} typed[] = {
    { "RSA", types_of_keys, export_rsa },
    { NULL, types_of_keys, export_ec },
    { NULL, no_types, export_ec },
    { NULL, NULL, export_ec },
};

/* An algorithm that names the types of its keys takes those; any other, those of its own name. */
START_TEST(types_of_its_keys)
{
    const OSSL_DISPATCH rsa[] = { { OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))export_rsa },
                                  { 0, NULL } };
    const OSSL_DISPATCH ec[] = { { OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))export_ec },
                                 { 0, NULL } };
    const OSSL_ALGORITHM keys[] = { { "RSA", "", rsa, NULL },
                                    { "EC", "", ec, NULL },
                                    { NULL, NULL, NULL, NULL } };
    const OSSL_DISPATCH functions[] = {
        { OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))backends_init },
        { typed[_i].query != NULL ? SP_SIGNATURE_QUERY_KEY_TYPES : 0,
          (void (*)(void))typed[_i].query },
        { 0, NULL },
    };
    const struct sp_backend backend = { .tables = { [OSSL_OP_KEYMGMT] = keys } };
    const OSSL_ALGORITHM algorithm = { "EC", "provider=backend", functions, NULL };
    OSSL_DISPATCH *table;
    bool untouched;

    types[0] = typed[_i].type;
    types[1] = "DSA";
    table = sp_gate_signature(&algorithm, &backend, &untouched);
    ck_assert_int_eq(
        ((OSSL_FUNC_signature_digest_sign_init_fn *)table[0].function)(&one, "SHA256", &key, NULL),
        1);
    ck_assert(get(&one).slot->export_key == typed[_i].export_key);
    OPENSSL_free(table);
}
END_TEST

/* The name that the backend gives, and whether it says that it gave one. */
static const char *name;
static int answer;

static int get_params(void *ctx, OSSL_PARAM params[])
{
    OSSL_PARAM *digest = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);

    ck_assert_ptr_eq(ctx, &one);
    ck_assert_int_eq(OSSL_PARAM_set_utf8_string(digest, name), 1);
    ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
    return answer;
}

static const struct {
    OSSL_FUNC_signature_get_ctx_params_fn *get_params;
    const char *name;
    int answer, digest;
} digests[] = {
    { get_params, "SHA256", 1, NID_sha256 }, { get_params, "SHA1", 1, NID_sha1 },
    { get_params, "", 1, NID_undef },        { get_params, "SHA256", 0, NID_undef },
    { get_params, "SHA256", -1, NID_undef }, { NULL, "SHA256", 1, NID_undef },
};

/* Not every backend tells it. */
START_TEST(digest_of_a_context)
{
    const struct signature signature = { .get_ctx_params = digests[_i].get_params };

    name = digests[_i].name;
    answer = digests[_i].answer;
    ck_assert_int_eq(sp_signature_digest(&signature, &one), digests[_i].digest);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

static const void *given; /* the key of the last init that reached the backend */
static int started;       /* what it answered */

static int init(void *ctx, void *used, const OSSL_PARAM params[])
{
    (void)ctx, (void)params;
    given = used;
    return started;
}

static void adopt_policy(const char *weak_digest)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();

    ck_assert_int_eq(smimepolicy_settings_set(settings, "unverified_signers", "refuse", NULL), 1);
    ck_assert_int_eq(smimepolicy_settings_set(settings, "weak_digest", weak_digest, NULL), 1);
    sp_policy_adopt(settings);
    ck_assert(sp_reasons_begin());
    sp_prints_open();
    sp_keys_open();
}

static int raw_init(bool verifying, void *used)
{
    static const struct signature signature = { .sign_init = init, .verify_init = init };

    given = NULL;
    return verifying
               ? sp_raw_verify_init(&signature, init, SP_EVIDENCE_ATTRIBUTES, &one, used, NULL)
               : sp_raw_sign_init(&signature, init, SP_EVIDENCE_ATTRIBUTES, &one, used, NULL);
}

/*
 * Without a key there is nothing to judge; the key of an init before is judged again.  Whether
 * digests are judged makes no difference.
 */
START_TEST(key_of_an_init)
{
    const bool verifying = _i % 2 == 1;
    struct sp_context context;

    adopt_policy(_i < 2 ? "deny" : "ignore");
    for (started = -1; started <= 0; started++) {
        ck_assert_int_eq(raw_init(verifying, NULL), started);
        ck_assert(!sp_contexts_get(&one, &context));
    }
    started = 1;
    EXPECT_DONE(raw_init(verifying, NULL) == 1);
    context = get(&one);
    ck_assert(context.key == NULL && context.verifying == verifying);
    ck_assert_int_eq(context.stage, SP_STAGE_PASSED);
    EXPECT_REFUSED(raw_init(verifying, &key) == 1,
                   verifying ? "[distrust-default]" : "[certificate-required]");
    ck_assert_ptr_null(given);
    ck_assert(sp_contexts_begin(&one, &key, &slots[0], verifying));
    EXPECT_REFUSED(raw_init(verifying, NULL) == 1,
                   verifying ? "[distrust-default]" : "[certificate-required]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("contexts");
    TCase *tests = sp_case(suite, "contexts");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, begun_again);
    tcase_add_test(tests, data_in_pieces);
    tcase_add_test(tests, copied);
    tcase_add_loop_test(tests, copied_by_the_backend, 0, SP_ROWS(copying));
    tcase_add_loop_test(tests, types_of_its_keys, 0, SP_ROWS(typed));
    tcase_add_loop_test(tests, signed_when_refused, 0, SP_ROWS(signing));
    tcase_add_test(tests, without_memory);
    tcase_add_test(tests, closed);
    tcase_add_loop_test(tests, digest_of_a_context, 0, SP_ROWS(digests));
    tcase_add_loop_test(tests, key_of_an_init, 0, 4);
    return sp_run_forked(suite);
}
