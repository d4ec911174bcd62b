/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * With `own_anchors = first` a contact's certificate is verified by itself, whatever its issuer is.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "certs.h"
#include "keyring_of_test.h"

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

int main(void)
{
    Suite *suite = suite_create("own anchor");
    TCase *tests = sp_case(suite, "own anchor");

    tcase_add_loop_test(tests, verified, 0, SP_ROWS(rows));
    tcase_add_test(tests, a_keyring_that_cannot_be_read);
    tcase_add_test(tests, nothing_is_verified);
    return sp_run_forked(suite);
}
