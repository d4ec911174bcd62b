/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Comparing the whole: fingerprints and sums of hub and copy, both in their order, a page at a
 * time.  The first copy is stored a few pages at a time, so that it goes on where it was
 * interrupted; until it is whole it counts as none.  And giving what was copied the origin that the
 * setting `hub_anchors` asks for.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "rules/rules.h"
#include "tool/hub/pull.h"
#include "tool/keyring/keyring_at.h"

/* Pages that are stored together at least. */
#define TOGETHER 40

/* The members of the copy, in their order. */
struct members {
    struct sp_keyring *reader; /* borrowed */
    struct sp_member each[64];
    int next, count;
    unsigned char last[SP_SHA256_LENGTH];
    bool begun, ended;
};

/* The next member, or NULL with |*code| set if that failed. */
static const struct sp_member *peek(struct members *m, int *code)
{
    if (m->next == m->count && !m->ended) {
        m->count = sp_keyring_members(m->reader, m->begun ? m->last : NULL, m->each, 64);
        m->next = 0;
        m->begun = true;
        if (m->count < 0) {
            m->count = 0;
            *code = shim_keyring_failed(m->reader);
        }
        m->ended = m->count < 64;
        if (m->count > 0)
            memcpy(m->last, m->each[m->count - 1].fingerprint, SP_SHA256_LENGTH);
    }
    return m->next < m->count ? &m->each[m->next] : NULL;
}

struct comparing {
    struct shim_pull *pull;
    struct members members;
    int fetching;
    struct sp_text wanted; /* fingerprints to fetch, as an array of SQL */
};

/* Members before |fingerprint| are no longer of the hub; NULL: all that are left. */
static int leave_until(struct comparing *c, const unsigned char *fingerprint)
{
    const struct sp_member *member;
    int code = SHIM_OK;

    while (
        code == SHIM_OK && (member = peek(&c->members, &code)) != NULL &&
        (fingerprint == NULL || memcmp(member->fingerprint, fingerprint, SP_SHA256_LENGTH) < 0)) {
        c->members.next++;
        c->pull->synced->removed++;
        if (!sp_upload_leave(c->pull->upload, member->fingerprint, false))
            code = shim_keyring_failed(c->pull->keyring);
    }
    return code;
}

static int compare_row(struct comparing *c, const PGresult *rows, int i)
{
    struct shim_pull *pull = c->pull;
    unsigned char fingerprint[SP_SHA256_LENGTH];
    unsigned char sum[SP_SHA256_LENGTH];
    char digits[SP_FINGERPRINT_TEXT];
    const struct sp_member *member;
    int code;

    if (!shim_hub_hash(pull->hub, rows, i, 0, fingerprint) ||
        !shim_hub_hash(pull->hub, rows, i, 1, sum)) {
        shim_error("hub %s: a row has no fingerprint; the hub is damaged", pull->hub->name);
        return SHIM_INPUT;
    }
    shim_pull_toggle(pull->reach.digest, sum);
    pull->reach.certificates++;
    code = leave_until(c, fingerprint);
    member = code == SHIM_OK ? peek(&c->members, &code) : NULL;
    if (member != NULL && memcmp(member->fingerprint, fingerprint, SP_SHA256_LENGTH) == 0) {
        c->members.next++;
        if (memcmp(member->sum, sum, SP_SHA256_LENGTH) == 0)
            return code;
    }
    sp_fingerprint_text(fingerprint, digits);
    sp_text_add(&c->wanted, c->wanted.len == 0 ? "{\\\\x" : ",\\\\x");
    sp_text_add(&c->wanted, digits);
    c->fetching++;
    return code;
}

/*
 * Fetch what is wanted, which is in order.  The bounds keep the server from reading the whole realm
 * where its planner does not know yet how large that is.
 */
static int fetch(struct comparing *c)
{
    struct shim_pull *pull = c->pull;
    const char *values[] = { pull->hub->realm, NULL, NULL };
    PGresult *rows;
    int count;
    int code = SHIM_OK;

    if (c->wanted.len == 0)
        return c->wanted.failed ? shim_no_memory() : SHIM_OK;
    sp_text_add(&c->wanted, "}");
    if (c->wanted.failed)
        return shim_no_memory();
    values[1] = c->wanted.data;
    rows = shim_hub_ask(pull->hub,
                        "SELECT fingerprint, payload, role, origin, uploaded, addresses,"
                        " narrowed, sum FROM smime_policy.certificate"
                        " WHERE realm = $1 AND fingerprint = ANY ($2::bytea[])"
                        " AND fingerprint BETWEEN ($2::bytea[])[1]"
                        " AND ($2::bytea[])[array_length($2::bytea[], 1)]",
                        values);
    c->wanted.len = 0;
    count = rows == NULL ? -1 : pull->hub->pq->ntuples(rows);
    for (int i = 0; code == SHIM_OK && i < count; i++)
        code = shim_pull_row(pull, rows, i);
    pull->hub->pq->clear(rows);
    if (code == SHIM_OK && count >= 0 && count != c->fetching) {
        shim_error("hub %s: certificates are missing that it has told of; the hub is damaged",
                   pull->hub->name);
        code = SHIM_INPUT;
    }
    c->fetching = 0;
    return count < 0 ? SHIM_SYSTEM : code;
}

