/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy list: prints the certificates of the keyring, a row for each.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "common/colour.h"
#include "common/print.h"
#include "settings/accepted.h"
#include "tool/commands/commands.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

/* The widths of the columns but the last two.  They are fixed, as rows are printed one by one. */
#define ROLE        12
#define ROLE_NARROW 8
#define STATE       13
#define USES        30
#define USES_NARROW 4
#define DATE        10
#define ORIGIN      9
#define SHORT_PRINT 16
#define GAP         2
#define ADDRESSES   30
#define WIDE        157

/* The number of bytes of the first |most| characters of UTF-8 |text|. */
static size_t characters(const char *text, size_t most)
{
    size_t at = 0;

    for (size_t count = 0; text[at] != '\0'; at++)
        if (((unsigned char)text[at] & 0xc0) != 0x80 && count++ == most)
            break;
    return at;
}

/* Print a column.  |text| is printable ASCII, so a byte is a character. */
static void column(const char *text, size_t width)
{
    printf("%-*.*s%*s", (int)width, (int)width, text, GAP, "");
}

void shim_table_begin(struct shim_table *table)
{
    struct winsize size;

    *table = (struct shim_table){ .colour = shim_colour_on(STDOUT_FILENO) };
    if (isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        table->width = size.ws_col;
    table->narrow = table->width > 0 && table->width < WIDE;
}

static size_t role_width(const struct shim_table *table)
{
    return table->narrow ? ROLE_NARROW : ROLE;
}

static size_t uses_width(const struct shim_table *table)
{
    return table->narrow ? USES_NARROW : USES;
}

/* The width that is left for addresses and subject; 0: no limit. */
static size_t room(const struct shim_table *table)
{
    size_t taken = role_width(table) + STATE + uses_width(table) + DATE + SHORT_PRINT +
                   (size_t)5 * GAP + (table->narrow ? 0 : ORIGIN + DATE + (size_t)2 * GAP);

    if (table->width == 0)
        return 0;
    return table->width > taken + 10 ? table->width - taken : 10;
}

static void tail(const struct shim_table *table, const char *addresses, const char *rest)
{
    size_t left = room(table);
    size_t length = strlen(addresses);
    size_t first = length < ADDRESSES ? ADDRESSES : length;

    if (left == 0)
        printf("%-*s  %s\n", ADDRESSES, addresses, rest);
    else if (left <= first + GAP)
        printf("%.*s\n", (int)left, addresses);
    else
        printf("%-*s  %.*s\n", (int)first, addresses, (int)characters(rest, left - first - GAP),
               rest);
}

static void headline(struct shim_table *table)
{
    if (table->begun)
        return;
    table->begun = true;
    column("ROLE", role_width(table));
    column("STATE", STATE);
    column("USES", uses_width(table));
    column("NOT AFTER", DATE);
    if (!table->narrow) {
        column("ORIGIN", ORIGIN);
        column("SINCE", DATE);
    }
    column("FINGERPRINT", SHORT_PRINT);
    tail(table, "ADDRESSES", "SUBJECT");
}

/* The initials of the uses, each in its own place, such as "sed v". */
static char *initials(const struct shim_entry *entry)
{
    static const smimepolicy_use order[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_ENCRYPT,
                                             SMIMEPOLICY_VERIFY, SMIMEPOLICY_DECRYPT };
    char *text = OPENSSL_zalloc(USES_NARROW + 1);

    for (size_t i = 0; text != NULL && i < USES_NARROW; i++) {
        bool may = (entry->stored.uses & 1U << order[i]) != 0;

        text[i] = '-';
        if (may)
            text[i] = *smimepolicy_use_name(order[i]);
    }
    if (text != NULL && entry->stored.vouches) {
        text[0] = 'C';
        text[1] = 'A';
    }
    return text;
}

static void state_column(const struct shim_table *table, const struct shim_entry *entry)
{
    static const smimepolicy_severity weights[] = {
        [SP_STORED_USABLE] = SMIMEPOLICY_IGNORE,      [SP_STORED_EXPIRED] = SMIMEPOLICY_WARN,
        [SP_STORED_NOT_YET_VALID] = SMIMEPOLICY_NOTE, [SP_STORED_UNUSABLE] = SMIMEPOLICY_DENY,
        [SP_STORED_REVOKED] = SMIMEPOLICY_DENY,
    };

    if (table->colour)
        fputs(shim_colour_begin(entry->waits ? SMIMEPOLICY_NOTE : weights[entry->stored.state]),
              stdout);
    printf("%-*s", STATE, shim_entry_state(entry));
    printf("%s%*s", table->colour ? shim_colour_end : "", GAP, "");
}

int shim_table_row(struct shim_table *table, const struct shim_entry *entry)
{
    char fingerprint[SP_FINGERPRINT_TEXT];
    char *uses = table->narrow ? initials(entry) : shim_entry_uses(entry);
    char *until = shim_moment_text(X509_get0_notAfter(entry->cert));
    char *since = sp_format_time(entry->record.uploaded);
    char *addresses = shim_entry_addresses(entry);
    char *rules = shim_entry_rules(entry);
    char *rest = rules == NULL || rules[0] == '\0'
                     ? sp_format("%s", shim_entry_subject(entry))
                     : sp_format("[%s] %s", rules, shim_entry_subject(entry));
    bool done = uses != NULL && until != NULL && since != NULL && addresses != NULL && rest != NULL;

    sp_fingerprint_text(entry->record.fingerprint, fingerprint);
    if (done) {
        headline(table);
        column(sp_role_name(entry->record.role), role_width(table));
        state_column(table, entry);
        column(uses[0] == '\0' ? "-" : uses, uses_width(table));
        column(entry->waits ? "-" : until, DATE);
        if (!table->narrow) {
            column(shim_entry_origin(entry), ORIGIN);
            column(since, DATE);
        }
        column(fingerprint, SHORT_PRINT);
        tail(table, addresses[0] == '\0' ? "-" : addresses, rest);
    }
    OPENSSL_free(uses);
    OPENSSL_free(until);
    OPENSSL_free(since);
    OPENSSL_free(addresses);
    OPENSSL_free(rules);
    OPENSSL_free(rest);
    return done ? SHIM_OK : shim_no_memory();
}

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
