/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/x509.h>

#include "choice/stored_issuers.h"
#include "tool/keyring/stored_chain.h"
#include "tool/keyring/keyring_at.h"

static bool add_all(STACK_OF(X509) *near, const STACK_OF(X509) *along)
{
    for (int i = 0; i < sk_X509_num(along); i++)
        if (X509_add_cert(near, sk_X509_value(along, i), X509_ADD_FLAG_UP_REF) != 1)
            return false;
    return true;
}

int shim_keyring_chain(struct sp_keyring *keyring, X509 *cert, const STACK_OF(X509) *along,
                       struct shim_chain *chain)
{
    STACK_OF(X509) *cas = sk_X509_new_null();
    STACK_OF(X509) *near = sk_X509_new_null();
    X509_STORE *store = NULL;
    char *why = NULL;
    int code = SHIM_OK;

    if (cas == NULL || near == NULL || X509_add_cert(near, cert, X509_ADD_FLAG_UP_REF) != 1 ||
        !add_all(near, along) || !sp_stored_intermediates(keyring, near, &why))
        code = shim_keyring_fault(why);
    for (int i = 0; code == SHIM_OK && i < sk_X509_num(near); i++)
        if (!sp_stored_issuers(keyring, sk_X509_value(near, i), cas, &why))
            code = shim_keyring_fault(why);
    /* Each of them vouches by itself, so that their own issuers need not be found. */
    if (code == SHIM_OK && sk_X509_num(cas) > 0 && (store = shim_store_of(cas)) == NULL)
        code = shim_no_memory();
    shim_chain_find(chain, store, cert, near, NULL);
    X509_STORE_free(store);
    sk_X509_pop_free(near, X509_free);
    sk_X509_pop_free(cas, X509_free);
    return code;
}
