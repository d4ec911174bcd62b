/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writing where there is a hub: one transaction there, then the local copy.  What the hub does
 * not confirm is not stored here either.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/hub/publish.h"
#include "tool/keyring/keyring_at.h"

bool shim_hub_is_set(const struct shim *shim, bool local)
{
    return !local && shim->settings->hub != NULL;
}

int shim_hub_refused(const struct shim_hub *hub, int code)
{
    const char *name = hub->clash == NULL ? "" : hub->clash + strcspn(hub->clash, " ");

    name += *name == ' ' ? 1 : 0;
    if (hub->unsure)
        shim_error("hub %s: it did not say whether it has stored this; 'smime-policy sync' shows, "
                   "and it is safe to run this again",
                   hub->name);
    else if (hub->clash != NULL && strncmp(hub->clash, "SP002", 5) == 0)
        shim_error("hub %s: %s is an identity of another host, whose private key would go with it; "
                   "give --with-key if that is meant",
                   hub->name, name);
    else if (hub->clash != NULL && strncmp(hub->clash, "SP003", 5) == 0)
        shim_error("hub %s: another host has changed the CRL of this issuer meanwhile, and nothing "
                   "was stored; run this again if yours is newer",
                   hub->name);
    else if (hub->clash != NULL)
        shim_error("hub %s: another host has changed %s meanwhile, and nothing was stored; look at "
                   "it and run this again",
                   hub->name, name);
    return hub->clash != NULL && strncmp(hub->clash, "SP002", 5) == 0 ? SHIM_USAGE : code;
}

/* Ends the walk through the keys at the one with the id |data|. */
static bool is_other(const unsigned char key[SP_SHA256_LENGTH],
                     const struct sp_private_key *private_key, void *data)
{
    return private_key->request != NULL || memcmp(key, data, SP_SHA256_LENGTH) != 0;
}

static int send_certificates(struct shim_hub_change *change)
{
    struct shim_records records = { .cursor = sp_upload_all(change->upload) };
    bool done = true;
    bool same;

    while (done && shim_records_next(&records)) {
        char *found_by = NULL;

        /* Its private key, which comes along, makes it an identity when both are stored. */
        if (records.record.role == SP_ROLE_CONTACT &&
            !sp_upload_keys(change->upload, is_other, records.record.key))
            records.record.role = SP_ROLE_IDENTITY;
        done = sp_origin_is_by_hand(records.record.origin) ||
               sp_upload_found_by(change->upload, &records.record, &found_by);
        if (!done)
            (void)shim_keyring_failed(change->keyring);
        done = done && shim_publish_cert(&change->publish, change->keyring, &records.record, NULL,
                                         found_by, &same);
        OPENSSL_free(found_by);
    }
    if (records.failed)
        done = shim_keyring_failed(change->keyring) == SHIM_OK;
    shim_records_end(&records);
    return done ? SHIM_OK : SHIM_SYSTEM;
}

/* A key that waits for its certificate stays here, and so does one that the hub does not take. */
static bool send_key(const unsigned char key[SP_SHA256_LENGTH],
                     const struct sp_private_key *private_key, void *data)
{
    struct shim_hub_change *change = data;

    return private_key->request != NULL || !change->has_keys ||
           shim_publish_key(&change->publish, key, private_key);
}

