/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tool/certs/certs.h"

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

/* Options for the chain that only stock follows.  With one of them nothing is loosened. */
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

X509_STORE *shim_store_of(const STACK_OF(X509) *anchors)
{
    X509_STORE *store = X509_STORE_new();
    bool done = store != NULL &&
                (anchors == NULL || X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1);

    for (int i = 0; done && i < sk_X509_num(anchors); i++)
        done = X509_STORE_add_cert(store, sk_X509_value(anchors, i)) == 1;
    if (done)
        return store;
    X509_STORE_free(store);
    return NULL;
}

X509_STORE *shim_chain_store(const struct shim_args *args, const char *file,
                             const STACK_OF(X509) *anchors)
{
    const char *path = shim_args_value(args, "CApath");
    const char *uri = shim_args_value(args, "CAstore");
    X509_STORE *store = can_follow(args) ? shim_store_of(anchors) : NULL;

    if (store != NULL && (file == NULL || X509_STORE_load_file(store, file) == 1) &&
        (path == NULL || X509_STORE_load_path(store, path) == 1) &&
        (uri == NULL || X509_STORE_load_store(store, uri) == 1))
        return store;
    ERR_clear_error();
    X509_STORE_free(store);
    return NULL;
}

void shim_chain_clear(struct shim_chain *chain)
{
    sk_X509_pop_free(chain->certs, X509_free);
    for (size_t i = 0; i < chain->count; i++)
        X509_free(chain->faults[i].at);
    *chain = (struct shim_chain){ .encrypts = chain->encrypts };
}

/* The errors by which libcrypto says that the chain ends at no certificate of the store. */
static bool is_stranger(int error)
{
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
           error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
           error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
           error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN || error == X509_V_ERR_CERT_UNTRUSTED;
}

static void add_fault(struct shim_chain *chain, int error, X509 *at)
{
    for (size_t i = 0; i < chain->count; i++)
        if (at == NULL ? chain->faults[i].at == NULL
                       : chain->faults[i].error == error && chain->faults[i].at == at)
            return;
    if (chain->count == SHIM_MOST_FAULTS || (at != NULL && X509_up_ref(at) != 1))
        return;
    chain->faults[chain->count++] = (struct shim_chain_error){ error, at };
}

/*
 * Is it the usage of a recipient's own certificate?  The rules have judged that, and accept
 * Key Agreement in a certificate with an EC key, which libcrypto does not.
 */
static bool is_own_usage(const struct shim_chain *chain, const X509_STORE_CTX *ctx, int error)
{
    return chain->encrypts && error == X509_V_ERR_INVALID_PURPOSE &&
           X509_STORE_CTX_get_error_depth(ctx) == 0;
}

/* Collect all faults: without this callback libcrypto stops at the first. */
static int note_fault(int ok, X509_STORE_CTX *ctx)
{
    int error = X509_STORE_CTX_get_error(ctx);
    X509 *at = X509_STORE_CTX_get_current_cert(ctx);

    if (ok == 0 && !is_own_usage(X509_STORE_CTX_get_app_data(ctx), ctx, error) &&
        error != X509_V_ERR_CERT_HAS_EXPIRED && error != X509_V_ERR_CERT_NOT_YET_VALID)
        add_fault(X509_STORE_CTX_get_app_data(ctx), error,
                  is_stranger(error) ? NULL
                  : at != NULL       ? at
                                     : X509_STORE_CTX_get0_cert(ctx));
    return 1;
}

static bool prepare(X509_STORE_CTX *ctx, X509_STORE *store, X509 *signer, STACK_OF(X509) *untrusted,
                    const struct shim_args *args, bool encrypts)
{
    if (X509_STORE_CTX_init(ctx, store, signer, untrusted) != 1 ||
        X509_STORE_CTX_set_default(ctx, "smime_sign") != 1 ||
        (encrypts && X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(ctx),
                                                   X509_PURPOSE_SMIME_ENCRYPT) != 1))
        return false;
    for (size_t i = 0; args != NULL && i < sizeof(flags) / sizeof(flags[0]); i++)
        if (shim_args_has(args, flags[i].name))
            X509_STORE_CTX_set_flags(ctx, flags[i].flag);
    X509_STORE_CTX_set_verify_cb(ctx, note_fault);
    return true;
}

/*
 * libcrypto accepts a certificate whose extensions it cannot read without asking for
 * its purpose.
 */
static void note_unreadable(struct shim_chain *chain, const STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);

        if ((X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0)
            add_fault(chain, X509_V_ERR_INVALID_EXTENSION, cert);
    }
}

void shim_chain_find(struct shim_chain *chain, X509_STORE *store, X509 *signer,
                     STACK_OF(X509) *untrusted, const struct shim_args *args)
{
    X509_STORE_CTX *ctx = store == NULL ? NULL : X509_STORE_CTX_new();
    bool done = false;

    if (ctx != NULL && prepare(ctx, store, signer, untrusted, args, chain->encrypts)) {
        X509_STORE_CTX_set_app_data(ctx, chain);
        done = X509_verify_cert(ctx) == 1;
        note_unreadable(chain, X509_STORE_CTX_get0_chain(ctx));
    }
    if (done && chain->count == 0)
        chain->certs = X509_STORE_CTX_get1_chain(ctx);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
}

bool shim_certs_hold(const STACK_OF(X509) *certs, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), cert) == 0)
            return true;
    return false;
}

void shim_chain_to_itself(struct shim_chain *chain, X509_STORE *store, X509 *signer,
                          const struct shim_args *args)
{
    STACK_OF(X509) *all = store == NULL ? NULL : X509_STORE_get1_all_certs(store);
    STACK_OF(X509) *own = sk_X509_new_null();
    X509_STORE *alone = NULL;

    for (int i = 0; own != NULL && i < sk_X509_num(all); i++)
        if (X509_cmp(sk_X509_value(all, i), signer) == 0 &&
            sk_X509_push(own, sk_X509_value(all, i)) > 0)
            break;
    if (own != NULL && store != NULL)
        alone = shim_store_of(own);
    shim_chain_find(chain, alone, signer, NULL, args);
    X509_STORE_free(alone);
    sk_X509_free(own);
    sk_X509_pop_free(all, X509_free);
}
