/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * With `own_anchors = first` a contact's certificate is verified by itself, whatever its issuer is.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/x509_vfy.h>

#include "certs.h"
#include "gates/hooks.h"
#include "keyring_of_test.h"
#include "policy/policy.h"
#include "reporting.h"

#define YEARS .not_before = "20200101000000Z", .not_after = "20991231235959Z"

static const struct row {
    const char *label, *settings;
    enum sp_role role;   /* in which the signer's certificate is kept; SP_ROLE_NONE: it is not */
    bool in_store;       /* the program trusts it */
    unsigned long flags; /* of the program's store */
    bool issuer_expired;
    int length; /* of the chain that is found; 0: there is none */
} rows[] = {
    { "found by its issuer", "own_anchors = last", SP_ROLE_CONTACT, true, 0, false, 2 },
    { "by itself", "own_anchors = first", SP_ROLE_CONTACT, true, 0, false, 1 },
    { "an identity", "own_anchors = first", SP_ROLE_IDENTITY, true, 0, false, 1 },
    { "expired issuer", "own_anchors = last", SP_ROLE_CONTACT, true, 0, true, 0 },
    { "by itself, expired issuer", "own_anchors = first", SP_ROLE_CONTACT, true, 0, true, 1 },
    { "not kept", "own_anchors = first", SP_ROLE_NONE, true, 0, true, 0 },
    { "kept as a CA", "own_anchors = first", SP_ROLE_CA, true, 0, true, 0 },
    { "issuer trusted alone", "own_anchors = first", SP_ROLE_CONTACT, false, 0, false, 2 },
    { "not trusted by the program", "own_anchors = first", SP_ROLE_CONTACT, false, 0, true, 0 },
    { "checked for revocation", "own_anchors = first", SP_ROLE_CONTACT, true, X509_V_FLAG_CRL_CHECK,
      true, 0 },
};

static X509 *signer_of(X509 *issuer, const char *san)
{
    return sp_make_cert(&(struct sp_recipe){ YEARS, .subject = "signer", .san = san,
                                             .usage = "digitalSignature", .issuer = issuer,
                                             .issuer_key = sp_test_rsa() });
}

static X509 *make_issuer(bool expired)
{
    return sp_make_cert(
        &(struct sp_recipe){ .not_before = "20200101000000Z",
                             .not_after = expired ? "20210101000000Z" : "20991231235959Z",
                             .subject = "issuer",
                             .usage = "keyCertSign",
                             .basic = "critical,CA:TRUE" });
}

/* The length of the chain; 0 if it failed. */
static int verify(X509_STORE *store, X509 *signer, X509 *issuer)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *along = sk_X509_new_null();
    int length = 0;

    ck_assert_int_gt(sk_X509_push(along, issuer), 0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, along), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    if (X509_verify_cert(ctx) == 1)
        length = sk_X509_num(X509_STORE_CTX_get0_chain(ctx));
    X509_STORE_CTX_free(ctx);
    sk_X509_free(along);
    return length;
}

START_TEST(verified)
{
    const struct row *row = &rows[_i];
    X509 *issuer, *signer, *namesake;
    X509_STORE *store;
    int length;

    sp_start_with_keyring(row->settings);
    issuer = make_issuer(row->issuer_expired);
    signer = signer_of(issuer, "email:bob@example.org");
    namesake = signer_of(issuer, "email:eve@example.org");
    sp_put(SP_ROLE_CONTACT, "good-ec");
    if (row->role != SP_ROLE_NONE)
        sp_put_cert(row->role, signer, NULL, NULL);
    store = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_set_flags(store, row->flags), 1);
    ck_assert_int_eq(X509_STORE_add_cert(store, namesake), 1);
    ck_assert_int_eq(X509_STORE_add_cert(store, issuer), 1);
    if (row->in_store)
        ck_assert_int_eq(X509_STORE_add_cert(store, signer), 1);
    ERR_clear_error();
    for (int i = 0; i < 2; i++) {
        length = verify(store, signer, issuer);
        ck_assert_msg(length == row->length, "%s: %d: %s", row->label, length, sp_errors());
    }
    X509_STORE_free(store);
    X509_free(namesake);
    X509_free(signer);
    X509_free(issuer);
}
END_TEST

