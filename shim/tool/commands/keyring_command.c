/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy keyring: checks it, makes a backup, prints its path, changes a passphrase.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "common/memory.h"
#include "common/passphrase.h"
#include "common/print.h"
#include "common/progress.h"
#include "tool/commands/commands.h"
#include "tool/crls/stored_crls.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

/* |data|: the list that the faults go to, or NULL. */
static void tell(const char *line, void *data)
{
    if (data != NULL)
        json_array_append_new(data, sp_json_text(line));
    else
        shim_print(stdout, "%s\n", line);
}

static int find(struct shim *shim)
{
    int code = shim_load_settings(shim);

    return code == SHIM_OK ? shim_keyring_find(shim) : code;
}

/* Print a path: to a program as it is, to a terminal escaped. */
static void print_path(const char *path)
{
    if (isatty(STDOUT_FILENO) == 1)
        shim_print(stdout, "%s\n", path);
    else
        puts(path);
}

static int run_path(struct shim *shim, const struct shim_long *line)
{
    int code = find(shim);

    if (code == SHIM_OK && shim_long_has(line, "json"))
        return shim_json_keyring_report(shim, "keyring path", code, json_object());
    if (code == SHIM_OK)
        print_path(shim->keyring_path);
    return code;
}

static int run_backup(struct shim *shim, const struct shim_long *line)
{
    const char *directory = line->operands[1];
    struct sp_keyring *keyring;
    int code = shim_keyring_open(shim, SP_KEYRING_READ, &keyring);
    bool opened = code == SHIM_OK;

    if (code == SHIM_OK)
        code = shim_keys_needed(shim);
    shim_count_begin("MB copied");
    if (code == SHIM_OK && !sp_keyring_backup(keyring, directory, shim_count_step))
        code = shim_keyring_failed(keyring);
    shim_count_end();
    sp_keyring_close(keyring);
    if (opened && shim_long_has(line, "json"))
        return shim_json_keyring_report(
            shim, "keyring backup", code,
            json_pack("{s:o, s:b}", "backup", sp_json_text(directory), "done", code == SHIM_OK));
    if (code == SHIM_OK)
        shim_print(stdout, "%s is a backup of the keyring %s\n", directory, shim->keyring_path);
    return code;
}

/* How to open it: only if it may be written, what an interrupted writer left can be undone. */
static enum sp_access access_of(const struct shim *shim)
{
    struct stat is;

    return !shim->explain && stat(shim->keyring_path, &is) == 0 &&
                   (is.st_uid == geteuid() || geteuid() == 0)
               ? SP_KEYRING_WRITE
               : SP_KEYRING_READ;
}

static void summarise(const struct shim *shim, const struct sp_checked *checked, int64_t crls)
{
    shim_print(stdout, "keyring %s: sound; %lld certificate%s, ", shim->keyring_path,
               (long long)checked->certificates, checked->certificates == 1 ? "" : "s");
    if (crls > 0)
        shim_print(stdout, "%lld CRL%s, ", (long long)crls, crls == 1 ? "" : "s");
    if (checked->without_keys)
        puts("private keys not checked, for their owner alone can read them");
    else
        shim_print(stdout, "%lld private key%s\n", (long long)checked->keys,
                   checked->keys == 1 ? "" : "s");
}

/* Check the keyring, which is closed; SHIM_OK if it is sound. */
static int check(const struct shim *shim, struct sp_keyring *keyring, json_t *faults,
                 struct sp_checked *checked, int64_t *crls)
{
    int code = SHIM_OK;

    checked->step = shim_count_step;
    shim_count_begin("certificates checked");
    if (!sp_keyring_check(keyring, tell, faults, checked))
        code = shim_keyring_failed(keyring);
    else if (!shim_crls_check(shim->keyring_path, tell, faults, crls, &checked->faults))
        code = SHIM_SYSTEM;
    shim_count_end();
    sp_keyring_close(keyring);
    if (code != SHIM_OK || checked->faults == 0)
        return code;
    shim_error("keyring %s: %lld fault%s; put a backup in its place, or upload anew what the "
               "program sqlite3 can still read",
               shim->keyring_path, (long long)checked->faults, checked->faults == 1 ? "" : "s");
    return SHIM_SYSTEM;
}

static int run_check(struct shim *shim, const struct shim_long *line)
{
    json_t *faults = shim_long_has(line, "json") ? json_array() : NULL;
    struct sp_keyring *keyring;
    struct sp_checked checked = { 0 };
    int64_t crls = 0;
    int code = find(shim);

    if (code == SHIM_OK)
        code = shim_keyring_open(
            shim, sp_keyring_exists(shim->keyring_path) ? access_of(shim) : SP_KEYRING_READ,
            &keyring);
    if (code != SHIM_OK) {
        json_decref(faults);
        return code;
    }
    code = check(shim, keyring, faults, &checked, &crls);
    if (faults != NULL)
        return shim_json_keyring_report(
            shim, "keyring check", code,
            json_pack("{s:b, s:I, s:I, s:o, s:o}", "sound", code == SHIM_OK, "certificates",
                      (json_int_t)checked.certificates, "crls", (json_int_t)crls, "keys",
                      checked.without_keys ? json_null() : json_integer((json_int_t)checked.keys),
                      "faults", faults));
    if (code == SHIM_OK)
        summarise(shim, &checked, crls);
    return code;
}

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

static int tell_changed(const struct shim_entry *entry, void *data)
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
static int report_change(struct changing *changing)
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
        time(NULL), tell_changed, changing);
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
    return code == SHIM_OK ? report_change(changing) : code;
}

static int run_passphrase(struct shim *shim, const struct shim_long *line)
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

static const struct shim_word words[] = {
    { "check", NULL, NULL },
    { "backup", "a new directory", "'smime-policy keyring check' looks at it" },
    { "path", NULL, NULL },
    { "passphrase", "one address or fingerprint", "'smime-policy show' tells how a key is kept" },
    { NULL, NULL, NULL },
};

/* In the order of |words|. */
static shim_command_fn *const runs[] = { run_check, run_backup, run_path, run_passphrase };

int shim_run_keyring(struct shim *shim, const struct shim_long *line)
{
    static const char *const of_passphrase[] = { "passin", "passout", "no-passphrase", "local" };
    int word = shim_long_word(shim, line, words, "check, backup DIR, path or passphrase SELECTOR");

    if (word < 0)
        return SHIM_USAGE;
    for (size_t i = 0; i < sizeof(of_passphrase) / sizeof(of_passphrase[0]); i++)
        if (runs[word] != run_passphrase && shim_long_has(line, of_passphrase[i]))
            return shim_usage("keyring: --%s is for 'keyring passphrase' alone", of_passphrase[i]);
    return runs[word](shim, line);
}
