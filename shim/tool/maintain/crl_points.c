/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the CRLs of stored certificates are: their distribution points.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tool/fetch/fetch.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_chain.h"
#include "tool/maintain/fetching.h"

static bool is_known(const struct shim_points *points, const char *url)
{
    for (size_t i = 0; i < points->count; i++)
        if (strcmp(points->each[i].url, url) == 0)
            return true;
    return false;
}

/* The text of a name that is a URL; a new string, NULL if it is none. */
static char *url_of(const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const char *text;
    size_t length;

    if (type != GEN_URI)
        return NULL;
    text = (const char *)ASN1_STRING_get0_data(value);
    length = (size_t)ASN1_STRING_length(value);
    return length > SHIM_LONGEST_URL || memchr(text, '\0', length) != NULL
               ? NULL
               : OPENSSL_strndup(text, length);
}

/* Does the chain of |cert| lead to a ca that was provided?  Only then its URLs are looked at. */
static int is_vouched_for(struct sp_keyring *keyring, X509 *cert, bool *is)
{
    struct shim_chain chain = { 0 };
    int code = shim_keyring_chain(keyring, cert, NULL, &chain);

    *is = code == SHIM_OK && chain.certs != NULL && chain.count == 0;
    shim_chain_clear(&chain);
    return code;
}

/* Keep |url|, which is taken over, with the certificate of |record| in which it stands. */
static int keep(struct shim_points *points, struct sp_keyring *keyring,
                const struct sp_record *record, char *url)
{
    struct shim_point *point = &points->each[points->count];
    X509 *cert = sp_record_cert(record);
    bool is = false;
    int code = cert == NULL ? SHIM_OK : is_vouched_for(keyring, cert, &is);

    if (is) {
        *point = (struct shim_point){ .url = url, .cert = cert, .facts = sp_facts_new(cert) };
        points->count++;
        return point->facts == NULL ? shim_no_memory() : SHIM_OK;
    }
    X509_free(cert);
    OPENSSL_free(url);
    return code;
}

static int look_at_names(struct shim_points *points, const smimepolicy_settings *settings,
                         struct sp_keyring *keyring, const struct sp_record *record,
                         const GENERAL_NAMES *names)
{
    int code = SHIM_OK;

    for (int i = 0; code == SHIM_OK && i < sk_GENERAL_NAME_num(names); i++) {
        char *url = url_of(sk_GENERAL_NAME_value(names, i));

        if (url != NULL && points->count < SHIM_MOST_POINTS && !is_known(points, url) &&
            shim_fetch_allowed(url, settings, NULL))
            code = keep(points, keyring, record, url);
        else
            OPENSSL_free(url);
    }
    return code;
}

/*
 * [RFC 5280, 4.2.1.13] A point that names another issuer has an indirect CRL, which is stored like
 * any other; a name relative to the issuer is none of the network.
 */
static int look_at(struct shim_points *points, const smimepolicy_settings *settings,
                   struct sp_keyring *keyring, const struct sp_record *record)
{
    const unsigned char *der = record->der;
    X509 *cert = sp_cert_without_key(&der, (long)record->der_length);
    CRL_DIST_POINTS *found =
        cert == NULL ? NULL : X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
    int code = SHIM_OK;

    for (int i = 0; code == SHIM_OK && i < sk_DIST_POINT_num(found); i++) {
        const DIST_POINT *point = sk_DIST_POINT_value(found, i);

        if (point->distpoint != NULL && point->distpoint->type == 0)
            code =
                look_at_names(points, settings, keyring, record, point->distpoint->name.fullname);
    }
    CRL_DIST_POINTS_free(found);
    X509_free(cert);
    ERR_clear_error();
    return code;
}

int shim_points_collect(struct shim_points *points, const smimepolicy_settings *settings,
                        struct sp_keyring *keyring)
{
    struct shim_records records = { .cursor = sp_keyring_find(
                                        keyring, &(struct sp_query){ .index = SP_ALL }) };
    int code = SHIM_OK;

    points->each = OPENSSL_zalloc(SHIM_MOST_POINTS * sizeof(*points->each));
    if (points->each == NULL)
        code = shim_no_memory();
    while (code == SHIM_OK && shim_records_next(&records))
        code = look_at(points, settings, keyring, &records.record);
    if (records.failed)
        code = shim_keyring_failed(keyring);
    shim_records_end(&records);
    return code;
}

void shim_points_clear(struct shim_points *points)
{
    for (size_t i = 0; i < points->count; i++) {
        OPENSSL_free(points->each[i].url);
        OPENSSL_free(points->each[i].why);
        X509_free(points->each[i].cert);
        sp_facts_free(points->each[i].facts);
    }
    OPENSSL_free(points->each);
    *points = (struct shim_points){ 0 };
}
