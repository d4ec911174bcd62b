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
    tcase_add_test(tests, without_memory);
    tcase_add_test(tests, closed);
    tcase_add_loop_test(tests, digest_of_a_context, 0, SP_ROWS(digests));
    tcase_add_loop_test(tests, key_of_an_init, 0, 4);
    return sp_run_forked(suite);
}
