/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/keyring/stored_entry.h"
#include "base/text.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/mail/mail.h"

#define FEWEST_DIGITS 8
#define MOST_DIGITS   ((size_t)2 * SP_SHA256_LENGTH)

void shim_picks_clear(struct shim_picks *picks)
{
    OPENSSL_free(picks->each);
    *picks = (struct shim_picks){ 0 };
}

bool shim_picks_add(struct shim_picks *picks, const unsigned char fingerprint[SP_SHA256_LENGTH])
{
    void *longer;

    for (size_t i = 0; i < picks->count; i++)
        if (memcmp(picks->each[i], fingerprint, SP_SHA256_LENGTH) == 0)
            return true;
    longer = OPENSSL_realloc(picks->each, (picks->count + 1) * SP_SHA256_LENGTH);
    if (longer == NULL)
        return false;
    picks->each = longer;
    memcpy(picks->each[picks->count++], fingerprint, SP_SHA256_LENGTH);
    return true;
}

static char *lower(const char *text)
{
    char *folded = OPENSSL_strdup(text);

    for (char *p = folded; p != NULL && *p != '\0'; p++)
        *p = sp_fold(*p);
    return folded;
}

static bool is_plain(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            return false;
    return true;
}

char *shim_address_folded(const char *word)
{
    struct shim_addresses list = { 0 };
    char *folded = NULL;

    shim_addresses_parse(&list, SHIM_MAILBOXES, word, strlen(word));
    /* An address that no header field could hold may be in a certificate all the same. */
    if (list.count == 1 && list.unreadable == SP_READABLE)
        folded = lower(list.each[0]);
    else if (!list.failed && is_plain(word))
        folded = lower(word);
    else if (!list.failed)
        (void)shim_usage("%s: not an address, or one that may be read as another", word);
    if (list.failed)
        (void)shim_no_memory();
    shim_addresses_clear(&list);
    return folded;
}

/* Read the digits of a fingerprint, without colons; false if |word| is something else. */
static bool read_digits(const char *word, char digits[MOST_DIGITS + 1])
{
    size_t count = 0;

    for (; *word != '\0'; word++) {
        if (*word == ':')
            continue;
        if (OPENSSL_hexchar2int((unsigned char)*word) < 0 || count == MOST_DIGITS)
            return false;
        digits[count++] = sp_fold(*word);
    }
    digits[count] = '\0';
    return count >= FEWEST_DIGITS;
}

/* Collect the fingerprints that |cursor| finds, which is taken over. */
static int collect(struct sp_keyring *keyring, struct sp_cursor *cursor, struct shim_picks *picks,
                   size_t *found)
{
    struct shim_records records = { .cursor = cursor };

    for (; shim_records_next(&records); ++*found)
        if (!shim_picks_add(picks, records.record.fingerprint)) {
            shim_records_end(&records);
            return shim_no_memory();
        }
    return records.failed ? shim_keyring_failed(keyring) : SHIM_OK;
}

static int by_address(struct sp_keyring *keyring, const char *word, struct shim_picks *picks,
                      size_t *found)
{
    char *address = shim_address_folded(word);
    int code = SHIM_USAGE;

    if (address != NULL)
        code = collect(
            keyring,
            sp_keyring_find(keyring, &(struct sp_query){ .index = SP_BY_ADDRESS, .text = address }),
            picks, found);
    OPENSSL_free(address);
    return code;
}

static int print_line(const struct shim_entry *entry, void *data)
{
    char *line = shim_entry_line(entry);
    char fingerprint[SP_FINGERPRINT_TEXT];

    (void)data;
    if (line == NULL)
        return shim_no_memory();
    sp_fingerprint_text(entry->record.fingerprint, fingerprint);
    shim_print(stderr, "  %s %s\n", fingerprint, strchr(line, '('));
    OPENSSL_free(line);
    return SHIM_OK;
}

static int by_digits(struct shim *shim, struct sp_keyring *keyring, const char *digits,
                     struct shim_picks *picks, size_t *found)
{
    struct shim_picks those = { 0 };
    int code = collect(
        keyring,
        sp_keyring_find(keyring, &(struct sp_query){ .index = SP_BY_PREFIX, .text = digits }),
        &those, found);

    if (code == SHIM_OK && those.count > 1) {
        shim_error("%s: several certificates begin like this; give more digits:", digits);
        (void)shim_picks_each(shim, keyring, &those, 0, print_line, NULL);
        code = SHIM_USAGE;
    }
    if (code == SHIM_OK && those.count == 1 && !shim_picks_add(picks, those.each[0]))
        code = shim_no_memory();
    shim_picks_clear(&those);
    return code;
}

int shim_pick(struct shim *shim, struct sp_keyring *keyring, const char *word,
              struct shim_picks *picks, size_t *found)
{
    char digits[MOST_DIGITS + 1];
    int code;

    *found = 0;
    if (strchr(word, '@') != NULL)
        code = by_address(keyring, word, picks, found);
    else if (read_digits(word, digits))
        code = by_digits(shim, keyring, digits, picks, found);
    else
        return shim_usage("%s: neither an address nor a fingerprint; of a fingerprint give all "
                          "64 hexadecimal digits, or at least the first %d",
                          word, FEWEST_DIGITS);
    if (code == SHIM_OK && *found == 0) {
        shim_error("no certificate in the keyring %s is found by %s; 'smime-policy list' shows "
                   "what there is",
                   shim->keyring_path, word);
        code = SHIM_INPUT;
    }
    return code;
}

int shim_pick_all(struct shim *shim, struct sp_keyring *keyring, char *const *words,
                  struct shim_picks *picks)
{
    int code = SHIM_OK;
    size_t found;

    for (; code == SHIM_OK && *words != NULL; words++)
        code = shim_pick(shim, keyring, *words, picks, &found);
    return code;
}

int shim_picks_each(struct shim *shim, struct sp_keyring *keyring, const struct shim_picks *picks,
                    time_t at, shim_entry_fn *take, void *data)
{
    int code = SHIM_OK;

    for (size_t i = 0; code == SHIM_OK && i < picks->count; i++)
        code = shim_entry_each(
            shim, keyring, &(struct sp_query){ .index = SP_BY_FINGERPRINT, .hash = picks->each[i] },
            at, take, data);
    return code;
}
