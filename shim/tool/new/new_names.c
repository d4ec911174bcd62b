/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * For whom a certificate is made, and for how long.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>

#include "base/shown.h"
#include "base/text.h"
#include "tool/new/new.h"

#define MOST_NAMES 100
#define DAY        (24L * 60 * 60)
/* For readers whose clock is late. */
#define HEAD_START (60L * 60)

/* The certificates of mailboxes have at most 825 days (S/MIME Baseline Requirements, 6.3.2). */
static const struct span {
    long by_default, most;
} of_person = { 730, 825 }, of_ca = { 3650, 7300 };

static bool is_ascii(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* Has the list exactly one more than |before|, which can be in a certificate? */
static int check_last(const struct shim_new *run, size_t before, const char *word)
{
    const struct shim_addresses *names = &run->names;
    const char *what = run->ca != NULL ? "domain" : "address";

    if (names->failed)
        return shim_no_memory();
    if (names->unreadable != SP_READABLE || names->count != before + 1)
        return shim_usage("new: %s is no %s, or one that may be read as another", word, what);
    if (!is_ascii(names->each[before]))
        return shim_usage("new: %s: letters outside of ASCII before the @ are in no certificate "
                          "that programs read; name another address",
                          word);
    return SHIM_OK;
}

/* Is the last name not there already? */
static int check_new(const struct shim_new *run, const char *word)
{
    const struct shim_addresses *names = &run->names;

    for (size_t i = 0; i + 1 < names->count; i++)
        if (strcasecmp(names->each[i], names->each[names->count - 1]) == 0)
            return shim_usage("new: %s is named twice; leave one out", word);
    if (names->count > MOST_NAMES)
        return shim_usage("new: more than %d names; make several certificates", MOST_NAMES);
    return SHIM_OK;
}

static int add_address(struct shim_new *run, const char *word)
{
    size_t before = run->names.count;
    int code;

    shim_addresses_parse(&run->names, SHIM_MAILBOXES, word, strlen(word));
    code = check_last(run, before, word);
    return code == SHIM_OK ? check_new(run, word) : code;
}

/* Add a domain, read as that of an address.  "." before it: all that end with it. */
static int add_domain(struct shim_new *run, const char *word)
{
    size_t before = run->names.count;
    size_t dot = word[0] == '.' ? 1 : 0;
    char *address = sp_format("x@%s", word + dot);
    char *domain;
    int code;

    if (address == NULL)
        return shim_no_memory();
    if (strpbrk(word, "@[ ") == NULL)
        shim_addresses_parse(&run->names, SHIM_MAILBOXES, address, strlen(address));
    OPENSSL_free(address);
    code = check_last(run, before, word);
    if (code != SHIM_OK)
        return code;
    /* "x@example.com" becomes "example.com" or ".example.com". */
    domain = run->names.each[before];
    domain[1] = '.';
    memmove(domain, domain + 2 - dot, strlen(domain) + 1 - (2 - dot));
    return check_new(run, word);
}

/* A common name is UTF-8 that can be shown, and not longer than X.520 allows. */
static bool is_name(const char *name)
{
    const unsigned char *at = (const unsigned char *)name;
    char *shown = sp_shown(name);
    bool fits = shown != NULL && name[0] != '\0' && strcmp(shown, name) == 0;
    size_t left = strlen(name);
    unsigned long character;
    int count = 0;

    for (; fits && left > 0; count++) {
        int used = UTF8_getc(at, (int)(left < 4 ? left : 4), &character);

        fits = used > 0 && count < SHIM_LONGEST_NAME;
        at += used > 0 ? used : 0;
        left -= used > 0 ? (size_t)used : 0;
    }
    OPENSSL_free(shown);
    return fits;
}

static int set_name(struct shim_new *run)
{
    const char *name = run->ca != NULL           ? run->ca
                       : run->given_name != NULL ? run->given_name
                       : run->name != NULL       ? run->name
                                                 : run->names.each[0];

    if (!is_name(name))
        return shim_usage("new: %s cannot be the name in a certificate: that has at most %d "
                          "characters, all of which can be shown; give another one%s",
                          name, SHIM_LONGEST_NAME, run->ca != NULL ? "" : " with --name");
    if (name != run->name)
        OPENSSL_free(run->name);
    run->name = name == run->name ? run->name : OPENSSL_strdup(name);
    return run->name != NULL ? SHIM_OK : shim_no_memory();
}

int shim_new_names(struct shim_new *run)
{
    char **words = run->operands;
    int code = SHIM_OK;

    if (run->renew)
        return set_name(run);
    for (; code == SHIM_OK && *words != NULL; words++)
        code = run->ca != NULL ? add_domain(run, *words) : add_address(run, *words);
    return code == SHIM_OK ? set_name(run) : code;
}

/* No certificate outlives its issuer. */
static int end_with_issuer(struct shim_new *run)
{
    struct tm tm;
    time_t end;
    char *text;

    if (run->issuer == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(run->issuer), &tm) != 1 ||
        (end = timegm(&tm)) >= run->to)
        return SHIM_OK;
    run->to = end;
    text = sp_format_time(end);
    if (text == NULL)
        return shim_no_memory();
    shim_error("note: it ends with its CA, on %s", text);
    OPENSSL_free(text);
    return SHIM_OK;
}

int shim_new_span(struct shim_new *run)
{
    const struct span *span = run->ca != NULL ? &of_ca : &of_person;
    const char *given = run->days;
    long days = span->by_default;
    char *end = NULL;

    if (given != NULL) {
        days = given[0] >= '0' && given[0] <= '9' ? strtol(given, &end, 10) : 0;
        if (end == NULL || *end != '\0' || days < 1 || days > span->most)
            return shim_usage("new: --days %s: give a number from 1 to %ld", given, span->most);
    }
    run->from = run->now - HEAD_START;
    run->to = run->from + days * DAY - 1;
    return end_with_issuer(run);
}
