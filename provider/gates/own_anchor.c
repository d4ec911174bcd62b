/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * With `own_anchors = first`: a contact's own certificate, which the keyring
 * has, is verified by itself, whatever issuer is near.
 *
 * libcrypto looks for the signer's certificate among the trusted ones only when
 * it finds no issuer, and an issuer that it finds and then refuses spoils the
 * verification.  A verification that begins is therefore shown that certificate
 * and no other.
 */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "gates/hooks.h"
#include "gates/uploaded.h"
#include "policy/policy.h"

static int place = -1; /* of what is shown, in an X509_STORE_CTX; written while we are loaded */

/* The copy of |cert| in the program's store: it says what a TRUSTED CERTIFICATE rejects. */
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

/* Whoever asks for CRLs needs the issuer, who signs them. */
static bool asks_for_crls(X509_STORE_CTX *ctx)
{
    unsigned long flags = X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(ctx));

    return (flags & X509_V_FLAG_CRL_CHECK) != 0;
}

/* What cannot be found out leaves the verification to libcrypto, and then to the other hooks. */
static void begin(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    X509_STORE_CTX *ctx = parent;
    const smimepolicy_settings *policy = sp_policy();
    const X509 *cert = X509_STORE_CTX_get0_cert(ctx);
    STACK_OF(X509) *own = NULL;
    enum sp_role role;

    (void)ptr, (void)argl, (void)argp;
    if (policy == NULL || !policy->own_anchors_first || sp_policy_locked() != NULL ||
        cert == NULL || X509_STORE_CTX_get0_store(ctx) == NULL || asks_for_crls(ctx))
        return;
    if (!sp_uploaded_role(cert, "verify", &role) || !sp_vouches_for_itself(role))
        return;
    ERR_set_mark();
    own = copy_in_store(ctx, cert);
    if (own != NULL && CRYPTO_set_ex_data(data, index, own) == 1) {
        X509_STORE_CTX_set0_untrusted(ctx, NULL);
        X509_STORE_CTX_set0_trusted_stack(ctx, own);
    } else {
        sk_X509_pop_free(own, X509_free);
    }
    ERR_pop_to_mark();
}

static void end(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
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
}
