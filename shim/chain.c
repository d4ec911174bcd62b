/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "chain.h"

static const struct {
    const char *name;
    unsigned long flag;
} flags[] = {
    { "partial_chain", X509_V_FLAG_PARTIAL_CHAIN },
    { "trusted_first", X509_V_FLAG_TRUSTED_FIRST },
    { "no_alt_chains", X509_V_FLAG_NO_ALT_CHAINS },
    { "x509_strict", X509_V_FLAG_X509_STRICT },
    { "check_ss_sig", X509_V_FLAG_CHECK_SS_SIGNATURE },
};

/* Options on the path that are stock's alone to follow; with one of them nothing is loosened. */
static const char *const stock_only[] = {
    "policy",       "policy_check", "explicit_policy", "inhibit_any", "inhibit_map",
    "policy_print", "verify_depth", "auth_level",      "attime",      "verify_hostname",
    "verify_email", "verify_ip",    "issuer_checks",   "crl_check",   "crl_check_all",
    "extended_crl", "use_deltas",   "suiteB_128_only", "suiteB_128",  "suiteB_192",
};

static bool can_follow(const struct shim_args *args)
{
    for (size_t i = 0; i < sizeof(stock_only) / sizeof(stock_only[0]); i++)
        if (shim_args_has(args, stock_only[i]))
            return false;
    return true;
}

/* Each one vouches by itself, without its root. */
static bool add_anchors(X509_STORE *store, const STACK_OF(X509) *anchors)
{
    bool done = anchors == NULL || X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;

    for (int i = 0; done && i < sk_X509_num(anchors); i++)
        done = X509_STORE_add_cert(store, sk_X509_value(anchors, i)) == 1;
    return done;
}

X509_STORE *shim_chain_store(const struct shim_args *args, const char *file,
                             const STACK_OF(X509) *anchors)
{
    const char *path = shim_args_value(args, "CApath");
    const char *uri = shim_args_value(args, "CAstore");
    X509_STORE *store = can_follow(args) ? X509_STORE_new() : NULL;

    if (store != NULL && (file == NULL || X509_STORE_load_file(store, file) == 1) &&
        (path == NULL || X509_STORE_load_path(store, path) == 1) &&
        (uri == NULL || X509_STORE_load_store(store, uri) == 1) && add_anchors(store, anchors))
        return store;
    ERR_clear_error();
    X509_STORE_free(store);
    return NULL;
}

static int pass_time(int ok, X509_STORE_CTX *ctx)
{
    int error = X509_STORE_CTX_get_error(ctx);

    return ok != 0 || error == X509_V_ERR_CERT_HAS_EXPIRED ||
           error == X509_V_ERR_CERT_NOT_YET_VALID;
}

static bool prepare(X509_STORE_CTX *ctx, X509_STORE *store, X509 *signer, STACK_OF(X509) *untrusted,
                    const struct shim_args *args)
{
    if (X509_STORE_CTX_init(ctx, store, signer, untrusted) != 1 ||
        X509_STORE_CTX_set_default(ctx, "smime_sign") != 1)
        return false;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (shim_args_has(args, flags[i].name))
            X509_STORE_CTX_set_flags(ctx, flags[i].flag);
    X509_STORE_CTX_set_verify_cb(ctx, pass_time);
    return true;
}

STACK_OF(X509) *shim_chain_build(X509_STORE *store, X509 *signer, STACK_OF(X509) *untrusted,
                                 const struct shim_args *args)
{
    X509_STORE_CTX *ctx = store == NULL ? NULL : X509_STORE_CTX_new();
    STACK_OF(X509) *chain = NULL;

    if (ctx != NULL && prepare(ctx, store, signer, untrusted, args) && X509_verify_cert(ctx) == 1)
        chain = X509_STORE_CTX_get1_chain(ctx);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return chain;
}
