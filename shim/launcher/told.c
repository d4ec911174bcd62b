/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "launcher/told.h"
#include "base/allocate.h"

#define MOST_LINES  20000
#define MOST_TEXT   (1 << 20)
#define FINGERPRINT 64 /* hexadecimal digits */

bool shim_told_begin(struct shim_told *told)
{
    unsigned char bytes[SHIM_NONCE / 2];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(told->nonce + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

/* Does |*line| begin with |word| and a space, or is it that word?  Then it is skipped. */
static bool skip(const char **line, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*line, word, len) != 0 || ((*line)[len] != ' ' && (*line)[len] != '\0'))
        return false;
    *line += len + ((*line)[len] == ' ');
    return true;
}

/* Skip |count| words. */
static const char *behind(const char *line, int count)
{
    for (; count > 0; count--) {
        line += strcspn(line, " ");
        line += *line == ' ';
    }
    return line;
}

/* Keep what stands behind |count| words of |line|. */
static void keep(struct shim_told *told, struct sp_text *texts, const char *line, int count)
{
    if (texts->len > MOST_TEXT) {
        told->is_broken = true;
        return;
    }
    sp_text_add(texts, behind(line, count));
    sp_text_add(texts, "\n");
    told->is_broken = told->is_broken || texts->failed;
}

static void take_setting(struct shim_told *told, const char *line)
{
    if (skip(&line, "keyring") && told->keyring != NULL && strcmp(line, told->keyring) != 0)
        told->other_keyring = true;
}

/* "ADDRESS FINGERPRINT HOW ...".  A choice that a person is told of is the tool's, see along.h. */
static void take_chosen(struct shim_told *told, const char *line)
{
    char fingerprint[FINGERPRINT + 1] = "";
    const char *how;

    skip(&line, told->use);
    line = behind(line, 1);
    how = behind(line, 1);
    if (strcspn(line, " ") != FINGERPRINT) {
        told->is_broken = true;
        return;
    }
    memcpy(fingerprint, line, FINGERPRINT);
    /* Of two addresses with one certificate the tool takes it once. */
    told->is_odd = told->is_odd || !(skip(&how, "only") || skip(&how, "same")) ||
                   (told->chosen.data != NULL && strstr(told->chosen.data, fingerprint) != NULL);
    told->chosen_count++;
    keep(told, &told->chosen, fingerprint, 0);
}

/* Two signatures with one certificate are the tool's. */
static void take_allowed(struct shim_told *told, const char *line)
{
    told->is_odd = told->is_odd || (strcmp(told->use, "verify") == 0 && told->used.data != NULL &&
                                    strstr(told->used.data, line) != NULL);
    told->allowed++;
    keep(told, &told->used, line, 0);
}

/* Does the verb need no option for a key of that kind? */
static bool needs_no_option(const struct shim_told *told, const char *kind)
{
    return strcmp(kind, "rsa") == 0 || (strcmp(kind, "ec") == 0 && strcmp(told->use, "sign") == 0);
}

/* Were all of |fingerprints| used? */
static bool are_used(const struct shim_told *told, const struct sp_text *fingerprints)
{
    char fingerprint[FINGERPRINT + 1] = "";

    for (size_t at = 0; at + FINGERPRINT < fingerprints->len; at += FINGERPRINT + 1) {
        memcpy(fingerprint, fingerprints->data + at, FINGERPRINT);
        if (told->used.data == NULL || strstr(told->used.data, fingerprint) == NULL)
            return false;
    }
    return true;
}

static void take(struct shim_told *told, const char *line)
{
    if (told->count++ == 0) {
        told->is_broken = !skip(&line, "hello") || !skip(&line, told->nonce);
    } else if (told->count > MOST_LINES) {
        told->is_broken = true;
    } else if (skip(&line, "setting")) {
        take_setting(told, line);
    } else if (skip(&line, "ready")) {
        told->is_ready = true;
    } else if (skip(&line, "allowed")) {
        if (skip(&line, told->use))
            take_allowed(told, line);
    } else if (skip(&line, "refused")) {
        told->is_refused = true;
        keep(told, &told->refusals, line, 3);
    } else if (skip(&line, "observed")) {
        keep(told, &told->observed, line, 3);
    } else if (skip(&line, "note")) {
        keep(told, &told->notes, line, 3);
    } else if (skip(&line, "asks")) {
        told->asks = true;
    } else if (skip(&line, "vouched") || skip(&line, "along")) {
        /* Whose chain was checked, and whose certificate goes along, has to have signed. */
        told->is_broken = strlen(line) != FINGERPRINT;
        keep(told, &told->owed, line, 0);
    } else if (skip(&line, "verified")) {
        keep(told, &told->signers, line, 1);
    } else if (skip(&line, "chosen")) {
        take_chosen(told, line);
    } else if (skip(&line, "key")) {
        line = behind(line, 2);
        told->is_odd = told->is_odd || !needs_no_option(told, line);
    } else if (!skip(&line, "passed-over")) {
        told->is_broken = true;
    }
}

void shim_told_hear(void *listener, const char *bytes, size_t len)
{
    struct shim_told *told = listener;

    for (; len > 0 && !told->is_broken; bytes++, len--) {
        if (*bytes == '\n') {
            told->line[told->len] = '\0';
            told->len = 0;
            take(told, told->line);
        } else if (told->len == sizeof(told->line) - 1 || *bytes == '\0') {
            told->is_broken = true;
        } else {
            told->line[told->len++] = *bytes;
        }
    }
}

bool shim_told_proves(const struct shim_told *told, size_t wanted, size_t chosen)
{
    return told->is_ready && !told->is_refused && !told->asks && !told->is_broken &&
           !told->other_keyring && told->len == 0 && told->allowed >= wanted &&
           told->chosen_count == chosen && are_used(told, &told->chosen) &&
           are_used(told, &told->owed);
}

void shim_told_end(struct shim_told *told)
{
    OPENSSL_free(told->refusals.data);
    OPENSSL_free(told->notes.data);
    OPENSSL_free(told->signers.data);
    OPENSSL_free(told->observed.data);
    OPENSSL_free(told->used.data);
    OPENSSL_free(told->chosen.data);
    OPENSSL_free(told->owed.data);
}
