/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "choice/stored_issuers.h"
#include "tool/keyring/stored_entry.h"
#include "tool/maintain/maintain.h"

#define DAY 86400
/* So many events are told one by one. */
#define MOST_EVENTS 1000

/* Days before the end at which a person is told. */
static const int spans[] = { 7, 30, 90 };
#define SPANS (sizeof(spans) / sizeof(spans[0]))

/* A ca that expires soon, and how many of its certificates are valid for longer. */
struct ending {
    X509 *ca; /* owned */
    unsigned char fingerprint[SP_SHA256_LENGTH];
    int64_t outlived;
};
#define MOST_ENDING 1000

struct looking {
    struct shim *shim; /* borrowed, as are the next three */
    struct sp_keyring *keyring;
    const struct shim_last_look *last;
    struct shim_attention *attention;
    time_t now;
    struct ending *endings; /* owned */
    size_t count;
};

static time_t end_of(const X509 *cert)
{
    struct tm tm;

    return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) ? timegm(&tm) : 0;
}

/* The shortest span that |end| is within, at the time |at|; 0 if it is in none. */
static int span_at(time_t end, time_t at)
{
    for (size_t i = 0; i < SPANS; i++)
        if (end - at <= (time_t)spans[i] * DAY)
            return spans[i];
    return 0;
}

/* Was nothing told of it at the last look, because there was none or it was not stored? */
static bool is_new(const struct looking *looking, const struct shim_entry *entry)
{
    return !looking->last->known || entry->record.uploaded >= looking->last->at;
}

/*
 * Was it known at the last look that it is revoked?  A CRL that is made in between may come a
 * period later.
 */
static bool was_revoked(const struct looking *looking, const struct sp_revocation *revocation)
{
    return revocation->state == SP_REVOCATION_REVOKED &&
           revocation->at + revocation->next_update - revocation->this_update <= looking->last->at;
}

/* Could it be used at the last look, or would it have been able to later? */
static int was_usable(const struct looking *looking, const struct shim_entry *entry, bool *was)
{
    struct sp_stored_verdicts then;

    if (!sp_judge_stored(
            entry->facts, entry->record.role, looking->last->at, looking->shim->settings,
            was_revoked(looking, &entry->revocation) ? &entry->revocation : NULL, &then))
        return shim_no_memory();
    *was = then.state == SP_STORED_USABLE || then.state == SP_STORED_NOT_YET_VALID;
    sp_stored_verdicts_clear(&then);
    return SHIM_OK;
}

/* The first finding that denies; NULL if there is none. */
static const smimepolicy_finding *denial_of(const struct shim_entry *entry)
{
    for (int use = 0; use < SP_USE_COUNT; use++) {
        const smimepolicy_verdict *verdict = entry->stored.verdicts[use];

        if (verdict != NULL && !smimepolicy_verdict_allowed(verdict))
            return smimepolicy_verdict_get0_finding(verdict, 0);
    }
    return NULL;
}

/* Can it be used now, or later? */
static bool is_usable(const struct shim_entry *entry)
{
    return entry->stored.state == SP_STORED_USABLE ||
           entry->stored.state == SP_STORED_NOT_YET_VALID;
}

struct succession {
    const struct shim_entry *entry; /* borrowed */
    bool found;
};

static int look_at_successor(const struct shim_entry *other, void *data)
{
    struct succession *succession = data;

    if (is_usable(other) && end_of(other->cert) > end_of(succession->entry->cert))
        succession->found = true;
    return SHIM_OK;
}

/* Does another identity of its first address go on after it? */
static int find_successor(const struct looking *looking, const struct shim_entry *entry,
                          bool *found)
{
    struct succession succession = { .entry = entry };
    const struct sp_query query = { .index = SP_BY_ADDRESS,
                                    .text = sp_facts_address(entry->facts, 0),
                                    .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) };
    int code = query.text == NULL ? SHIM_OK
                                  : shim_entry_each(looking->shim, looking->keyring, &query,
                                                    looking->now, look_at_successor, &succession);

    *found = succession.found;
    return code;
}

void shim_attention_add(struct shim_attention *attention, json_t *event, char *line)
{
    if (++attention->count <= MOST_EVENTS && line != NULL) {
        sp_text_add(&attention->lines, line);
        sp_text_add(&attention->lines, "\n");
        json_array_append(attention->events, event);
    }
    json_decref(event);
    OPENSSL_free(line);
}

