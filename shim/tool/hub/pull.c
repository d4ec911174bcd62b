/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bringing the keyring up to the hub.  Where the journal reaches back to the copy, what changed
 * since is one transaction here; else the whole is compared, and what differs is copied.  Nothing
 * is believed: each certificate must have its fingerprint, each row its sum, and all of them
 * together the number and the digest that the hub tells.
 */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "rules/rules.h"
#include "common/memory.h"
#include "keyring/contact.h"
#include "tool/crls/crls.h"
#include "tool/hub/pull.h"
#include "tool/keyring/keyring_at.h"

#define LONGEST_CERTIFICATE ((size_t)16 << 20)
#define LONGEST_KEY         ((size_t)1 << 20)

void shim_synced_clear(struct shim_synced *synced)
{
    OPENSSL_free(synced->epoch);
    *synced = (struct shim_synced){ 0 };
}

void shim_pull_toggle(unsigned char digest[SP_SHA256_LENGTH], const unsigned char *sum)
{
    for (size_t i = 0; i < SP_SHA256_LENGTH; i++)
        digest[i] ^= sum[i];
}

int shim_pull_lies(const struct shim_pull *pull, const char *what)
{
    shim_error("hub %s: %s; the hub or the way to it is damaged, and the keyring is as it was",
               pull->hub->name, what);
    return SHIM_INPUT;
}

/* Parse the certificate and check its fingerprint. */
static X509 *parse(const unsigned char *der, size_t length, const unsigned char *fingerprint)
{
    const unsigned char *end = der;
    X509 *cert = sp_cert_without_key(&end, (long)length);
    unsigned char is[EVP_MAX_MD_SIZE];

    if (cert != NULL && end != der + length) {
        X509_free(cert);
        end = der;
        cert = d2i_X509_AUX(NULL, &end, (long)length);
    }
    if (cert != NULL && (end != der + length || X509_digest(cert, EVP_sha256(), is, NULL) != 1 ||
                         memcmp(is, fingerprint, SP_SHA256_LENGTH) != 0)) {
        X509_free(cert);
        cert = NULL;
    }
    ERR_clear_error();
    return cert;
}

static int store(struct shim_pull *pull, const struct shim_publish_row *row, const X509 *cert,
                 const struct sp_member *member)
{
    struct sp_facts *facts = sp_facts_new(cert);
    enum sp_role role =
        member->there.role == SP_ROLE_IDENTITY ? SP_ROLE_CONTACT : member->there.role;
    enum sp_role stored_as;
    enum sp_added added = SP_ADD_FAILED;

    sp_upload_at(pull->upload, row->uploaded);
    sp_upload_origin(pull->upload,
                     sp_origin_from_hub(member->there, member->fingerprint, pull->shim->settings));
    sp_upload_only_for(pull->upload, row->narrowed == 1 ? row->addresses : NULL);
    sp_upload_member(pull->upload, member);
    if (facts != NULL)
        added = sp_upload_add(pull->upload, cert, facts, role, false, &stored_as);
    sp_facts_free(facts);
    if (facts == NULL)
        return shim_no_memory();
    pull->synced->stored++;
    return added != SP_ADD_FAILED ? SHIM_OK : shim_keyring_failed(pull->keyring);
}

