/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What `smime-policy doctor` tells of the keyring.
 */
#include <sys/stat.h>
#include <time.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "base/text.h"
#include "keyring/contact.h"
#include "tool/crls/stored_crls.h"
#include "tool/keyring/stored_key.h"

#define SOON (30 * INT64_C(86400))
/* A page about a large keyring has to come as soon as any other. */
#define SECONDS      5
#define MOST_CHECKED 1000

struct census {
    const smimepolicy_settings *settings; /* borrowed */
    time_t now, begun;
    long usable, expiring, expired, other;
};

/* Will it have expired soon?  It is judged a second time. */
static int count_usable(struct census *census, const struct shim_entry *entry)
{
    struct sp_stored_verdicts then;

    if (!sp_judge_stored(entry->facts, entry->record.role, census->now + SOON, census->settings,
                         &entry->revocation, &then))
        return shim_no_memory();
    census->expiring += then.state == SP_STORED_EXPIRED;
    census->usable++;
    sp_stored_verdicts_clear(&then);
    return SHIM_OK;
}

#define TIME_IS_UP (-1)

static int count_one(const struct shim_entry *entry, void *data)
{
    struct census *census = data;

    if (entry->stored.state == SP_STORED_USABLE && count_usable(census, entry) != SHIM_OK)
        return SHIM_SYSTEM;
    census->expired += entry->stored.state == SP_STORED_EXPIRED;
    census->other +=
        entry->stored.state != SP_STORED_USABLE && entry->stored.state != SP_STORED_EXPIRED;
    return time(NULL) - census->begun > SECONDS ? TIME_IS_UP : SHIM_OK;
}

static void tell_census(struct shim_doctor *doctor, const struct census *census, bool all)
{
    bool worry = census->expired > 0 || census->expiring > 0;

    shim_doctor_tell(doctor, worry ? SHIM_WORRY : SHIM_WELL, "certificates",
                     sp_format("%s%ld usable, of these %ld expire within 30 days; %ld expired; "
                               "%ld of no use for other reasons",
                               all ? "" : "of the first that were looked at: ", census->usable,
                               census->expiring, census->expired, census->other),
                     worry ? "'smime-policy list --expiring 30d' and 'smime-policy list --state "
                             "expired' name them; ask for current ones"
                           : NULL);
}

/* Judge the entries; false if there is damage. */
static bool count_all(struct shim_doctor *doctor, struct sp_keyring *keyring)
{
    struct sp_query query = { .index = SP_ALL };
    struct census census = { .settings = doctor->shim->settings, .now = time(NULL) };
    int code;

    census.begun = census.now;
    shim_errors_mute(true);
    code = shim_entry_each(doctor->shim, keyring, &query, census.now, count_one, &census);
    shim_errors_mute(false);
    if (code == SHIM_OK || code == TIME_IS_UP)
        tell_census(doctor, &census, code == SHIM_OK);
    return code == SHIM_OK || code == TIME_IS_UP;
}

static void keep_first(const char *line, void *data)
{
    char **first = data;

    if (*first == NULL)
        *first = OPENSSL_strdup(line);
}

/* Is each entry what it was, and has each key its certificate? */
static void check(struct shim_doctor *doctor, struct sp_keyring *keyring, int64_t count)
{
    struct sp_checked checked = { .without_keys = !shim_keys_readable(doctor->shim) };
    char *first = NULL;

    if (count > MOST_CHECKED) {
        shim_doctor_tell(doctor, SHIM_WELL, "entries",
                         sp_format("%lld are too many to compare here", (long long)count),
                         "'smime-policy keyring check' compares them");
        return;
    }
    if (!sp_keyring_check(keyring, keep_first, &first, &checked))
        shim_doctor_tell(doctor, SHIM_FAILS, "entries", sp_format("%s", sp_keyring_why(keyring)),
                         NULL);
    else if (checked.faults > 0)
        shim_doctor_tell(doctor, SHIM_FAILS, "entries",
                         sp_format("%lld faults; the first: %s", (long long)checked.faults,
                                   first != NULL ? first : "out of memory"),
                         "'smime-policy keyring check' names all, and how to go on");
    else
        shim_doctor_tell(doctor, SHIM_WELL, "entries",
                         sp_format("sound; private keys: %s",
                                   checked.without_keys ? "their owner alone can check them"
                                                        : "each has its certificate"),
                         NULL);
    OPENSSL_free(first);
}

static void tell_counts(struct shim_doctor *doctor, const int64_t counts[SP_ROLE_COUNT])
{
    const char *path = doctor->shim->keyring_path;
    struct stat is;

    if (stat(path, &is) != 0)
        is = (struct stat){ 0 };
    shim_doctor_tell(doctor, SHIM_WELL, "keyring",
                     sp_format("%s (uid %lu, mode %04o): identities: %lld, contacts: %lld, "
                               "cas: %lld, intermediates: %lld",
                               path, (unsigned long)is.st_uid, (unsigned)is.st_mode & 07777,
                               (long long)counts[SP_ROLE_IDENTITY],
                               (long long)counts[SP_ROLE_CONTACT], (long long)counts[SP_ROLE_CA],
                               (long long)counts[SP_ROLE_INTERMEDIATE]),
                     NULL);
}

