/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bare_register.h"

#include <check.h>

#include "register/key_table.h"
#include "register/locks.h"
#include "register/prints.h"
#include "register/state.h"
#include "starve.h"

void sp_bare_register(void)
{
    ck_assert(sp_starve_watch());
    ck_assert(sp_locks_init());
    sp_prints_open();
    sp_keys_open();
    (void)sp_register_begin(NULL, true);
}

struct sp_cert *sp_pinned(X509 *x509)
{
    struct sp_cert *cert = sp_cert_new(x509);

    cert->pinned = true;
    return cert;
}

int sp_export_key(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
    OSSL_PARAM *params = NULL;
    int done;

    ck_assert_int_eq(EVP_PKEY_todata(key, selection, &params), 1);
    done = callback(params, arg);
    OSSL_PARAM_free(params);
    return done;
}

int sp_export_nothing(void *key, int selection, OSSL_CALLBACK *callback, void *arg)
{
    (void)key, (void)selection, (void)callback, (void)arg;
    return 0;
}
