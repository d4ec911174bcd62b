/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tool/judge/issuers.h"
#include "base/text.h"
#include "common/memory_file.h"
#include "rules/rules.h"
#include "tool/keyring/keyring_at.h"

/* The longest chain: real ones are shorter. */
#define LONGEST 16
#define MOST    256

static bool is_own_issuer(X509 *cert)
{
    return X509_check_issued(cert, cert) == X509_V_OK;
}

bool shim_has_issued(X509 *issuer, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool issued =
        X509_check_issued(issuer, cert) == X509_V_OK && key != NULL && X509_verify(cert, key) == 1;

    ERR_clear_error();
    return issued;
}

static smimepolicy_verdict *judge(const X509 *cert, time_t now)
{
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict =
        facts == NULL ? NULL : sp_judge_along(facts, now, SP_ALONG_STORED);

    sp_facts_free(facts);
    return verdict;
}

static bool is_valid(const X509 *cert, time_t now)
{
    smimepolicy_verdict *verdict = judge(cert, now);
    bool valid = verdict != NULL && smimepolicy_verdict_allowed(verdict) != 0;

    smimepolicy_verdict_free(verdict);
    return valid;
}

static struct sp_cursor *find_named(struct sp_keyring *keyring, const X509_NAME *name)
{
    return sp_keyring_find(keyring, &(struct sp_query){ .index = SP_BY_SUBJECT,
                                                        .name = name,
                                                        .roles = SP_ROLE_BIT(SP_ROLE_CA) });
}

/* Find the issuer of |cert|, preferably a valid one; |*issuer| is NULL if it is not stored. */
static bool find_issuer(struct sp_keyring *keyring, X509 *cert, time_t now, X509 **issuer)
{
    struct sp_cursor *cursor = find_named(keyring, X509_get_issuer_name(cert));
    struct sp_record record;
    bool settled = false;
    int found = -1;

    *issuer = NULL;
    while (!settled && cursor != NULL && (found = sp_cursor_next(cursor, &record)) == 1) {
        X509 *next = sp_record_cert(&record);

        sp_record_clear(&record);
        if (next == NULL || !shim_has_issued(next, cert)) {
            X509_free(next);
            continue;
        }
        settled = is_valid(next, now);
        if (settled || *issuer == NULL) {
            X509_free(*issuer);
            *issuer = next;
        } else {
            X509_free(next);
        }
    }
    sp_cursor_free(cursor);
    return settled || found == 0;
}

static bool push(STACK_OF(X509) *certs, X509 *cert)
{
    return X509_add_cert(certs, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
}

/* Walk up the chain.  A root is judged but not sent: a reader that trusts it has it. */
static int walk(struct shim_selection *selection, X509 *signer, STACK_OF(X509) *along, time_t now,
                struct shim_outcome *outcome)
{
    X509 *cert = signer;
    X509 *issuer = NULL;
    int code = SHIM_OK;

    (void)X509_up_ref(signer);
    for (int i = 0; code == SHIM_OK && i < LONGEST && !is_own_issuer(cert); i++) {
        if (!find_issuer(selection->keyring, cert, now, &issuer))
            code = shim_keyring_failed(selection->keyring);
        if (issuer == NULL)
            break;
        shim_outcome_add(outcome, judge(issuer, now));
        if (!is_own_issuer(issuer) && !push(along, issuer))
            code = shim_no_memory();
        X509_free(cert);
        cert = issuer;
        issuer = NULL;
    }
    X509_free(issuer);
    X509_free(cert);
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

int shim_issuers_along(struct shim_selection *selection, time_t now, struct shim_outcome *outcome)
{
    STACK_OF(X509) *along = sk_X509_new_null();
    int code = along == NULL ? shim_no_memory() : SHIM_OK;

    for (size_t i = 0; code == SHIM_OK && i < selection->signer_count; i++)
        code = walk(selection, selection->signers[i].cert, along, now, outcome);
    if (code == SHIM_OK && sk_X509_num(along) > 0) {
        selection->issuers_path = shim_issuers_file(along, "", 0, &selection->issuers);
        code = selection->issuers_path == NULL ? SHIM_SYSTEM : SHIM_OK;
    }
    sk_X509_pop_free(along, X509_free);
    return code;
}

static bool add_records(struct sp_cursor *cursor, STACK_OF(X509) *all)
{
    struct sp_record record;
    int found = -1;

    while (cursor != NULL && sk_X509_num(all) < MOST &&
           (found = sp_cursor_next(cursor, &record)) == 1) {
        X509 *cert = sp_record_cert(&record);
        bool done = cert != NULL && push(all, cert);

        X509_free(cert);
        sp_record_clear(&record);
        if (!done)
            break;
    }
    sp_cursor_free(cursor);
    return found == 0 || sk_X509_num(all) >= MOST;
}

/*
 * Add the keyring's copy of |cert|, which says what a TRUSTED CERTIFICATE rejects.
 * |*vouches|: it vouches for itself by its role.
 */
static bool add_itself(struct sp_keyring *keyring, const X509 *cert, STACK_OF(X509) *all,
                       bool *vouches)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    bool failed = false;

    *vouches = false;
    if (X509_digest(cert, EVP_sha256(), fingerprint, NULL) != 1)
        return false;
    *vouches = sp_vouches_for_itself(sp_keyring_role(keyring, fingerprint, &failed));
    return !failed &&
           add_records(sp_keyring_find(keyring, &(struct sp_query){ .index = SP_BY_FINGERPRINT,
                                                                    .hash = fingerprint }),
                       all);
}

/* A contact vouches for no other certificate. */
enum sp_role shim_issuers_role(struct sp_keyring *keyring, const X509 *cert)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    enum sp_role role = SP_ROLE_NONE;
    bool failed = false;

    if (keyring == NULL)
        return SP_ROLE_NONE;
    if (X509_digest(cert, EVP_sha256(), fingerprint, NULL) == 1)
        role = sp_keyring_role(keyring, fingerprint, &failed);
    else
        failed = true;
    return failed ? SP_ROLE_CONTACT : role;
}

STACK_OF(X509) *shim_issuers_all(struct sp_keyring *keyring, const STACK_OF(X509) *certs, int own,
                                 bool *for_itself)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    bool done = all != NULL;
    int themselves = 0;

    for (int i = 0; done && i < own; i++) {
        done = add_itself(keyring, sk_X509_value(certs, i), all, &for_itself[i]);
        themselves += for_itself[i];
    }
    /* If all signers vouch for themselves, their issuers change nothing. */
    if (done && own > 0 && themselves == own)
        return all;
    for (int i = 0; done && i < sk_X509_num(certs); i++)
        done = add_records(find_named(keyring, X509_get_issuer_name(sk_X509_value(certs, i))), all);
    /* Add the issuers of the issuers: the stack grows during the loop. */
    for (int i = 0; done && i < sk_X509_num(all); i++)
        done = add_records(find_named(keyring, X509_get_issuer_name(sk_X509_value(all, i))), all);
    if (done)
        return all;
    (void)shim_keyring_failed(keyring);
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

bool shim_issuers_of_address(struct sp_keyring *keyring, const char *address, STACK_OF(X509) *certs)
{
    bool done = add_records(
        sp_keyring_find(keyring, &(struct sp_query){ .index = SP_BY_ADDRESS, .text = address }),
        certs);

    if (!done)
        (void)shim_keyring_failed(keyring);
    return done;
}