/* A first copy is no copy until it is whole. */
static int store_some(struct shim_pull *pull)
{
    struct sp_hub some = pull->head.reach;
    int code;

    some.revision = some.certificates = 0;
    some.crls = pull->local.crls;
    some.crl_count = pull->local.crl_count;
    code = shim_pull_commit(pull, &some);
    return code == SHIM_OK ? shim_pull_begin(pull) : code;
}

/* One page; |*count| is its length. */
static int compare_page(struct comparing *c, int *count)
{
    struct shim_hub *hub = c->pull->hub;
    PGresult *rows = shim_hub_ask(hub, "FETCH FORWARD 500 FROM rows", NULL);
    int code = rows != NULL ? SHIM_OK : SHIM_SYSTEM;

    *count = rows != NULL ? hub->pq->ntuples(rows) : 0;
    for (int i = 0; code == SHIM_OK && i < *count; i++)
        code = compare_row(c, rows, i);
    hub->pq->clear(rows);
    return code == SHIM_OK ? fetch(c) : code;
}

int shim_pull_whole(struct shim_pull *pull)
{
    static const char ask[] =
        "DECLARE rows NO SCROLL CURSOR FOR SELECT fingerprint, sum"
        " FROM smime_policy.certificate WHERE realm = $1 ORDER BY fingerprint";
    const char *const realm[] = { pull->hub->realm, NULL };
    const bool first = pull->local.revision == 0;
    struct comparing comparing = { .pull = pull, .members = { .reader = pull->reader } };
    int code = shim_hub_run_with(pull->hub, ask, realm) ? SHIM_OK : SHIM_SYSTEM;
    int stored = 0;
    int count = 1;

    pull->reach.certificates = 0;
    memset(pull->reach.digest, 0, SP_SHA256_LENGTH);
    for (int page = 1; code == SHIM_OK && count > 0; page++) {
        code = compare_page(&comparing, &count);
        /* Each transaction rewrites much of the indexes, so they grow with what is there. */
        if (code == SHIM_OK && first && page - stored >= TOGETHER && page - stored >= stored / 2) {
            code = store_some(pull);
            stored = page;
        }
    }
    if (code == SHIM_OK)
        code = leave_until(&comparing, NULL);
    if (code == SHIM_OK && !shim_hub_run(pull->hub, "CLOSE rows"))
        code = SHIM_SYSTEM;
    OPENSSL_free(comparing.wanted.data);
    return code;
}

/* The setting `hub_anchors` counts for what was copied under another one, too. */
static int relabel(struct shim_pull *pull)
{
    struct members members = { .reader = pull->reader };
    const struct sp_member *member;
    int code;

    if (pull->local.epoch == NULL ||
        strcmp(pull->local.anchors, pull->shim->settings->hub_anchors) == 0)
        return SHIM_OK;
    code = shim_pull_begin(pull);
    while (code == SHIM_OK && (member = peek(&members, &code)) != NULL) {
        members.next++;
        if (!sp_upload_relabel(
                pull->upload, member->fingerprint,
                sp_origin_from_hub(member->there, member->fingerprint, pull->shim->settings)))
            code = shim_keyring_failed(pull->keyring);
    }
    pull->local.crls_again = true;
    OPENSSL_free(pull->local.anchors);
    pull->local.anchors = OPENSSL_strdup(pull->shim->settings->hub_anchors);
    if (code == SHIM_OK && pull->local.anchors == NULL)
        code = shim_no_memory();
    if (code == SHIM_OK)
        return shim_pull_commit(pull, &pull->local);
    sp_upload_free(pull->upload);
    return code;
}

/* What the keyring keeps of its hub is damaged: note that the copy is of no epoch, and of no
 * setting. */
static int begin_anew(struct sp_hub *local)
{
    sp_hub_clear(local);
    local->realm = OPENSSL_strdup("");
    local->epoch = OPENSSL_strdup("");
    local->anchors = OPENSSL_strdup("");
    return local->realm != NULL && local->epoch != NULL && local->anchors != NULL
               ? SHIM_OK
               : shim_no_memory();
}

int shim_hub_relabel(struct shim *shim, struct sp_keyring *keyring, bool whole)
{
    const struct shim_sync_how how = { 0 };
    struct shim_pull pull = { .shim = shim, .keyring = keyring, .how = &how };
    int code = SHIM_OK;

    if (!sp_keyring_hub(keyring, &pull.local))
        code = whole ? begin_anew(&pull.local) : shim_keyring_failed(keyring);
    if (code == SHIM_OK)
        code = shim_keyring_open(shim, SP_KEYRING_READ, &pull.reader);
    if (code == SHIM_OK)
        code = relabel(&pull);
    sp_keyring_close(pull.reader);
    sp_hub_clear(&pull.local);
    return code;
}
