/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The settings that name directories of contacts.  Only the command asks a directory.
 */
#include "settings/directories.h"

#include <string.h>

#include "settings/accepted.h"
#include "settings/settings.h"

#define LONGEST_URL 1000

/* The kinds of directories: shim/tool/directory/look_up.c has who asks them. */
static const char *const schemes[] = { "ldap://", "ldaps://", "ldapi://" };

/* The characters of a URL (RFC 3986), and those that filters have (RFC 4515). */
static bool is_url_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~:/?[]@!&'()*+,;=%|<>{}", c) != NULL;
}

/* Is it a URL of a directory that names a host?  The rest of it is libldap's to read. */
static bool is_url(const char *url, size_t length)
{
    size_t begin = 0;
    size_t host;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            begin = strlen(schemes[i]);
    for (size_t i = begin; i < length; i++)
        if (!is_url_character(url[i]))
            return false;
    /* A password has no place before the host: URLs are shown. */
    host = strcspn(url + begin, "/?@ ");
    return begin != 0 && length <= LONGEST_URL && host > 0 && url[begin + host] != '@';
}

bool sp_are_directories(const char *value)
{
    size_t count = 0;

    for (;;) {
        size_t length = strcspn(value, " ");

        if (!is_url(value, length) || ++count > SP_MOST_DIRECTORIES)
            return false;
        if (value[length] == '\0')
            return true;
        value += length + 1;
    }
}

bool sp_is_to_be_asked_again(const smimepolicy_settings *settings, int64_t asked, time_t now)
{
    return settings->contacts != NULL && now - asked >= sp_seconds(settings->contacts_age);
}
