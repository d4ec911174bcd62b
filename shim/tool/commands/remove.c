/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy remove: removes certificates, and with an identity its private key.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "common/memory.h"
#include "common/print.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

#define FEWEST_DIGITS 8

/* What is told of one certificate after it was removed. */
struct removed {
    char *line;   /* owned */
    json_t *json; /* owned; NULL without --json */
    bool had_key;
    unsigned char key[SP_SHA256_LENGTH];
};

struct removing {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* borrowed */
    bool all, with_key, waiting, local, dry_run, json;
    struct shim_picks picks;
    struct removed *each; /* owned */
    size_t count;
    bool refused;
    bool done; /* they are removed */
};

static int look_at(const struct shim_entry *entry, void *data)
{
    struct removing *removing = data;
    struct removed *longer =
        OPENSSL_realloc(removing->each, (removing->count + 1) * sizeof(*removing->each));
    struct removed *removed;

    if (longer == NULL)
        return shim_no_memory();
    removing->each = longer;
    removed = &longer[removing->count++];
    *removed = (struct removed){ .line = shim_entry_line(entry),
                                 .json = removing->json ? shim_entry_json(entry) : NULL,
                                 .had_key = shim_entry_has_key(removing->keyring, entry) };
    memcpy(removed->key, entry->record.key, SP_SHA256_LENGTH);
    if (removed->line == NULL || (removing->json && removed->json == NULL))
        return shim_no_memory();
    if (removed->had_key && !removing->with_key && !entry->waits) {
        shim_error(entry->record.role == SP_ROLE_CA
                       ? "%s was made here: its private key goes with it, and it issues no more"
                       : "%s is an identity: its private key goes with the last certificate of "
                         "that key, and what was encrypted to it cannot be read any more",
                   removed->line);
        removing->refused = true;
    }
    return SHIM_OK;
}

static int select_all(struct removing *removing, char **words)
{
    int code = SHIM_OK;

    for (; code == SHIM_OK && *words != NULL; words++) {
        size_t found;

        code = shim_pick(removing->shim, removing->keyring, *words, &removing->picks, &found);
        if (code == SHIM_OK && found > 1 && !removing->all) {
            shim_error("%s has %zu certificates; name one by its fingerprint ('smime-policy list "
                       "--address %s'), or give --all",
                       *words, found, *words);
            code = SHIM_USAGE;
        }
    }
    return code;
}

/* The private keys without a certificate that a word names. */
struct waiting_of {
    struct removing *removing;
    const char *word;
    char *folded; /* owned: |word| as an address; NULL: it is none */
    size_t found;
};

/* Is it named by its address, or by the first digits that `list` shows? */
static bool is_named(const struct waiting_of *of, const struct shim_entry *entry)
{
    char digits[SP_FINGERPRINT_TEXT];
    const char *address;
    size_t length = strlen(of->word);

    sp_fingerprint_text(entry->record.fingerprint, digits);
    if (of->folded == NULL)
        return length >= FEWEST_DIGITS && strncasecmp(digits, of->word, length) == 0;
    for (size_t i = 0; (address = sp_facts_address(entry->facts, i)) != NULL; i++)
        if (strcmp(address, of->folded) == 0)
            return true;
    return false;
}

static int take_waiting(const struct shim_entry *entry, void *data)
{
    struct waiting_of *of = data;

    if (!is_named(of, entry))
        return SHIM_OK;
    of->found++;
    if (!shim_picks_add(&of->removing->picks, entry->record.fingerprint))
        return shim_no_memory();
    return look_at(entry, of->removing);
}

static int select_waiting(struct removing *removing, char **words)
{
    int code = shim_keys_needed(removing->shim);

    for (; code == SHIM_OK && *words != NULL; words++) {
        struct waiting_of of = { .removing = removing, .word = *words };

        if (strchr(*words, '@') != NULL && (of.folded = shim_address_folded(*words)) == NULL)
            return SHIM_USAGE;
        code = shim_waiting_each(removing->keyring, take_waiting, &of);
        OPENSSL_free(of.folded);
        if (code == SHIM_OK && of.found == 0) {
            shim_error("no private key that waits for its certificate is found by %s; "
                       "'smime-policy list --state waiting' shows what there is",
                       *words);
            code = SHIM_INPUT;
        }
        if (code == SHIM_OK && of.found > 1 && !removing->all) {
            shim_error("%zu private keys wait that %s names; give the digits of one "
                       "('smime-policy list --state waiting'), or --all",
                       of.found, *words);
            code = SHIM_USAGE;
        }
    }
    return code;
}

static bool is_picked(const struct shim_picks *picks, const unsigned char *fingerprint)
{
    for (size_t i = 0; i < picks->count; i++)
        if (memcmp(picks->each[i], fingerprint, SP_SHA256_LENGTH) == 0)
            return true;
    return false;
}

