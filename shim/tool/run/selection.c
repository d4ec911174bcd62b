/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/run/selection.h"

void shim_selection_init(struct shim_selection *selection)
{
    *selection = (struct shim_selection){ .issuers = -1, .anchors = -1, .passphrase = -1 };
    selection->choices = json_array();
    selection->directories = json_array();
}

static void clear_all(struct shim_selected *selected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        X509_free(selected[i].cert);
        OPENSSL_free(selected[i].uri);
        OPENSSL_free(selected[i].key_uri);
        OPENSSL_free(selected[i].address);
    }
    OPENSSL_free(selected);
}

void shim_selection_clear(struct shim_selection *selection)
{
    clear_all(selection->signers, selection->signer_count);
    clear_all(selection->recipients, selection->recipient_count);
    if (selection->issuers >= 0)
        close(selection->issuers);
    if (selection->anchors >= 0)
        close(selection->anchors);
    if (selection->passphrase >= 0)
        close(selection->passphrase);
    OPENSSL_free(selection->passin);
    OPENSSL_free(selection->issuers_path);
    OPENSSL_free(selection->anchors_path);
    shim_mail_clear(&selection->mail);
    shim_covered_clear(&selection->covered);
    if (selection->input != NULL)
        fclose(selection->input);
    OPENSSL_free(selection->header);
    json_decref(selection->choices);
    json_decref(selection->directories);
    sp_keyring_close(selection->keyring);
    *selection = (struct shim_selection){ .issuers = -1, .anchors = -1, .passphrase = -1 };
}
