/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "choice/choose.h"

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/text.h"
#include "revocation/asked.h"

static unsigned roles_for(smimepolicy_use use)
{
    const unsigned identity = SP_ROLE_BIT(SP_ROLE_IDENTITY);

    return use == SMIMEPOLICY_SIGN ? identity : identity | SP_ROLE_BIT(SP_ROLE_CONTACT);
}

/* Add |record|, which is taken over. */
static bool add(struct sp_choice *choice, struct sp_record *record)
{
    struct sp_record *more =
        OPENSSL_realloc(choice->records, (choice->count + 1) * sizeof(*choice->records));

    if (more == NULL) {
        sp_record_clear(record);
        return false;
    }
    choice->records = more;
    choice->records[choice->count++] = *record;
    return true;
}

static bool collect(struct sp_choice *choice, struct sp_keyring *keyring, const char *address,
                    char **why)
{
    const struct sp_query query = { .index = SP_BY_ADDRESS,
                                    .roles = roles_for(choice->use),
                                    .text = address };
    struct sp_cursor *cursor = sp_keyring_find(keyring, &query);
    struct sp_record record;
    int found = -1;
    bool added = true;

    while (cursor != NULL && added && (found = sp_cursor_next(cursor, &record)) > 0)
        added = add(choice, &record);
    if (found < 0)
        *why = OPENSSL_strdup(sp_keyring_why(keyring));
    sp_cursor_free(cursor);
    return found == 0;
}

X509 *sp_record_parse(const struct sp_record *record, char **why)
{
    X509 *cert;

    ERR_set_mark();
    cert = sp_record_cert(record);
    ERR_pop_to_mark();
    if (cert == NULL)
        *why = sp_format("keyring: entry %lld cannot be parsed; 'smime-policy keyring check' "
                         "tells what is damaged",
                         (long long)record->id);
    return cert;
}

/* Read the certificate of |record|, and what the CRLs say of it. */
static struct sp_facts *read_record(const struct sp_record *record, const char *crls, time_t at,
                                    const smimepolicy_settings *settings,
                                    struct sp_revocation *revocation, char **why)
{
    X509 *cert = sp_record_parse(record, why);
    struct sp_facts *facts = cert != NULL ? sp_facts_new(cert) : NULL;
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };

    if (facts != NULL && !sp_revocation_find_for(crls, &asked, at, settings, revocation)) {
        sp_facts_free(facts);
        facts = NULL;
    }
    X509_free(cert);
    return facts;
}

bool sp_choice_find(struct sp_choice *choice, struct sp_keyring *keyring, const char *address,
                    smimepolicy_use use, char **why)
{
    *choice = (struct sp_choice){ .use = use };
    *why = NULL;
    return keyring == NULL || collect(choice, keyring, address, why);
}

bool sp_choice_rank(struct sp_choice *choice, const char *crls, time_t at,
                    const smimepolicy_settings *settings, char **why)
{
    const size_t count = choice->count;

    *why = NULL;
    if (count == 0)
        return true;
    choice->facts = OPENSSL_zalloc(count * sizeof(*choice->facts));
    choice->candidates = OPENSSL_zalloc(count * sizeof(*choice->candidates));
    choice->order = OPENSSL_zalloc(count * sizeof(*choice->order));
    choice->revocations = OPENSSL_zalloc(count * sizeof(*choice->revocations));
    if (choice->revocations == NULL || choice->facts == NULL || choice->candidates == NULL ||
        choice->order == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        choice->facts[i] =
            read_record(&choice->records[i], crls, at, settings, &choice->revocations[i], why);
        if (choice->facts[i] == NULL)
            return false;
        choice->candidates[i].facts = choice->facts[i];
        choice->candidates[i].revocation = &choice->revocations[i];
    }
    return sp_rank(choice->candidates, count, choice->use, at, settings, choice->order);
}

size_t sp_choice_place(const struct sp_choice *choice, size_t i)
{
    return choice->order != NULL ? choice->order[i] : i;
}

void sp_choice_clear(struct sp_choice *choice)
{
    for (size_t i = 0; i < choice->count; i++) {
        sp_record_clear(&choice->records[i]);
        if (choice->facts != NULL)
            sp_facts_free(choice->facts[i]);
        if (choice->revocations != NULL)
            sp_revocation_clear(&choice->revocations[i]);
        if (choice->candidates != NULL)
            smimepolicy_verdict_free(choice->candidates[i].verdict);
    }
    OPENSSL_free(choice->records);
    OPENSSL_free(choice->facts);
    OPENSSL_free(choice->revocations);
    OPENSSL_free(choice->candidates);
    OPENSSL_free(choice->order);
    *choice = (struct sp_choice){ 0 };
}

bool sp_choice_is_usable(const struct sp_choice *choice, size_t index)
{
    return smimepolicy_verdict_allowed(choice->candidates[index].verdict) != 0;
}

/* A change of the choice is reported for a week: weekly correspondents see it. */
#define RECENT ((time_t)7 * 24 * 60 * 60)

/* |then| and |order| have room for all of |choice|; the caller frees the verdicts. */
static bool has_changed(const struct sp_choice *choice, struct sp_candidate *then, size_t *order,
                        time_t at, const smimepolicy_settings *settings, bool *changed)
{
    const struct sp_facts *chosen = choice->facts[choice->order[0]];
    size_t count = 0;

    for (size_t i = 0; i < choice->count; i++)
        if (choice->records[i].uploaded <= at) {
            then[count].revocation = &choice->revocations[i];
            then[count++].facts = choice->facts[i];
        }
    if (!sp_rank(then, count, choice->use, at, settings, order))
        return false;
    *changed = count > 0 && then[order[0]].facts != chosen &&
               smimepolicy_verdict_allowed(then[order[0]].verdict) != 0;
    return true;
}

bool sp_choice_has_changed(const struct sp_choice *choice, time_t at,
                           const smimepolicy_settings *settings, bool *changed)
{
    const size_t count = choice->count;
    struct sp_candidate *then;
    size_t *order;
    bool done;

    *changed = false;
    if (count == 0)
        return true;
    then = OPENSSL_zalloc(count * sizeof(*then));
    order = OPENSSL_zalloc(count * sizeof(*order));
    done = then != NULL && order != NULL &&
           has_changed(choice, then, order, at - RECENT, settings, changed);
    for (size_t i = 0; then != NULL && i < count; i++)
        smimepolicy_verdict_free(then[i].verdict);
    OPENSSL_free(then);
    OPENSSL_free(order);
    return done;
}
