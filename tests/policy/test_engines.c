/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Engines: what they sign and encrypt reaches no gate, so that nothing is done beside them.
 */
/* OpenSSL 3 deprecates them, and a version without them has nothing to be tested. */
#undef OPENSSL_NO_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/err.h>
#include <openssl/opensslv.h>
#if OPENSSL_VERSION_MAJOR < 4
#include <openssl/engine.h>
#else
#define OPENSSL_NO_ENGINE
#endif

#include "mail.h"

#ifndef OPENSSL_NO_ENGINE

static EVP_PKEY_METHOD *method;
static int method_type; /* that the engine has a method for */

static int methods(ENGINE *engine, EVP_PKEY_METHOD **found, const int **types, int type)
{
    (void)engine;
    if (found == NULL) {
        *types = &method_type;
        return 1;
    }
    *found = type == method_type ? method : NULL;
    return *found != NULL;
}

static EVP_PKEY *load_key(ENGINE *engine, const char *id, UI_METHOD *ui, void *data)
{
    (void)engine, (void)id, (void)ui, (void)data;
    return NULL;
}

static const struct {
    int type;     /* of the method; 0: none */
    bool prefers; /* it is what libcrypto asks for keys of this type */
    bool loads;   /* it loads private keys */
    bool locks;
} rows[] = {
    { EVP_PKEY_RSA, true, false, true },
    { EVP_PKEY_RSA_PSS, true, false, true },
    { EVP_PKEY_EC, true, false, true },
    { EVP_PKEY_RSA, false, false, true },
    { EVP_PKEY_EC, false, false, true },
    { 0, false, true, true },
    /* Of no key that mail has; and of none. */
    { EVP_PKEY_HMAC, true, false, false },
    { EVP_PKEY_HMAC, false, false, false },
    { 0, false, false, false },
};

static ENGINE *make_engine(int row)
{
    ENGINE *engine = ENGINE_new();

    ck_assert_int_eq(ENGINE_set_id(engine, "odd"), 1);
    ck_assert_int_eq(ENGINE_set_name(engine, "an engine of a test"), 1);
    method_type = rows[row].type;
    if (method_type != 0) {
        method = EVP_PKEY_meth_new(method_type, 0);
        ck_assert_int_eq(ENGINE_set_pkey_meths(engine, methods), 1);
    }
    if (rows[row].loads)
        ck_assert_int_eq(ENGINE_set_load_privkey_function(engine, load_key), 1);
    ck_assert_int_eq(ENGINE_add(engine), 1);
    if (rows[row].prefers)
        ck_assert_int_eq(ENGINE_register_pkey_meths(engine), 1);
    return engine;
}

static const char told[] = "the engine odd uses RSA and EC keys past the policy";

/* An engine that comes while we are there, and one that was there before. */
START_TEST(beside_an_engine)
{
    const int row = _i / 2;
    const bool before = _i % 2 == 1;
    const char *said = rows[row].locks ? told : NULL;
    ENGINE *engine = NULL;

    if (before) {
        ck_assert_int_eq(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
        engine = make_engine(row);
        ck_assert_int_eq(OSSL_PROVIDER_add_builtin(NULL, "smimepolicy", OSSL_provider_init), 1);
        ck_assert_ptr_nonnull(OSSL_PROVIDER_load(NULL, "smimepolicy"));
        ERR_clear_error();
    } else {
        sp_start(NULL);
        EXPECT_DONE(sp_sign_as("good-ec"));
        EXPECT_DONE(sp_encrypt_to("good-rsa"));
        engine = make_engine(row);
    }
    EXPECT(sp_sign_as("good-ec"), said);
    EXPECT(sp_sign_as("good-rsa"), said);
    EXPECT_REFUSED(sp_sign_as("expired-rsa"), rows[row].locks ? told : "[expired]");
    /* It goes; what was done meanwhile nobody knows. */
    ck_assert_int_eq(ENGINE_remove(engine), 1);
    EXPECT(sp_encrypt_to("good-rsa"), said);
    (void)ENGINE_free(engine);
}
END_TEST

#endif

int main(void)
{
    Suite *suite = suite_create("engines");
#ifndef OPENSSL_NO_ENGINE
    TCase *tests = sp_case(suite, "engines");

    tcase_add_loop_test(tests, beside_an_engine, 0, 2 * SP_ROWS(rows));
#endif
    return sp_run_forked(suite);
}
