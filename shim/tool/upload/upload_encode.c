/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The form in which a private key is stored: under which passphrase, and whether it
 * may replace another form.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ui.h>

#include "base/shown.h"
#include "base/text.h"
#include "tool/keyring/stored_key.h"
#include "tool/upload/uploading.h"

static bool opens(const struct sp_private_key *stored, const char *pass)
{
    EVP_PKEY *key = shim_stored_key_open(stored, pass);
    bool opened = key != NULL;

    EVP_PKEY_free(key);
    ERR_clear_error();
    return opened;
}

/* What differs from storing it by |uri|, under |pass| or without a passphrase; NULL: nothing. */
static const char *difference(const struct sp_private_key *stored, const char *uri,
                              const char *pass)
{
    if (stored->uri != NULL || uri != NULL)
        return stored->uri != NULL && uri != NULL && strcmp(stored->uri, uri) == 0
                   ? NULL
                   : "in another place";
    if (!stored->encrypted)
        return pass == NULL ? NULL : "without a passphrase";
    if (pass == NULL)
        return "under a passphrase";
    return opens(stored, pass) ? NULL : "under another passphrase";
}

static bool says_yes(const char *name)
{
    char answer[8] = "";
    char *shown = sp_shown(name);
    char *prompt = shown == NULL ? NULL : sp_format("replace the stored key of %s? [y/N] ", shown);
    UI *ui = prompt == NULL || isatty(STDIN_FILENO) != 1 ? NULL : UI_new();
    bool done = ui != NULL &&
                UI_add_input_string(ui, prompt, UI_INPUT_FLAG_ECHO, answer, 0,
                                    (int)sizeof(answer) - 1) >= 0 &&
                UI_process(ui) == 0;

    UI_free(ui);
    OPENSSL_free(prompt);
    OPENSSL_free(shown);
    ERR_clear_error();
    return done && (answer[0] == 'y' || answer[0] == 'Y');
}

/* May |key| be stored under |pass| (NULL: none), or by its URI? */
static bool may_replace(struct shim_uploading *run, const struct shim_waiting *key,
                        const char *pass)
{
    struct sp_private_key stored;
    int found = sp_keyring_key(run->keyring, key->id, &stored);
    const char *how = found == 1 ? difference(&stored, key->stored.uri, pass) : NULL;

    if (found == 1)
        sp_private_key_clear(&stored);
    if (found < 0)
        return shim_uploading_failed(run);
    if (how == NULL)
        return true;
    shim_error("the private key of %s is stored already, %s", key->path, how);
    if (run->replace || (!run->dry_run && says_yes(key->path)))
        return true;
    shim_error("nothing was stored; give --replace if it is to be kept in the new way, or "
               "--passout with the passphrase that it has");
    run->outcome.fault = SHIM_USAGE;
    return false;
}

/* Find the passphrase for storing the key; NULL: none.  False with the reason on stderr. */
static bool find_pass(struct shim_uploading *run, const struct shim_waiting *key, const char **pass)
{
    *pass = NULL;
    if (run->no_passphrase)
        return true;
    *pass = key->pass;
    if (!run->passout.given && key->pass != NULL && key->pass[0] != '\0')
        return true;
    if (!run->passout.given &&
        !shim_passphrase_ask(&run->passout, "new passphrase for the private key", key->path, true,
                             "give one with --passout fd:N or --passout file:PATH, or keep the "
                             "key open to whoever reads it with --no-passphrase"))
        return false;
    *pass = run->passout.text;
    if (run->passout.text[0] == '\0')
        shim_error("the passphrase is empty; to keep the private key without one, say "
                   "--no-passphrase");
    return run->passout.text[0] != '\0';
}

/* Will a new passphrase be asked for? */
static bool would_ask(const struct shim_uploading *run, const struct shim_waiting *key)
{
    return !key->as_exported && !run->no_passphrase && !run->passout.given &&
           (key->pass == NULL || key->pass[0] == '\0');
}

bool shim_uploading_encode(struct shim_uploading *run, struct shim_waiting *key,
                           struct sp_private_key *encoded)
{
    const char *pass = NULL;

    *encoded = (struct sp_private_key){ 0 };
    if (key->key == NULL || key->stored.uri != NULL) {
        if (!key->as_exported && !may_replace(run, key, NULL))
            return false;
        if (!run->dry_run) {
            *encoded = key->stored;
            key->stored = (struct sp_private_key){ 0 };
        }
        return true;
    }
    if (run->dry_run && would_ask(run, key)) {
        shim_error("note: to keep the private key of %s, a new passphrase would be asked for",
                   key->path);
        return true;
    }
    if (!key->as_exported && !find_pass(run, key, &pass)) {
        run->outcome.fault = SHIM_INPUT;
        return false;
    }
    if (!key->as_exported && !may_replace(run, key, pass))
        return false;
    if (!key->as_exported && pass == NULL)
        shim_error("the private key of %s is kept without a passphrase: whoever can read %s "
                   "can sign with it",
                   key->path, run->shim->keyring_path);
    return run->dry_run || shim_stored_key_make(key->key, pass, encoded) ||
           shim_uploading_no_memory(run);
}