/* Add an event: |text| says what it is, and is taken over, as is |more|. */
static void add(const struct looking *looking, const struct shim_entry *entry, char *text,
                json_t *more)
{
    char *line = shim_entry_line(entry);
    json_t *event = shim_entry_json(entry);

    json_object_update(event, more);
    shim_attention_add(looking->attention, event,
                       line == NULL || text == NULL ? NULL : sp_format("%s: %s", line, text));
    json_decref(more);
    OPENSSL_free(line);
    OPENSSL_free(text);
}

/* The end of a line about an identity that nothing comes after. */
static char *without_successor(const struct shim_entry *entry, bool has_successor)
{
    const char *address = sp_facts_address(entry->facts, 0);

    if (entry->record.role != SP_ROLE_IDENTITY || has_successor || address == NULL)
        return OPENSSL_strdup("");
    return sp_format("; no other identity of %s is valid for longer", address);
}

static void tell_unusable(const struct looking *looking, const struct shim_entry *entry,
                          bool has_successor)
{
    const smimepolicy_finding *denial = denial_of(entry);
    char *rest = without_successor(entry, has_successor);
    char *text = NULL;

    if (rest != NULL && denial != NULL)
        text = sp_format("%s [%s]; %s%s", smimepolicy_finding_get0_fault(denial),
                         smimepolicy_finding_rule(denial), smimepolicy_finding_get0_remedy(denial),
                         rest);
    else if (rest != NULL)
        text = sp_format("%s%s", sp_stored_state_name(entry->stored.state), rest);
    OPENSSL_free(rest);
    add(looking, entry, text,
        json_pack("{s:s, s:b}", "event", "unusable", "successor", has_successor));
}

static void tell_ending(const struct looking *looking, const struct shim_entry *entry, int span,
                        bool has_successor, int64_t outlived)
{
    time_t end = end_of(entry->cert);
    char *moment = sp_format_time(end);
    char *rest = outlived > 0 ? sp_format("; %lld certificates that it has issued are valid for "
                                          "longer",
                                          (long long)outlived)
                              : without_successor(entry, has_successor);
    char *text = moment == NULL || rest == NULL
                     ? NULL
                     : sp_format("expires on %.10s, within %d days%s", moment, span, rest);

    OPENSSL_free(moment);
    OPENSSL_free(rest);
    add(looking, entry, text,
        json_pack("{s:s, s:i, s:b, s:I}", "event", "expires", "days", span, "successor",
                  has_successor, "outlived", (json_int_t)outlived));
}

static void tell_issuer(const struct looking *looking, const struct shim_entry *entry,
                        const X509 *issuer, int span)
{
    char *moment = sp_format_time(end_of(issuer));
    char *name = sp_name_text(X509_get_subject_name(issuer));
    char *text = moment == NULL || name == NULL
                     ? NULL
                     : sp_format("its issuer %s expires first, on %.10s, within %d days", name,
                                 moment, span);

    OPENSSL_free(moment);
    OPENSSL_free(name);
    add(looking, entry, text, json_pack("{s:s, s:i}", "event", "issuer-expires", "days", span));
}

/* The span to tell of: 0 unless it is another one than at the last look. */
static int new_span(const struct looking *looking, const struct shim_entry *entry, time_t end)
{
    int span = span_at(end, looking->now);

    return is_new(looking, entry) || span_at(end, looking->last->at) != span ? span : 0;
}

/* It can be used now, or later. */
static int look_at_usable(struct looking *looking, const struct shim_entry *entry, int64_t outlived)
{
    int span = new_span(looking, entry, end_of(entry->cert));
    bool has_successor = false;
    int code = SHIM_OK;

    if (span != 0 && entry->record.role == SP_ROLE_IDENTITY)
        code = find_successor(looking, entry, &has_successor);
    if (code == SHIM_OK && span != 0)
        tell_ending(looking, entry, span, has_successor, outlived);
    return code;
}

static int look_at_unusable(const struct looking *looking, const struct shim_entry *entry)
{
    bool tell = is_new(looking, entry);
    bool has_successor = false;
    int code = tell ? SHIM_OK : was_usable(looking, entry, &tell);

    if (code == SHIM_OK && tell && entry->record.role == SP_ROLE_IDENTITY)
        code = find_successor(looking, entry, &has_successor);
    if (code == SHIM_OK && tell)
        tell_unusable(looking, entry, has_successor);
    return code;
}

