/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * With `own_anchors = first` a stored certificate of a contact is verified by
 * itself, even if its issuer is at hand; and the intermediates of the keyring complete
 * the chain of every other one.
 *
 * libcrypto looks for the signer's certificate among the trusted ones only if it
 * finds no issuer, and an issuer that it finds and then refuses makes the
 * verification fail.  So at the beginning of a verification libcrypto is given that
 * certificate as the only trusted one.
 */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "choice/stored_issuers.h"
#include "gates/decisions.h"
#include "gates/hooks.h"
#include "gates/uploaded.h"
#include "keyring/forks.h"
#include "policy/command.h"
#include "policy/policy.h"
#include "register/register.h"

/*
 * the ex_data index of the certificates that an X509_STORE_CTX got from us; written while we
 * are loaded
 */
static int place = -1;

/* What this thread verifies, until it is freed.  In a program of the command alone. */
static _Thread_local X509_STORE_CTX *current;

/* libcrypto may have put the copy of the trust store in the place of the signer's certificate. */
const STACK_OF(X509) *sp_own_anchor_chain(const X509 *signer)
{
    const STACK_OF(X509) *chain = current == NULL ? NULL : X509_STORE_CTX_get0_chain(current);

    return sk_X509_value(chain, 0) == signer ? chain : NULL;
}

/* The copy of |cert| in the program's store, which may hold what a TRUSTED CERTIFICATE rejects. */
static STACK_OF(X509) *copy_in_store(X509_STORE_CTX *ctx, const X509 *cert)
{
    STACK_OF(X509) *named = X509_STORE_CTX_get1_certs(ctx, X509_get_subject_name(cert));
    STACK_OF(X509) *copy = NULL;

    for (int i = 0; copy == NULL && i < sk_X509_num(named); i++) {
        X509 *x509 = sk_X509_value(named, i);

        if (X509_cmp(x509, cert) != 0 || (copy = sk_X509_new_null()) == NULL)
            continue;
        if (!X509_add_cert(copy, x509, X509_ADD_FLAG_UP_REF)) {
            sk_X509_free(copy);
            copy = NULL;
            break;
        }
    }
    sk_X509_pop_free(named, X509_free);
    return copy;
}

/* Are CRLs checked?  They are signed by the issuer, so the chain needs it. */
static bool asks_for_crls(X509_STORE_CTX *ctx)
{
    unsigned long flags = X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(ctx));

    return (flags & X509_V_FLAG_CRL_CHECK) != 0;
}

/* Add the intermediates to |certs|.  What is parsed here is nothing that the program has parsed. */
static bool add_intermediates(STACK_OF(X509) *certs)
{
    struct sp_quiet quiet;
    char *why = NULL;
    struct sp_keyring *keyring = sp_keyring_borrow(sp_policy()->keyring, &quiet, &why);
    bool done;

    sp_register_set_aside(true);
    done = keyring != NULL && sp_stored_intermediates(keyring, certs, &why);
    sp_register_set_aside(false);
    sp_keyring_give_back(keyring, &quiet);
    OPENSSL_free(why);
    return done;
}

/* The untrusted certificates of |ctx| with the intermediates; NULL if there are none to add. */
static STACK_OF(X509) *completed(X509_STORE_CTX *ctx, X509 *cert)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    bool done =
        X509_add_cert(certs, cert, X509_ADD_FLAG_UP_REF) == 1 &&
        X509_add_certs(certs, X509_STORE_CTX_get0_untrusted(ctx), X509_ADD_FLAG_UP_REF) == 1;
    int count = sk_X509_num(certs);

    if (done && add_intermediates(certs) && sk_X509_num(certs) > count)
        return certs;
    sk_X509_pop_free(certs, X509_free);
    return NULL;
}

/*
 * Called when a verification begins.  If something cannot be found out, libcrypto
 * and the other hooks verify as usual.
 */
static void begin(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    X509_STORE_CTX *ctx = parent;
    const smimepolicy_settings *policy = sp_policy();
    X509 *cert = X509_STORE_CTX_get0_cert(ctx);
    STACK_OF(X509) *own = NULL;
    bool itself;
    struct sp_standing standing;

    (void)ptr, (void)argl, (void)argp;
    current = sp_command_is_to(SMIMEPOLICY_VERIFY) ? ctx : NULL;
    if (policy == NULL || !policy->own_anchors_first || sp_policy_locked() != NULL ||
        cert == NULL || X509_STORE_CTX_get0_store(ctx) == NULL || asks_for_crls(ctx))
        return;
    if (policy->keyring == NULL || !sp_uploaded_standing(cert, "verify", &standing))
        return;
    itself = sp_vouches_for_itself(standing);
    ERR_set_mark();
    own = itself ? copy_in_store(ctx, cert) : completed(ctx, cert);
    if (own != NULL && CRYPTO_set_ex_data(data, index, own) == 1) {
        X509_STORE_CTX_set0_untrusted(ctx, itself ? NULL : own);
        if (itself)
            X509_STORE_CTX_set0_trusted_stack(ctx, own);
    } else {
        sk_X509_pop_free(own, X509_free);
    }
    ERR_pop_to_mark();
}

static void end(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)data, (void)index, (void)argl, (void)argp;
    if (current == parent)
        current = NULL;
    sk_X509_pop_free(ptr, X509_free);
}

bool sp_own_anchor_start(void)
{
    if (!sp_policy()->own_anchors_first)
        return true;
    place = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, NULL, begin, NULL, end);
    return place >= 0;
}

void sp_own_anchor_stop(void)
{
    if (place >= 0)
        CRYPTO_free_ex_index(CRYPTO_EX_INDEX_X509_STORE_CTX, place);
    place = -1;
    sp_command_forget_signers();
}
