/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/crypto.h>

#include "tool/crls/stored_crls.h"
#include "tool/hub/publish.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_entry.h"
#include "tool/keyring/stored_key.h"

struct pushing {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* borrowed */
    struct shim_publish publish;
    struct shim_pushed *pushed; /* borrowed */
    bool has_keys;
};

/* Is it the first certificate that has its key?  Then the key goes with it. */
static int is_first(struct pushing *pushing, const struct sp_record *record)
{
    struct shim_records records = {
        .cursor = sp_keyring_find(pushing->keyring,
                                  &(struct sp_query){ .index = SP_BY_KEY, .hash = record->key })
    };
    bool first = shim_records_next(&records) && records.record.id == record->id;

    shim_records_end(&records);
    return records.failed ? -1 : first;
}

static int push_key(struct pushing *pushing, const struct sp_record *record)
{
    struct sp_private_key key = { 0 };
    int first = is_first(pushing, record);
    int found = first == 1 ? shim_stored_key(pushing->keyring, record, &key) : 0;
    bool done = true;

    if (first < 0)
        return shim_keyring_failed(pushing->keyring);
    if (found == 1 && !pushing->has_keys) {
        pushing->pushed->keys_kept++;
    } else if (found == 1) {
        done = shim_publish_key(&pushing->publish, record->key, &key);
        pushing->pushed->keys += done;
    }
    sp_private_key_clear(&key);
    return done && found >= 0 ? SHIM_OK : SHIM_SYSTEM;
}

static int push_one(const struct shim_entry *entry, void *data)
{
    struct pushing *pushing = data;
    const struct sp_record *record = &entry->record;
    char *found_by = NULL;
    bool same = false;
    bool done;

    /* What came from the hub is there. */
    if (record->origin == SP_ORIGIN_HUB || record->origin == SP_ORIGIN_HUB_ANCHOR)
        return SHIM_OK;
    done = shim_entry_found_by(pushing->keyring, entry, &found_by) &&
           shim_publish_cert(&pushing->publish, pushing->keyring, record, entry->facts, found_by,
                             &same);
    OPENSSL_free(found_by);
    if (!done)
        return SHIM_SYSTEM;
    pushing->pushed->certificates += !same;
    return record->role == SP_ROLE_IDENTITY || record->role == SP_ROLE_CA
               ? push_key(pushing, record)
               : SHIM_OK;
}

static int push_all(struct pushing *pushing, struct shim_hub *hub)
{
    int code = shim_publish_begin(&pushing->publish, hub) ? SHIM_OK : SHIM_SYSTEM;

    if (code == SHIM_OK)
        code =
            shim_entry_each(pushing->shim, pushing->keyring, &(struct sp_query){ .index = SP_ALL },
                            time(NULL), push_one, pushing);
    if (code == SHIM_OK)
        code =
            shim_publish_end(&pushing->publish, &pushing->pushed->revision) ? SHIM_OK : SHIM_SYSTEM;
    shim_publish_clear(&pushing->publish);
    return code == SHIM_OK ? code : shim_hub_refused(hub, code);
}

static int count_crl(const struct shim_stored_crl *crl, void *data)
{
    struct shim_pushed *pushed = data;

    pushed->crls_kept += !crl->is_of_hub;
    return SHIM_OK;
}

int shim_hub_push(struct shim *shim, struct shim_hub *hub, struct shim_pushed *pushed)
{
    struct pushing pushing = { .shim = shim, .pushed = pushed };
    struct shim_hub_head head = { 0 };
    struct shim_synced synced = { 0 };
    int code = shim_keyring_change(shim, SP_KEYRING_WRITE, &pushing.keyring);

    if (code == SHIM_OK)
        code = shim_keys_needed(shim);
    if (code == SHIM_OK)
        code = shim_hub_sync(shim, hub, pushing.keyring, &(struct shim_sync_how){ 0 }, &synced);
    if (code == SHIM_OK)
        code = shim_hub_head(hub, &head);
    pushing.has_keys = head.has_keys;
    shim_hub_head_clear(&head);
    if (code == SHIM_OK)
        code = push_all(&pushing, hub);
    if (code == SHIM_OK) {
        shim_synced_clear(&synced);
        code = shim_hub_sync(shim, hub, pushing.keyring,
                             &(struct shim_sync_how){ .hands_over = true }, &synced);
    }
    if (code == SHIM_OK)
        code = shim_stored_crls_each(shim->keyring_path, pushing.keyring, time(NULL), count_crl,
                                     pushed);
    shim_synced_clear(&synced);
    sp_keyring_close(pushing.keyring);
    return code;
}
