/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The name and password by which directories are asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "tool/directory/source.h"

#define LONGEST_FILE 4096

/* Why the open file cannot be used; NULL: it can. */
static const char *fault_of(int fd)
{
    struct stat is;

    if (fstat(fd, &is) != 0)
        return strerror(errno);
    if (!S_ISREG(is.st_mode))
        return "it is no regular file; name one";
    if (is.st_uid != 0 && is.st_uid != geteuid())
        return "it belongs to another user; have it belong to you";
    if ((is.st_mode & 077) != 0)
        return "others may read it; chmod 600 it";
    if (is.st_size > LONGEST_FILE)
        return "it is longer than 4096 bytes; a name and a password are not";
    return NULL;
}

/* Split |text| into the two lines. */
static bool split(char *text, struct shim_credentials *credentials)
{
    char *name = strsep(&text, "\n");
    char *password = strsep(&text, "\n");

    if (name[0] == '\0' || password == NULL || password[0] == '\0' ||
        (text != NULL && text[0] != '\0'))
        return false;
    credentials->name = OPENSSL_strdup(name);
    credentials->password = OPENSSL_strdup(password);
    return true;
}

bool shim_credentials_read(struct shim_credentials *credentials, const char *path, char **why)
{
    char text[LONGEST_FILE + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const char *fault = fd < 0 ? strerror(errno) : fault_of(fd);
    ssize_t got = fault == NULL ? read(fd, text, LONGEST_FILE) : 0;

    *credentials = (struct shim_credentials){ 0 };
    *why = NULL;
    text[got > 0 ? got : 0] = '\0';
    if (fault == NULL && (got <= 0 || strlen(text) != (size_t)got || !split(text, credentials)))
        fault = "it holds something else than a name and a password, a line each";
    OPENSSL_cleanse(text, sizeof(text));
    if (fd >= 0)
        close(fd);
    if (fault != NULL)
        *why = sp_format("contacts_bind = %s: %s%s", path, fault,
                         fd < 0 ? "; name a file with a name and a password, or none" : "");
    else if (credentials->name != NULL && credentials->password != NULL)
        return true;
    shim_credentials_clear(credentials);
    return false;
}

void shim_credentials_clear(struct shim_credentials *credentials)
{
    OPENSSL_free(credentials->name);
    if (credentials->password != NULL)
        OPENSSL_clear_free(credentials->password, strlen(credentials->password));
    *credentials = (struct shim_credentials){ 0 };
}