struct crl_census {
    long count, stale, damaged, strange;
};

static int count_crl(const struct shim_stored_crl *crl, void *data)
{
    struct crl_census *census = data;

    census->count++;
    census->stale += crl->state == SHIM_CRL_STALE;
    census->damaged += crl->state == SHIM_CRL_DAMAGED;
    census->strange += crl->state != SHIM_CRL_DAMAGED && !crl->has_issuer;
    return SHIM_OK;
}

/* The CRLs, if there are any. */
static void tell_crls(struct shim_doctor *doctor, struct sp_keyring *keyring)
{
    struct crl_census census = { 0 };
    int code;

    shim_errors_mute(true);
    code =
        shim_stored_crls_each(doctor->shim->keyring_path, keyring, time(NULL), count_crl, &census);
    shim_errors_mute(false);
    if (code != SHIM_OK || census.damaged > 0)
        shim_doctor_tell(doctor, SHIM_FAILS, "crls",
                         sp_format("not all of the stored CRLs can be read"),
                         "'smime-policy keyring check' tells which; upload current ones");
    else if (census.count > 0)
        shim_doctor_tell(doctor, census.stale > 0 ? SHIM_WORRY : SHIM_WELL, "crls",
                         sp_format("%ld, of these %ld stale; of %ld the issuer is not stored",
                                   census.count, census.stale, census.strange),
                         census.stale > 0 ? "'smime-policy list --crls' names them; upload the "
                                            "current ones"
                                          : NULL);
}

static void look_into(struct shim_doctor *doctor, struct sp_keyring *keyring)
{
    int64_t counts[SP_ROLE_COUNT] = { 0 };
    int64_t sum = 0;

    if (!sp_keyring_count(keyring, counts)) {
        shim_doctor_tell(doctor, SHIM_FAILS, "keyring", sp_format("%s", sp_keyring_why(keyring)),
                         NULL);
        return;
    }
    tell_counts(doctor, counts);
    for (int role = 0; role < SP_ROLE_COUNT; role++)
        sum += counts[role];
    if (sum > 0 && !count_all(doctor, keyring))
        shim_doctor_tell(doctor, SHIM_FAILS, "certificates",
                         sp_format("not all of them can be read"),
                         "'smime-policy keyring check' tells which, and how to go on");
    check(doctor, keyring, sum);
    tell_crls(doctor, keyring);
}

/* Does the copy of the hub count? */
static void tell_hub(struct shim_doctor *doctor)
{
    const smimepolicy_settings *settings = doctor->shim->settings;
    time_t contact = sp_keyring_contact(doctor->shim->keyring_path);
    smimepolicy_verdict *verdict =
        sp_judge_age(NULL, SMIMEPOLICY_SIGN, contact, time(NULL), settings);
    const smimepolicy_finding *finding =
        verdict == NULL ? NULL : smimepolicy_verdict_get0_finding(verdict, 0);
    char *at = contact > 0 ? sp_format_time(contact) : NULL;

    if (finding != NULL)
        shim_doctor_tell(
            doctor, SHIM_FAILS, "hub",
            sp_format("%s: %s", settings->hub, smimepolicy_finding_get0_fault(finding)),
            smimepolicy_finding_get0_remedy(finding));
    else
        shim_doctor_tell(doctor, SHIM_WELL, "hub",
                         verdict == NULL || at == NULL
                             ? NULL
                             : sp_format("%s: last contact: %s", settings->hub, at),
                         NULL);
    OPENSSL_free(at);
    smimepolicy_verdict_free(verdict);
}

void shim_doctor_keyring(struct shim_doctor *doctor)
{
    const char *path = doctor->shim->keyring_path;
    struct sp_keyring *keyring;
    char *why = NULL;

    if (doctor->shim->settings->hub != NULL)
        tell_hub(doctor);
    if (!sp_keyring_exists(path)) {
        shim_doctor_tell(doctor, SHIM_WELL, "keyring", sp_format("there is none in %s", path),
                         doctor->shim->settings->hub != NULL
                             ? "'smime-policy sync' makes it a copy of the hub"
                             : "'smime-policy upload' makes it");
        return;
    }
    keyring = sp_keyring_open(path, SP_KEYRING_READ, &why);
    if (keyring == NULL)
        shim_doctor_tell(doctor, SHIM_FAILS, "keyring", why, NULL);
    else
        look_into(doctor, keyring);
    sp_keyring_close(keyring);
}
