/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The issuers of a certificate: who vouches for it by the keyring, and which of them are sent along
 * with a signature.
 */
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "choice/stored_issuers.h"
#include "common/memory_file.h"
#include "rules/revocation.h"
#include "tool/judge/judge.h"
#include "tool/keyring/crl_answers.h"
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

bool shim_certs_push(STACK_OF(X509) *certs, X509 *cert)
{
    return X509_add_cert(certs, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
}

char *shim_certs_file(const STACK_OF(X509) *certs, const char *before, size_t len, int *fd)
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

int shim_issuers_keep(struct shim_selection *selection, const STACK_OF(X509) *certs)
{
    if (selection->issuers >= 0)
        close(selection->issuers);
    OPENSSL_free(selection->issuers_path);
    selection->issuers = -1;
    selection->issuers_path = shim_certs_file(certs, "", 0, &selection->issuers);
    return selection->issuers_path != NULL ? SHIM_OK : SHIM_SYSTEM;
}

static void judge(const struct shim *shim, const X509 *cert, enum sp_along place, time_t now,
                  struct shim_outcome *outcome)
{
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict = facts == NULL ? NULL : sp_judge_along(facts, now, place);

    sp_facts_free(facts);
    if (place != SP_ALONG_BESIDE)
        verdict =
            sp_verdict_join(verdict, shim_judge_issuer(shim, cert, false, SMIMEPOLICY_SIGN, now));
    shim_outcome_add(outcome, verdict);
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

        judge(shim, issuer, SP_ALONG_STORED, now, outcome);
        if (!sp_is_root(issuer) && !shim_certs_push(along, issuer))
            code = shim_no_memory();
    }
    sk_X509_pop_free(path, X509_free);
    return code;
}

int shim_issuers_along(const struct shim *shim, struct shim_selection *selection, time_t now,
                       struct shim_outcome *outcome)
{
    STACK_OF(X509) *along = sk_X509_new_null();
    int code = along == NULL ? shim_no_memory() : SHIM_OK;

    for (size_t i = 0; code == SHIM_OK && i < selection->signer_count; i++)
        code = add_path(shim, selection, selection->signers[i].cert, along, now, outcome);
    if (code == SHIM_OK && sk_X509_num(along) > 0)
        code = shim_issuers_keep(selection, along);
    sk_X509_pop_free(along, X509_free);
    return code;
}

/* Mark each copy of |cert| in |pool|; false if it was marked before. */
static bool mark(const STACK_OF(X509) *pool, const X509 *cert, bool *used)
{
    bool fresh = false;

    for (int i = 0; i < sk_X509_num(pool); i++)
        if (!used[i] && X509_cmp(sk_X509_value(pool, i), cert) == 0)
            fresh = used[i] = true;
    return fresh;
}

void shim_sent_judge(const struct shim *shim, const STACK_OF(X509) *pool,
                     const STACK_OF(X509) *signers, bool all_signers, time_t now,
                     struct shim_outcome *outcome)
{
    /* One for each of |pool|: it is in a chain, or a signer's own. */
    bool *used = OPENSSL_zalloc((size_t)sk_X509_num(pool) * sizeof(*used) + 1);

    if (used == NULL) {
        outcome->fault = shim_no_memory();
        return;
    }
    for (int i = 0; i < sk_X509_num(signers); i++) {
        X509 *issuer = sk_X509_value(signers, i);

        (void)mark(pool, issuer, used);
        while ((issuer = sp_issuer_among(pool, issuer, now)) != NULL && mark(pool, issuer, used))
            judge(shim, issuer, SP_ALONG_CHAIN, now, outcome);
    }
    for (int i = 0; i < sk_X509_num(pool); i++)
        if (!used[i])
            judge(shim, sk_X509_value(pool, i), all_signers ? SP_ALONG_BESIDE : SP_ALONG_CHAIN, now,
                  outcome);
    OPENSSL_free(used);
}
