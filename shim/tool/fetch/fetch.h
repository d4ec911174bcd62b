/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room fetch: one document out of the network, by HTTP or HTTPS, within bounds.
 *
 * Strangers choose the URLs, which stand in certificates.  So a URL is fetched only from a host of
 * the setting `fetch_from`, and only from a public address unless `fetch_private` allows others.
 * A redirect is judged as the first URL was.  No proxy is asked: it would hide the address.
 */
#ifndef SHIM_FETCH_H
#define SHIM_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "common/progress.h" /* shim_milliseconds(), for bounds of several calls */
#include "settings/settings.h"

/* The longest URL that is looked at. */
#define SHIM_LONGEST_URL 2048

/* What is asked for.  All borrowed. */
struct shim_fetch {
    const char *url;
    const smimepolicy_settings *settings; /* fetch_from and fetch_private */
    size_t most;                          /* bytes of the answer */
    long milliseconds;                    /* for all of it, redirects included */
    /* a body to POST, and the header that names its type; NULL: GET.  An answer is not redirected.
     */
    const unsigned char *body;
    size_t body_length;
    const char *header;
};

struct shim_fetched {
    unsigned char *bytes; /* owned, to free with OPENSSL_free() */
    size_t length;
};

/*
 * Fetch it.
 *
 * @param why  set on failure to one line that names the URL, the fault and the way out, to free
 *             with OPENSSL_free(); NULL: out of memory
 */
bool shim_fetch(const struct shim_fetch *fetch, struct shim_fetched *got, char **why);

/* Is libcurl there?  If not, |*why| is set as for shim_fetch(). */
bool shim_fetch_ready(char **why);

/* May |url| be fetched by the settings, as far as its text shows?  Without a connection. */
bool shim_fetch_allowed(const char *url, const smimepolicy_settings *settings);

/*
 * public_address.c: is |address| one of the public internet, and of no network that this host is
 * in?  Addresses that carry an IPv4 address are judged by that one.
 */
bool shim_address_is_public(const struct sockaddr *address);
/* The first of the two questions alone. */
bool shim_address_is_global(const struct sockaddr *address);

#endif