/* Remember a ca that expires soon. */
static int note_ending(const struct shim_entry *entry, void *data)
{
    struct looking *looking = data;
    X509 *ca;

    if (!is_usable(entry) || span_at(end_of(entry->cert), looking->now) == 0 ||
        looking->count == MOST_ENDING)
        return SHIM_OK;
    ca = sp_record_cert(&entry->record);
    if (ca == NULL)
        return shim_no_memory();
    looking->endings[looking->count].ca = ca;
    memcpy(looking->endings[looking->count++].fingerprint, entry->record.fingerprint,
           SP_SHA256_LENGTH);
    return SHIM_OK;
}

/* The ca among those that has issued |cert| and expires before it; NULL if there is none. */
static struct ending *ending_issuer(struct looking *looking, const struct shim_entry *entry)
{
    time_t end = end_of(entry->cert);

    for (size_t i = 0; i < looking->count; i++) {
        struct ending *ending = &looking->endings[i];
        X509 *cert;
        bool issued;

        if (X509_NAME_cmp(X509_get_issuer_name(entry->cert), X509_get_subject_name(ending->ca)) !=
                0 ||
            end_of(ending->ca) >= end)
            continue;
        cert = sp_record_cert(&entry->record);
        issued = cert != NULL && sp_has_issued(ending->ca, cert);
        X509_free(cert);
        if (issued)
            return ending;
    }
    return NULL;
}

static int look_at_person(const struct shim_entry *entry, void *data)
{
    struct looking *looking = data;
    struct ending *ending = NULL;
    int span = 0;
    int code;

    looking->attention->judged++;
    if (!is_usable(entry))
        return look_at_unusable(looking, entry);
    code = look_at_usable(looking, entry, 0);
    if (code == SHIM_OK)
        ending = ending_issuer(looking, entry);
    if (ending == NULL)
        return code;
    ending->outlived++;
    /* Contacts are told by their number alone. */
    if (entry->record.role == SP_ROLE_IDENTITY)
        span = new_span(looking, entry, end_of(ending->ca));
    if (span != 0)
        tell_issuer(looking, entry, ending->ca, span);
    return SHIM_OK;
}

static int look_at_ca(const struct shim_entry *entry, void *data)
{
    struct looking *looking = data;
    int64_t outlived = 0;

    looking->attention->judged++;
    if (!is_usable(entry))
        return look_at_unusable(looking, entry);
    for (size_t i = 0; i < looking->count; i++)
        if (memcmp(looking->endings[i].fingerprint, entry->record.fingerprint, SP_SHA256_LENGTH) ==
            0)
            outlived = looking->endings[i].outlived;
    return look_at_usable(looking, entry, outlived);
}

static int look(struct looking *looking, unsigned roles, shim_entry_fn *at)
{
    const struct sp_query query = { .index = SP_ALL, .roles = roles };

    return shim_entry_each(looking->shim, looking->keyring, &query, looking->now, at, looking);
}

int shim_attention_collect(struct shim *shim, struct sp_keyring *keyring,
                           const struct shim_last_look *last, time_t now,
                           struct shim_attention *attention)
{
    const unsigned cas = SP_ROLE_BIT(SP_ROLE_CA);
    struct looking looking = { .shim = shim,
                               .keyring = keyring,
                               .last = last,
                               .attention = attention,
                               .now = now,
                               .endings = OPENSSL_zalloc(MOST_ENDING * sizeof(struct ending)) };
    int code = SHIM_OK;

    if (looking.endings == NULL)
        code = shim_no_memory();
    if (code == SHIM_OK)
        code = look(&looking, cas, note_ending);
    if (code == SHIM_OK)
        code = look(&looking, SP_ROLE_BIT(SP_ROLE_IDENTITY) | SP_ROLE_BIT(SP_ROLE_CONTACT),
                    look_at_person);
    if (code == SHIM_OK)
        code = look(&looking, cas, look_at_ca);
    for (size_t i = 0; i < looking.count; i++)
        X509_free(looking.endings[i].ca);
    OPENSSL_free(looking.endings);
    return code;
}

void shim_attention_clear(struct shim_attention *attention)
{
    json_decref(attention->events);
    OPENSSL_free(attention->lines.data);
    *attention = (struct shim_attention){ 0 };
}