/* The key of a certificate that is removed goes along if no other certificate has it. */
static int send_removal(struct shim_hub_change *change, const unsigned char *fingerprint)
{
    const struct sp_query this_one = { .index = SP_BY_FINGERPRINT, .hash = fingerprint };
    struct shim_records records = { .cursor = sp_keyring_find(change->keyring, &this_one) };
    struct sp_member member;
    unsigned char key[SP_SHA256_LENGTH] = { 0 };
    size_t same_key = 0;
    int known = sp_keyring_member(change->keyring, fingerprint, &member);
    bool failed;

    if (shim_records_next(&records))
        memcpy(key, records.record.key, sizeof(key));
    failed = records.failed;
    shim_records_end(&records);
    if (known == 0 && !failed)
        return SHIM_OK;
    records = (struct shim_records){ .cursor = sp_keyring_find(
                                         change->keyring,
                                         &(struct sp_query){ .index = SP_BY_KEY, .hash = key }) };
    while (shim_records_next(&records))
        same_key++;
    failed = failed || records.failed || known < 0;
    shim_records_end(&records);
    if (failed)
        return shim_keyring_failed(change->keyring);
    return shim_publish_row(&change->publish,
                            &(struct shim_publish_row){ .what = "removal",
                                                        .name = fingerprint,
                                                        .base = member.sum,
                                                        .role = change->with_key ? 1 : -1,
                                                        .origin = -1,
                                                        .uploaded = -1,
                                                        .narrowed = -1,
                                                        .key_of = same_key == 1 ? key : NULL })
               ? SHIM_OK
               : SHIM_SYSTEM;
}

static int send_change(struct shim_hub_change *change, struct shim_hub *hub)
{
    struct shim_hub_head head;
    int64_t revision = 0;
    int code = shim_hub_head(hub, &head);

    change->has_keys = head.has_keys;
    shim_hub_head_clear(&head);
    if (code == SHIM_OK && !shim_publish_begin(&change->publish, hub))
        code = SHIM_SYSTEM;
    if (code == SHIM_OK)
        code = shim_hub_send_crls(change);
    if (code == SHIM_OK && change->upload != NULL) {
        code = send_certificates(change);
        if (code == SHIM_OK && !sp_upload_keys(change->upload, send_key, change))
            code = SHIM_SYSTEM;
    }
    for (size_t i = 0; code == SHIM_OK && i < change->count; i++)
        code = send_removal(change, change->fingerprints[i]);
    if (code == SHIM_OK && !shim_publish_end(&change->publish, &revision))
        code = SHIM_SYSTEM;
    shim_publish_clear(&change->publish);
    return code == SHIM_OK ? code : shim_hub_refused(hub, code);
}

/* The upload has tables of its own in its keyring, so the copy is brought up in another. */
static int bring_copy_up(struct shim_hub_change *change, struct shim_hub *hub)
{
    const struct shim_sync_how how = { .crls = change->crls };
    struct shim_synced synced = { 0 };
    struct sp_keyring *copy = NULL;
    int code = shim_keyring_open(change->shim, SP_KEYRING_WRITE, &copy);

    if (code == SHIM_OK)
        code = shim_hub_sync(change->shim, hub, copy, &how, &synced);
    sp_keyring_close(copy);
    shim_synced_clear(&synced);
    return code;
}

/*
 * First the hub, then the copy, over the same connection.  After a clash the copy alone: it shows
 * what the hub has, so that the change can be made again.  What clashes may be a change of one's
 * own that the hub has stored without being able to say so.
 */
int shim_hub_write(struct shim_hub_change *change)
{
    struct shim_hub hub;
    int code = shim_hub_open(change->shim, &hub);

    if (code == SHIM_OK)
        code = send_change(change, &hub);
    if (code == SHIM_OK) {
        code = bring_copy_up(change, &hub);
        if (code != SHIM_OK)
            shim_error(
                "the hub has stored it, and the copy here is behind; run 'smime-policy sync'");
    } else if (hub.clash != NULL) {
        if (shim_hub_run(&hub, "ROLLBACK"))
            (void)bring_copy_up(change, &hub);
    } else if (!hub.unsure) {
        shim_error(SHIM_HUB_UNCHANGED);
    }
    shim_hub_close(&hub);
    return code;
}

int shim_hub_put(struct shim *shim, struct sp_keyring *keyring, struct sp_upload *upload,
                 const struct shim_hub_crls *crls, bool local)
{
    struct shim_hub_change change = {
        .shim = shim, .keyring = keyring, .upload = upload, .crls = crls
    };

    return shim_hub_is_set(shim, local) ? shim_hub_write(&change) : SHIM_OK;
}

