/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * CRLs of the hub.  They are few, so all of them are compared whenever one has changed.  What is
 * new is fetched and then verified as an upload is: with the issuer's certificate, which has to be
 * stored here as a ca, and it has to be newer than what is stored.  The hub is not believed.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "common/memory.h"
#include "tool/hub/pull.h"
#include "tool/keyring/keyring_at.h"

/* So many CRLs a realm can have. */
#define MOST_CRLS 10000

struct comparing {
    struct shim_pull *pull;
    struct shim_held_crls held; /* owned: what is stored here */
    struct sp_hub_crl *crls;    /* owned: what the copy will know, before |pull| takes it over */
    size_t count;
    bool refused_some;
};

/* Was a newer one of its name stored, which the hub took away? */
static bool is_below_floor(const struct comparing *c, const struct shim_crl_stored *what)
{
    for (int delta = 0; delta <= 1; delta++) {
        const struct sp_hub_crl *old = shim_crl_on_hub(&c->pull->local, what->names[delta]);

        if (old != NULL && shim_floor_is_above(&old->floor, &what->facts))
            return true;
    }
    return false;
}

/* The DER of a CRL, one piece after the other. */
static int fetch(const struct comparing *c, const char *pieces, struct sp_text *der)
{
    struct shim_hub *hub = c->pull->hub;
    char number[16];
    const char *const values[] = { hub->realm, pieces, number, NULL };
    int code = SHIM_OK;
    bool more = true;

    for (int i = 0; code == SHIM_OK && more; i++) {
        PGresult *rows;
        const unsigned char *bytes;
        size_t length;

        (void)snprintf(number, sizeof(number), "%d", i);
        rows = shim_hub_ask(hub,
                            "SELECT bytes FROM smime_policy.crl_piece WHERE realm = $1 AND"
                            " pieces = decode($2, 'hex') AND number = $3::integer",
                            values);
        more = rows != NULL && hub->pq->ntuples(rows) == 1;
        bytes = more ? shim_hub_bytes(hub, rows, 0, 0, &length) : NULL;
        if (rows == NULL)
            code = SHIM_SYSTEM;
        else if (more && (bytes == NULL || length > (size_t)SHIM_LONGEST_CRL - der->len))
            code = shim_pull_lies(c->pull, SHIM_CRL_TOO_LONG);
        else if (more)
            sp_text_add_bytes(der, (const char *)bytes, length);
        hub->pq->clear(rows);
        if (der->failed)
            code = shim_no_memory();
    }
    return code;
}

/* Tell that a CRL of the hub is not stored here.  |why| is taken over. */
static int refuse(struct comparing *c, struct sp_hub_crl *crl, const char *issuer, char *why,
                  bool is_new)
{
    crl->state = SP_HUB_CRL_REFUSED;
    c->refused_some = true;
    if (why == NULL)
        return shim_no_memory();
    c->pull->synced->crls_refused++;
    if (is_new)
        shim_error("note: hub %s: the CRL of %s is not stored here: %s", c->pull->hub->name,
                   issuer != NULL ? issuer : "?", why);
    OPENSSL_free(why);
    return SHIM_OK;
}

/* Verify a CRL, and store it or note that it was refused. */
static int take(struct comparing *c, struct sp_hub_crl *crl, const struct sp_text *der,
                bool is_delta, bool is_new)
{
    const struct shim_pull *pull = c->pull;
    const struct shim_crl_target target = { .path = pull->shim->keyring_path,
                                            .keyring = pull->reader,
                                            .upload = pull->upload,
                                            .settings = pull->shim->settings,
                                            .now = time(NULL) };
    struct shim_crl_stored what = { 0 };
    int code = shim_crl_prepare(&target, (const unsigned char *)der->data, der->len, &what);
    char *denial = code == SHIM_OK ? shim_crl_denial(&what, target.settings) : NULL;

    crl->state = SP_HUB_CRL_STORED;
    if (code == SHIM_OK && denial != NULL) {
        code = refuse(c, crl, what.issuer, denial, is_new);
    } else if (code == SHIM_OK && what.state == SHIM_CRL_REFUSED) {
        code = refuse(c, crl, what.issuer, what.why, is_new);
        what.why = NULL;
        /* What is newer is stored, and stays. */
        if (what.older)
            crl->state = SP_HUB_CRL_STORED;
    } else if (code == SHIM_OK &&
               (what.facts.base.given != is_delta ||
                memcmp(what.names[is_delta], crl->name, SP_SHA256_LENGTH) != 0)) {
        code = shim_pull_lies(c->pull, "a CRL is not the one that its row names");
    } else if (code == SHIM_OK && is_below_floor(c, &what)) {
        code = refuse(c, crl, what.issuer,
                      OPENSSL_strdup("a newer one was stored before it was removed; upload the "
                                     "current one"),
                      is_new);
    } else if (code == SHIM_OK) {
        code = shim_memory_sufficed() ? shim_crl_commit(&what) : SHIM_SYSTEM;
        pull->synced->crls_stored += code == SHIM_OK && what.state == SHIM_CRL_STORED;
        shim_floor_set(&crl->floor, &what.facts.number, what.facts.this_update);
    }
    shim_crl_stored_clear(&what);
    return code;
}

