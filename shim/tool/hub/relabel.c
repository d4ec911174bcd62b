/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Giving what was copied from the hub the origin that the setting `hub_anchors` asks for.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "rules/rules.h"
#include "tool/hub/pull.h"
#include "tool/keyring/keyring_at.h"

/* The setting `hub_anchors` counts for what was copied under another one, too. */
static int relabel(struct shim_pull *pull)
{
    struct sp_member members[64];
    const unsigned char *after = NULL;
    unsigned char last[SP_SHA256_LENGTH];
    int count = 1;
    int code;

    if (pull->local.epoch == NULL ||
        strcmp(pull->local.anchors, pull->shim->settings->hub_anchors) == 0)
        return SHIM_OK;
    code = shim_pull_begin(pull);
    while (code == SHIM_OK && count > 0) {
        count = sp_keyring_members(pull->reader, after, members, 64);
        if (count < 0)
            code = shim_keyring_failed(pull->reader);
        for (int i = 0; code == SHIM_OK && i < count; i++)
            if (!sp_upload_relabel(pull->upload, members[i].fingerprint,
                                   sp_origin_from_hub(members[i].there, members[i].fingerprint,
                                                      pull->shim->settings)))
                code = shim_keyring_failed(pull->keyring);
        if (count > 0)
            memcpy(last, members[count - 1].fingerprint, sizeof(last));
        after = last;
    }
    pull->local.crls_again = true;
    OPENSSL_free(pull->local.anchors);
    pull->local.anchors = OPENSSL_strdup(pull->shim->settings->hub_anchors);
    if (code == SHIM_OK && pull->local.anchors == NULL)
        code = shim_no_memory();
    if (code == SHIM_OK)
        return shim_pull_commit(pull, &pull->local);
    sp_upload_free(pull->upload);
    pull->upload = NULL;
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
