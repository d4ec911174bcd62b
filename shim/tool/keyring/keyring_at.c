/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/keyring/keyring_at.h"
#include "stock/installed.h"
#include "tool/keyring/ocsp_answers.h"

static char *wanted(const struct shim *shim)
{
    char *found;
    const bool done = sp_keyring_place(shim->keyring, &found);
    /* Stock and its provider may run in another directory. */
    char *path = found == NULL ? NULL : shim_absolute(found);

    if (!done)
        (void)shim_no_memory();
    else if (found == NULL)
        shim_error("there is no place for a keyring: neither the setting `keyring` nor HOME is "
                   "set; name one with --keyring");
    else if (path == NULL)
        shim_error("cannot tell where %s is: %s; give an absolute path", found, strerror(errno));
    OPENSSL_free(found);
    return path;
}

/* Check the path: it becomes a setting of the provider, which accepts no other. */
static int check_path(const char *path)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *why = NULL;
    int code = SHIM_OK;

    if (settings == NULL)
        return shim_no_memory();
    if (!smimepolicy_settings_set(settings, "keyring", path, &why)) {
        code = why != NULL ? SHIM_INPUT : shim_no_memory();
        if (why != NULL)
            shim_error("%s; name another keyring", why);
    }
    smimepolicy_free(why);
    smimepolicy_settings_free(settings);
    return code;
}

int shim_keyring_find(struct shim *shim)
{
    const char *setting = shim->settings->keyring;
    int code;

    if (shim->keyring_path != NULL)
        return SHIM_OK;
    if (setting != NULL && shim->keyring != NULL && strcmp(setting, shim->keyring) != 0)
        return shim_usage("--keyring %s: the policy file sets keyring = %s, which stands; leave "
                          "the option out, or name another policy file with --policy",
                          shim->keyring, setting);
    shim->keyring_path = setting != NULL ? OPENSSL_strdup(setting) : wanted(shim);
    if (shim->keyring_path == NULL)
        return SHIM_SYSTEM;
    code = setting != NULL ? SHIM_OK : check_path(shim->keyring_path);
    if (code != SHIM_OK) {
        OPENSSL_free(shim->keyring_path);
        shim->keyring_path = NULL;
    } else {
        shim_ocsp_look(shim);
    }
    return code;
}

int shim_keyring_open(struct shim *shim, enum sp_access access, struct sp_keyring **keyring)
{
    int code = shim_load_settings(shim);
    char *why;

    *keyring = NULL;
    if (code == SHIM_OK)
        code = shim_keyring_find(shim);
    if (code != SHIM_OK)
        return code;
    *keyring = sp_keyring_open(shim->keyring_path, access, &why);
    return *keyring != NULL ? SHIM_OK : shim_keyring_fault(why);
}

int shim_keyring_change(struct shim *shim, enum sp_access access, struct sp_keyring **keyring)
{
    /* Open it for reading first: that reports a keyring that does not exist. */
    int code = shim_keyring_open(shim, SP_KEYRING_READ, keyring);
    bool writable = code == SHIM_OK && eaccess(shim->keyring_path, W_OK) == 0;

    if (code != SHIM_OK || (writable && access == SP_KEYRING_READ))
        return code;
    sp_keyring_close(*keyring);
    *keyring = NULL;
    if (writable)
        return shim_keyring_open(shim, access, keyring);
    shim_error("keyring %s: it cannot be written: %s; run this as its owner", shim->keyring_path,
               strerror(errno));
    return SHIM_SYSTEM;
}

int shim_keyring_failed(const struct sp_keyring *keyring)
{
    shim_error("%s", sp_keyring_why(keyring));
    return SHIM_SYSTEM;
}

void shim_records_end(struct shim_records *records)
{
    sp_record_clear(&records->record);
    sp_cursor_free(records->cursor);
    records->cursor = NULL;
}

bool shim_records_next(struct shim_records *records)
{
    int found = -1;

    sp_record_clear(&records->record);
    if (records->cursor != NULL)
        found = sp_cursor_next(records->cursor, &records->record);
    records->failed = found < 0;
    if (found != 1)
        shim_records_end(records);
    return found == 1;
}

int shim_keyring_fault(char *why)
{
    if (why == NULL)
        return shim_no_memory();
    shim_error("%s", why);
    OPENSSL_free(why);
    return SHIM_SYSTEM;
}