/* Nobody knows then whether it is a contact's. */
START_TEST(a_keyring_that_cannot_be_read)
{
    X509 *issuer, *signer;
    X509_STORE *store;

    sp_start_with_keyring("own_anchors = first");
    issuer = make_issuer(true);
    signer = signer_of(issuer, "email:bob@example.org");
    sp_put_cert(SP_ROLE_CONTACT, signer, NULL, NULL);
    store = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_add_cert(store, signer), 1);
    ck_assert_int_eq(chmod(sp_keyring_of_test(), 0777), 0);
    EXPECT_REFUSED(verify(store, signer, issuer) != 0, "keyring cannot be used");
    ck_assert_int_eq(chmod(sp_keyring_of_test(), 0700), 0);
    ck_assert_int_eq(verify(store, signer, issuer), 1);
    X509_STORE_free(store);
    X509_free(signer);
    X509_free(issuer);
}
END_TEST

/* Programs look for an issuer in a context that has no certificate. */
START_TEST(nothing_is_verified)
{
    X509 *issuer, *signer, *found = NULL;
    X509_STORE *store;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    sp_start_with_keyring("own_anchors = first");
    issuer = make_issuer(false);
    signer = signer_of(issuer, "email:bob@example.org");
    sp_put_cert(SP_ROLE_CONTACT, signer, NULL, NULL);
    store = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_add_cert(store, issuer), 1);
    ERR_clear_error();
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, NULL, NULL), 1);
    ck_assert_int_eq(X509_STORE_CTX_get1_issuer(&found, ctx, signer), 1);
    ck_assert_int_eq(X509_cmp(found, issuer), 0);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(found);
    X509_free(signer);
    X509_free(issuer);
}
END_TEST

/* A root, two CAs below it, and the signer: what the keyring has of it, and the message. */
static const struct {
    const char *label;
    enum sp_role first, second; /* of the CAs */
    bool first_along, second_along;
    bool has_keyring, is_locked;
    bool is_completed; /* libcrypto is given more than is in the message */
    int length;
} paths[] = {
    { "both kept", SP_ROLE_INTERMEDIATE, SP_ROLE_INTERMEDIATE, false, false, true, false, true, 4 },
    { "the first kept", SP_ROLE_INTERMEDIATE, SP_ROLE_NONE, false, true, true, false, true, 4 },
    { "the second kept", SP_ROLE_NONE, SP_ROLE_INTERMEDIATE, true, false, true, false, true, 4 },
    { "one is nowhere", SP_ROLE_NONE, SP_ROLE_INTERMEDIATE, false, false, true, false, true, 0 },
    { "none kept", SP_ROLE_NONE, SP_ROLE_NONE, true, true, true, false, false, 4 },
    { "both kept and sent", SP_ROLE_INTERMEDIATE, SP_ROLE_INTERMEDIATE, true, true, true, false,
      false, 4 },
    { "kept by the user alone", SP_ROLE_INTERMEDIATE, SP_ROLE_INTERMEDIATE, false, true, false,
      false, false, 0 },
    { "locked", SP_ROLE_INTERMEDIATE, SP_ROLE_INTERMEDIATE, true, false, true, true, false, 0 },
};

