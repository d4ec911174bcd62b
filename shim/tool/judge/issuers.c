/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/judge/judge.h"
#include "choice/stored_issuers.h"
#include "tool/keyring/keyring_at.h"

/* Add the keyring's copy of the signer, which says what a TRUSTED CERTIFICATE rejects. */
static bool add_itself(struct sp_keyring *keyring, struct shim_signature *signature,
                       STACK_OF(X509) *all, char **why)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    const struct sp_query itself = { .index = SP_BY_FINGERPRINT, .hash = fingerprint };
    struct sp_standing standing;
    bool failed = false;

    if (X509_digest(signature->cert, EVP_sha256(), fingerprint, NULL) != 1)
        return false;
    standing = sp_keyring_standing(keyring, fingerprint, &failed);
    signature->for_itself = sp_vouches_for_itself(standing);
    if (failed)
        *why = OPENSSL_strdup(sp_keyring_why(keyring));
    if (sp_is_never_anchor(standing))
        return true;
    return !failed && sp_stored_certs(keyring, &itself, all, why);
}

/* A contact vouches for no other certificate. */
struct sp_standing shim_issuers_standing(struct sp_keyring *keyring, const X509 *cert)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    struct sp_standing standing = { 0 };
    bool failed = false;

    if (keyring == NULL)
        return standing;
    if (X509_digest(cert, EVP_sha256(), fingerprint, NULL) == 1)
        standing = sp_keyring_standing(keyring, fingerprint, &failed);
    else
        failed = true;
    if (failed)
        standing = (struct sp_standing){ .role = SP_ROLE_CONTACT };
    return standing;
}

bool shim_issuers_find(struct shim_incoming *incoming, struct sp_keyring *keyring)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    bool done = all != NULL;
    /*
     * If all signers vouch for themselves, their issuers change nothing.  Nor do the
     * issuers of a stored CA, which vouches by itself.
     */
    bool themselves = incoming->count > 0;
    char *why = NULL;

    for (size_t i = 0; done && i < incoming->count; i++) {
        done = add_itself(keyring, &incoming->signatures[i], all, &why);
        themselves = themselves && incoming->signatures[i].for_itself;
    }
    for (size_t i = 0; done && !themselves && i < incoming->count; i++)
        done = sp_stored_issuers(keyring, incoming->signatures[i].cert, all, &why);
    for (int i = 0; done && !themselves && i < sk_X509_num(incoming->certs); i++)
        done = sp_stored_issuers(keyring, sk_X509_value(incoming->certs, i), all, &why);
    if (done) {
        incoming->anchors = all;
        return true;
    }
    (void)shim_keyring_fault(why);
    sk_X509_pop_free(all, X509_free);
    return false;
}
