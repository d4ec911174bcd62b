/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables by which a certificate is found: addresses, recipient names.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "keyring/sqlite/store.h"

static bool run_name(struct sp_database *keyring, sqlite3_stmt *statement, const ASN1_STRING *name,
                     int64_t id)
{
    const struct sp_sqlite *sq = keyring->sq;

    return name == NULL ||
           sp_store_finish(keyring, statement,
                           sq->bind_blob(statement, 1, ASN1_STRING_get0_data(name),
                                         ASN1_STRING_length(name), SQLITE_TRANSIENT) == SQLITE_OK &&
                               sq->bind_int64(statement, 2, id) == SQLITE_OK);
}

/* [RFC 5652, 6.2.1] how a message names whom it is encrypted to. */
bool sp_store_recipients(struct sp_database *keyring, sqlite3_stmt *statement, const X509 *cert,
                         int64_t id)
{
    ASN1_OCTET_STRING *ski = X509_get_ext_d2i(cert, NID_subject_key_identifier, NULL, NULL);
    bool done = run_name(keyring, statement, X509_get0_serialNumber(cert), id) &&
                run_name(keyring, statement, ski, id);

    ASN1_OCTET_STRING_free(ski);
    return done;
}

/* Is |address| in |list|, which has ", " between its items?  Case does not matter. */
static bool is_listed(const char *address, const char *list)
{
    const size_t length = strlen(address);

    for (const char *item = list; item != NULL; item = strstr(item, ", ")) {
        item += item == list ? 0 : 2;
        if (OPENSSL_strncasecmp(item, address, length) == 0 &&
            (item[length] == '\0' || strncmp(item + length, ", ", 2) == 0))
            return true;
    }
    return false;
}

bool sp_store_addresses(struct sp_database *keyring, sqlite3_stmt *statement,
                        const struct sp_facts *facts, const char *only, int64_t id)
{
    const struct sp_sqlite *sq = keyring->sq;
    const char *address;
    bool done = true;

    for (size_t i = 0; done && (address = sp_facts_address(facts, i)) != NULL; i++)
        done = (only != NULL && !is_listed(address, only)) ||
               sp_store_finish(keyring, statement,
                               sq->bind_text(statement, 1, address, -1, SQLITE_TRANSIENT) ==
                                       SQLITE_OK &&
                                   sq->bind_int64(statement, 2, id) == SQLITE_OK);
    return done;
}
