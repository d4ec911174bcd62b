/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy sync: brings this host's keyring up to the hub.
 */
#include <stdio.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"
#include "keyring/contact.h"
#include "rules/rules.h"
#include "tool/hub/talk.h"
#include "tool/keyring/keyring_at.h"
#include "tool/report/outcome.h"

static int print_json(const struct shim *shim, const struct shim_synced *synced, int code)
{
    return shim_json_keyring_report(
        shim, "sync", code,
        json_pack("{s:o, s:o, s:b, s:o, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "hub",
                  sp_json_text(shim->settings->hub), "realm",
                  sp_json_text(shim->settings->hub_realm), "done", code == SHIM_OK, "epoch",
                  sp_json_text(synced->epoch), "revision", (json_int_t)synced->revision,
                  "certificates", (json_int_t)synced->certificates, "whole", synced->whole,
                  "stored", (json_int_t)synced->stored, "removed", (json_int_t)synced->removed,
                  "keys", (json_int_t)synced->keys, "crls", (json_int_t)synced->crls, "crls_stored",
                  (json_int_t)synced->crls_stored, "crls_removed", (json_int_t)synced->crls_removed,
                  "crls_refused", (json_int_t)synced->crls_refused));
}

static int sync_once(struct shim *shim, const struct shim_sync_how *how, struct shim_synced *synced)
{
    struct sp_keyring *keyring = NULL;
    struct shim_hub hub = { 0 };
    int code = shim_keyring_open(shim, SP_KEYRING_WRITE, &keyring);

    /* A setting of this host counts without the hub. */
    if (code == SHIM_OK)
        code = shim_hub_relabel(shim, keyring, how->whole);
    if (code == SHIM_OK)
        code = shim_hub_open(shim, &hub);
    if (code == SHIM_OK)
        code = shim_hub_sync(shim, &hub, keyring, how, synced);
    sp_keyring_close(keyring);
    shim_hub_close(&hub);
    return code;
}

void shim_hub_tell_contact(const struct shim *shim)
{
    time_t contact = shim->settings->hub == NULL ? 0 : sp_keyring_contact(shim->keyring_path);
    char *at = contact > 0 ? sp_format_time(contact) : NULL;

    if (shim->settings->hub == NULL)
        return;
    shim_print(stderr, "a copy of the hub %s; last contact: %s%s\n", shim->settings->hub,
               at != NULL ? at : "never",
               sp_is_stale(contact, time(NULL), shim->settings)
                   ? "; it is stale: run 'smime-policy sync'"
                   : "");
    OPENSSL_free(at);
}

int shim_hub_copy(const struct shim *shim, struct sp_keyring *keyring, time_t now, json_t **copy)
{
    const smimepolicy_settings *settings = shim->settings;
    time_t contact = settings->hub == NULL ? 0 : sp_keyring_contact(shim->keyring_path);
    struct sp_hub hub = { 0 };
    char *at = NULL;
    int code = SHIM_OK;

    if (settings->hub == NULL) {
        *copy = json_null();
        return SHIM_OK;
    }
    if (!sp_keyring_hub(keyring, &hub))
        code = shim_keyring_failed(keyring);
    else if (contact > 0 && (at = sp_format_time(contact)) == NULL)
        code = shim_no_memory();
    if (code == SHIM_OK) {
        *copy = json_pack("{s:o, s:o, s:s?, s:b, s:o, s:I, s:I}", "hub",
                          sp_json_text(settings->hub), "realm", sp_json_text(settings->hub_realm),
                          "contact", at, "stale", sp_is_stale(contact, now, settings), "epoch",
                          sp_json_text(hub.epoch), "revision", (json_int_t)hub.revision,
                          "certificates", (json_int_t)hub.certificates);
        code = *copy == NULL ? shim_no_memory() : SHIM_OK;
    }
    OPENSSL_free(at);
    sp_hub_clear(&hub);
    return code;
}

static void tell(const struct shim *shim, const struct shim_synced *synced)
{
    shim_print(stdout,
               "revision %lld of the hub %s: %lld stored, %lld removed, %lld private keys; "
               "%lld certificates",
               (long long)synced->revision, shim->settings->hub, (long long)synced->stored,
               (long long)synced->removed, (long long)synced->keys,
               (long long)synced->certificates);
    if (synced->crls + synced->crls_removed > 0)
        shim_print(stdout, "; CRLs: %lld, %lld stored, %lld removed", (long long)synced->crls,
                   (long long)synced->crls_stored, (long long)synced->crls_removed);
    shim_print(stdout, " (keyring %s)\n", shim->keyring_path);
    (void)fflush(stdout);
}

static void tell_json(const struct shim *shim, const struct shim_synced *synced)
{
    (void)print_json(shim, synced, SHIM_OK);
    (void)fflush(stdout);
}

int shim_run_sync(struct shim *shim, const struct shim_long *line)
{
    const bool json = shim_long_has(line, "json");
    const struct shim_sync_how how = { .whole = shim_long_has(line, "whole") };
    struct shim_synced synced = { 0 };
    int code;

    if (*line->operands != NULL)
        return shim_usage("sync: takes no word");
    if (how.whole && shim_long_has(line, "follow"))
        return shim_usage("sync: --whole and --follow exclude each other");
    code = shim_load_settings(shim);
    if (code == SHIM_OK && shim->settings->hub == NULL)
        code = shim_usage("no hub is set; give the setting `hub` in the policy file");
    if (code == SHIM_OK)
        code = shim_keyring_find(shim);
    if (code != SHIM_OK)
        return code;
    if (shim_long_has(line, "follow"))
        return shim_follow(shim, json ? tell_json : tell);
    code = sync_once(shim, &how, &synced);
    if (json)
        code = print_json(shim, &synced, code);
    else if (code == SHIM_OK)
        tell(shim, &synced);
    shim_synced_clear(&synced);
    return code;
}