/* A keyring that a URI of the program leads to is not that of the policy. */
static void open_the_users_keyring(void)
{
    OSSL_STORE_CTX *uri;

    ck_assert_int_eq(setenv("SMIME_POLICY_KEYRING", sp_keyring_of_test(), 1), 0);
    uri = OSSL_STORE_open("smimepolicy:trust", NULL, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(uri);
    OSSL_STORE_close(uri);
}

START_TEST(completed)
{
    struct sp_recipe recipe = { YEARS, .usage = "keyCertSign", .basic = "critical,CA:TRUE" };
    static const char *const names[] = { "root", "first", "second" };
    const enum sp_role roles[] = { SP_ROLE_NONE, paths[_i].first, paths[_i].second };
    const bool is_along[] = { false, paths[_i].first_along, paths[_i].second_along };
    X509_STORE *store;
    X509_STORE_CTX *ctx;
    STACK_OF(X509) *along;
    X509 *certs[3], *signer;
    int length = 0;

    if (paths[_i].has_keyring)
        sp_start_with_keyring("own_anchors = first");
    else
        sp_start("own_anchors = first");
    along = sk_X509_new_null();
    for (int i = 0; i < 3; i++) {
        recipe.subject = names[i];
        certs[i] = sp_make_cert(&recipe);
        recipe.issuer = certs[i];
        recipe.issuer_key = sp_test_rsa();
        if (roles[i] != SP_ROLE_NONE)
            sp_put_cert(roles[i], certs[i], NULL, NULL);
        if (is_along[i])
            ck_assert_int_gt(sk_X509_push(along, certs[i]), 0);
    }
    signer = signer_of(certs[2], "email:bob@example.org");
    if (paths[_i].is_locked)
        sp_policy_lock("a reason");
    store = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_add_cert(store, certs[0]), 1);
    if (!paths[_i].has_keyring)
        open_the_users_keyring();
    ERR_clear_error();
    ctx = X509_STORE_CTX_new();
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, along), 1);
    ck_assert_int_eq(X509_STORE_CTX_get0_untrusted(ctx) != along, paths[_i].is_completed);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    if (X509_verify_cert(ctx) == 1)
        length = sk_X509_num(X509_STORE_CTX_get0_chain(ctx));
    ck_assert_msg(length == paths[_i].length, "%s: %d: %s", paths[_i].label, length, sp_errors());
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(along);
    X509_free(signer);
    for (int i = 0; i < 3; i++)
        X509_free(certs[i]);
}
END_TEST

/* The chain is that of the verification which this thread began last, if the command verifies. */
START_TEST(chain_of_a_signer)
{
    const bool to_verify = _i == 0;
    X509 *issuer, *signers[2];
    X509_STORE *store;
    X509_STORE_CTX *ctxs[2];

    sp_start_reporting(to_verify ? "report_use = verify\nown_anchors = first\n"
                                 : "report_use = sign\nown_anchors = first\n");
    issuer = make_issuer(false);
    store = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_add_cert(store, issuer), 1);
    for (int i = 0; i < 2; i++) {
        signers[i] = signer_of(issuer, "email:bob@example.org");
        ctxs[i] = X509_STORE_CTX_new();
        ck_assert_int_eq(X509_STORE_CTX_init(ctxs[i], store, signers[i], NULL), 1);
        ck_assert_ptr_null(sp_own_anchor_chain(signers[i]));
        ck_assert_int_eq(X509_verify_cert(ctxs[i]), 1);
        ck_assert_int_eq(sp_own_anchor_chain(signers[i]) != NULL, to_verify);
        ck_assert_ptr_null(sp_own_anchor_chain(issuer));
    }
    ck_assert_ptr_null(sp_own_anchor_chain(signers[0]));
    X509_STORE_CTX_free(ctxs[0]);
    ck_assert_int_eq(sp_own_anchor_chain(signers[1]) != NULL, to_verify);
    X509_STORE_CTX_free(ctxs[1]);
    ck_assert_ptr_null(sp_own_anchor_chain(signers[1]));
    for (int i = 0; i < 2; i++)
        X509_free(signers[i]);
    X509_STORE_free(store);
    X509_free(issuer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("own anchor");
    TCase *tests = sp_case(suite, "own anchor");

    tcase_add_loop_test(tests, verified, 0, SP_ROWS(rows));
    tcase_add_test(tests, a_keyring_that_cannot_be_read);
    tcase_add_test(tests, nothing_is_verified);
    tcase_add_loop_test(tests, completed, 0, SP_ROWS(paths));
    tcase_add_loop_test(tests, chain_of_a_signer, 0, 2);
    return sp_run_forked(suite);
}
