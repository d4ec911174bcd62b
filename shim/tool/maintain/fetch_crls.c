/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The CRLs of stored certificates: fetching them from their distribution points, and telling a
 * person of those that end: what is revoked after a CRL ended, it does not name.
 */
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/json_text.h"
#include "base/shown.h"
#include "revocation/asked.h"
#include "tool/crls/crls.h"
#include "tool/crls/stored_crls.h"
#include "tool/fetch/fetch.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_chain.h"
#include "tool/maintain/maintain.h"

/* Milliseconds for one CRL, and for all of them. */
#define FOR_ONE 120000
#define FOR_ALL 600000
/* The longest CRL that is fetched; it is in memory as a whole. */
#define MOST (64UL << 20)

/* So many URLs are fetched in one run. */
#define MOST_POINTS 1000

/* A URL of a CRL.  All owned. */
struct point {
    char *url;
    X509 *cert; /* in which it stands */
    struct sp_facts *facts;
    char *why; /* it was not fetched; NULL: it was, or need not be */
};

struct points {
    struct point *each; /* owned */
    size_t count;
};

static bool is_known(const struct points *points, const char *url)
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
static int keep(struct points *points, struct sp_keyring *keyring, const struct sp_record *record,
                char *url)
{
    struct point *point = &points->each[points->count];
    X509 *cert = sp_record_cert(record);
    bool is = false;
    int code = cert == NULL ? SHIM_OK : is_vouched_for(keyring, cert, &is);

    if (is) {
        *point = (struct point){ .url = url, .cert = cert, .facts = sp_facts_new(cert) };
        points->count++;
        return point->facts == NULL ? shim_no_memory() : SHIM_OK;
    }
    X509_free(cert);
    OPENSSL_free(url);
    return code;
}