int shim_hub_commit(struct shim *shim, struct sp_keyring *keyring, struct sp_upload *upload,
                    bool local)
{
    int code = shim_hub_put(shim, keyring, upload, NULL, local);

    if (code == SHIM_OK && !sp_upload_commit(upload))
        code = shim_keyring_failed(keyring);
    return code;
}

/* What is the hub's is not removed from the copy alone: the next sync would bring it back. */
static int check_own(struct sp_keyring *keyring,
                     const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count)
{
    char digits[SP_FINGERPRINT_TEXT];
    struct sp_member member;

    for (size_t i = 0; i < count; i++) {
        int known = sp_keyring_member(keyring, fingerprints[i], &member);

        if (known < 0)
            return shim_keyring_failed(keyring);
        if (known == 1 && !member.own) {
            sp_fingerprint_text(fingerprints[i], digits);
            return shim_usage("--local: %.16s is the hub's; leave --local out to remove it there",
                              digits);
        }
    }
    return SHIM_OK;
}

int shim_hub_remove(struct shim *shim, struct sp_keyring *keyring,
                    const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count,
                    bool with_key, bool local)
{
    struct shim_hub_change change = { .shim = shim,
                                      .keyring = keyring,
                                      .fingerprints = fingerprints,
                                      .count = count,
                                      .with_key = with_key };
    int code = SHIM_OK;

    if (shim_hub_is_set(shim, local))
        code = shim_hub_write(&change);
    else if (shim->settings->hub != NULL)
        code = check_own(keyring, fingerprints, count);
    if (code == SHIM_OK && !sp_keyring_remove(keyring, fingerprints, count))
        code = shim_keyring_failed(keyring);
    return code;
}

/* Is one of the certificates with this key the hub's?  A SHIM code. */
static int find_on_hub(struct sp_keyring *keyring, const unsigned char *id, bool *is_of_hub)
{
    struct shim_records records = {
        .cursor = sp_keyring_find(keyring, &(struct sp_query){ .index = SP_BY_KEY, .hash = id })
    };
    struct sp_member member;
    int known = 0;

    *is_of_hub = false;
    while (known >= 0 && !*is_of_hub && shim_records_next(&records)) {
        known = sp_keyring_member(keyring, records.record.fingerprint, &member);
        *is_of_hub = known == 1 && !member.own && member.there.role != SP_ROLE_CONTACT;
    }
    shim_records_end(&records);
    return records.failed || known < 0 ? shim_keyring_failed(keyring) : SHIM_OK;
}

static int publish_key(struct shim_hub *hub, const unsigned char *id,
                       const struct sp_private_key *key)
{
    struct shim_publish publish = { 0 };
    struct shim_hub_head head = { 0 };
    int64_t revision = 0;
    int code = shim_hub_head(hub, &head);

    /* Keys that are not open to this host are its own. */
    if (code == SHIM_OK && head.has_keys &&
        (!shim_publish_begin(&publish, hub) || !shim_publish_key(&publish, id, key) ||
         !shim_publish_end(&publish, &revision)))
        code = shim_hub_refused(hub, SHIM_SYSTEM);
    shim_publish_clear(&publish);
    shim_hub_head_clear(&head);
    return code;
}

int shim_hub_put_key(struct shim *shim, struct sp_keyring *keyring,
                     const unsigned char id[SP_SHA256_LENGTH], const struct sp_private_key *key,
                     bool local)
{
    struct shim_hub hub = { 0 };
    bool is_of_hub = false;
    int code;

    if (!shim_hub_is_set(shim, local))
        return SHIM_OK;
    code = find_on_hub(keyring, id, &is_of_hub);
    if (code != SHIM_OK || !is_of_hub)
        return code;
    code = shim_hub_open(shim, &hub);
    if (code == SHIM_OK)
        code = publish_key(&hub, id, key);
    if (code != SHIM_OK && !hub.unsure)
        shim_error(SHIM_HUB_UNCHANGED);
    shim_hub_close(&hub);
    return code;
}
