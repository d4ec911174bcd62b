/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading the sources of a passphrase that -passin names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "common/shim.h"
#include "tool/certs/load.h"

static bool take(struct shim_secret *secret, const char *pass)
{
    secret->pass = OPENSSL_strdup(pass);
    if (secret->pass == NULL)
        shim_no_memory();
    return secret->pass != NULL;
}

static bool take_variable(struct shim_secret *secret, const char *name)
{
    const char *value = secure_getenv(name);

    if (value != NULL)
        return take(secret, value);
    shim_error("cannot read the passphrase: no environment variable %s", name);
    return false;
}

/* Read the first line of a file, as stock does. */
static bool take_file(struct shim_secret *secret, const char *path)
{
    struct stat is;
    char line[1024] = "";
    FILE *file;
    bool done;

    if (stat(path, &is) == 0 && !S_ISREG(is.st_mode)) {
        secret->by_stock = true;
        return true;
    }
    file = fopen(path, "re");
    if (file == NULL) {
        shim_error("cannot read the passphrase from %s: %s", path, strerror(errno));
        return false;
    }
    if (fgets(line, sizeof(line), file) != NULL)
        line[strcspn(line, "\r\n")] = '\0';
    fclose(file);
    done = take(secret, line);
    OPENSSL_cleanse(line, sizeof(line));
    return done;
}

bool shim_secret_read(struct shim_secret *secret, const char *source)
{
    secret->pass = NULL;
    secret->by_stock = false;
    if (source == NULL)
        return true;
    if (strncmp(source, "pass:", 5) == 0)
        return take(secret, source + 5);
    if (strncmp(source, "env:", 4) == 0)
        return take_variable(secret, source + 4);
    if (strncmp(source, "file:", 5) == 0)
        return take_file(secret, source + 5);
    secret->by_stock = true;
    return true;
}

void shim_secret_clear(struct shim_secret *secret)
{
    if (secret->pass != NULL)
        OPENSSL_clear_free(secret->pass, strlen(secret->pass));
    secret->pass = NULL;
}
