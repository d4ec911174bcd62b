/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy keyring: checks it, makes a backup, prints its path, changes a passphrase.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/commands/commands.h"
#include "base/json_text.h"
#include "common/print.h"
#include "common/progress.h"
#include "tool/crls/stored_crls.h"
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

static const struct shim_word words[] = {
    { "check", NULL, NULL },
    { "backup", "a new directory", "'smime-policy keyring check' looks at it" },
    { "path", NULL, NULL },
    { "passphrase", "one address or fingerprint", "'smime-policy show' tells how a key is kept" },
    { NULL, NULL, NULL },
};

/* In the order of |words|. */
static shim_command_fn *const runs[] = { run_check, run_backup, run_path, shim_change_passphrase };

int shim_run_keyring(struct shim *shim, const struct shim_long *line)
{
    static const char *const of_passphrase[] = { "passin", "passout", "no-passphrase", "local" };
    int word = shim_long_word(shim, line, words, "check, backup DIR, path or passphrase SELECTOR");

    if (word < 0)
        return SHIM_USAGE;
    for (size_t i = 0; i < sizeof(of_passphrase) / sizeof(of_passphrase[0]); i++)
        if (runs[word] != shim_change_passphrase && shim_long_has(line, of_passphrase[i]))
            return shim_usage("keyring: --%s is for 'keyring passphrase' alone", of_passphrase[i]);
    return runs[word](shim, line);
}
