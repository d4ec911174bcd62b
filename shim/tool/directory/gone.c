/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What came from a directory, and is no longer to be had there.
 */
#include "tool/directory/directory.h"

#include <string.h>

#include <openssl/crypto.h>

#include "tool/certs/certs.h"
#include "tool/keyring/keyring_at.h"

static int note_gone(struct shim_directory *directory, const struct sp_record *record)
{
    unsigned char(*longer)[SP_SHA256_LENGTH] =
        OPENSSL_realloc(directory->gone, (directory->gone_count + 1) * sizeof(*longer));

    if (longer == NULL)
        return shim_no_memory();
    directory->gone = longer;
    memcpy(longer[directory->gone_count++], record->fingerprint, SP_SHA256_LENGTH);
    return SHIM_OK;
}

int shim_directory_find_gone(struct shim_directory *directory, const char *address,
                             const STACK_OF(X509) *passed)
{
    const struct sp_query query = { .index = SP_BY_ADDRESS,
                                    .text = address,
                                    .roles = SP_ROLE_BIT(SP_ROLE_CONTACT) };
    struct shim_records records = { .cursor = sp_keyring_find(directory->keyring, &query) };
    int code = SHIM_OK;

    while (code == SHIM_OK && shim_records_next(&records)) {
        X509 *cert =
            records.record.origin == SP_ORIGIN_DIRECTORY ? sp_record_cert(&records.record) : NULL;
        struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);
        const struct shim_news news = {
            .kind = SHIM_NEWS_GONE, .address = address, .cert = cert, .facts = facts
        };

        if (facts != NULL && !shim_certs_hold(passed, cert)) {
            code = note_gone(directory, &records.record);
            directory->tell(&news, directory->data);
        }
        sp_facts_free(facts);
        X509_free(cert);
    }
    if (code == SHIM_OK && records.failed)
        code = shim_keyring_failed(directory->keyring);
    shim_records_end(&records);
    return code;
}

int shim_directory_remove(struct shim_directory *directory)
{
    if (directory->gone_count == 0 ||
        sp_keyring_remove(directory->keyring,
                          (const unsigned char(*)[SP_SHA256_LENGTH])directory->gone,
                          directory->gone_count))
        return SHIM_OK;
    return shim_keyring_failed(directory->keyring);
}

void shim_directory_end(struct shim_directory *directory)
{
    OPENSSL_free(directory->gone);
    directory->gone = NULL;
    directory->gone_count = 0;
}
