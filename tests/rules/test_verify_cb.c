/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The verification callback, for cases that need access to the context.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "callback_recipes.h"
#include "verdicts.h"

/* Verify |signer| with |anchor| in the store; returns the error of the context. */
static int verify(X509 *signer, X509 *anchor, const char *const *settings, unsigned long flags)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    smimepolicy_settings *set = sp_settings_of(settings);
    int error;

    X509_STORE_add_cert(store, anchor);
    X509_STORE_set_flags(store, flags);
    X509_STORE_set_verify_cb(store, smimepolicy_verify_cb);
    ck_assert_int_eq(smimepolicy_store_set1_settings(store, NULL), 1);
    if (settings != NULL) {
        /* The last settings count; earlier ones are freed. */
        ck_assert_int_eq(smimepolicy_store_set1_settings(store, set), 1);
        ck_assert_int_eq(smimepolicy_store_set1_settings(store, set), 1);
    }
    smimepolicy_settings_free(set);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, NULL), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    X509_verify_cert(ctx);
    error = X509_STORE_CTX_get_error(ctx);
    if (error == X509_V_ERR_APPLICATION_VERIFICATION)
        ck_assert_uint_ne(ERR_peek_error(), 0);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return error;
}

START_TEST(partial_chain)
{
    struct sp_recipe ca_recipe = { CA, .key = sp_test_ec() };
    X509 *ca = sp_make_cert(&ca_recipe);
    struct sp_recipe good_recipe = { CLIENT, .issuer = ca };
    struct sp_recipe bare_recipe = { LONG, .usage = "digitalSignature", .issuer = ca };
    X509 *good = sp_make_cert(&good_recipe);
    X509 *bare = sp_make_cert(&bare_recipe);
    /* This extension is not read by the rules; libcrypto itself cannot read it. */
    struct sp_recipe odd_recipe = { CLIENT, .again = { "authorityKeyIdentifier", "DER:04:00" } };
    X509 *odd = sp_make_cert(&odd_recipe);
    static const char *const observe[] = { "mode", "observe", NULL };

    ck_assert_int_eq(verify(good, good, NULL, X509_V_FLAG_PARTIAL_CHAIN), X509_V_OK);
    ck_assert_int_eq(verify(bare, bare, NULL, X509_V_FLAG_PARTIAL_CHAIN),
                     X509_V_ERR_APPLICATION_VERIFICATION);
    ck_assert_int_eq(verify(bare, bare, observe, X509_V_FLAG_PARTIAL_CHAIN), X509_V_OK);
    /* Not every release of libcrypto minds what is wrong with it. */
    ck_assert_int_eq(verify(odd, odd, NULL, X509_V_FLAG_PARTIAL_CHAIN),
                     (X509_get_extension_flags(odd) & EXFLAG_INVALID) != 0
                         ? X509_V_ERR_APPLICATION_VERIFICATION
                         : X509_V_OK);
    ck_assert_int_eq(verify(good, ca, NULL, 0), X509_V_OK);
    ck_assert_int_eq(verify(good, bare, NULL, 0), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    X509_free(good);
    X509_free(bare);
    X509_free(odd);
    X509_free(ca);
}
END_TEST

/* An error at any depth stays an error. */
START_TEST(errors_stay)
{
    struct sp_recipe recipe = { CLIENT };
    X509 *cert = sp_make_cert(&recipe);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
    for (int depth = 0; depth < 3; depth++)
        for (int error = X509_V_ERR_UNSPECIFIED; error < 100; error++) {
            X509_STORE_CTX_set_error(ctx, error);
            X509_STORE_CTX_set_error_depth(ctx, depth);
            ck_assert_int_eq(smimepolicy_verify_cb(0, ctx), 0);
            ck_assert_int_eq(X509_STORE_CTX_get_error(ctx), error);
        }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(cert);
}
END_TEST

static int wave_through(int ok, X509_STORE_CTX *ctx)
{
    (void)ok;
    return smimepolicy_verify_cb(1, ctx);
}

/* A program that overrides libcrypto's error has not provided an anchor. */
START_TEST(distrust_is_not_overridden)
{
    struct sp_recipe recipe = { CLIENT };
    X509 *stranger = sp_make_cert(&recipe);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    X509_STORE_set_verify_cb(store, wave_through);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, stranger, NULL), 1);
    ERR_clear_error();
    ck_assert_int_eq(X509_verify_cert(ctx), 0);
    ck_assert_int_eq(X509_STORE_CTX_get_error(ctx), X509_V_ERR_APPLICATION_VERIFICATION);
    ck_assert_str_eq(ERR_reason_error_string(ERR_get_error()),
                     "nobody provided this signer or its CA [distrust-default]");
    ERR_clear_error();
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(stranger);
}
END_TEST

START_TEST(reasons_have_texts)
{
    struct sp_recipe recipe = { LONG };
    X509 *bare = sp_make_cert(&recipe);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    unsigned long error;

    X509_STORE_add_cert(store, bare);
    X509_STORE_CTX_init(ctx, store, bare, NULL);
    X509_STORE_CTX_set_verify_cb(ctx, smimepolicy_verify_cb);
    ERR_clear_error();
    ck_assert_int_eq(X509_verify_cert(ctx), 0);
    error = ERR_get_error();
    ck_assert_str_eq(ERR_lib_error_string(error), "smimepolicy");
    ck_assert_str_eq(ERR_reason_error_string(error),
                     "signer's certificate breaks the rules [signer-certificate]");
    ERR_clear_error();
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(bare);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verify callback");
    TCase *tests = tcase_create("callback");

    tcase_add_test(tests, partial_chain);
    tcase_add_test(tests, errors_stay);
    tcase_add_test(tests, distrust_is_not_overridden);
    tcase_add_test(tests, reasons_have_texts);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
