/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "choice/stored_issuers.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "choice/choose.h"

/* The longest chain: real ones are shorter. */
#define LONGEST 16
/* The most certificates of one question. */
#define MOST 256

bool sp_is_root(X509 *cert)
{
    bool root;

    ERR_set_mark();
    root = X509_check_issued(cert, cert) == X509_V_OK;
    ERR_pop_to_mark();
    return root;
}

bool sp_has_issued(X509 *issuer, X509 *cert)
{
    EVP_PKEY *key;
    bool issued;

    ERR_set_mark();
    key = X509_get0_pubkey(issuer);
    issued =
        X509_check_issued(issuer, cert) == X509_V_OK && key != NULL && X509_verify(cert, key) == 1;
    ERR_pop_to_mark();
    return issued;
}

static bool push(STACK_OF(X509) *certs, X509 *cert)
{
    return X509_add_cert(certs, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
}

bool sp_stored_certs(struct sp_keyring *keyring, const struct sp_query *query,
                     STACK_OF(X509) *found, char **why)
{
    struct sp_cursor *cursor = sp_keyring_find(keyring, query);
    struct sp_record record;
    int next = cursor == NULL ? -1 : 0;
    bool done = true;

    *why = NULL;
    while (done && cursor != NULL && sk_X509_num(found) < MOST &&
           (next = sp_cursor_next(cursor, &record)) == 1) {
        X509 *cert = sp_record_parse(&record, why);

        done = cert != NULL && push(found, cert);
        X509_free(cert);
        sp_record_clear(&record);
    }
    if (next < 0)
        *why = OPENSSL_strdup(sp_keyring_why(keyring));
    sp_cursor_free(cursor);
    return done && next >= 0;
}

/* The stored certificates in |roles| that may have issued |cert|. */
static bool stored_in(struct sp_keyring *keyring, const X509 *cert, unsigned roles,
                      STACK_OF(X509) *found, char **why)
{
    const struct sp_query query = { .index = SP_BY_SUBJECT,
                                    .name = X509_get_issuer_name(cert),
                                    .roles = roles,
                                    .by_hand = roles == SP_ROLE_BIT(SP_ROLE_CA) };

    return sp_stored_certs(keyring, &query, found, why);
}

bool sp_stored_issuers(struct sp_keyring *keyring, const X509 *cert, STACK_OF(X509) *found,
                       char **why)
{
    return stored_in(keyring, cert, SP_ROLE_BIT(SP_ROLE_CA), found, why);
}

bool sp_stored_intermediates(struct sp_keyring *keyring, STACK_OF(X509) *certs, char **why)
{
    int from = 0;
    bool done = true;

    *why = NULL;
    for (int round = 0; round < LONGEST; round++) {
        const int end = sk_X509_num(certs);

        for (; done && from < end; from++)
            done = stored_in(keyring, sk_X509_value(certs, from), SP_ROLE_BIT(SP_ROLE_INTERMEDIATE),
                             certs, why);
    }
    return done;
}

#define ISSUERS (SP_ROLE_BIT(SP_ROLE_CA) | SP_ROLE_BIT(SP_ROLE_INTERMEDIATE))

bool sp_stores_issuers(struct sp_keyring *keyring, bool *any, char **why)
{
    const struct sp_query query = { .index = SP_ALL, .roles = ISSUERS };
    struct sp_cursor *cursor = sp_keyring_find(keyring, &query);
    struct sp_record record = { 0 };
    int next = cursor == NULL ? -1 : sp_cursor_next(cursor, &record);

    *why = next < 0 ? OPENSSL_strdup(sp_keyring_why(keyring)) : NULL;
    *any = next == 1;
    sp_record_clear(&record);
    sp_cursor_free(cursor);
    return next >= 0;
}

static bool is_valid(const X509 *cert, time_t at)
{
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_verdict *verdict =
        facts == NULL ? NULL : sp_judge_along(facts, at, SP_ALONG_STORED);
    bool valid = verdict != NULL && smimepolicy_verdict_allowed(verdict) != 0;

    smimepolicy_verdict_free(verdict);
    sp_facts_free(facts);
    return valid;
}

X509 *sp_issuer_among(const STACK_OF(X509) *certs, X509 *cert, time_t at)
{
    const int count = sp_is_root(cert) ? 0 : sk_X509_num(certs);
    X509 *found = NULL;

    for (int i = 0; i < count; i++) {
        X509 *issuer = sk_X509_value(certs, i);

        if (!sp_has_issued(issuer, cert))
            continue;
        if (is_valid(issuer, at))
            return issuer;
        if (found == NULL)
            found = issuer;
    }
    return found;
}

/* Add the issuer of |cert| to |path|.  |*last| is set to it; NULL: there is none, or a circle. */
static bool add_issuer(struct sp_keyring *keyring, X509 *cert, time_t at, STACK_OF(X509) *path,
                       X509 **last, char **why)
{
    STACK_OF(X509) *stored = sk_X509_new_null();
    const int count = sk_X509_num(path);
    bool done = stored != NULL && stored_in(keyring, cert, ISSUERS, stored, why);
    X509 *issuer = done ? sp_issuer_among(stored, cert, at) : NULL;

    if (issuer != NULL)
        done = push(path, issuer);
    *last = sk_X509_num(path) > count ? sk_X509_value(path, count) : NULL;
    sk_X509_pop_free(stored, X509_free);
    return done;
}

bool sp_stored_path(struct sp_keyring *keyring, X509 *cert, time_t at, STACK_OF(X509) *path,
                    char **why)
{
    bool done = true;

    *why = NULL;
    for (int i = 0; cert != NULL && i < LONGEST; i++)
        done = add_issuer(keyring, cert, at, path, &cert, why);
    return done;
}
