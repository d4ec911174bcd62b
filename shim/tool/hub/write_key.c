/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A private key that is kept in another form, on its way to the hub.
 */
#include "tool/hub/change.h"
#include "tool/keyring/keyring_at.h"

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
