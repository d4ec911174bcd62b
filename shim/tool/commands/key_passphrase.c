/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy keyring passphrase: keeps a stored private key under another passphrase.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "common/memory.h"
#include "common/passphrase.h"
#include "common/print.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

struct changing {
    const struct shim_long *line; /* borrowed */
    bool no_passphrase;
    struct shim *shim;                  /* borrowed */
    struct sp_keyring *keyring;         /* borrowed */
    unsigned char id[SP_SHA256_LENGTH]; /* of the private key */
    char *whose;                        /* owned: the first certificate of it; NULL: none yet */
    bool several;                       /* another private key was found too */
    json_t *certificates;               /* owned; NULL without --json */
    bool done;
};

static int look_at(const struct shim_entry *entry, void *data)
{
    struct changing *changing = data;

    if (!shim_entry_has_key(changing->keyring, entry))
        return SHIM_OK;
    if (changing->whose != NULL) {
        changing->several =
            changing->several || memcmp(changing->id, entry->record.key, sizeof(changing->id)) != 0;
        return SHIM_OK;
    }
    memcpy(changing->id, entry->record.key, sizeof(changing->id));
    changing->whose = shim_entry_line(entry);
    return changing->whose != NULL ? SHIM_OK : shim_no_memory();
}

/* Find the one private key of the certificates that the word names. */
static int find_key(struct changing *changing)
{
    const char *word = changing->line->operands[1];
    struct shim_picks picks = { 0 };
    size_t found;
    int code = shim_pick(changing->shim, changing->keyring, word, &picks, &found);

    if (code == SHIM_OK)
        code = shim_picks_each(changing->shim, changing->keyring, &picks, time(NULL), look_at,
                               changing);
    shim_picks_clear(&picks);
    if (code == SHIM_OK && changing->whose == NULL) {
        shim_error("%s has no private key in the keyring; 'smime-policy list --role identity' "
                   "shows who has one",
                   word);
        code = SHIM_INPUT;
    }
    if (code == SHIM_OK && changing->several) {
        shim_error("%s has several private keys; name one by the fingerprint of its certificate "
                   "('smime-policy list --address %s')",
                   word, word);
        code = SHIM_USAGE;
    }
    return code;
}

static int get_key(struct changing *changing, struct sp_private_key *stored)
{
    int found = sp_keyring_key(changing->keyring, changing->id, stored);
    char *uri;

    if (found < 0)
        return shim_keyring_failed(changing->keyring);
    if (found == 0) {
        shim_error("the private key of %s is not there; 'smime-policy keyring check' tells what "
                   "else is missing",
                   changing->whose);
        return SHIM_SYSTEM;
    }
    if (stored->uri == NULL)
        return SHIM_OK;
    uri = shim_key_uri(stored);
    shim_error("the private key of %s is not in the keyring but at %s; change its passphrase there",
               changing->whose, uri != NULL ? uri : "a URI");
    OPENSSL_free(uri);
    return SHIM_INPUT;
}

/* Find the new passphrase; without one |pass| stays empty. */
static int find_pass(const struct changing *changing, struct shim_passphrase *pass)
{
    int code;

    if (changing->no_passphrase)
        return SHIM_OK;
    code = shim_passphrase_read(pass, "passout", shim_long_value(changing->line, "passout", 0));
    if (code == SHIM_OK && !pass->given &&
        !shim_passphrase_ask(pass, "new passphrase for the private key", changing->whose, true,
                             "give one with --passout fd:N or --passout file:PATH"))
        code = SHIM_INPUT;
    if (code == SHIM_OK && pass->text[0] == '\0') {
        shim_error("the passphrase is empty; to keep the private key without one, say "
                   "--no-passphrase");
        code = SHIM_INPUT;
    }
    return code;
}

