/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/choose.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/text.h"

static bool add(struct sp_chosen *chosen, struct sp_record *record)
{
    struct sp_record *more =
        OPENSSL_realloc(chosen->records, (chosen->count + 1) * sizeof(*chosen->records));

    if (more == NULL) {
        sp_record_clear(record);
        return false;
    }
    chosen->records = more;
    chosen->records[chosen->count++] = *record;
    return true;
}

static bool collect(struct sp_chosen *chosen, struct sp_keyring *keyring,
                    const struct sp_query *query, char **why)
{
    struct sp_cursor *cursor = sp_keyring_find(keyring, query);
    struct sp_record record;
    int found = -1;
    bool added = true;

    while (cursor != NULL && added && (found = sp_cursor_next(cursor, &record)) > 0)
        added = add(chosen, &record);
    if (added && found < 0)
        *why = OPENSSL_strdup(sp_keyring_why(keyring));
    sp_cursor_free(cursor);
    return added && found == 0;
}

/* Read the facts of |record|; NULL with |*why| set if it cannot be parsed. */
static struct sp_facts *facts_of(const struct sp_record *record, char **why)
{
    struct sp_facts *facts;
    X509 *cert;

    ERR_set_mark();
    cert = sp_record_cert(record);
    ERR_pop_to_mark();
    if (cert == NULL)
        *why = sp_format("keyring: entry %lld cannot be parsed; 'smime-policy keyring check' "
                         "tells what is damaged",
                         (long long)record->id);
    facts = cert != NULL ? sp_facts_new(cert) : NULL;
    X509_free(cert);
    return facts;
}

static void free_candidates(struct sp_candidate *candidates, struct sp_facts **facts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (candidates != NULL)
            smimepolicy_verdict_free(candidates[i].verdict);
        if (facts != NULL)
            sp_facts_free(facts[i]);
    }
    OPENSSL_free(candidates);
    OPENSSL_free(facts);
}

static bool rank(struct sp_chosen *chosen, smimepolicy_use use,
                 const smimepolicy_settings *settings, char **why)
{
    const size_t count = chosen->count;
    struct sp_candidate *candidates = OPENSSL_zalloc(count * sizeof(*candidates));
    struct sp_facts **facts = OPENSSL_zalloc(count * sizeof(*facts));
    bool done;

    chosen->order = OPENSSL_zalloc(count * sizeof(*chosen->order));
    done = candidates != NULL && facts != NULL && chosen->order != NULL;
    for (size_t i = 0; done && i < count; i++) {
        facts[i] = facts_of(&chosen->records[i], why);
        candidates[i].facts = facts[i];
        done = facts[i] != NULL;
    }
    done = done && sp_rank(candidates, count, use, time(NULL), settings, chosen->order);
    free_candidates(candidates, facts, count);
    return done;
}

bool sp_chosen_find(struct sp_chosen *chosen, struct sp_keyring *keyring, const char *address,
                    unsigned roles, smimepolicy_use use, const smimepolicy_settings *settings,
                    char **why)
{
    const struct sp_query query = { .index = SP_BY_ADDRESS, .roles = roles, .text = address };
    bool done;

    *chosen = (struct sp_chosen){ 0 };
    *why = NULL;
    done = collect(chosen, keyring, &query, why) &&
           (chosen->count == 0 || rank(chosen, use, settings, why));
    if (!done)
        sp_chosen_clear(chosen);
    return done;
}

bool sp_chosen_next(struct sp_chosen *chosen, struct sp_record *record)
{
    struct sp_record *next;

    if (chosen->next == chosen->count)
        return false;
    next = &chosen->records[chosen->order[chosen->next++]];
    *record = *next;
    *next = (struct sp_record){ 0 };
    return true;
}

void sp_chosen_clear(struct sp_chosen *chosen)
{
    for (size_t i = 0; i < chosen->count; i++)
        sp_record_clear(&chosen->records[i]);
    OPENSSL_free(chosen->records);
    OPENSSL_free(chosen->order);
    *chosen = (struct sp_chosen){ 0 };
}
