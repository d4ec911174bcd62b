/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The list of selected certificates, and the URIs by which stock loads them.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "tool/judge/select.h"
#include "tool/keyring/keyring_at.h"

/* The URI "smimepolicy:cert/…"; owned by the caller. */
static char *uri_of(const unsigned char *fingerprint)
{
    char text[SP_FINGERPRINT_TEXT];

    sp_fingerprint_text(fingerprint, text);
    return sp_format("smimepolicy:cert/%s", text);
}

bool shim_select_take(struct shim_selected **list, size_t *count, X509 *cert,
                      const struct sp_record *record, const char *key_uri)
{
    struct shim_selected *longer = OPENSSL_realloc(*list, (*count + 1) * sizeof(**list));
    struct shim_selected *last;

    if (longer == NULL)
        return false;
    *list = longer;
    last = &longer[(*count)++];
    *last = (struct shim_selected){ .uri = uri_of(record->fingerprint),
                                    .key_uri = key_uri == NULL ? NULL : OPENSSL_strdup(key_uri) };
    memcpy(last->key, record->key, sizeof(last->key));
    if (X509_up_ref(cert) == 1)
        last->cert = cert;
    return last->cert != NULL && last->uri != NULL && (key_uri == NULL || last->key_uri != NULL);
}

/* Stock opens a key in a token by the stored URI, and every other by a `smimepolicy:` URI. */
char *shim_select_key(struct shim_selection *selection, const struct sp_record *record)
{
    struct sp_private_key key;
    int found = sp_keyring_key(selection->keyring, record->key, &key);
    char *uri = NULL;

    if (found == 1)
        uri = key.uri != NULL && strncmp(key.uri, "file:", 5) != 0 ? OPENSSL_strdup(key.uri)
                                                                   : uri_of(record->fingerprint);
    else if (found == 0)
        shim_error("the private key of this identity is not in the keyring any more; upload it "
                   "again");
    else
        (void)shim_keyring_failed(selection->keyring);
    if (found == 1)
        sp_private_key_clear(&key);
    return uri;
}
