/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A private key that is stored already, and would be stored in another form.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/ui.h>

#include "base/shown.h"
#include "base/text.h"
#include "tool/certs/certs.h"
#include "tool/upload/uploading.h"

/*
 * Does |pass| decrypt |stored|?  If that would take too many iterations it counts as
 * another passphrase.
 */
static bool opens(const struct sp_private_key *stored, const char *pass)
{
    const unsigned char *der = stored->pkcs8;
    X509_SIG *locked = d2i_X509_SIG(NULL, &der, (long)stored->length);
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    const X509_ALGOR *pbe = NULL;
    bool opened;

    if (locked != NULL)
        X509_SIG_get0(locked, &pbe, NULL);
    if (pbe != NULL && shim_iterations_few(pbe))
        plain = PKCS8_decrypt(locked, pass, (int)strlen(pass));
    opened = plain != NULL;
    PKCS8_PRIV_KEY_INFO_free(plain);
    X509_SIG_free(locked);
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

bool shim_uploading_may_replace(struct shim_uploading *run, const struct shim_given_key *key,
                                const char *pass)
{
    struct sp_private_key stored;
    int found = sp_keyring_key(run->keyring, key->id, &stored);
    const char *how = found == 1 ? difference(&stored, key->uri, pass) : NULL;

    if (found == 1)
        sp_private_key_clear(&stored);
    if (found < 0)
        return shim_uploading_failed(run);
    if (how == NULL)
        return true;
    shim_error("the private key of %s is stored already, %s", key->path, how);
    if (run->options->replace || says_yes(key->path))
        return true;
    shim_error("nothing was stored; give --replace if it is to be kept in the new way, or "
               "--passout with the passphrase that it has");
    run->outcome.fault = SHIM_USAGE;
    return false;
}
