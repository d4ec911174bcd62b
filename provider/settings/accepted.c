/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings/accepted.h"

#include <stddef.h>
#include <string.h>

bool sp_has_control(const char *value)
{
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return true;
    return false;
}

static const char word_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

bool sp_accepts_realm(const char *value)
{
    const size_t length = strlen(value);

    return length > 0 && length <= 64 && value[strspn(value, word_bytes)] == '\0';
}

/* Has the part of a URI before the host a password, or its query a keyword that holds one? */
static bool has_password(const char *uri)
{
    const char *rest = strstr(uri, "://") + 3;
    size_t authority = strcspn(rest, "/?");
    const char *user_ends = memchr(rest, '@', authority);
    const char *query = strchr(rest, '?');

    if (user_ends != NULL && memchr(rest, ':', (size_t)(user_ends - rest)) != NULL)
        return true;
    for (; query != NULL; query = strchr(query, '&')) {
        size_t keyword = strcspn(++query, "=&");

        /* libpq decodes %HH in a keyword, too. */
        if (memchr(query, '%', keyword) != NULL ||
            (keyword == 8 && strncmp(query, "password", 8) == 0) ||
            (keyword == 11 && strncmp(query, "sslpassword", 11) == 0))
            return true;
    }
    return false;
}

bool sp_accepts_hub(const char *value)
{
    if (strncmp(value, "service=", 8) == 0)
        return value[8] != '\0' && value[8 + strspn(value + 8, word_bytes)] == '\0';
    return (strncmp(value, "postgresql://", 13) == 0 || strncmp(value, "postgres://", 11) == 0) &&
           !sp_has_control(value) && !has_password(value);
}

bool sp_accepts_anchors(const char *value)
{
    size_t count = 0;

    if (strcmp(value, "no") == 0 || strcmp(value, "yes") == 0)
        return true;
    while (*(value += strspn(value, ", ")) != '\0') {
        if (strspn(value, "0123456789abcdefABCDEF") != 64)
            return false;
        value += 64;
        count++;
    }
    return count > 0;
}

int64_t sp_seconds(const char *value)
{
    const size_t length = strspn(value, "0123456789");
    int64_t number = 0;

    if (length > 5 || strlen(value) != length + 1)
        return 0;
    for (size_t i = 0; i < length; i++)
        number = number * 10 + (value[i] - '0');
    switch (value[length]) {
    case 'm':
        return number * 60;
    case 'h':
        return number * 60 * 60;
    case 'd':
        return number * 24 * 60 * 60;
    case 'w':
        return number * 7 * 24 * 60 * 60;
    default:
        return 0;
    }
}

bool sp_accepts_span(const char *value)
{
    return sp_seconds(value) != 0;
}