static int fetch_and_take(struct comparing *c, struct sp_hub_crl *crl, const char *pieces,
                          bool is_delta, bool is_new)
{
    struct sp_text der = { 0 };
    unsigned char is[SP_SHA256_LENGTH];
    int code = fetch(c, pieces, &der);

    if (code == SHIM_OK && EVP_Digest(der.data, der.len, is, NULL, EVP_sha256(), NULL) != 1)
        code = shim_no_memory();
    if (code == SHIM_OK && memcmp(is, crl->content, SP_SHA256_LENGTH) != 0)
        code = shim_pull_lies(c->pull, "a CRL has not the SHA-256 that the hub tells");
    if (code == SHIM_OK)
        code = take(c, crl, &der, is_delta, is_new);
    OPENSSL_free(der.data);
    return code;
}

/* Will the caller store it, who has verified it? */
static bool is_at_hand(const struct comparing *c, const struct sp_hub_crl *crl)
{
    const struct shim_hub_crls *crls = c->pull->how->crls;

    for (size_t i = 0; crls != NULL && i < crls->count; i++)
        if (memcmp(crls->each[i].what->content, crl->content, SP_SHA256_LENGTH) == 0)
            return true;
    return false;
}

/* One CRL that the hub has: name, content, delta, and where its pieces are. */
static int compare_row(struct comparing *c, const PGresult *rows, int i)
{
    struct shim_hub *hub = c->pull->hub;
    struct sp_hub_crl *crl = &c->crls[c->count];
    const struct sp_hub_crl *old;
    const struct shim_held_crl *held;
    const char *pieces = shim_hub_text(hub, rows, i, 3);
    const int64_t is_delta = shim_hub_number(hub, rows, i, 2);
    bool same;

    if (!shim_hub_hash(hub, rows, i, 0, crl->name) ||
        !shim_hub_hash(hub, rows, i, 1, crl->content) || is_delta < 0 || pieces == NULL)
        return shim_pull_lies(c->pull, "a row is no CRL");
    c->count++;
    old = shim_crl_on_hub(&c->pull->local, crl->name);
    same = old != NULL && old->state != SP_HUB_CRL_GONE &&
           memcmp(old->content, crl->content, SP_SHA256_LENGTH) == 0;
    if (old != NULL) {
        crl->floor = old->floor;
        crl->state = old->state;
    }
    if (same && !c->pull->how->whole &&
        (old->state == SP_HUB_CRL_STORED || !c->pull->local.crls_again)) {
        c->refused_some = c->refused_some || old->state == SP_HUB_CRL_REFUSED;
        return SHIM_OK;
    }
    held = shim_held_find(&c->held, crl->name);
    if (held != NULL && memcmp(held->content, crl->content, SP_SHA256_LENGTH) == 0) {
        crl->state = SP_HUB_CRL_STORED;
        crl->floor = held->floor;
        return SHIM_OK;
    }
    if (is_at_hand(c, crl)) {
        /* The next sync sees whether it was. */
        crl->state = SP_HUB_CRL_REFUSED;
        c->pull->head.reach.crls_again = true;
        return SHIM_OK;
    }
    return fetch_and_take(c, crl, pieces, is_delta == 1, !same);
}

/*
 * A CRL that the hub has no more.  What was stored of it is removed; what is newer is of this host
 * alone and stays.
 */
static int leave(struct comparing *c, const struct sp_hub_crl *old)
{
    const struct shim_held_crl *held = shim_held_find(&c->held, old->name);
    struct sp_hub_crl *crl = &c->crls[c->count++];
    char *why = NULL;

    *crl = *old;
    crl->state = SP_HUB_CRL_GONE;
    if (old->state == SP_HUB_CRL_GONE || held == NULL ||
        (memcmp(held->content, old->content, SP_SHA256_LENGTH) != 0 &&
         (old->state != SP_HUB_CRL_STORED || shim_held_is_newer(held, &old->floor))))
        return SHIM_OK;
    crl->floor = held->floor;
    c->pull->synced->crls_removed++;
    return sp_crl_file_remove(held->path, &why) ? SHIM_OK : shim_keyring_fault(why);
}

