/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/output.h"
#include "tool/maintain/maintain.h"

/* "2026-11-29T14:20:28Z", a space, the digest of the settings and a line feed. */
#define MOMENT sizeof("2026-11-29T14:20:28Z")
#define LENGTH (MOMENT + SP_FINGERPRINT_TEXT)

static char *path_of(const struct shim *shim)
{
    return sp_format("%s/maintained", shim->keyring_path);
}

static bool digest(const smimepolicy_settings *settings, char digits[SP_FINGERPRINT_TEXT])
{
    char *text = sp_settings_text(settings);
    unsigned char bytes[SP_SHA256_LENGTH];
    bool done =
        text != NULL &&
        sp_sha256(NULL, (const struct sp_piece[]){ { text, strlen(text) }, { NULL, 0 } }, bytes);

    OPENSSL_free(text);
    if (done)
        sp_fingerprint_text(bytes, digits);
    return done;
}

/* Read a regular file of exactly that length; false with |*missing| set if it is not there. */
static bool read_line(const char *path, char line[LENGTH + 1], bool *missing)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    struct stat is;
    bool done;

    *missing = fd < 0 && errno == ENOENT;
    if (fd < 0)
        return false;
    done = fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && is.st_size == LENGTH &&
           read(fd, line, LENGTH) == (ssize_t)LENGTH;
    line[LENGTH] = '\0';
    close(fd);
    return done;
}

/* Is it as we write it? */
static bool read_moment(const char *line, time_t *at)
{
    struct tm tm = { 0 };
    const char *end = strptime(line, "%Y-%m-%dT%H:%M:%SZ", &tm);

    *at = end == line + MOMENT - 1 && *end == ' ' ? timegm(&tm) : -1;
    return *at > 0;
}

int shim_last_look_read(const struct shim *shim, struct shim_last_look *last)
{
    char *path = path_of(shim);
    char line[LENGTH + 1];
    bool missing = true;

    *last = (struct shim_last_look){ .known = false };
    if (path == NULL || !digest(shim->settings, last->settings)) {
        OPENSSL_free(path);
        return shim_no_memory();
    }
    if (read_line(path, line, &missing) && read_moment(line, &last->at))
        last->known = strncmp(line + MOMENT, last->settings, SP_FINGERPRINT_TEXT - 1) == 0;
    else if (!missing)
        shim_error("%s cannot be read, so everything is told again", path);
    if (!last->known)
        last->at = 0;
    OPENSSL_free(path);
    return SHIM_OK;
}

struct writing {
    const char *moment, *settings;
};

static int write_line(FILE *to, void *data)
{
    const struct writing *writing = data;

    fprintf(to, "%s %s\n", writing->moment, writing->settings);
    return SHIM_OK;
}

int shim_last_look_write(const struct shim *shim, const struct shim_last_look *last, time_t now)
{
    char *path = path_of(shim);
    char *moment = sp_format_time(now);
    struct writing writing = { moment, last->settings };
    int code = path == NULL || moment == NULL
                   ? shim_no_memory()
                   : shim_output_stream(path, SHIM_MAIL, write_line, &writing);

    OPENSSL_free(moment);
    OPENSSL_free(path);
    return code;
}
