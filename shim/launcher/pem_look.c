/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A look into a file of PEM.  It judges nothing: it finds out whether stock would ask
 * for a passphrase, and which defaults a key needs.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launch.h"
#include "base/allocate.h"
#include "base/key_marks.h"

#define MOST (1 << 20)

/*
 * Read |path| whole; NULL if it is no regular file, too large, or may be a URI for stock.  A pipe
 * is not opened: opening and closing it would end its writer.
 */
static char *read_file(const char *path, size_t *len)
{
    struct stat is;
    int fd = strchr(path, ':') == NULL && stat(path, &is) == 0 && S_ISREG(is.st_mode)
                 ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                 : -1;
    char *text = NULL;
    ssize_t got = -1;

    *len = 0;
    if (fd >= 0 && fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && is.st_size <= MOST)
        text = OPENSSL_malloc((size_t)is.st_size + 1);
    while (text != NULL && (got = read(fd, text + *len, (size_t)is.st_size - *len)) > 0)
        *len += (size_t)got;
    if (fd >= 0)
        close(fd);
    if (got < 0) {
        OPENSSL_free(text);
        return NULL;
    }
    text[*len] = '\0';
    return text;
}

/* The value of a character of base64, or -1. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decode base64 in place, up to its end or the next dash; returns the length. */
static size_t decode(char *text)
{
    unsigned bits = 0;
    int count = 0;
    size_t len = 0;

    for (const char *from = text; *from != '\0' && *from != '-'; from++) {
        int value = value_of(*from);

        if (value < 0)
            continue;
        bits = bits << 6 | (unsigned)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            text[len++] = (char)(bits >> count & 0xff);
        }
    }
    return len;
}

bool shim_pem_look(const char *path, struct shim_pem *pem)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    size_t len;
    char *text = read_file(path, &len);
    char *cert = text == NULL ? NULL : strstr(text, begin);

    if (text == NULL)
        return false;
    *pem = (struct shim_pem){ .has_cert = cert != NULL,
                              .has_key = strstr(text, "PRIVATE KEY-----") != NULL,
                              .is_encrypted = strstr(text, "ENCRYPTED") != NULL };
    if (cert != NULL) {
        size_t decoded;

        cert += sizeof(begin) - 1;
        decoded = decode(cert);
        pem->is_ec = sp_may_be_ec(cert, decoded);
        pem->is_pss = sp_may_be_pss(cert, decoded);
    }
    explicit_bzero(text, len);
    OPENSSL_free(text);
    return true;
}
