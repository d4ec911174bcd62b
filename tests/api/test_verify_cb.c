/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The verification callback, for cases that need access to the context.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "callback_recipes.h"
#include "keyrings.h"
#include "settings/rule_ids.h"

/*
 * Verify |signer| with |anchor| in the store, and with |between| beside it; returns the
 * error of the context.
 */
static int verify_through(X509 *signer, X509 *between, X509 *anchor, const char *const *settings,
                          unsigned long flags)
{
    STACK_OF(X509) *untrusted = sk_X509_new_null();
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
    if (between != NULL)
        ck_assert_int_gt(sk_X509_push(untrusted, between), 0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, untrusted), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "smime_sign"), 1);
    X509_verify_cert(ctx);
    error = X509_STORE_CTX_get_error(ctx);
    if (error == X509_V_ERR_APPLICATION_VERIFICATION)
        ck_assert_uint_ne(ERR_peek_error(), 0);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    sk_X509_free(untrusted);
    ERR_clear_error();
    return error;
}

static int verify(X509 *signer, X509 *anchor, const char *const *settings, unsigned long flags)
{
    return verify_through(signer, NULL, anchor, settings, flags);
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

/* Does a chain pass that libcrypto has accepted for a purpose of the program's own? */
static bool passes(X509 *signer, X509 *between, X509 *anchor)
{
    X509 *const certs[] = { signer, between, anchor };
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int ok;

    for (size_t i = 0; i < 3; i++)
        ck_assert(X509_up_ref(certs[i]) == 1 && sk_X509_push(chain, certs[i]) > 0);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, NULL), 1);
    X509_STORE_CTX_set0_verified_chain(ctx, chain);
    ok = smimepolicy_verify_cb(1, ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return ok == 1;
}

/* Each that vouches for another is a CA. */
START_TEST(issuers)
{
    struct sp_recipe recipes[] = { { CA, .key = sp_test_ec() },
                                   { PERSON, .subject = "Eve", .key = sp_test_ec() },
                                   { CA, .subject = "Sub", .key = sp_test_ec() },
                                   { CLIENT },
                                   { CLIENT },
                                   { LONG, .subject = "Bare", .usage = "keyCertSign",
                                     .key = sp_test_ec() },
                                   { CLIENT } };
    X509 *ca = sp_make_cert(&recipes[0]);
    X509 *person, *sub, *bare, *by_person, *by_sub, *by_bare;

    recipes[1].issuer = recipes[2].issuer = recipes[6].issuer = ca;
    person = sp_make_cert(&recipes[1]);
    sub = sp_make_cert(&recipes[2]);
    recipes[3].issuer = person;
    recipes[4].issuer = sub;
    bare = sp_make_cert(&recipes[6]);
    recipes[5].issuer = bare;
    by_bare = sp_make_cert(&recipes[5]);
    by_person = sp_make_cert(&recipes[3]);
    by_sub = sp_make_cert(&recipes[4]);
    ck_assert_int_eq(verify_through(by_sub, sub, ca, NULL, 0), X509_V_OK);
    ck_assert_int_eq(verify_through(by_person, person, ca, NULL, 0), X509_V_OK);
    ck_assert(passes(by_sub, sub, ca));
    ck_assert(!passes(by_bare, bare, ca));
    X509_free(by_bare);
    X509_free(bare);
    X509_free(by_sub);
    X509_free(by_person);
    X509_free(sub);
    X509_free(person);
    X509_free(ca);
}
END_TEST

/* A keyring that has |signer| and |anchor| in these roles, none if both are SP_ROLE_NONE. */
static void make_keyring(const char *place, X509 *signer, enum sp_role role, X509 *anchor,
                         enum sp_role anchor_role)
{
    struct sp_keyring *keyring;

    if (role == SP_ROLE_NONE && anchor_role == SP_ROLE_NONE)
        return;
    keyring = sp_must_open(place, SP_KEYRING_WRITE);
    if (role != SP_ROLE_NONE)
        sp_store(keyring, signer, role);
    if (anchor_role != SP_ROLE_NONE)
        sp_store(keyring, anchor, anchor_role);
    sp_keyring_close(keyring);
}

