/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy list: prints the certificates of the keyring, a row for each.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "common/print.h"
#include "settings/accepted.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

/* The state of a private key without its certificate. */
#define WAITING "waiting"

struct listing {
    const smimepolicy_settings *settings; /* borrowed */
    const char *role, *address, *state, *expiring;
    bool json, addresses;
    enum sp_role only_role;
    enum sp_stored_state only_state;
    bool only_waiting;
    time_t now, until; /* |until|: the end of the span of --expiring */
    char *folded;      /* owned */
    bool found;        /* a certificate was listed */
    struct shim_table table;
};

static int settle(struct listing *listing)
{
    const int64_t span = listing->expiring == NULL ? 0 : sp_seconds(listing->expiring);

    listing->now = time(NULL);
    if (listing->role != NULL) {
        listing->only_role = sp_role_named(listing->role);
        if (listing->only_role == SP_ROLE_NONE)
            return shim_usage("--role %s: no such role; there are identity, contact, ca and "
                              "intermediate",
                              listing->role);
    }
    listing->only_waiting = listing->state != NULL && strcmp(listing->state, WAITING) == 0;
    if (listing->state != NULL && !listing->only_waiting &&
        !sp_stored_state_named(listing->state, &listing->only_state))
        return shim_usage("--state %s: no such state; there are usable, expired, not-yet-valid, "
                          "unusable, revoked and " WAITING,
                          listing->state);
    if (listing->expiring != NULL) {
        if (span == 0)
            return shim_usage("--expiring %s: not a span of time; like 12h, 30d or 4w",
                              listing->expiring);
        listing->until = listing->now + span;
    }
    if (listing->address == NULL)
        return SHIM_OK;
    listing->folded = shim_address_folded(listing->address);
    return listing->folded != NULL ? SHIM_OK : SHIM_USAGE;
}

/* Has it expired at the end of the span?  What is unusable whatever the date has not. */
static int expires(const struct listing *listing, const struct shim_entry *entry, bool *wanted)
{
    struct sp_stored_verdicts then;

    if (!sp_judge_stored(entry->facts, entry->record.role, listing->until, listing->settings,
                         &entry->revocation, &then))
        return shim_no_memory();
    *wanted = then.state == SP_STORED_EXPIRED;
    sp_stored_verdicts_clear(&then);
    return SHIM_OK;
}

static int list_addresses(const struct shim_entry *entry)
{
    const char *address;

    for (size_t i = 0; (address = sp_facts_address(entry->facts, i)) != NULL; i++)
        shim_print(stdout, "%s\n", address);
    return SHIM_OK;
}

static int list_one(const struct shim_entry *entry, void *data)
{
    struct listing *listing = data;
    bool wanted = listing->state == NULL || entry->stored.state == listing->only_state;
    int code = SHIM_OK;

    if (wanted && listing->expiring != NULL)
        code = expires(listing, entry, &wanted);
    if (code != SHIM_OK || !wanted)
        return code;
    listing->found = true;
    if (listing->addresses)
        return list_addresses(entry);
    return listing->json ? shim_json_line(shim_entry_json(entry))
                         : shim_table_row(&listing->table, entry);
}

static int list_waiting(const struct shim_entry *entry, void *data)
{
    struct listing *listing = data;
    const char *address;
    bool wanted = listing->folded == NULL;

    for (size_t i = 0; !wanted && (address = sp_facts_address(entry->facts, i)) != NULL; i++)
        wanted = strcmp(address, listing->folded) == 0;
    if (!wanted)
        return SHIM_OK;
    return listing->json ? shim_json_line(shim_entry_json(entry))
                         : shim_table_row(&listing->table, entry);
}

/* Are keys without a certificate listed?  Only the owner of the keyring can see them. */
static bool wants_waiting(const struct shim *shim, const struct listing *listing)
{
    return !listing->addresses && listing->expiring == NULL &&
           (listing->role == NULL || listing->only_role == SP_ROLE_IDENTITY) &&
           (listing->state == NULL || listing->only_waiting) && shim_keys_readable(shim);
}

static int list_all(struct shim *shim, struct listing *listing)
{
    struct sp_query query = { .index = listing->folded != NULL ? SP_BY_ADDRESS : SP_ALL,
                              .text = listing->folded,
                              .roles =
                                  listing->role != NULL ? SP_ROLE_BIT(listing->only_role) : 0 };
    struct sp_keyring *keyring;
    int code = shim_keyring_open(shim, SP_KEYRING_READ, &keyring);

    if (code != SHIM_OK)
        return code;
    listing->settings = shim->settings;
    if (!listing->addresses)
        shim_table_begin(&listing->table);
    if (!listing->only_waiting)
        code = shim_entry_each(shim, keyring, &query, listing->now, list_one, listing);
    if (code == SHIM_OK && wants_waiting(shim, listing))
        code = shim_waiting_each(keyring, list_waiting, listing);
    sp_keyring_close(keyring);
    return code;
}

int shim_run_list(struct shim *shim, const struct shim_long *line)
{
    struct listing listing = { .role = shim_long_value(line, "role", 0),
                               .address = shim_long_value(line, "address", 0),
                               .state = shim_long_value(line, "state", 0),
                               .expiring = shim_long_value(line, "expiring", 0),
                               .json = shim_long_has(line, "json"),
                               .addresses = shim_long_has(line, "addresses") };
    int code;

    if (*line->operands != NULL)
        return shim_usage("list: %s is not an option; the certificates of an address are listed "
                          "with --address",
                          *line->operands);
    if (listing.json && listing.addresses)
        return shim_usage("list: --json and --addresses exclude each other");
    if (shim_long_has(line, "crls")) {
        if (listing.role != NULL || listing.address != NULL || listing.state != NULL ||
            listing.expiring != NULL || listing.addresses)
            return shim_usage("list: --crls goes with --json and --keyring alone");
        return shim_list_crls(shim, line);
    }
    code = settle(&listing);
    if (code == SHIM_OK)
        code = list_all(shim, &listing);
    if (code == SHIM_OK && !listing.json && !listing.addresses)
        shim_hub_tell_contact(shim);
    if (code == SHIM_OK && listing.expiring != NULL && listing.found)
        code = SHIM_REFUSED;
    OPENSSL_free(listing.folded);
    return code;
}