int shim_pull_row(struct shim_pull *pull, const PGresult *rows, int i)
{
    const struct shim_hub *hub = pull->hub;
    struct sp_member member = { 0 };
    struct sp_member old;
    unsigned char told[SP_SHA256_LENGTH];
    struct shim_publish_row row = { .role = (int)shim_hub_number(hub, rows, i, 2),
                                    .origin = (int)shim_hub_number(hub, rows, i, 3),
                                    .uploaded = shim_hub_number(hub, rows, i, 4),
                                    .addresses = shim_hub_text(hub, rows, i, 5),
                                    .narrowed = (int)shim_hub_number(hub, rows, i, 6) };
    X509 *cert;
    int known;
    int code;

    row.bytes = shim_hub_bytes(hub, rows, i, 1, &row.length);
    if (!shim_hub_hash(hub, rows, i, 0, member.fingerprint) || row.bytes == NULL ||
        row.length > LONGEST_CERTIFICATE || row.role <= SP_ROLE_NONE || row.role >= SP_ROLE_COUNT ||
        row.origin < SP_ORIGIN_UPLOADED || row.origin > SP_ORIGIN_MADE || row.addresses == NULL)
        return shim_pull_lies(pull, "a row is no certificate");
    member.there = (struct sp_standing){ (enum sp_role)row.role, (enum sp_origin)row.origin };
    cert = parse(row.bytes, row.length, member.fingerprint);
    if (cert == NULL)
        return shim_pull_lies(pull, "a certificate has not the fingerprint that the hub tells");
    known = pull->follows ? sp_keyring_member(pull->reader, member.fingerprint, &old) : 0;
    if (!shim_publish_sum(&row, member.sum))
        code = shim_no_memory();
    else if (known < 0)
        code = shim_keyring_failed(pull->reader);
    else if (!pull->follows && (!shim_hub_hash(hub, rows, i, 7, told) ||
                                memcmp(told, member.sum, SP_SHA256_LENGTH) != 0))
        code = shim_pull_lies(pull, "a row has not the sum that the hub tells");
    else if (known == 1 && memcmp(old.sum, member.sum, SP_SHA256_LENGTH) == 0)
        code = SHIM_OK;
    else
        code = store(pull, &row, cert, &member);
    if (code == SHIM_OK && pull->follows) {
        if (known == 1)
            shim_pull_toggle(pull->reach.digest, old.sum);
        shim_pull_toggle(pull->reach.digest, member.sum);
        pull->reach.certificates += known == 0;
    }
    X509_free(cert);
    return code;
}

/* One row of the journal that removes. */
static int remove_row(struct shim_pull *pull, const PGresult *rows, int i)
{
    struct sp_member old;
    unsigned char fingerprint[SP_SHA256_LENGTH];
    int known;

    if (!shim_hub_hash(pull->hub, rows, i, 0, fingerprint))
        return shim_pull_lies(pull, "a row removes nothing");
    known = sp_keyring_member(pull->reader, fingerprint, &old);
    if (known <= 0)
        return known < 0 ? shim_keyring_failed(pull->reader) : SHIM_OK;
    shim_pull_toggle(pull->reach.digest, old.sum);
    pull->reach.certificates--;
    pull->synced->removed++;
    return sp_upload_leave(pull->upload, fingerprint, shim_hub_number(pull->hub, rows, i, 2) == 1)
               ? SHIM_OK
               : shim_keyring_failed(pull->keyring);
}

static int take_row(struct shim_pull *pull, const PGresult *rows, int i)
{
    const char *what = shim_hub_text(pull->hub, rows, i, 7);

    if (what != NULL && strcmp(what, "certificate") == 0)
        return shim_pull_row(pull, rows, i);
    if (what != NULL && strcmp(what, "removal") == 0)
        return remove_row(pull, rows, i);
    shim_error("hub %s: it holds what this smime-policy does not know (%s); install a newer one",
               pull->hub->name, what == NULL ? "" : what);
    return SHIM_SYSTEM;
}

/* Call |take| for each row of the cursor that |sql| declares, for what came behind |since|. */
static int each_row(struct shim_pull *pull, const char *sql, int64_t since,
                    int (*take)(struct shim_pull *pull, const PGresult *rows, int i))
{
    char revision[32];
    const char *const values[] = { pull->hub->realm, revision, NULL };
    int code = SHIM_OK;
    int count = 1;

    (void)snprintf(revision, sizeof(revision), "%lld", (long long)since);
    if (!shim_hub_run_with(pull->hub, sql, values))
        return SHIM_SYSTEM;
    while (code == SHIM_OK && count > 0) {
        PGresult *rows = shim_hub_ask(pull->hub, "FETCH FORWARD 500 FROM rows", NULL);

        count = rows == NULL ? -1 : pull->hub->pq->ntuples(rows);
        for (int i = 0; code == SHIM_OK && i < count; i++)
            code = take(pull, rows, i);
        pull->hub->pq->clear(rows);
    }
    if (count < 0)
        return SHIM_SYSTEM;
    return code == SHIM_OK && !shim_hub_run(pull->hub, "CLOSE rows") ? SHIM_SYSTEM : code;
}

