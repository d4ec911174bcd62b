/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launch_run.h"
#include "base/allocate.h"
#include "base/text.h"
#include "common/memory_file.h"
#include "keyring/keyring_place.h"
#include "stock/conf_head.h"
#include "stock/installed.h"

/* Add a line.  Only characters that mean themselves to libcrypto wherever they stand. */
static void add(struct sp_text *text, const char *key, const char *value)
{
    for (const char *byte = value; *byte != '\0'; byte++)
        text->failed = text->failed || !shim_conf_is_plain((unsigned char)*byte);
    sp_text_add(text, key);
    sp_text_add(text, " = ");
    sp_text_add(text, value);
    sp_text_add(text, "\n");
}

/*
 * May the tool have to do it by the file: ask by OCSP, or, if it |verifies|, verify otherwise?  A
 * line that is put together of several, or included, may say so.
 */
static bool may_need_tool(const char *path, bool verifies)
{
    FILE *file = fopen(path, "re");
    char line[1024];
    bool may = file == NULL;

    while (!may && fgets(line, sizeof(line), file) != NULL) {
        const char *at = line + strspn(line, " \t");
        bool more = verifies && (strstr(at, "keyring") != NULL || strstr(at, "signers") != NULL);

        may = (*at != '#' && (more || strstr(at, "ocsp") != NULL)) || *at == '.' ||
              strchr(line, '\\') != NULL || strlen(line) == sizeof(line) - 1;
    }
    if (file != NULL)
        fclose(file);
    return may;
}

/* Name the policy file, if one is installed.  It fails if the tool may have to do the work by it.
 */
static void add_policy(struct sp_text *text, const struct shim_launch *launch, bool verifies)
{
    const char *named = launch->policy;
    char *path = shim_absolute(named != NULL ? named : SHIM_CONFIG_DIR "/policy.cnf");
    struct stat is = { 0 };
    bool there = path != NULL && stat(path, &is) == 0;

    if (S_ISREG(is.st_mode) &&
        (strcmp(launch->use, "decrypt") == 0 || !may_need_tool(path, verifies)))
        add(text, "policy", path);
    else
        text->failed = text->failed || there || path == NULL || named != NULL ||
                       (errno != ENOENT && errno != ENOTDIR);
    OPENSSL_free(path);
}

/* Name the keyring that is meant, if there is one, for a policy file that names none. */
static void add_keyring(struct sp_text *text, const char *named, char **keyring)
{
    char *found;
    const bool done = sp_keyring_place(named, &found);
    char *path = found == NULL ? NULL : shim_absolute(found);

    text->failed = text->failed || !done || (found != NULL && path == NULL);
    OPENSSL_free(found);
    if (path != NULL && access(path, F_OK) == 0) {
        add(text, "keyring", path);
        *keyring = path;
    } else {
        /* The tool says what is wrong with a keyring that was named. */
        text->failed = text->failed || named != NULL;
        OPENSSL_free(path);
    }
}

int shim_launch_conf(const struct shim_launch *launch, const char *module, const char *nonce,
                     int report, bool is_light, char **keyring)
{
    const bool judges = launch->manner->judges_signers && strcmp(launch->use, "verify") == 0;
    struct sp_text text = { 0 };
    char *number = sp_format("%d", report);
    char *written;
    int fd = -1;

    *keyring = NULL;
    sp_text_add(&text, SHIM_CONF_HEAD);
    add(&text, "module", module);
    add_policy(&text, launch, judges);
    add_keyring(&text, launch->keyring, keyring);
    add(&text, "unknown_keys", "refuse");
    add(&text, "raw_keys", "judge");
    add(&text, "signer_path", "refuse");
    if (judges) {
        add(&text, "unverified_signers", "refuse");
        add(&text, "own_anchors", "first");
    }
    add(&text, "report_for", launch->manner->for_people ? "person" : "program");
    if (is_light)
        add(&text, "keys", "mail");
    add(&text, "report", number != NULL ? number : "");
    add(&text, "report_nonce", nonce);
    add(&text, "report_use", launch->use);
    add(&text, "report_asks", launch->request.passin != NULL ? "yes" : "no");
    if (launch->sender != NULL)
        add(&text, "report_sender", launch->sender);
    if (strcmp(launch->use, "encrypt") == 0)
        add(&text, "report_cipher",
            launch->request.cipher != NULL ? launch->request.cipher : SHIM_DEFAULT_CIPHER);
    written = sp_text_take(&text);
    if (written != NULL && number != NULL)
        fd = shim_memory_file("openssl.cnf", written, strlen(written));
    OPENSSL_free(written);
    OPENSSL_free(number);
    return fd;
}
