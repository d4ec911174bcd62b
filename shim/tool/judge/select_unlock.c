/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Asking for the passphrase of the stored key that a verb has found.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/text.h"
#include "common/output.h"
#include "common/passphrase.h"
#include "rules/rules.h"
#include "tool/judge/select.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

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