static int compare_names(const void *a, const void *b)
{
    const struct sp_hub_crl *one = a, *other = b;

    return memcmp(one->name, other->name, SP_SHA256_LENGTH);
}

/* |digest| gets the sums of all, XORed; as smime_policy.sum_of_crl(). */
static bool add_up(const struct sp_hub_crl *crls, size_t count, int64_t *number,
                   unsigned char digest[SP_SHA256_LENGTH])
{
    unsigned char sum[SP_SHA256_LENGTH];

    *number = 0;
    memset(digest, 0, SP_SHA256_LENGTH);
    for (size_t i = 0; i < count; i++) {
        const struct sp_piece pieces[] = { { crls[i].name, SP_SHA256_LENGTH },
                                           { crls[i].content, SP_SHA256_LENGTH },
                                           { NULL, 0 } };

        if (crls[i].state == SP_HUB_CRL_GONE)
            continue;
        if (!sp_sha256(NULL, pieces, sum))
            return false;
        shim_pull_toggle(digest, sum);
        ++*number;
    }
    return true;
}

/* Is it what the hub tells of all? */
static bool is_as_told(const struct shim_pull *pull, const struct sp_hub_crl *crls, size_t count)
{
    unsigned char digest[SP_SHA256_LENGTH];
    int64_t number;

    return add_up(crls, count, &number, digest) && number == pull->head.crls &&
           memcmp(digest, pull->head.crl_digest, SP_SHA256_LENGTH) == 0;
}

bool shim_pull_crls_are_there(const struct shim_pull *pull)
{
    bool refused = false;

    for (size_t i = 0; i < pull->local.crl_count; i++)
        refused = refused || pull->local.crls[i].state == SP_HUB_CRL_REFUSED;
    return !(refused && pull->local.crls_again) &&
           is_as_told(pull, pull->local.crls, pull->local.crl_count);
}

/* Compare what the hub has with what the copy knows. */
static int compare(struct comparing *c, const PGresult *rows, int count)
{
    const struct sp_hub *local = &c->pull->local;
    const size_t room = (size_t)count + local->crl_count + 1;
    size_t listed;
    int code = SHIM_OK;

    c->crls = OPENSSL_zalloc(room * sizeof(*c->crls));
    if (c->crls == NULL)
        return shim_no_memory();
    for (int i = 0; code == SHIM_OK && i < count; i++)
        code = compare_row(c, rows, i);
    listed = c->count;
    if (code == SHIM_OK && !is_as_told(c->pull, c->crls, listed))
        code = shim_pull_lies(
            c->pull, "its CRLs are not as many, or not those, that their digest stands for");
    qsort(c->crls, listed, sizeof(*c->crls), compare_names);
    if (code == SHIM_OK && c->pull->synced->crls_stored > 0)
        code = shim_held_read(&c->held, c->pull->shim->keyring_path);
    for (size_t i = 0; code == SHIM_OK && i < local->crl_count; i++)
        if (bsearch(&local->crls[i], c->crls, listed, sizeof(*c->crls), compare_names) == NULL)
            code = leave(c, &local->crls[i]);
    qsort(c->crls, c->count, sizeof(*c->crls), compare_names);
    return code;
}

int shim_pull_crls(struct shim_pull *pull)
{
    const char *const realm[] = { pull->hub->realm, NULL };
    struct sp_hub *reach = &pull->head.reach;
    struct comparing c = { .pull = pull };
    PGresult *rows = shim_hub_ask(pull->hub,
                                  "SELECT name, content, delta, encode(pieces, 'hex')"
                                  " FROM smime_policy.crl WHERE realm = $1"
                                  " ORDER BY delta, name LIMIT 10001",
                                  realm);
    int code;
    int count = rows == NULL ? 0 : pull->hub->pq->ntuples(rows);

    if (rows == NULL)
        return SHIM_SYSTEM;
    code = shim_held_read(&c.held, pull->shim->keyring_path);
    if (code == SHIM_OK && count > MOST_CRLS) {
        shim_error("hub %s: the realm %s has more than %d CRLs; remove some ('smime-policy remove "
                   "--crls')",
                   pull->hub->name, pull->hub->realm, MOST_CRLS);
        code = SHIM_SYSTEM;
    }
    if (code == SHIM_OK)
        code = compare(&c, rows, count);
    if (code == SHIM_OK) {
        OPENSSL_free(reach->crls);
        reach->crls = c.crls;
        reach->crl_count = c.count;
        c.crls = NULL;
        /* An issuer that came along is seen when it is stored. */
        reach->crls_again = reach->crls_again || (c.refused_some && pull->synced->stored > 0);
    }
    shim_held_clear(&c.held);
    OPENSSL_free(c.crls);
    pull->hub->pq->clear(rows);
    return code;
}
