/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Who has signed a CRL: a stored ca, or an intermediate that a stored ca vouches for.
 */
#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "choice/stored_issuers.h"
#include "tool/crls/crls.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_chain.h"

/*
 * Add the cas of this name that are about to be stored, and that a person vouches for; false with
 * the reason on stderr.
 */
static bool add_uploaded(struct sp_keyring *keyring, struct sp_upload *upload,
                         const X509_NAME *name, STACK_OF(X509) *found)
{
    struct shim_records records = { .cursor = sp_upload_find_cas(upload, name) };
    bool done = true;

    while (done && shim_records_next(&records)) {
        X509 *cert;

        if (!sp_origin_is_by_hand(records.record.origin))
            continue;
        cert = sp_record_cert(&records.record);
        done = cert != NULL &&
               X509_add_cert(found, cert, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1;
        X509_free(cert);
    }
    shim_records_end(&records);
    if (records.failed)
        (void)shim_keyring_failed(keyring);
    else if (!done)
        (void)shim_no_memory();
    return done && !records.failed;
}

static int find_stored(struct sp_keyring *keyring, const X509_NAME *name, enum sp_role role,
                       STACK_OF(X509) *found)
{
    const struct sp_query query = { .index = SP_BY_SUBJECT,
                                    .name = name,
                                    .roles = SP_ROLE_BIT(role),
                                    .by_hand = role == SP_ROLE_CA };
    char *why = NULL;

    return sp_stored_certs(keyring, &query, found, &why) ? SHIM_OK : shim_keyring_fault(why);
}

/* [RFC 5280, 5.2.1] Does the key identifier that the CRL names belong to another key? */
static bool is_of_other_key(const struct shim_crl *crl, X509 *cert)
{
    AUTHORITY_KEYID *named =
        X509_CRL_get_ext_d2i(crl->head, NID_authority_key_identifier, NULL, NULL);
    const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(cert);
    bool other = named != NULL && named->keyid != NULL && own != NULL &&
                 ASN1_OCTET_STRING_cmp(named->keyid, own) != 0;

    AUTHORITY_KEYID_free(named);
    return other;
}

/* What is known against the candidates so far; the first of these faults is told. */
struct search {
    const struct shim_crl *crl;
    X509 *found;       /* borrowed */
    bool any;          /* a certificate has the name */
    const char *fault; /* static: the key fits, but it may not sign CRLs */
};

static int look_at(struct search *search, X509 *cert)
{
    struct sp_facts *facts;

    if (X509_NAME_cmp(X509_get_subject_name(cert), X509_CRL_get_issuer(search->crl->head)) != 0)
        return SHIM_OK;
    search->any = true;
    if (is_of_other_key(search->crl, cert) || !shim_crl_is_signed_by(search->crl, cert))
        return SHIM_OK;
    facts = sp_facts_new(cert);
    if (facts == NULL)
        return shim_no_memory();
    search->fault = sp_refuse_crl_issuer(facts);
    if (search->fault == NULL)
        search->found = cert;
    sp_facts_free(facts);
    return SHIM_OK;
}

static int look_at_all(struct search *search, const STACK_OF(X509) *certs)
{
    int code = SHIM_OK;

    for (int i = 0; code == SHIM_OK && search->found == NULL && i < sk_X509_num(certs); i++)
        code = look_at(search, sk_X509_value(certs, i));
    return code;
}

/* An intermediate came with a mail, so a ca has to vouch for it. */
static int check_intermediate(struct sp_keyring *keyring, struct search *search)
{
    struct shim_chain chain = { 0 };
    int code = shim_keyring_chain(keyring, search->found, NULL, &chain);

    if (code == SHIM_OK && chain.certs == NULL) {
        search->found = NULL;
        search->fault = sp_refuse_crl_without_issuer(SP_CRL_ISSUER_UNVOUCHED);
    }
    shim_chain_clear(&chain);
    return code;
}

int shim_crl_issuer(struct sp_keyring *keyring, struct sp_upload *upload,
                    const struct shim_crl *crl, X509 **issuer, char **why)
{
    const X509_NAME *name = X509_CRL_get_issuer(crl->head);
    struct search search = { .crl = crl };
    STACK_OF(X509) *cas = sk_X509_new_null();
    STACK_OF(X509) *others = sk_X509_new_null();
    int code = cas == NULL || others == NULL ? shim_no_memory() : SHIM_OK;

    *issuer = NULL;
    *why = NULL;
    if (code == SHIM_OK && upload != NULL && !add_uploaded(keyring, upload, name, cas))
        code = SHIM_SYSTEM;
    if (code == SHIM_OK)
        code = find_stored(keyring, name, SP_ROLE_CA, cas);
    if (code == SHIM_OK)
        code = look_at_all(&search, cas);
    if (code == SHIM_OK && search.found == NULL) {
        code = find_stored(keyring, name, SP_ROLE_INTERMEDIATE, others);
        if (code == SHIM_OK)
            code = look_at_all(&search, others);
        if (code == SHIM_OK && search.found != NULL)
            code = check_intermediate(keyring, &search);
    }
    if (code == SHIM_OK && search.found != NULL && X509_up_ref(search.found) == 1)
        *issuer = search.found;
    else if (search.fault == NULL)
        search.fault =
            sp_refuse_crl_without_issuer(search.any ? SP_CRL_ISSUER_OTHER : SP_CRL_ISSUER_ABSENT);
    if (code == SHIM_OK && *issuer == NULL && (*why = OPENSSL_strdup(search.fault)) == NULL)
        code = shim_no_memory();
    sk_X509_pop_free(cas, X509_free);
    sk_X509_pop_free(others, X509_free);
    return code;
}
