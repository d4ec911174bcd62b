/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/pem.h>

#include "tool/keyring/stored_entry.h"
#include "base/text.h"
#include "tool/certs/certs.h"

/* The PEM label.  A record has trust settings behind its certificate, if any. */
static const char *label(const struct shim_entry *entry)
{
    int plain = entry->waits ? 0 : i2d_X509(entry->cert, NULL);

    if (entry->waits)
        return PEM_STRING_X509_REQ;
    return plain > 0 && (size_t)plain < entry->record.der_length ? PEM_STRING_X509_TRUSTED
                                                                 : PEM_STRING_X509;
}

bool shim_pem_write_cert(FILE *to, const struct shim_entry *entry)
{
    return PEM_write(to, label(entry), "", entry->record.der, (long)entry->record.der_length) > 0;
}

char *shim_pem_text(const struct shim_entry *entry)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    char *text = NULL;

    if (bio != NULL && PEM_write_bio(bio, label(entry), "", entry->record.der,
                                     (long)entry->record.der_length) > 0) {
        long length = BIO_get_mem_data(bio, &data);

        text = OPENSSL_strndup(data, length > 0 ? (size_t)length : 0);
    }
    BIO_free(bio);
    return text;
}

static bool write_lines(FILE *to, const struct shim_entry *entry, const char *found_by)
{
    char fingerprint[SP_FINGERPRINT_TEXT];
    char *addresses = shim_entry_addresses(entry);
    char *uploaded = sp_format_time(entry->record.uploaded);
    bool done = addresses != NULL && uploaded != NULL;

    sp_fingerprint_text(entry->record.fingerprint, fingerprint);
    if (done)
        done = fprintf(to,
                       "subject: %s\naddresses: %s\nfingerprint: %s\n" SHIM_LINE_ROLE
                       "%s\n" SHIM_LINE_UPLOADED "%s\n",
                       shim_entry_subject(entry), addresses, fingerprint,
                       sp_role_name(entry->record.role), uploaded) > 0 &&
               fprintf(to, SHIM_LINE_ORIGIN "%s\n", shim_entry_origin(entry)) > 0 &&
               (found_by == NULL || fprintf(to, SHIM_LINE_ONLY_FOR "%s\n", found_by) > 0);
    OPENSSL_free(addresses);
    OPENSSL_free(uploaded);
    return done;
}

static bool write_key(FILE *to, const struct sp_private_key *key)
{
    return PEM_write(to, key->encrypted ? PEM_STRING_PKCS8 : PEM_STRING_PKCS8INF, "", key->pkcs8,
                     (long)key->length) > 0;
}

bool shim_pem_write_entry(FILE *to, const struct shim_entry *entry, const char *found_by,
                          const struct sp_private_key *key)
{
    return write_lines(to, entry, found_by) &&
           (key == NULL || key->uri == NULL ||
            (strpbrk(key->uri, "\r\n") == NULL &&
             fprintf(to, SHIM_LINE_KEY "%s\n", key->uri) > 0)) &&
           shim_pem_write_cert(to, entry) &&
           (key == NULL || key->uri != NULL || write_key(to, key)) && fputc('\n', to) != EOF;
}