/* A program that asks without a chain is told no: with a keyring, without one; if it is empty. */
START_TEST(no_chain)
{
    char *place = sp_make_place();
    const char *const words[] = { "keyring", place, NULL };
    smimepolicy_settings *settings = sp_settings_of(words);
    X509 *signer = sp_make_cert(&(struct sp_recipe){ CLIENT });
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    if (_i == 1) {
        make_keyring(place, signer, SP_ROLE_CONTACT, NULL, SP_ROLE_NONE);
        ck_assert_int_eq(smimepolicy_store_set1_settings(store, settings), 1);
    }
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, signer, NULL), 1);
    if (_i == 2)
        X509_STORE_CTX_set0_verified_chain(ctx, sk_X509_new_null());
    ERR_clear_error();
    ck_assert_int_eq(smimepolicy_verify_cb(1, ctx), 0);
    ck_assert_int_eq(X509_STORE_CTX_get_error(ctx), X509_V_ERR_APPLICATION_VERIFICATION);
    ck_assert_str_eq(ERR_reason_error_string(ERR_get_error()),
                     "nobody provided this signer or its CA [distrust-default]");
    ERR_clear_error();
    smimepolicy_settings_free(settings);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(signer);
    sp_remove_place(place);
}
END_TEST

/* What a keyring says of the signer and of the end of its chain. */
static const struct {
    bool is_alone; /* the signer is the end of its chain */
    bool is_odd;   /* it was issued by a personal certificate */
    enum sp_role role, anchor_role;
    int error[2]; /* without and with `trust = keyring` */
} stored[] = {
    { false, false, SP_ROLE_NONE, SP_ROLE_CA, { X509_V_OK, X509_V_OK } },
    { false, false, SP_ROLE_CONTACT, SP_ROLE_NONE, { X509_V_OK, X509_V_OK } },
    { false, false, SP_ROLE_CA, SP_ROLE_NONE, { X509_V_OK, X509_V_ERR_APPLICATION_VERIFICATION } },
    { false,
      false,
      SP_ROLE_NONE,
      SP_ROLE_NONE,
      { X509_V_OK, X509_V_ERR_APPLICATION_VERIFICATION } },
    /* What it was uploaded as decides who may issue, not what it looks like. */
    { false, true, SP_ROLE_NONE, SP_ROLE_CA, { X509_V_OK, X509_V_OK } },
    { false,
      false,
      SP_ROLE_NONE,
      SP_ROLE_CONTACT,
      { X509_V_ERR_APPLICATION_VERIFICATION, X509_V_ERR_APPLICATION_VERIFICATION } },
    { true, false, SP_ROLE_CONTACT, SP_ROLE_NONE, { X509_V_OK, X509_V_OK } },
    { true, false, SP_ROLE_CA, SP_ROLE_NONE, { X509_V_OK, X509_V_OK } },
    { true, false, SP_ROLE_NONE, SP_ROLE_NONE, { X509_V_OK, X509_V_ERR_APPLICATION_VERIFICATION } },
    { false, true, SP_ROLE_CONTACT, SP_ROLE_NONE, { X509_V_OK, X509_V_OK } },
    { false,
      true,
      SP_ROLE_NONE,
      SP_ROLE_CONTACT,
      { X509_V_ERR_APPLICATION_VERIFICATION, X509_V_ERR_APPLICATION_VERIFICATION } },
};

START_TEST(the_keyring_vouches)
{
    char *place = sp_make_place();
    const char *const settings[][5] = { { "keyring", place, NULL },
                                        { "keyring", place, "trust", "keyring", NULL } };
    struct sp_recipe ca_recipe = { CA, .key = sp_test_ec() };
    struct sp_recipe person_recipe = { PERSON, .key = sp_test_ec() };
    X509 *ca = sp_make_cert(stored[_i].is_odd ? &person_recipe : &ca_recipe);
    struct sp_recipe recipe = { CLIENT, .subject = "Bob" };
    X509 *signer;

    recipe.issuer = stored[_i].is_alone ? NULL : ca;
    signer = sp_make_cert(&recipe);
    make_keyring(place, signer, stored[_i].role, ca, stored[_i].anchor_role);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(verify(signer, stored[_i].is_alone ? signer : ca, settings[i],
                                X509_V_FLAG_PARTIAL_CHAIN),
                         stored[_i].error[i]);
    X509_free(signer);
    X509_free(ca);
    sp_remove_place(place);
}
END_TEST

