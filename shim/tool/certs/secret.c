/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading the sources of a passphrase that -passin names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "common/passphrase.h"
#include "common/shim.h"
#include "tool/certs/load.h"

static int take(struct shim_secret *secret, const char *pass)
{
    secret->pass = OPENSSL_strdup(pass);
    return secret->pass != NULL ? SHIM_OK : shim_no_memory();
}

/* The first line, as stock reads it.  What can be read once alone is left to stock. */
static int take_file(struct shim_secret *secret, const char *path)
{
    struct stat is;
    char line[1024] = "";
    FILE *file = NULL;
    int code;

    if (stat(path, &is) == 0 && S_ISDIR(is.st_mode)) {
        errno = EISDIR;
        return SHIM_INPUT;
    }
    if (stat(path, &is) == 0 && !S_ISREG(is.st_mode))
        return SHIM_OK;
    file = fopen(path, "re");
    if (file == NULL)
        return SHIM_INPUT;
    if (fgets(line, sizeof(line), file) != NULL)
        line[strcspn(line, "\r\n")] = '\0';
    fclose(file);
    code = take(secret, line);
    OPENSSL_cleanse(line, sizeof(line));
    return code;
}

/* SHIM_USAGE: of another form; SHIM_INPUT: with errno, but for a variable that is not set. */
static int read_source(struct shim_secret *secret, const char *source)
{
    const char *value;
    int fd;

    if (strncmp(source, "pass:", 5) == 0)
        return take(secret, source + 5);
    if (strncmp(source, "file:", 5) == 0)
        return take_file(secret, source + 5);
    if (strncmp(source, "env:", 4) == 0) {
        value = secure_getenv(source + 4);
        errno = 0;
        return value != NULL ? take(secret, value) : SHIM_INPUT;
    }
    fd = shim_passphrase_fd(source);
    if (fd < 0)
        return SHIM_USAGE;
    return fcntl(fd, F_GETFD) < 0 ? SHIM_INPUT : SHIM_OK;
}

int shim_secret_read(struct shim_secret *secret, const char *source, bool quiet)
{
    int code;

    secret->pass = NULL;
    if (source == NULL)
        return SHIM_OK;
    code = read_source(secret, source);
    if (code == SHIM_USAGE || code == SHIM_INPUT)
        return quiet ? SHIM_OK : shim_passphrase_failed("passin", source, code);
    return code;
}

void shim_secret_clear(struct shim_secret *secret)
{
    if (secret->pass != NULL)
        OPENSSL_clear_free(secret->pass, strlen(secret->pass));
    secret->pass = NULL;
}
