/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings/host_list.h"

#include <string.h>

#include "base/text.h"

#define LAST_PORT 65535

/* One entry of a list. */
struct host {
    const char *name; /* borrowed: |length| bytes */
    size_t length;
    long port; /* 0: none is given */
};

static size_t span_of_name(const char *at)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    size_t inside;

    if (*at != '[')
        return strspn(at, name);
    inside = strspn(at + 1, "0123456789abcdefABCDEF:.");
    return at[1 + inside] == ']' ? inside + 2 : 0;
}

/* Read ":PORT", of decimal digits, if it is there; false if it is no port. */
static bool read_port(const char **at, long *port)
{
    *port = 0;
    if (**at != ':')
        return true;
    for (++*at; **at >= '0' && **at <= '9' && *port <= LAST_PORT; ++*at)
        *port = *port * 10 + (**at - '0');
    return *port > 0 && *port <= LAST_PORT;
}

/* Read the next entry: 1; 0: there is none; -1: it is none that is accepted. */
static int next_host(const char **at, struct host *host)
{
    *at += strspn(*at, " ");
    if (**at == '\0')
        return 0;
    host->name = *at;
    host->length = span_of_name(*at);
    *at += host->length;
    if (host->length == 0 || (host->length == 1 && host->name[0] == '.') ||
        !read_port(at, &host->port) || (**at != ' ' && **at != '\0'))
        return -1;
    return 1;
}

bool sp_host_list_accepts(const char *list)
{
    struct host host;
    size_t count = 0;
    int read;

    while ((read = next_host(&list, &host)) == 1)
        count++;
    return read == 0 && count > 0;
}

static bool equals(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (sp_fold(a[i]) != sp_fold(b[i]))
            return false;
    return true;
}

static bool is_named(const struct host *entry, const char *host, long port)
{
    size_t length = strlen(host);

    if (entry->port != 0 ? entry->port != port : port != 80 && port != 443)
        return false;
    if (entry->name[0] == '.' && length > entry->length)
        host += length - entry->length;
    else if (entry->name[0] == '.' || length != entry->length)
        return false;
    return equals(host, entry->name, entry->length);
}

bool sp_host_list_names(const char *list, const char *host, long port)
{
    struct host entry;

    while (next_host(&list, &entry) == 1)
        if (is_named(&entry, host, port))
            return true;
    return false;
}