/* Does an identity that is not removed have the private key?  Then it stays. */
static int key_stays(const struct removing *removing, const struct removed *removed, bool *stays)
{
    const struct sp_query identities = { .index = SP_BY_KEY,
                                         .hash = removed->key,
                                         .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) };
    struct shim_records records = { .cursor = sp_keyring_find(removing->keyring, &identities) };

    *stays = false;
    while (!*stays && shim_records_next(&records))
        *stays = !is_picked(&removing->picks, records.record.fingerprint);
    shim_records_end(&records);
    return records.failed ? shim_keyring_failed(removing->keyring) : SHIM_OK;
}

static int report_one(const struct removing *removing, struct removed *removed)
{
    bool stays = false;
    int code = removed->had_key ? key_stays(removing, removed, &stays) : SHIM_OK;

    if (code != SHIM_OK)
        return code;
    if (removed->json != NULL)
        return json_object_set_new(removed->json, "private_key",
                                   json_string(!removed->had_key ? "none"
                                               : stays           ? "kept"
                                                                 : "removed")) == 0
                   ? SHIM_OK
                   : shim_no_memory();
    shim_print(stdout, "%s %s%s\n", removing->dry_run ? "would remove" : "removed", removed->line,
               !removed->had_key ? ""
               : stays           ? "; its private key stays, another certificate has it"
                                 : " and its private key");
    return SHIM_OK;
}

/* Tell what was removed, or would be. */
static int report(const struct removing *removing)
{
    int code = SHIM_OK;

    for (size_t i = 0; code == SHIM_OK && i < removing->count; i++)
        code = report_one(removing, &removing->each[i]);
    return code;
}

static int remove_all(struct removing *removing, char **words)
{
    const struct shim_picks *picks = &removing->picks;
    int code = removing->waiting ? select_waiting(removing, words) : select_all(removing, words);

    if (code == SHIM_OK && !removing->waiting)
        code = shim_picks_each(removing->shim, removing->keyring, picks, time(NULL), look_at,
                               removing);
    if (code == SHIM_OK && removing->refused) {
        shim_error("nothing was removed; give --with-key if that is meant");
        code = SHIM_USAGE;
    }
    if (code == SHIM_OK)
        code = shim_memory_end(code);
    if (code != SHIM_OK)
        return code;
    if (!removing->dry_run) {
        code = shim_hub_remove(removing->shim, removing->keyring,
                               (const unsigned char(*)[SP_SHA256_LENGTH])picks->each, picks->count,
                               removing->with_key, removing->local || removing->waiting);
        if (code != SHIM_OK)
            return code;
        removing->done = true;
    }
    return report(removing);
}

static int print_json(const struct removing *removing, int code)
{
    bool told = removing->done || (removing->dry_run && code == SHIM_OK);
    json_t *certificates = json_array();

    for (size_t i = 0; told && i < removing->count; i++)
        json_array_append(certificates, removing->each[i].json);
    return shim_json_keyring_report(removing->shim, "remove", code,
                                    json_pack("{s:b, s:b, s:o}", "dry_run", removing->dry_run,
                                              "done", removing->done, "certificates",
                                              certificates));
}

static void end(struct removing *removing)
{
    sp_keyring_close(removing->keyring);
    for (size_t i = 0; i < removing->count; i++) {
        OPENSSL_free(removing->each[i].line);
        json_decref(removing->each[i].json);
    }
    OPENSSL_free(removing->each);
    shim_picks_clear(&removing->picks);
}

int shim_run_remove(struct shim *shim, const struct shim_long *line)
{
    struct removing removing = { .shim = shim,
                                 .all = shim_long_has(line, "all"),
                                 .with_key = shim_long_has(line, "with-key"),
                                 .waiting = shim_long_has(line, "waiting"),
                                 .local = shim_long_has(line, "local"),
                                 .json = shim_long_has(line, "json"),
                                 .dry_run = shim->explain || shim_long_has(line, "dry-run") };
    int code;

    if (*line->operands == NULL)
        return shim_usage("remove: no certificate named; give an address or a fingerprint");
    if (shim_long_has(line, "crls")) {
        if (removing.all || removing.with_key || removing.waiting)
            return shim_usage(
                "remove: --crls goes with --dry-run, --local, --json and --keyring alone");
        return shim_remove_crls(shim, line);
    }
    code = shim_keyring_change(shim, removing.dry_run ? SP_KEYRING_READ : SP_KEYRING_WRITE,
                               &removing.keyring);
    if (code == SHIM_OK) {
        code = remove_all(&removing, line->operands);
        if (removing.json)
            code = print_json(&removing, code);
    }
    end(&removing);
    return code;
}
