/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificates a URI names, one after another.
 */
#include "store/load_state.h"

#include <string.h>

#include <openssl/store.h>

#include "keyring/contact.h"
#include "keyring/forks.h"
#include "log/report.h"
#include "policy/policy.h"
#include "policy/reasons.h"
#include "register/register.h"
#include "settings/directories.h"
#include "store/along.h"

/*
 * Has the command to ask a directory about the recipient first?  That is if the certificate
 * which was chosen may not be used, or came from a directory a while ago.
 */
static bool is_to_be_fetched(const struct sp_loader *loader)
{
    const struct sp_choice *choice = &loader->choice;
    const struct sp_record *chosen = &choice->records[sp_choice_place(choice, 0)];

    return !sp_choice_is_usable(choice, sp_choice_place(choice, 0)) ||
           (chosen->origin == SP_ORIGIN_DIRECTORY &&
            sp_is_to_be_asked_again(sp_policy(), chosen->uploaded, time(NULL)));
}

/*
 * Choose among the certificates of the address.  The report names the one that is
 * given; a key alone is loaded in addition to it.
 */
static bool choose(struct sp_loader *loader)
{
    const bool gives_chosen =
        loader->uri.kind == SP_URI_IDENTITY || loader->uri.kind == SP_URI_CONTACT;
    const bool may_fetch =
        loader->uri.kind == SP_URI_CONTACT && sp_report_is_on() && sp_policy()->contacts != NULL;
    char *why = NULL;

    if (!sp_choice_find(&loader->choice, loader->keyring, loader->uri.address,
                        loader->uri.kind == SP_URI_CONTACT ? SMIMEPOLICY_ENCRYPT : SMIMEPOLICY_SIGN,
                        &why) ||
        (loader->choice.count > (may_fetch ? 0 : 1) &&
         !sp_choice_rank(&loader->choice, sp_policy()->keyring, time(NULL), sp_policy(), &why)))
        return sp_load_refuse(SP_REASON_KEYRING, loader->name, why);
    if (may_fetch && loader->choice.count > 0 && is_to_be_fetched(loader)) {
        sp_report_line("asks directory");
        return sp_load_refuse(SP_REASON_NOT_STORED, loader->name,
                              OPENSSL_strdup("a directory is to be asked first"));
    }
    if (!gives_chosen) {
        if (loader->uri.kind == SP_URI_CHAIN)
            sp_report_along(&loader->choice);
        loader->along = sp_along(loader->keyring, &loader->choice, loader->name);
        return loader->along != NULL;
    }
    return loader->expected == OSSL_STORE_INFO_PKEY ||
           sp_report_choice(&loader->choice, strchr(loader->name, '/') + 1) ||
           sp_load_refuse(SP_REASON_NO_MEMORY, loader->name, NULL);
}

/* What the keyring vouches for ends with its age, also where a program asks for that by name. */
static bool is_too_old(const struct sp_loader *loader)
{
    const smimepolicy_settings *policy = sp_policy();
    smimepolicy_verdict *verdict;
    bool refused;

    if (loader->uri.kind != SP_URI_TRUST || policy->mode == SP_MODE_OBSERVE ||
        !sp_age_is_asked(SMIMEPOLICY_VERIFY, policy))
        return false;
    verdict = sp_judge_age(NULL, SMIMEPOLICY_VERIFY, sp_keyring_contact(policy->keyring),
                           time(NULL), policy);
    refused = verdict == NULL || !smimepolicy_verdict_allowed(verdict);
    if (verdict == NULL)
        (void)sp_load_refuse(SP_REASON_NO_MEMORY, loader->name, NULL);
    else
        sp_raise_verdict(verdict);
    smimepolicy_verdict_free(verdict);
    return refused;
}

static bool search(struct sp_loader *loader)
{
    const struct sp_query queries[] = {
        [SP_URI_CERT] = { .index = SP_BY_FINGERPRINT, .hash = loader->uri.fingerprint },
        [SP_URI_TRUST] = { .index = loader->subject != NULL ? SP_BY_SUBJECT : SP_ALL,
                           .name = loader->subject,
                           .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) | SP_ROLE_BIT(SP_ROLE_CONTACT) |
                                    SP_ROLE_BIT(SP_ROLE_CA),
                           .by_hand = true },
    };

    if (is_too_old(loader))
        return false;
    loader->cursor = sp_keyring_find(loader->keyring, &queries[loader->uri.kind]);
    return loader->cursor != NULL ||
           sp_load_refuse(SP_REASON_KEYRING, loader->name,
                          OPENSSL_strdup(sp_keyring_why(loader->keyring)));
}

/* What is parsed to choose is nothing that the program has parsed. */
static bool find(struct sp_loader *loader)
{
    sp_register_set_aside(true);
    loader->found = loader->uri.address != NULL ? choose(loader) : search(loader);
    sp_register_set_aside(false);
    return loader->found;
}

/*
 * Move the next one of the choice to |loader->last|.  With a report, and for a chain, it is the
 * chosen one alone.
 */
static int next_chosen(struct sp_loader *loader)
{
    const bool only_one = sp_report_is_on() || loader->uri.kind == SP_URI_CHAIN;
    struct sp_record *next;

    if (loader->next == loader->choice.count || (only_one && loader->next == 1))
        return 0;
    next = &loader->choice.records[sp_choice_place(&loader->choice, loader->next++)];
    loader->last = *next;
    *next = (struct sp_record){ 0 };
    return 1;
}

/* Encode the next issuer into |loader->last|. */
static int next_along(struct sp_loader *loader)
{
    X509 *cert = sk_X509_shift(loader->along);
    int length;

    if (cert == NULL)
        return 0;
    length = i2d_X509_AUX(cert, &loader->last.der);
    X509_free(cert);
    if (length < 0) {
        (void)sp_load_refuse(SP_REASON_NO_MEMORY, loader->name, NULL);
        return -1;
    }
    loader->last.role = SP_ROLE_CA;
    loader->last.der_length = (size_t)length;
    return 1;
}

/* Compare the names: different names may have the same hash. */
static bool is_wanted(const struct sp_loader *loader, const struct sp_record *record)
{
    X509 *cert;
    bool wanted;

    if (loader->subject == NULL)
        return true;
    cert = sp_record_cert(record);
    wanted = cert != NULL && X509_NAME_cmp(X509_get_subject_name(cert), loader->subject) == 0;
    X509_free(cert);
    return wanted;
}

static int next_found(struct sp_loader *loader)
{
    int found;

    /* The identity's own certificate goes before its issuers. */
    if (loader->along != NULL && (loader->uri.kind == SP_URI_ISSUERS || loader->next > 0))
        return next_along(loader);
    if (loader->cursor == NULL)
        return next_chosen(loader);
    found = sp_cursor_next(loader->cursor, &loader->last);
    if (found < 0)
        (void)sp_load_refuse(SP_REASON_KEYRING, loader->name,
                             OPENSSL_strdup(sp_keyring_why(loader->keyring)));
    return found;
}

static int read_record(struct sp_loader *loader)
{
    int found;

    if (!loader->found && !find(loader))
        return -1;
    do {
        sp_record_clear(&loader->last);
        found = next_found(loader);
    } while (found > 0 && !is_wanted(loader, &loader->last));
    return found;
}

int sp_load_next(struct sp_loader *loader)
{
    int found;
    struct sp_quiet quiet;

    sp_keyring_enter(&quiet);
    found = read_record(loader);
    sp_keyring_leave(&quiet);
    return found;
}