static int store(struct changing *changing, EVP_PKEY *key, const char *pass,
                 const struct sp_private_key *was)
{
    struct sp_private_key now = { 0 };
    int changed = 0;
    int code = SHIM_OK;

    if (!shim_stored_key_make(key, pass, &now) || !shim_memory_sufficed())
        code = shim_no_memory();
    if (code == SHIM_OK)
        code = shim_hub_put_key(changing->shim, changing->keyring, changing->id, &now,
                                shim_long_has(changing->line, "local"));
    if (code == SHIM_OK)
        changed = sp_keyring_change_key(changing->keyring, changing->id, was, &now);
    if (code == SHIM_OK && changed < 0)
        code = shim_keyring_failed(changing->keyring);
    if (code == SHIM_OK && changed == 0) {
        shim_error("the private key of %s was changed or removed by somebody else meanwhile; "
                   "nothing was changed here",
                   changing->whose);
        code = SHIM_SYSTEM;
    }
    changing->done = code == SHIM_OK;
    sp_private_key_clear(&now);
    return code;
}

static int tell(const struct shim_entry *entry, void *data)
{
    struct changing *changing = data;
    char *line;

    if (changing->certificates != NULL) {
        json_array_append_new(changing->certificates, shim_entry_json(entry));
        return SHIM_OK;
    }
    line = shim_entry_line(entry);
    if (line == NULL)
        return shim_no_memory();
    shim_print(stdout, "%s the passphrase of the private key of %s\n",
               changing->no_passphrase ? "removed" : "changed", line);
    OPENSSL_free(line);
    return SHIM_OK;
}

/* Tell each certificate that has the key. */
static int report(struct changing *changing)
{
    if (changing->no_passphrase)
        shim_error("the private key of %s is kept without a passphrase: whoever can read %s can "
                   "sign with it",
                   changing->whose, changing->shim->keyring_path);
    return shim_entry_each(
        changing->shim, changing->keyring,
        &(struct sp_query){ .index = SP_BY_KEY,
                            .hash = changing->id,
                            .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) | SP_ROLE_BIT(SP_ROLE_CA) },
        time(NULL), tell, changing);
}

static int change_it(struct changing *changing)
{
    struct sp_private_key stored = { 0 };
    struct shim_passphrase pass = { 0 };
    EVP_PKEY *key = NULL;
    int code = find_key(changing);

    if (code == SHIM_OK)
        code = get_key(changing, &stored);
    if (code == SHIM_OK)
        code = shim_stored_key_unlock(&stored, changing->whose,
                                      shim_long_value(changing->line, "passin", 0), &key);
    if (code == SHIM_OK)
        code = find_pass(changing, &pass);
    if (code == SHIM_OK)
        code = store(changing, key, pass.text, &stored);
    EVP_PKEY_free(key);
    sp_private_key_clear(&stored);
    shim_passphrase_clear(&pass);
    return code == SHIM_OK ? report(changing) : code;
}

int shim_change_passphrase(struct shim *shim, const struct shim_long *line)
{
    struct changing changing = { .line = line,
                                 .no_passphrase = shim_long_has(line, "no-passphrase"),
                                 .shim = shim };
    int code;

    if (changing.no_passphrase && shim_long_value(line, "passout", 0) != NULL)
        return shim_usage("--passout and --no-passphrase exclude each other");
    code = shim_keyring_change(shim, SP_KEYRING_WRITE, &changing.keyring);
    if (code == SHIM_OK) {
        changing.certificates = shim_long_has(line, "json") ? json_array() : NULL;
        code = shim_keys_needed(shim);
        if (code == SHIM_OK)
            code = change_it(&changing);
        if (changing.certificates != NULL)
            code = shim_json_keyring_report(shim, "keyring passphrase", code,
                                            json_pack("{s:b, s:O}", "done", changing.done,
                                                      "certificates", changing.certificates));
    }
    json_decref(changing.certificates);
    OPENSSL_free(changing.whose);
    sp_keyring_close(changing.keyring);
    return code;
}