static int look_at_names(struct points *points, const smimepolicy_settings *settings,
                         struct sp_keyring *keyring, const struct sp_record *record,
                         const GENERAL_NAMES *names)
{
    int code = SHIM_OK;

    for (int i = 0; code == SHIM_OK && i < sk_GENERAL_NAME_num(names); i++) {
        char *url = url_of(sk_GENERAL_NAME_value(names, i));

        if (url != NULL && points->count < MOST_POINTS && !is_known(points, url) &&
            shim_fetch_allowed(url, settings))
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
static int look_at(struct points *points, const smimepolicy_settings *settings,
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

/*
 * Collect the URLs of distribution points, each once, whose host the settings allow and whose
 * certificate leads to a ca that was provided.  Clear |points| in any case.
 */
static int collect(struct points *points, const smimepolicy_settings *settings,
                   struct sp_keyring *keyring)
{
    struct shim_records records = { .cursor = sp_keyring_find(
                                        keyring, &(struct sp_query){ .index = SP_ALL }) };
    int code = SHIM_OK;

    points->each = OPENSSL_zalloc(MOST_POINTS * sizeof(*points->each));
    if (points->each == NULL)
        code = shim_no_memory();
    while (code == SHIM_OK && shim_records_next(&records))
        code = look_at(points, settings, keyring, &records.record);
    if (records.failed)
        code = shim_keyring_failed(keyring);
    shim_records_end(&records);
    return code;
}

static void clear(struct points *points)
{
    for (size_t i = 0; i < points->count; i++) {
        OPENSSL_free(points->each[i].url);
        OPENSSL_free(points->each[i].why);
        X509_free(points->each[i].cert);
        sp_facts_free(points->each[i].facts);
    }
    OPENSSL_free(points->each);
    *points = (struct points){ 0 };
}

/* Is there no CRL that answers for the certificate, or is half of its time over? */
static int is_due(const struct shim *shim, const struct point *point, time_t now, bool *due)
{
    const struct sp_asked asked = { point->facts, sp_x509_is_signed_by, point->cert };
    struct sp_revocation found = { .reason = -1 };
    bool done = sp_revocation_find(shim->keyring_path, &asked, now, SP_WANTS_ANSWER, &found);

    *due = (found.state != SP_REVOCATION_NONE && found.state != SP_REVOCATION_REVOKED) ||
           now >= found.this_update + (found.next_update - found.this_update) / 2;
    sp_revocation_clear(&found);
    return done ? SHIM_OK : shim_no_memory();
}

/* Verify and store what was fetched, or set |point->why|. */
static int store(struct shim *shim, struct sp_keyring *keyring, time_t now, struct point *point,
                 const struct shim_fetched *got, int64_t *fetched)
{
    const struct shim_crl_target target = {
        .path = shim->keyring_path, .keyring = keyring, .settings = shim->settings, .now = now
    };
    struct shim_crl_stored what = { 0 };
    char *denial = NULL;
    int code = shim_crl_prepare(&target, got->bytes, got->length, &what);

    if (code == SHIM_OK)
        denial = shim_crl_denial(&what, shim->settings);
    if (code == SHIM_OK && (denial != NULL || what.state == SHIM_CRL_REFUSED)) {
        char *shown = sp_shown(point->url);

        if (shown != NULL)
            point->why = sp_format("%.200s: %s", shown, denial != NULL ? denial : what.why);
        OPENSSL_free(shown);
        code = point->why == NULL ? shim_no_memory() : SHIM_OK;
    } else if (code == SHIM_OK) {
        code = shim_crl_commit(&what);
        *fetched += code == SHIM_OK && what.state == SHIM_CRL_STORED;
    }
    OPENSSL_free(denial);
    shim_crl_stored_clear(&what);
    return code;
}

static int fetch_one(struct shim *shim, struct sp_keyring *keyring, time_t now, int64_t end,
                     struct point *point, int64_t *fetched)
{
    const int64_t left = end - shim_milliseconds();
    const struct shim_fetch fetch = { .url = point->url,
                                      .settings = shim->settings,
                                      .most = MOST,
                                      .milliseconds = left < FOR_ONE ? (long)left : FOR_ONE };
    struct shim_fetched got;
    int code;

    if (!shim_fetch(&fetch, &got, &point->why))
        return point->why == NULL ? shim_no_memory() : SHIM_OK;
    code = store(shim, keyring, now, point, &got, fetched);
    OPENSSL_free(got.bytes);
    return code;
}

/* |url| NULL: nothing can be fetched. */
static void tell(struct shim_attention *attention, const char *url, const char *why)
{
    shim_attention_add(attention,
                       json_pack("{s:s, s:o, s:o}", "event", "crl-not-fetched", "url",
                                 sp_json_text(url), "why", sp_json_text(why)),
                       sp_format("CRL not fetched: %s", why));
}

/* Tell why it was not fetched, unless its CRL was fetched from another URL. */
static int tell_point(const struct shim *shim, const struct point *point, time_t now,
                      struct shim_attention *attention)
{
    bool due = false;
    int code = point->why == NULL ? SHIM_OK : is_due(shim, point, now, &due);

    if (due)
        tell(attention, point->url, point->why);
    return code;
}

int shim_crls_fetch(struct shim *shim, struct sp_keyring *keyring, time_t now,
                    struct shim_attention *attention, int64_t *fetched)
{
    const int64_t end = shim_milliseconds() + FOR_ALL;
    struct points points = { 0 };
    char *why;
    int code;

    *fetched = 0;
    /* Without libcurl no URL is even looked at. */
    if (!shim_fetch_ready(&why)) {
        tell(attention, NULL, why != NULL ? why : "out of memory");
        OPENSSL_free(why);
        return SHIM_OK;
    }
    code = collect(&points, shim->settings, keyring);
    for (size_t i = 0; code == SHIM_OK && i < points.count; i++) {
        bool due = false;

        code = is_due(shim, &points.each[i], now, &due);
        if (code == SHIM_OK && due)
            code = fetch_one(shim, keyring, now, end, &points.each[i], fetched);
    }
    for (size_t i = 0; code == SHIM_OK && i < points.count; i++)
        code = tell_point(shim, &points.each[i], now, attention);
    clear(&points);
    return code;
}

struct looking_at_crls {
    const struct shim_last_look *last; /* borrowed */
    struct shim_attention *attention;  /* borrowed */
};

/* Was nothing told of it at the last look, because there was none or it was not stored? */
static bool is_new(const struct looking_at_crls *looking, const struct shim_stored_crl *crl)
{
    struct stat is;

    return !looking->last->known || stat(crl->file->path, &is) != 0 ||
           is.st_mtime >= looking->last->at;
}

static void add_stored(struct shim_attention *attention, const struct shim_stored_crl *crl)
{
    const bool stale = crl->state == SHIM_CRL_STALE;
    char *line = shim_stored_crl_line(crl);
    char *moment = sp_format_time((time_t)crl->file->about.next_update);
    json_t *event = shim_stored_crl_json(crl);

    json_object_set_new(event, "event", json_string(stale ? "crl-stale" : "crl-ends"));
    shim_attention_add(attention, event,
                       line == NULL || moment == NULL
                           ? NULL
                           : sp_format("%s: %s %s; upload the current one", line,
                                       stale ? "stale since" : "ends on", moment));
    OPENSSL_free(line);
    OPENSSL_free(moment);
}

static int look_at_crl(const struct shim_stored_crl *crl, void *data)
{
    const struct looking_at_crls *looking = data;

    /* What is damaged was told by the check, which ends the run. */
    if (crl->state == SHIM_CRL_FRESH || crl->state == SHIM_CRL_DAMAGED)
        return SHIM_OK;
    if (is_new(looking, crl) || shim_crl_state(crl->file, looking->last->at) != crl->state)
        add_stored(looking->attention, crl);
    return SHIM_OK;
}

int shim_attention_crls(struct shim *shim, struct sp_keyring *keyring,
                        const struct shim_last_look *last, time_t now,
                        struct shim_attention *attention)
{
    struct looking_at_crls looking = { last, attention };

    return shim_stored_crls_each(shim->keyring_path, keyring, now, look_at_crl, &looking);
}
