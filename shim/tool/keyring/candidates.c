/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/keyring/candidates.h"
#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"

/* The roles for a use.  Encryption also takes identities: one may write to oneself. */
static unsigned roles_for(smimepolicy_use use)
{
    unsigned identity = SP_ROLE_BIT(SP_ROLE_IDENTITY);

    return use == SMIMEPOLICY_SIGN ? identity : identity | SP_ROLE_BIT(SP_ROLE_CONTACT);
}

static bool grow(void *list, size_t count, size_t size)
{
    void *longer;
    void *old;

    memcpy(&old, list, sizeof(old));
    longer = OPENSSL_realloc(old, (count + 1) * size);
    if (longer == NULL)
        return false;
    memcpy(list, &longer, sizeof(longer));
    memset((char *)longer + count * size, 0, size);
    return true;
}

/* Add |record|, which is taken over. */
static bool add(struct shim_candidates *all, struct sp_record *record)
{
    size_t i = all->count;

    if (!grow(&all->records, i, sizeof(*all->records)) ||
        !grow(&all->certs, i, sizeof(*all->certs)) || !grow(&all->facts, i, sizeof(*all->facts)) ||
        !grow(&all->candidates, i, sizeof(*all->candidates))) {
        sp_record_clear(record);
        return false;
    }
    all->records[i] = *record;
    all->count++;
    all->certs[i] = sp_record_cert(record);
    all->facts[i] = all->certs[i] == NULL ? NULL : sp_facts_new(all->certs[i]);
    all->candidates[i].facts = all->facts[i];
    return all->facts[i] != NULL;
}

static int collect(struct shim_candidates *all, struct sp_keyring *keyring)
{
    struct sp_cursor *cursor = sp_keyring_find(
        keyring, &(struct sp_query){
                     .index = SP_BY_ADDRESS, .text = all->address, .roles = roles_for(all->use) });
    struct sp_record record;
    int found = cursor == NULL ? -1 : 0;
    int code = SHIM_OK;

    while (code == SHIM_OK && cursor != NULL && (found = sp_cursor_next(cursor, &record)) == 1)
        if (!add(all, &record))
            code = shim_no_memory();
    if (code == SHIM_OK && found < 0)
        code = shim_keyring_failed(keyring);
    sp_cursor_free(cursor);
    return code;
}

/* A change of the choice is reported for a week: weekly correspondents see it. */
#define RECENT ((time_t)7 * 24 * 60 * 60)

/* Would another certificate have been chosen a week ago, among those of that time? */
static bool choose_then(struct shim_candidates *all, struct sp_candidate *then, time_t now,
                        const smimepolicy_settings *settings)
{
    size_t count = 0;
    size_t best;
    size_t chosen = 0; /* the index in |then| of the present choice; |count| if it is new */
    bool done;

    for (size_t i = 0; i < all->count; i++) {
        if (i == all->chosen)
            chosen = all->records[i].uploaded <= now - RECENT ? count : all->count;
        if (all->records[i].uploaded <= now - RECENT)
            then[count++].facts = all->facts[i];
    }
    done = sp_choose(then, count, all->use, now - RECENT, settings, &best);
    all->changed = done && best < count && best != chosen &&
                   smimepolicy_verdict_allowed(then[best].verdict) != 0;
    for (size_t i = 0; i < count; i++)
        smimepolicy_verdict_free(then[i].verdict);
    return done;
}

static int compare_choices(struct shim_candidates *all, time_t now,
                           const smimepolicy_settings *settings)
{
    struct sp_candidate *then = all->count > 1 ? OPENSSL_zalloc(all->count * sizeof(*then)) : NULL;
    bool done = all->count <= 1 || (then != NULL && choose_then(all, then, now, settings));

    OPENSSL_free(then);
    return done ? SHIM_OK : shim_no_memory();
}

int shim_candidates_find(struct shim_candidates *candidates, struct sp_keyring *keyring,
                         const char *address, smimepolicy_use use, time_t now,
                         const smimepolicy_settings *settings)
{
    int code;

    *candidates = (struct shim_candidates){ .address = address, .use = use };
    code = keyring == NULL ? SHIM_OK : collect(candidates, keyring);
    if (code == SHIM_OK && !sp_choose(candidates->candidates, candidates->count, use, now, settings,
                                      &candidates->chosen))
        code = shim_no_memory();
    return code == SHIM_OK ? compare_choices(candidates, now, settings) : code;
}

void shim_candidates_clear(struct shim_candidates *all)
{
    for (size_t i = 0; i < all->count; i++) {
        smimepolicy_verdict_free(all->candidates[i].verdict);
        sp_facts_free(all->facts[i]);
        X509_free(all->certs[i]);
        sp_record_clear(&all->records[i]);
    }
    OPENSSL_free(all->candidates);
    OPENSSL_free(all->facts);
    OPENSSL_free(all->certs);
    OPENSSL_free(all->records);
    *all = (struct shim_candidates){ 0 };
}