/* What changed since, each certificate once: a removal and its return are one change. */
static int follow(struct shim_pull *pull)
{
    static const char changed[] =
        "DECLARE rows NO SCROLL CURSOR FOR SELECT DISTINCT ON (name) name, payload, role,"
        " origin, uploaded, addresses, narrowed, what FROM smime_policy.journal"
        " WHERE realm = $1 AND revision > $2::bigint AND what NOT IN ('key', 'crl', 'crl-removal')"
        " ORDER BY name, revision DESC";

    pull->follows = true;
    pull->reach.certificates = pull->local.certificates;
    memcpy(pull->reach.digest, pull->local.digest, SP_SHA256_LENGTH);
    return each_row(pull, changed, pull->local.revision, take_row);
}

static int take_key(struct shim_pull *pull, const PGresult *rows, int i)
{
    unsigned char id[SP_SHA256_LENGTH];
    struct sp_private_key key = { .encrypted = true };
    const unsigned char *pkcs8 = shim_hub_bytes(pull->hub, rows, i, 1, &key.length);
    const char *uri = shim_hub_text(pull->hub, rows, i, 2);

    if (!shim_hub_hash(pull->hub, rows, i, 0, id) || (pkcs8 == NULL) == (uri == NULL) ||
        key.length > LONGEST_KEY)
        return shim_pull_lies(pull, "a row is no private key");
    if (pkcs8 != NULL)
        key.pkcs8 = OPENSSL_memdup(pkcs8, key.length);
    else
        key = (struct sp_private_key){ .uri = OPENSSL_strdup(uri) };
    if (key.pkcs8 == NULL && key.uri == NULL)
        return shim_no_memory();
    pull->synced->keys++;
    return sp_upload_add_key(pull->upload, id, &key) ? SHIM_OK : shim_keyring_failed(pull->keyring);
}

int shim_pull_begin(struct shim_pull *pull)
{
    pull->upload = sp_upload_begin(pull->keyring);
    return pull->upload != NULL ? SHIM_OK : shim_keyring_failed(pull->keyring);
}

int shim_pull_commit(struct shim_pull *pull, const struct sp_hub *reach)
{
    int code = SHIM_OK;

    sp_upload_hub(pull->upload, reach);
    if (pull->how->hands_over)
        sp_upload_hand_over(pull->upload);
    if (!shim_memory_sufficed())
        code = SHIM_SYSTEM;
    else if (!sp_upload_commit(pull->upload))
        code = shim_keyring_failed(pull->keyring);
    sp_upload_free(pull->upload);
    pull->upload = NULL;
    return code;
}

static bool adds_up(const struct shim_pull *pull)
{
    const struct sp_hub *told = &pull->head.reach;

    return pull->reach.certificates == told->certificates &&
           memcmp(pull->reach.digest, told->digest, SP_SHA256_LENGTH) == 0;
}

/* Take what |copy| brings and the private keys behind |since|, and store it if it adds up. */
static int bring(struct shim_pull *pull, int (*copy)(struct shim_pull *pull), int64_t since,
                 bool *adds)
{
    static const char keys[] =
        "DECLARE rows NO SCROLL CURSOR FOR SELECT key, pkcs8, uri"
        " FROM smime_policy.private_key WHERE realm = $1 AND revision > $2::bigint";
    int code = shim_pull_begin(pull);

    *adds = false;
    if (code == SHIM_OK)
        code = copy(pull);
    if (code == SHIM_OK && pull->head.has_keys)
        code = each_row(pull, keys, since, take_key);
    *adds = code == SHIM_OK && adds_up(pull);
    if (*adds)
        code = shim_pull_crls(pull);
    if (*adds && code == SHIM_OK) {
        code = shim_pull_commit(pull, &pull->head.reach);
        return code != SHIM_OK
                   ? code
                   : shim_crls_mark(pull->shim->keyring_path, pull->keyring, time(NULL), false);
    }
    sp_upload_free(pull->upload);
    pull->upload = NULL;
    return code;
}

