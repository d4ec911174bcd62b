/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tool/judge/issuers.h"
#include "choice/stored_issuers.h"
#include "common/memory_file.h"
#include "rules/revocation.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/keyring_at.h"

static smimepolicy_verdict *judge(const struct shim *shim, const X509 *cert, time_t now)
{
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict =
        facts == NULL ? NULL : sp_judge_along(facts, now, SP_ALONG_STORED);

    sp_facts_free(facts);
    return sp_verdict_join(verdict, shim_judge_issuer(shim, cert, false, SMIMEPOLICY_SIGN, now));
}

static bool push(STACK_OF(X509) *certs, X509 *cert)
{
    return X509_add_cert(certs, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
}

/* Judge the chain of |signer|, and add to |along| what is sent. */
static int add_path(const struct shim *shim, struct shim_selection *selection, X509 *signer,
                    STACK_OF(X509) *along, time_t now, struct shim_outcome *outcome)
{
    STACK_OF(X509) *path = sk_X509_new_null();
    char *why = NULL;
    int code = SHIM_OK;

    if (path == NULL || !sp_stored_path(selection->keyring, signer, now, path, &why))
        code = shim_keyring_fault(why);
    for (int i = 0; code == SHIM_OK && i < sk_X509_num(path); i++) {
        X509 *issuer = sk_X509_value(path, i);

        shim_outcome_add(outcome, judge(shim, issuer, now));
        if (!sp_is_root(issuer) && !push(along, issuer))
            code = shim_no_memory();
    }
    sk_X509_pop_free(path, X509_free);
    return code;
}

char *shim_issuers_file(const STACK_OF(X509) *certs, const char *before, size_t len, int *fd)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool done = bio != NULL && (len == 0 || BIO_write(bio, before, (int)len) == (int)len);
    char *data;
    long length;
    char *path = NULL;

    if (done && len > 0)
        done = BIO_puts(bio, "\n") > 0;
    for (int i = 0; done && i < sk_X509_num(certs); i++)
        done = PEM_write_bio_X509_AUX(bio, sk_X509_value(certs, i)) == 1;
    if (done && (length = BIO_get_mem_data(bio, &data)) >= 0)
        *fd = shim_memory_file("certificates.pem", data, (size_t)length);
    else
        (void)shim_no_memory();
    if (*fd >= 0)
        path = shim_fd_path(*fd);
    BIO_free(bio);
    return path;
}

int shim_issuers_along(const struct shim *shim, struct shim_selection *selection, time_t now,
                       struct shim_outcome *outcome)
{
    STACK_OF(X509) *along = sk_X509_new_null();
    int code = along == NULL ? shim_no_memory() : SHIM_OK;

    for (size_t i = 0; code == SHIM_OK && i < selection->signer_count; i++)
        code = add_path(shim, selection, selection->signers[i].cert, along, now, outcome);
    if (code == SHIM_OK && sk_X509_num(along) > 0) {
        selection->issuers_path = shim_issuers_file(along, "", 0, &selection->issuers);
        code = selection->issuers_path == NULL ? SHIM_SYSTEM : SHIM_OK;
    }
    sk_X509_pop_free(along, X509_free);
    return code;
}

/*
 * Add the keyring's copy of |cert|, which says what a TRUSTED CERTIFICATE rejects.
 * |*vouches|: it vouches for itself by its role.
 */
static bool add_itself(struct sp_keyring *keyring, const X509 *cert, STACK_OF(X509) *all,
                       bool *vouches, char **why)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    const struct sp_query itself = { .index = SP_BY_FINGERPRINT, .hash = fingerprint };
    struct sp_standing standing;
    bool failed = false;

    *vouches = false;
    if (X509_digest(cert, EVP_sha256(), fingerprint, NULL) != 1)
        return false;
    standing = sp_keyring_standing(keyring, fingerprint, &failed);
    *vouches = sp_vouches_for_itself(standing);
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

STACK_OF(X509) *shim_issuers_all(struct sp_keyring *keyring, const STACK_OF(X509) *certs, int own,
                                 bool *for_itself)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    bool done = all != NULL;
    char *why = NULL;
    int themselves = 0;

    for (int i = 0; done && i < own; i++) {
        done = add_itself(keyring, sk_X509_value(certs, i), all, &for_itself[i], &why);
        themselves += for_itself[i];
    }
    /*
     * If all signers vouch for themselves, their issuers change nothing.  Nor do the
     * issuers of a stored CA, which vouches by itself.
     */
    for (int i = 0; done && (own == 0 || themselves < own) && i < sk_X509_num(certs); i++)
        done = sp_stored_issuers(keyring, sk_X509_value(certs, i), all, &why);
    if (done)
        return all;
    (void)shim_keyring_fault(why);
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

bool shim_issuers_of_address(struct sp_keyring *keyring, const char *address, STACK_OF(X509) *certs)
{
    const struct sp_query query = { .index = SP_BY_ADDRESS, .text = address };
    char *why;
    bool done = sp_stored_certs(keyring, &query, certs, &why);

    if (!done)
        (void)shim_keyring_fault(why);
    return done;
}
