/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/uri.h"

#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/text.h"

static const char *const kinds[] = {
    [SP_URI_IDENTITY] = "identity/", [SP_URI_CONTACT] = "contact/", [SP_URI_ISSUERS] = "issuers/",
    [SP_URI_CHAIN] = "chain/",       [SP_URI_CERT] = "cert/",       [SP_URI_TRUST] = "trust"
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

bool sp_uri_is_ours(const char *text)
{
    return strncasecmp(text, SP_URI_SCHEME, strlen(SP_URI_SCHEME)) == 0;
}

static bool fail(char **why, const char *fault)
{
    *why = OPENSSL_strdup(fault);
    return false;
}

/* RFC 3986, 2.3 and 2.2, without path separators and what a shell interprets. */
static bool is_plain(unsigned char c)
{
    return c > 0x20 && c < 0x7f && strchr("%/?#\"'", c) == NULL;
}

static int digit(char c)
{
    return OPENSSL_hexchar2int((unsigned char)c);
}

/* Read one character of |*text|, percent-encoded or not; -1 if it is neither. */
static int next_char(const char **text)
{
    int value = (unsigned char)**text;

    if (**text != '%') {
        ++*text;
        return is_plain((unsigned char)value) ? value : -1;
    }
    if (digit((*text)[1]) < 0 || digit((*text)[2]) < 0)
        return -1;
    value = digit((*text)[1]) << 4 | digit((*text)[2]);
    *text += 3;
    return value;
}

static bool read_address(struct sp_uri *uri, const char *text, char **why)
{
    size_t length = 0;

    if (*text == '\0')
        return fail(why, "it names no address");
    uri->address = OPENSSL_malloc(strlen(text) + 1);
    if (uri->address == NULL)
        return false;
    while (*text != '\0') {
        int c = next_char(&text);

        if (c < 0)
            return fail(why, "an address has '%', '/', '?', '#', space, quotes, control characters "
                             "and what is not ASCII written as %XX, two hexadecimal digits");
        if (c < 0x20 || c == 0x7f)
            return fail(why, "an address has no control characters");
        uri->address[length++] = sp_fold((char)c);
    }
    uri->address[length] = '\0';
    return true;
}

/* Read a fingerprint, with or without colons between the bytes. */
static bool read_fingerprint(struct sp_uri *uri, const char *text, char **why)
{
    size_t count = 0;

    while (count < SP_SHA256_LENGTH && digit(text[0]) >= 0 && digit(text[1]) >= 0) {
        uri->fingerprint[count++] = (unsigned char)(digit(text[0]) << 4 | digit(text[1]));
        text += 2;
        if (*text == ':' && count < SP_SHA256_LENGTH)
            text++;
    }
    return (count == SP_SHA256_LENGTH && *text == '\0') ||
           fail(why, "a fingerprint is the SHA-256 of a certificate, 64 hexadecimal digits");
}

static bool read_kind(struct sp_uri *uri, const char **rest)
{
    for (size_t i = 0; i < KINDS; i++) {
        size_t length = strlen(kinds[i]);

        if (strncmp(*rest, kinds[i], length) != 0)
            continue;
        *rest += length;
        uri->kind = (enum sp_uri_kind)i;
        return uri->kind != SP_URI_TRUST || **rest == '\0';
    }
    return false;
}

bool sp_uri_read(struct sp_uri *uri, const char *text, char **why)
{
    bool done;

    *uri = (struct sp_uri){ 0 };
    *why = NULL;
    if (!sp_uri_is_ours(text))
        return fail(why, "it does not begin with " SP_URI_SCHEME);
    text += strlen(SP_URI_SCHEME);
    if (!read_kind(uri, &text))
        return fail(why, "accepted are smimepolicy:identity/ADDRESS, smimepolicy:contact/ADDRESS, "
                         "smimepolicy:issuers/ADDRESS, smimepolicy:chain/ADDRESS, "
                         "smimepolicy:cert/SHA256 and smimepolicy:trust");
    if (uri->kind == SP_URI_TRUST)
        return true;
    done =
        uri->kind == SP_URI_CERT ? read_fingerprint(uri, text, why) : read_address(uri, text, why);
    if (!done)
        sp_uri_clear(uri);
    return done;
}

void sp_uri_clear(struct sp_uri *uri)
{
    OPENSSL_free(uri->address);
    uri->address = NULL;
}
