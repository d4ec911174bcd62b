/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gates/uploaded.h"

#include <openssl/err.h>

#include "base/text.h"
#include "keyring/contact.h"
#include "keyring/forks.h"
#include "log/decision_log.h"
#include "log/report.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "register/lineage.h"
#include "revocation/asked.h"

/* Parse the certificate as a program would: then the register knows it. */
static bool add(struct sp_owners *owners, const struct sp_record *record, char **why)
{
    X509 *x509;
    struct sp_cert *cert, **more = NULL;

    sp_register_set_aside(true);
    x509 = sp_record_cert(record);
    sp_register_set_aside(false);
    cert = x509 != NULL ? sp_register_of_x509(x509) : NULL;
    if (x509 == NULL)
        *why = sp_format("keyring: entry %lld cannot be parsed; 'smime-policy keyring check' "
                         "tells what is damaged",
                         (long long)record->id);
    if (cert != NULL)
        more = OPENSSL_realloc(owners->certs, (owners->count + 1) * sizeof(*more));
    if (more != NULL) {
        owners->certs = more;
        owners->certs[owners->count++] = cert;
        owners->via = SP_VIA_KEYRING;
    } else {
        sp_cert_unref(cert);
    }
    X509_free(x509);
    return more != NULL;
}

static bool find(struct sp_owners *owners, struct sp_keyring *keyring, const struct sp_keyid *id,
                 char **why)
{
    const struct sp_query query = { .index = SP_BY_KEY, .hash = id->hash };
    struct sp_cursor *cursor = sp_keyring_find(keyring, &query);
    struct sp_record record;
    int found = -1;
    bool added = true;

    while (cursor != NULL && added && (found = sp_cursor_next(cursor, &record)) > 0) {
        added = add(owners, &record, why);
        sp_record_clear(&record);
    }
    if (found < 0)
        *why = OPENSSL_strdup(sp_keyring_why(keyring));
    sp_cursor_free(cursor);
    return found == 0;
}

bool sp_uploaded_owners(struct sp_owners *owners, const void *key,
                        OSSL_FUNC_keymgmt_export_fn *export_key, char **why)
{
    struct sp_keyid id = sp_keyid_of_key(sp_register_sha256(), export_key, key);
    struct sp_keyring *keyring;
    bool done;
    struct sp_quiet quiet;

    *why = NULL;
    if (!id.known)
        return !id.failed;
    ERR_set_mark();
    keyring = sp_keyring_borrow(sp_policy()->keyring, &quiet, why);
    done = keyring != NULL && find(owners, keyring, &id, why);
    sp_keyring_give_back(keyring, &quiet);
    ERR_pop_to_mark();
    return done;
}

void sp_uploaded_unreadable(const char *operation, char *why)
{
    const struct sp_decision decision = { .operation = operation,
                                          .refused = true,
                                          .denied = true,
                                          .note = why != NULL ? why : "out of memory" };

    SP_RAISE(why != NULL ? SP_REASON_KEYRING : SP_REASON_NO_MEMORY, "refused: %s: %s", operation,
             decision.note);
    sp_decision_log(sp_policy(), &decision);
    sp_report_decision(&decision);
    OPENSSL_free(why);
}

bool sp_uploaded_standing(const X509 *cert, const char *operation, struct sp_standing *standing)
{
    char *why;

    ERR_set_mark();
    *standing = sp_keyring_standing_by(sp_policy(), cert, &why);
    ERR_pop_to_mark();
    if (why != NULL)
        sp_uploaded_unreadable(operation, why);
    return why == NULL;
}

/* A certificate of this process; one of the two suffices. */
struct present {
    const struct sp_cert *cert; /* borrowed, or NULL */
    const X509 *x509;           /* borrowed, or NULL; it is only encoded */
};

/* Programs are not to see what is parsed here. */
static int has_signed(const unsigned char *issuer, size_t length, const void *data)
{
    const struct present *present = data;
    const struct sp_lineage *lineage = present->cert != NULL ? present->cert->lineage : NULL;
    unsigned char *der = NULL;
    int der_length, is = -1;

    if (lineage != NULL)
        return sp_lineage_is_signed_by(issuer, length, lineage->der, lineage->length);
    /* It is 0 for no certificate. */
    der_length = i2d_X509(present->x509, &der);
    if (der_length > 0)
        is = sp_lineage_is_signed_by(issuer, length, der, (size_t)der_length);
    OPENSSL_free(der);
    return is;
}

smimepolicy_verdict *sp_gate_add_revocation(smimepolicy_verdict *verdict,
                                            const struct sp_facts *facts,
                                            const struct sp_cert *cert, const X509 *x509, time_t at)
{
    const struct present present = { cert, x509 };
    const struct sp_asked asked = { facts, has_signed, &present };
    const smimepolicy_settings *policy = sp_policy();

    /* Nothing is stored, and nothing has to be. */
    if (policy->keyring == NULL && policy->hub == NULL && !sp_revocation_needs_answer(policy))
        return verdict;
    ERR_set_mark();
    verdict = sp_revocation_add(verdict, policy->keyring, &asked, at, NULL, policy);
    verdict = sp_keyring_add_age(verdict, facts, time(NULL), policy);
    ERR_pop_to_mark();
    return verdict;
}

/* Was it uploaded as a ca?  If that cannot be found out it was not. */
static bool is_uploaded_ca(const void *data)
{
    const struct present *present = data;
    struct sp_standing standing = { 0 };
    X509 *copy = present->x509 == NULL ? sp_lineage_x509(present->cert->lineage) : NULL;
    const X509 *x509 = present->x509 != NULL ? present->x509 : copy;
    char *why = NULL;

    if (x509 != NULL)
        standing = sp_keyring_standing_by(sp_policy(), x509, &why);
    OPENSSL_free(why);
    X509_free(copy);
    return standing.role == SP_ROLE_CA && !sp_is_never_anchor(standing);
}

static bool is_anchor(const void *data)
{
    (void)data;
    return true;
}

smimepolicy_verdict *sp_gate_judge_issuer(const struct sp_facts *facts, const struct sp_cert *cert,
                                          const X509 *x509, bool ends_chain, smimepolicy_use use,
                                          time_t at)
{
    const struct present present = { cert, x509 };
    const struct sp_asked asked = { facts, has_signed, &present };
    smimepolicy_verdict *verdict;

    ERR_set_mark();
    verdict = sp_revocation_judge_issuer(sp_policy()->keyring, &asked,
                                         ends_chain ? is_anchor : is_uploaded_ca, &present, use, at,
                                         sp_policy());
    ERR_pop_to_mark();
    return verdict;
}
