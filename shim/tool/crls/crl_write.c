/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The entries of a CRL on their way into its file, and a delta merged with the stored one.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "common/progress.h"
#include "tool/crls/crl_storing.h"
#include "tool/keyring/keyring_at.h"

/* By the issuer, and the octets of an INTEGER without those in front that say nothing. */
static int compare_serials(const void *a, const void *b)
{
    const struct sp_crl_entry *one = a, *other = b;

    if (one->issuer != other->issuer)
        return one->issuer < other->issuer ? -1 : 1;
    if (one->length != other->length)
        return one->length < other->length ? -1 : 1;
    return memcmp(one->serial, other->serial, one->length);
}

static struct sp_crl_entry plain(const struct sp_crl_entry *entry)
{
    struct sp_crl_entry plain = *entry;

    while (plain.length > 1 && ((plain.serial[0] == 0 && (plain.serial[1] & 0x80) == 0) ||
                                (plain.serial[0] == 0xff && (plain.serial[1] & 0x80) != 0))) {
        plain.serial++;
        plain.length--;
    }
    return plain;
}

static bool add(struct shim_crl_storing *storing, const struct sp_crl_entry *entry)
{
    storing->what->count++;
    shim_count_step();
    return sp_crl_writer_add(storing->what->writer, entry, &storing->why);
}

/* [RFC 5280, 5.3.1] removeFromCRL is for deltas alone; in another CRL it takes nothing away. */
static bool add_entry(const struct sp_crl_entry *entry, void *data)
{
    struct sp_crl_entry kept = *entry;

    if (kept.reason == CRL_REASON_REMOVE_FROM_CRL)
        kept.reason = -1;
    return add(data, &kept);
}

static bool note_change(const struct sp_crl_entry *entry, void *data)
{
    struct shim_crl_storing *storing = data;

    storing->changes[storing->change_count++] = plain(entry);
    return true;
}

/* An entry of the complete CRL that the delta says nothing of. */
static bool add_unchanged(const struct sp_crl_entry *entry, void *data)
{
    struct shim_crl_storing *storing = data;
    const struct sp_crl_entry sought = plain(entry);

    if (storing->change_count > 0 && bsearch(&sought, storing->changes, storing->change_count,
                                             sizeof(*storing->changes), compare_serials) != NULL)
        return true;
    return add(storing, entry);
}

/* The complete CRL, which is stored or was prepared before, without what the delta changes. */
static bool add_complete(struct shim_crl_storing *storing)
{
    return storing->prepared != NULL
               ? sp_crl_writer_entries(storing->prepared->writer, add_unchanged, storing)
               : sp_crl_file_entries(storing->stored.path, add_unchanged, storing, &storing->why);
}

/* [RFC 5280, 5.2.4] The complete CRL with what the delta changes. */
static bool add_merged(struct shim_crl_storing *storing)
{
    bool stopped;
    bool done = true;

    storing->changes = OPENSSL_zalloc((storing->crl.count + 1) * sizeof(*storing->changes));
    if (storing->changes == NULL)
        return false;
    (void)shim_crl_entries_each(&storing->crl, note_change, storing, &stopped);
    qsort(storing->changes, storing->change_count, sizeof(*storing->changes), compare_serials);
    if (!add_complete(storing))
        return false;
    for (size_t i = 0; done && i < storing->change_count; i++)
        if (storing->changes[i].reason != CRL_REASON_REMOVE_FROM_CRL)
            done = add(storing, &storing->changes[i]);
    return done;
}

int shim_crl_write(struct shim_crl_storing *storing, const struct sp_crl_issuer *issuer,
                   const struct sp_crl_about *about)
{
    bool stopped = false;
    bool done;

    storing->what->writer = sp_crl_writer_new(storing->target->path, issuer, about, &storing->why);
    done = storing->what->writer != NULL;
    shim_count_begin("entries of a CRL read");
    if (done && storing->what->delta)
        done = add_merged(storing);
    else if (done)
        done =
            shim_crl_entries_each(&storing->crl, add_entry, storing, &stopped) == NULL && !stopped;
    shim_count_end();
    if (done)
        return SHIM_OK;
    return storing->why == NULL ? shim_no_memory() : shim_keyring_fault(storing->why);
}