/* May the journal be followed from where the copy is? */
static bool may_follow(const struct shim_pull *pull)
{
    const struct sp_hub *local = &pull->local;
    const struct sp_hub *hub = &pull->head.reach;

    return !pull->how->whole && local->epoch != NULL && strcmp(local->epoch, hub->epoch) == 0 &&
           strcmp(local->realm, hub->realm) == 0 && local->revision > 0 &&
           local->revision >= pull->head.oldest && local->revision <= hub->revision;
}

static bool is_there(const struct shim_pull *pull)
{
    return may_follow(pull) && !pull->how->hands_over &&
           pull->local.revision == pull->head.reach.revision &&
           memcmp(pull->local.digest, pull->head.reach.digest, SP_SHA256_LENGTH) == 0 &&
           shim_pull_crls_are_there(pull);
}

static int bring_up(struct shim_pull *pull)
{
    bool adds = false;
    int code = SHIM_OK;

    if (is_there(pull))
        return SHIM_OK;
    if (may_follow(pull)) {
        code = bring(pull, follow, pull->local.revision, &adds);
        if (code != SHIM_OK || adds)
            return code;
    }
    pull->follows = false;
    *pull->synced = (struct shim_synced){ .whole = true };
    code = bring(pull, shim_pull_whole, 0, &adds);
    if (code != SHIM_OK || adds)
        return code;
    return shim_pull_lies(
        pull, "its certificates are not as many, or not those, that its digest stands for");
}

static int sync_in(struct shim_pull *pull)
{
    int code;

    if (!shim_hub_run(pull->hub, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        return SHIM_SYSTEM;
    code = shim_hub_head(pull->hub, &pull->head);
    if (code == SHIM_OK) {
        pull->head.reach.anchors = OPENSSL_strdup(pull->shim->settings->hub_anchors);
        code = pull->head.reach.anchors != NULL ? bring_up(pull) : shim_no_memory();
    }
    if (code == SHIM_OK && !shim_hub_run(pull->hub, "COMMIT"))
        code = SHIM_SYSTEM;
    return code;
}

int shim_hub_sync(struct shim *shim, struct shim_hub *hub, struct sp_keyring *keyring,
                  const struct shim_sync_how *how, struct shim_synced *synced)
{
    struct shim_pull pull = {
        .shim = shim, .hub = hub, .keyring = keyring, .how = how, .synced = synced
    };
    int code = shim_hub_relabel(shim, keyring, how->whole);

    *synced = (struct shim_synced){ 0 };
    if (code == SHIM_OK && !sp_keyring_hub(keyring, &pull.local))
        code = shim_keyring_failed(keyring);
    if (code == SHIM_OK)
        code = shim_keyring_open(shim, SP_KEYRING_READ, &pull.reader);
    if (code == SHIM_OK)
        code = sync_in(&pull);
    if (code == SHIM_OK) {
        synced->revision = pull.head.reach.revision;
        synced->certificates = pull.head.reach.certificates;
        synced->crls = pull.head.crls;
        synced->epoch = OPENSSL_strdup(pull.head.reach.epoch);
        code = synced->epoch != NULL ? SHIM_OK : shim_no_memory();
    }
    if (code == SHIM_OK && !sp_keyring_touch(shim->keyring_path, time(NULL))) {
        shim_error(
            "keyring %s: the time of this contact cannot be noted: %s; run this as its owner",
            shim->keyring_path, strerror(errno));
        code = SHIM_SYSTEM;
    }
    sp_keyring_close(pull.reader);
    sp_hub_clear(&pull.local);
    shim_hub_head_clear(&pull.head);
    return code;
}
