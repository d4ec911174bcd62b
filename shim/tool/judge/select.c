/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Selecting certificates from the keyring: the list of them, the URIs by which stock loads them,
 * and the passphrase of the stored key that was found.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/text.h"
#include "common/output.h"
#include "common/passphrase.h"
#include "rules/rules.h"
#include "tool/judge/judge.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

/* Open the keyring, if it exists: only an upload makes one. */
static int open_keyring(struct shim_operation *operation)
{
    struct shim *shim = operation->shim;
    const struct shim_given *named = shim_args_last(operation->args, ROLE_KEYRING);
    int code = shim_load_settings(shim);

    if (named != NULL && shim->keyring != NULL && strcmp(shim->keyring, named->value) != 0)
        return shim_usage_twice("keyring", shim->keyring, named->value);
    if (named != NULL)
        shim->keyring = named->value;
    if (code == SHIM_OK)
        code = shim_keyring_find(shim);
    if (code != SHIM_OK || !sp_keyring_exists(shim->keyring_path))
        return code;
    operation->selection.path = shim->keyring_path;
    return shim_keyring_open(shim, SP_KEYRING_READ, &operation->selection.keyring);
}

int shim_select(struct shim_operation *operation, struct shim_outcome *outcome)
{
    const char *what = operation->request->operation;
    int code = open_keyring(operation);

    outcome->settings = operation->shim->settings;
    if (code != SHIM_OK || !operation->manner->selects)
        return code;
    if (strcmp(what, "sign") == 0 || strcmp(what, "encrypt") == 0)
        code = shim_select_by_address(operation, outcome);
    else if (strcmp(what, "decrypt") == 0)
        code = shim_select_by_message(operation, outcome);
    return code == SHIM_OK ? outcome->fault : code;
}

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

/* The stored key, if it is encrypted. */
struct locked {
    struct sp_private_key key; /* to clear */
    const X509 *cert;          /* borrowed; NULL: no key is encrypted */
    size_t count;
};

static bool look(struct sp_keyring *keyring, const struct shim_selected *selected,
                 struct locked *locked)
{
    struct sp_private_key key;
    int found = selected->key_uri == NULL ? 0 : sp_keyring_key(keyring, selected->key, &key);

    if (found == 1 && key.encrypted && key.pkcs8 != NULL && locked->count++ == 0) {
        locked->key = key;
        locked->cert = selected->cert;
    } else if (found == 1) {
        sp_private_key_clear(&key);
    }
    return found >= 0;
}

static bool look_at_all(const struct shim_selection *selection, struct locked *locked)
{
    bool done = true;

    for (size_t i = 0; done && i < selection->signer_count; i++)
        done = look(selection->keyring, &selection->signers[i], locked);
    for (size_t i = 0; done && i < selection->recipient_count; i++)
        done = look(selection->keyring, &selection->recipients[i], locked);
    return done;
}

/* Hand |pass| over through a pipe, which has room for every passphrase: so it is on no disk. */
static int hand_over(struct shim_selection *selection, const char *pass)
{
    int ends[2];
    bool written;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        shim_error("cannot hand the passphrase over: %s", strerror(errno));
        return SHIM_SYSTEM;
    }
    written = shim_write_all(ends[1], pass, strlen(pass)) && shim_write_all(ends[1], "\n", 1);
    close(ends[1]);
    selection->passphrase = ends[0];
    selection->passin = sp_format("fd:%d", ends[0]);
    return written && selection->passin != NULL ? SHIM_OK : shim_no_memory();
}

static bool opens(const struct locked *locked, const char *pass)
{
    EVP_PKEY *key = shim_stored_key_open(&locked->key, pass);
    bool fits = key != NULL;

    EVP_PKEY_free(key);
    ERR_clear_error();
    return fits;
}

static int ask(struct shim_selection *selection, const struct locked *locked, const char *whose)
{
    struct shim_passphrase pass = { 0 };
    unsigned wrong = 0;
    int code = SHIM_INPUT;

    do {
        if (shim_passphrase_ask(&pass, "passphrase of the private key", whose, false,
                                "give it with -passin fd:N or -passin file:PATH") &&
            opens(locked, pass.text))
            code = hand_over(selection, pass.text);
    } while (code == SHIM_INPUT && shim_passphrase_again(&pass, &wrong));
    if (code == SHIM_INPUT && pass.text != NULL)
        shim_error("the passphrase of the private key of %s is wrong", whose);
    shim_passphrase_clear(&pass);
    return code;
}

int shim_select_unlock(struct shim_operation *operation)
{
    struct shim_selection *selection = &operation->selection;
    struct locked locked = { .count = 0 };
    struct sp_facts *facts = NULL;
    int code = SHIM_OK;

    if (operation->request->passin != NULL || selection->keyring == NULL)
        return SHIM_OK;
    if (!look_at_all(selection, &locked))
        code = shim_keyring_failed(selection->keyring);
    else if (locked.count == 1 && (facts = sp_facts_new(locked.cert)) == NULL)
        code = shim_no_memory();
    else if (locked.count == 1)
        code = ask(selection, &locked,
                   sp_facts_address(facts, 0) != NULL ? sp_facts_address(facts, 0)
                                                      : sp_facts_subject(facts));
    sp_facts_free(facts);
    if (locked.count > 0)
        sp_private_key_clear(&locked.key);
    return code;
}