/* What cannot be asked vouches for nobody. */
START_TEST(the_keyring_is_broken)
{
    char *place = sp_make_place();
    const char *const settings[][5] = { { "keyring", place, NULL },
                                        { "keyring", place, "trust", "keyring", NULL },
                                        { "trust", "keyring", NULL } };
    struct sp_recipe ca_recipe = { CA, .key = sp_test_ec() };
    X509 *ca = sp_make_cert(&ca_recipe);
    struct sp_recipe recipe = { CLIENT, .subject = "Bob", .issuer = ca };
    X509 *signer = sp_make_cert(&recipe);

    make_keyring(place, signer, SP_ROLE_CONTACT, ca, SP_ROLE_CA);
    ck_assert_int_eq(chmod(place, 0777), 0);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(verify(signer, ca, settings[i], 0), X509_V_ERR_APPLICATION_VERIFICATION);
    /* Nor does a signer that the program names as its own anchor: a mail could have brought it. */
    ck_assert_int_eq(verify(signer, signer, settings[0], X509_V_FLAG_PARTIAL_CHAIN),
                     X509_V_ERR_APPLICATION_VERIFICATION);
    X509_free(signer);
    X509_free(ca);
    sp_remove_place(place);
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

/* A program that overrides libcrypto's error has not provided an anchor, nor has a mail. */
START_TEST(distrust_is_not_overridden)
{
    char *place = sp_make_place();
    const char *const words[] = { "keyring", place, NULL };
    smimepolicy_settings *settings = sp_settings_of(words);
    struct sp_recipe recipe = { CLIENT };
    X509 *stranger = sp_make_cert(&recipe);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    const char *data;
    unsigned long error;

    if (_i == 1)
        make_keyring(place, stranger, SP_ROLE_INTERMEDIATE, NULL, SP_ROLE_NONE);
    ck_assert_int_eq(smimepolicy_store_set1_settings(store, settings), 1);
    X509_STORE_set_verify_cb(store, wave_through);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, stranger, NULL), 1);
    ERR_clear_error();
    ck_assert_int_eq(X509_verify_cert(ctx), 0);
    ck_assert_int_eq(X509_STORE_CTX_get_error(ctx), X509_V_ERR_APPLICATION_VERIFICATION);
    error = ERR_get_error_all(NULL, NULL, NULL, &data, NULL);
    ck_assert_str_eq(ERR_reason_error_string(error),
                     "nobody provided this signer or its CA [distrust-default]");
    ck_assert_ptr_nonnull(
        strstr(data, "nobody provided this signer or its CA [distrust-default] ("));
    ERR_clear_error();
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(stranger);
    smimepolicy_settings_free(settings);
    sp_remove_place(place);
}
END_TEST

START_TEST(reasons_have_texts)
{
    struct sp_recipe recipe = { LONG };
    X509 *bare = sp_make_cert(&recipe);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    unsigned long error;

    /* The next number is even, so that no bit of another one is in it by chance. */
    while (ERR_get_next_error_library() % 2 == 0)
        ;
    X509_STORE_add_cert(store, bare);
    X509_STORE_CTX_init(ctx, store, bare, NULL);
    X509_STORE_CTX_set_verify_cb(ctx, smimepolicy_verify_cb);
    ERR_clear_error();
    ck_assert_int_eq(X509_verify_cert(ctx), 0);
    error = ERR_get_error();
    ck_assert_str_eq(ERR_lib_error_string(error), "smimepolicy");
    ck_assert_str_eq(ERR_reason_error_string(error),
                     "signer's certificate breaks the rules [signer-certificate]");
    for (size_t i = 0; i < SP_RULE_COUNT; i++)
        ck_assert_str_eq(
            ERR_reason_error_string(ERR_PACK(ERR_GET_LIB(error), 0, (unsigned long)i + 1)),
            sp_rule_reason(i));
    ck_assert_ptr_null(
        ERR_reason_error_string(ERR_PACK(ERR_GET_LIB(error), 0, (unsigned long)SP_RULE_COUNT + 1)));
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
    tcase_add_loop_test(tests, no_chain, 0, 3);
    tcase_add_test(tests, issuers);
    tcase_add_loop_test(tests, the_keyring_vouches, 0, SP_ROWS(stored));
    tcase_add_test(tests, the_keyring_is_broken);
    tcase_add_test(tests, errors_stay);
    tcase_add_loop_test(tests, distrust_is_not_overridden, 0, 2);
    tcase_add_test(tests, reasons_have_texts);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