static bool is_usable(const struct shim_candidates *all, size_t index)
{
    return index < all->count && smimepolicy_verdict_allowed(all->candidates[index].verdict) != 0;
}

/* Why the certificate at |index| was not chosen; owned by the caller. */
static char *reason_against(const struct shim_candidates *all, size_t index)
{
    const smimepolicy_verdict *verdict = all->candidates[index].verdict;
    const smimepolicy_finding *finding;

    if (is_usable(all, index))
        return OPENSSL_strdup("another one is valid for longer");
    finding = smimepolicy_verdict_get0_finding(verdict, 0);
    return sp_format("%s [%s]", smimepolicy_finding_get0_fault(finding),
                     smimepolicy_finding_rule(finding));
}

static const char *subject_of(const struct shim_candidates *all, size_t index)
{
    const char *subject = smimepolicy_verdict_get0_subject(all->candidates[index].verdict);

    return *subject == '\0' ? "(no subject)" : subject;
}

static void tell_others(const struct shim_candidates *all)
{
    const char *use = smimepolicy_use_name(all->use);

    shim_print(stderr, "note: %s: %s: of %zu certificates %s, serial %s, is used\n", use,
               all->address, all->count, subject_of(all, all->chosen),
               smimepolicy_verdict_get0_serial(all->candidates[all->chosen].verdict));
    for (size_t i = 0; i < all->count; i++) {
        char *reason = i == all->chosen ? NULL : reason_against(all, i);

        if (i != all->chosen)
            shim_print(stderr, "note: %s: %s: not %s, serial %s: %s\n", use, all->address,
                       subject_of(all, i),
                       smimepolicy_verdict_get0_serial(all->candidates[i].verdict),
                       reason != NULL ? reason : "out of memory");
        OPENSSL_free(reason);
    }
}

static void refuse_none(const struct shim_candidates *all, struct shim_outcome *outcome)
{
    char *fault = sp_format("%s: the keyring has no certificate %sof this address", all->address,
                            all->use == SMIMEPOLICY_SIGN ? "with a private key " : "");
    char *remedy = sp_format("upload it: smime-policy upload %s",
                             all->use == SMIMEPOLICY_SIGN ? "CERT KEY" : "CERT");

    shim_outcome_add(outcome,
                     fault == NULL || remedy == NULL
                         ? NULL
                         : sp_refuse(SP_CERTIFICATE_REQUIRED, NULL, all->use, fault,
                                     "no certificate", "a certificate in the keyring", remedy));
    OPENSSL_free(fault);
    OPENSSL_free(remedy);
}

/* Give the verdict of |index| to the outcome, which takes it over. */
static void hand_over(struct shim_candidates *all, size_t index, struct shim_outcome *outcome)
{
    smimepolicy_verdict *verdict = all->candidates[index].verdict;

    all->candidates[index].verdict = NULL;
    shim_outcome_add(outcome, verdict);
}

void shim_candidates_tell(struct shim_candidates *all, bool verbose, struct shim_outcome *outcome)
{
    if (all->chosen == all->count) {
        refuse_none(all, outcome);
    } else if (is_usable(all, all->chosen)) {
        if (all->count > 1 && (verbose || all->changed) && outcome->json == NULL)
            tell_others(all);
        hand_over(all, all->chosen, outcome);
    } else {
        for (size_t i = 0; i < all->count; i++)
            hand_over(all, i, outcome);
    }
}

static json_t *candidate_json(const struct shim_candidates *all, size_t index)
{
    const smimepolicy_verdict *verdict = all->candidates[index].verdict;
    bool chosen = index == all->chosen && is_usable(all, index);
    char *reason = chosen ? NULL : reason_against(all, index);
    char text[SHIM_FINGERPRINT_TEXT];
    json_t *object;

    shim_fingerprint_text(all->records[index].fingerprint, text);
    object = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s?}", "fingerprint", text, "role",
                       sp_role_name(all->records[index].role), "subject",
                       smimepolicy_verdict_get0_subject(verdict), "serial",
                       smimepolicy_verdict_get0_serial(verdict), "usable", is_usable(all, index),
                       "chosen", chosen, "reason", reason);
    OPENSSL_free(reason);
    return object;
}

json_t *shim_candidates_json(const struct shim_candidates *all)
{
    json_t *list = json_array();

    for (size_t i = 0; i < all->count; i++)
        json_array_append_new(list, candidate_json(all, i));
    return json_pack("{s:o, s:s, s:o}", "address", sp_json_text(all->address), "use",
                     smimepolicy_use_name(all->use), "candidates", list);
}
