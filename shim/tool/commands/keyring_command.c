/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy keyring: checks it, makes a backup, prints its path.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "common/long_options.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

static void tell(const char *line, void *data)
{
    (void)data;
    shim_print(stdout, "%s\n", line);
}

static int find(struct shim *shim)
{
    int code = shim->settings == NULL ? shim_load_settings(shim) : SHIM_OK;

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

static int run_path(struct shim *shim)
{
    int code = find(shim);

    if (code == SHIM_OK)
        print_path(shim->keyring_path);
    return code;
}

static int run_backup(struct shim *shim, const char *directory)
{
    struct sp_keyring *keyring;
    int code = shim_keyring_open(shim, SP_KEYRING_READ, &keyring);

    if (code == SHIM_OK)
        code = shim_keys_needed(shim);
    if (code == SHIM_OK && !sp_keyring_backup(keyring, directory))
        code = shim_keyring_failed(keyring);
    sp_keyring_close(keyring);
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

static int summarise(const struct shim *shim, const struct sp_checked *checked)
{
    shim_print(stdout, "keyring %s: sound; %lld certificate%s, ", shim->keyring_path,
               (long long)checked->certificates, checked->certificates == 1 ? "" : "s");
    if (checked->without_keys)
        puts("private keys not checked, for their owner alone can read them");
    else
        shim_print(stdout, "%lld private key%s\n", (long long)checked->keys,
                   checked->keys == 1 ? "" : "s");
    return SHIM_OK;
}

/* Check the keyring; SHIM_OK if it is sound. */
static int run_check(struct shim *shim)
{
    struct sp_keyring *keyring;
    struct sp_checked checked = { 0 };
    int code = find(shim);

    if (code == SHIM_OK)
        code = shim_keyring_open(
            shim, sp_keyring_exists(shim->keyring_path) ? access_of(shim) : SP_KEYRING_READ,
            &keyring);
    if (code != SHIM_OK)
        return code;
    if (!sp_keyring_check(keyring, tell, NULL, &checked))
        code = shim_keyring_failed(keyring);
    sp_keyring_close(keyring);
    if (code != SHIM_OK)
        return code;
    if (checked.faults == 0)
        return summarise(shim, &checked);
    shim_error("keyring %s: %lld fault%s; put a backup in its place, or upload anew what the "
               "program sqlite3 can still read",
               shim->keyring_path, (long long)checked.faults, checked.faults == 1 ? "" : "s");
    return SHIM_SYSTEM;
}

int shim_run_keyring(struct shim *shim, char **argv)
{
    struct shim_long line;
    int code = shim_long_parse(shim, argv, &line);
    char **words = line.operands;
    const char *what = code == SHIM_OK ? words[0] : NULL;

    if (code != SHIM_OK)
        return code == -1 ? SHIM_OK : code;
    if (what != NULL && strcmp(what, "check") == 0 && words[1] == NULL)
        return run_check(shim);
    if (what != NULL && strcmp(what, "path") == 0 && words[1] == NULL)
        return run_path(shim);
    if (what != NULL && strcmp(what, "backup") == 0 && words[1] != NULL && words[2] == NULL)
        return shim->explain
                   ? shim_explains_not("keyring backup", "'smime-policy keyring check' looks at it")
                   : run_backup(shim, words[1]);
    if (what != NULL && strcmp(what, "backup") == 0 && words[1] == NULL)
        return shim_usage("keyring: backup takes a new directory");
    return shim_usage("keyring: takes check, backup DIR or path%s%s",
                      what != NULL ? ", and not: " : "", what != NULL ? what : "");
}
