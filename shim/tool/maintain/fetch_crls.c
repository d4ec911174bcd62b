/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>

#include "base/json_text.h"
#include "base/shown.h"
#include "revocation/asked.h"
#include "tool/crls/crls.h"
#include "tool/fetch/fetch.h"
#include "tool/maintain/fetching.h"

/* Milliseconds for one CRL, and for all of them. */
#define FOR_ONE 120000
#define FOR_ALL 600000
/* The longest CRL that is fetched; it is in memory as a whole. */
#define MOST (64UL << 20)

/* Is there no CRL that answers for the certificate, or is half of its time over? */
static int is_due(const struct shim *shim, const struct shim_point *point, time_t now, bool *due)
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
static int store(struct shim *shim, struct sp_keyring *keyring, time_t now,
                 struct shim_point *point, const struct shim_fetched *got, int64_t *fetched)
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
                     struct shim_point *point, int64_t *fetched)
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

/* Add an event.  |url| NULL: nothing can be fetched. */
static int tell(struct shim_attention *attention, const char *url, const char *why)
{
    json_t *event = json_pack("{s:s, s:o, s:o}", "event", "crl-not-fetched", "url",
                              sp_json_text(url), "why", sp_json_text(why));

    attention->count++;
    sp_text_add(&attention->lines, "CRL not fetched: ");
    sp_text_add(&attention->lines, why);
    sp_text_add(&attention->lines, "\n");
    return event != NULL && json_array_append_new(attention->events, event) == 0 &&
                   !attention->lines.failed
               ? SHIM_OK
               : shim_no_memory();
}

/* Tell why it was not fetched, unless its CRL was fetched from another URL. */
static int tell_point(const struct shim *shim, const struct shim_point *point, time_t now,
                      struct shim_attention *attention)
{
    bool due = false;
    int code = point->why == NULL ? SHIM_OK : is_due(shim, point, now, &due);

    return due ? tell(attention, point->url, point->why) : code;
}

/* Without libcurl no URL is even looked at. */
static int tell_unable(struct shim_attention *attention, char *why)
{
    int code = why == NULL ? shim_no_memory() : tell(attention, NULL, why);

    OPENSSL_free(why);
    return code;
}

int shim_crls_fetch(struct shim *shim, struct sp_keyring *keyring, time_t now,
                    struct shim_attention *attention, int64_t *fetched)
{
    const int64_t end = shim_milliseconds() + FOR_ALL;
    struct shim_points points = { 0 };
    char *why;
    int code;

    *fetched = 0;
    if (!shim_fetch_ready(&why))
        return tell_unable(attention, why);
    code = shim_points_collect(&points, shim->settings, keyring);
    for (size_t i = 0; code == SHIM_OK && i < points.count; i++) {
        bool due = false;

        code = is_due(shim, &points.each[i], now, &due);
        if (code == SHIM_OK && due)
            code = fetch_one(shim, keyring, now, end, &points.each[i], fetched);
    }
    for (size_t i = 0; code == SHIM_OK && i < points.count; i++)
        code = tell_point(shim, &points.each[i], now, attention);
    shim_points_clear(&points);
    return code;
}
