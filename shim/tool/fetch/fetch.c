/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/fetch/fetch.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/shown.h"
#include "base/symbol.h"
#include "base/text.h"
#include "settings/host_list.h"

#define MOST_REDIRECTS  3
#define CONNECT_TIMEOUT 10000L /* milliseconds */
/* Fewer bytes a second, for so many seconds, are given up. */
#define SLOW         1000L
#define SLOW_SECONDS 20L

#define NO_LIBRARY                                                                                 \
    "libcurl (libcurl-gnutls.so.4) is not installed or older than 7.85; install Debian's "         \
    "libcurl3-gnutls"

/*
 * libcurl is loaded when something is fetched for the first time: no other command pays for it, and
 * where it is not installed nothing else is missing.  It is the one that does TLS with GnuTLS: that
 * leaves alone the libcrypto of this process, which reads no configuration and may have few
 * decoders (tool/start.c).
 */
#define LIBRARY "libcurl-gnutls.so.4\0"
#define FUNCTIONS(X)                                                                               \
    X(easy_cleanup)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_init)                                                                                   \
    X(easy_perform)                                                                                \
    X(easy_setopt)                                                                                 \
    X(easy_strerror)                                                                               \
    X(free)                                                                                        \
    X(global_init)                                                                                 \
    X(slist_append)                                                                                \
    X(slist_free_all)                                                                              \
    X(url)                                                                                         \
    X(url_cleanup)                                                                                 \
    X(url_get)                                                                                     \
    X(url_set)

/* In parentheses: curl.h has macros of some of these names. */
struct library {
#define X(name) __typeof__((curl_##name)) *(name);
    FUNCTIONS(X)
#undef X
};

/* The functions; NULL if the library is not installed, or too old. */
static const struct library *load(void)
{
    static struct library loaded;
    static bool complete;

#define X(name) "curl_" #name "\0"
    complete = complete || (sp_symbols_load(LIBRARY, FUNCTIONS(X), &loaded) &&
                            loaded.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
#undef X
    return complete ? &loaded : NULL;
}

/* One request and its answer. */
struct hop {
    const struct shim_fetch *fetch; /* borrowed */
    struct sp_text body;            /* owned */
    bool too_long, refused;         /* the answer; an address */
    char *redirect;                 /* owned: where the answer points to, or NULL */
    char *fault;                    /* owned: why there is no answer, or NULL */
};

/* "URL: WHAT", where the URL is a stranger's. */
static char *fault_of(const char *url, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static char *fault_of(const char *url, const char *format, ...)
{
    char *shown = sp_shown(url);
    char *what, *text;
    va_list args;

    va_start(args, format);
    what = sp_vformat(format, args);
    va_end(args);
    text = shown == NULL || what == NULL ? NULL : sp_format("%.200s: %s", shown, what);
    OPENSSL_free(what);
    OPENSSL_free(shown);
    return text;
}

static bool is_plain(const char *url)
{
    size_t length = 0;

    while (url[length] > 0x20 && url[length] < 0x7f)
        length++;
    return url[length] == '\0' && length > 0 && length <= SHIM_LONGEST_URL;
}

/* Judge the parts of a URL that was taken apart, as judge() does; NULL, or what is wrong. */
static const char *fault_of_parts(const struct library *curl, CURLU *parts,
                                  const smimepolicy_settings *settings, bool *secure)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    const char *fault = NULL;

    if (curl->url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl->url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl->url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        fault = "it is no URL that can be read; ask the CA";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        fault = "only http and https are fetched; fetch it by hand and upload it";
    else if (*secure && strcmp(scheme, "https") != 0)
        fault = "it leads from https to http, which is not followed; ask the CA";
    else if (settings->fetch_from == NULL ||
             !sp_host_list_names(settings->fetch_from, host, strtol(port, NULL, 10)))
        fault = "its host and port are not in the setting fetch_from; add them if it may be asked";
    *secure = fault == NULL && strcmp(scheme, "https") == 0;
    curl->free(scheme);
    curl->free(host);
    curl->free(port);
    return fault;
}

/*
 * Take |url| apart and judge it.
 *
 * @param secure  it comes from an https URL; then set to: it is one
 * @param why     set if NULL is returned
 * @return to free with url_cleanup(): what is judged is what is fetched
 */
static CURLU *judge(const struct library *curl, const char *url,
                    const smimepolicy_settings *settings, bool *secure, char **why)
{
    CURLU *parts = curl->url();
    const char *fault = NULL;

    *why = NULL;
    if (parts == NULL)
        return NULL;
    if (!is_plain(url))
        fault = "it is too long, or has characters that no URL has; ask the CA";
    else if (curl->url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) != CURLUE_OK)
        fault = "it is no URL of http or https that can be read, or it has a user's name; ask the "
                "CA";
    else
        fault = fault_of_parts(curl, parts, settings, secure);
    if (fault == NULL)
        return parts;
    *why = fault_of(url, "%s", fault);
    curl->url_cleanup(parts);
    return NULL;
}

/* Take bytes of the answer; fewer than |length| end the transfer. */
static size_t take(char *bytes, size_t size, size_t length, void *data)
{
    struct hop *hop = data;

    hop->too_long = length > hop->fetch->most - hop->body.len;
    if (hop->too_long)
        return 0;
    sp_text_add_bytes(&hop->body, bytes, size * length);
    return hop->body.failed ? 0 : length;
}

/*
 * Make the socket for an address, or refuse it.  It is called with the very address that is then
 * connected to, so it does not matter what a name stood for a moment ago.
 */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct hop *hop = data;

    if (purpose != CURLSOCKTYPE_IPCXN ||
        !(hop->fetch->settings->fetches_private || shim_address_is_public(&address->addr))) {
        hop->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Set the options.  One that is not known fails: a bound would be missing. */
static bool set_options(const struct library *curl, CURL *handle, struct hop *hop, CURLU *parts,
                        long milliseconds)
{
    bool ok = true;
#define SET(option, value) ok = ok && curl->easy_setopt(handle, option, value) == CURLE_OK

    SET(CURLOPT_CURLU, parts);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_USERAGENT, "smime-policy");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_TIMEOUT_MS, milliseconds);
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds < CONNECT_TIMEOUT ? milliseconds : CONNECT_TIMEOUT);
    SET(CURLOPT_LOW_SPEED_LIMIT, SLOW);
    SET(CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
    SET(CURLOPT_WRITEFUNCTION, take);
    SET(CURLOPT_WRITEDATA, hop);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, hop);
    if (hop->fetch->body != NULL) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)hop->fetch->body_length);
        SET(CURLOPT_POSTFIELDS, hop->fetch->body);
    }
#undef SET
    return ok;
}

/* What is told of a transfer that failed. */
static char *transfer_fault(const struct library *curl, const struct hop *hop, const char *url,
                            CURLcode code)
{
    if (hop->body.failed)
        return NULL;
    if (hop->too_long)
        return fault_of(url,
                        "it has more than %zu bytes, which is not fetched; fetch it by hand and "
                        "upload it",
                        hop->fetch->most);
    if (hop->refused)
        return fault_of(url, "its address is one of a private network or of this host; set "
                             "fetch_private = yes if that is meant");
    return fault_of(url, "%s; is the server there?", curl->easy_strerror(code));
}

/* Look at the status of an answer that is complete; false with |hop->fault|. */
static bool read_status(const struct library *curl, CURL *handle, struct hop *hop, const char *url)
{
    long status = 0;
    char *next = NULL;

    curl->easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl->easy_getinfo(handle, CURLINFO_REDIRECT_URL, &next);
    if (status == 200 && hop->body.len > 0)
        return true;
    if (status >= 300 && status < 400 && next != NULL && hop->fetch->body == NULL) {
        hop->redirect = OPENSSL_strdup(next);
        return hop->redirect != NULL;
    }
    hop->fault = status == 200
                     ? fault_of(url, "the answer is empty; is it the right server?")
                     : fault_of(url, "the server answers with status %ld; ask the CA", status);
    return false;
}

/* Make one request; false with |hop->fault|. */
static bool request(const struct library *curl, struct hop *hop, CURLU *parts, const char *url,
                    long milliseconds)
{
    CURL *handle = curl->easy_init();
    struct curl_slist *headers = NULL;
    bool done = false;
    CURLcode code;

    if (hop->fetch->body != NULL)
        headers = curl->slist_append(NULL, hop->fetch->header);
    if (handle != NULL && (headers != NULL || hop->fetch->body == NULL)) {
        if (!set_options(curl, handle, hop, parts, milliseconds) ||
            curl->easy_setopt(handle, CURLOPT_HTTPHEADER, headers) != CURLE_OK)
            hop->fault = fault_of(url, NO_LIBRARY);
        else if ((code = curl->easy_perform(handle)) != CURLE_OK)
            hop->fault = transfer_fault(curl, hop, url, code);
        else
            done = read_status(curl, handle, hop, url);
    }
    curl->slist_free_all(headers);
    curl->easy_cleanup(handle);
    return done;
}

/* Follow the redirect of |hop|: the next URL goes into |*url|.  False with |hop->fault|. */
static bool follow(struct hop *hop, char **url, unsigned count)
{
    if (count == MOST_REDIRECTS) {
        hop->fault =
            fault_of(hop->fetch->url, "it is redirected more than three times; ask the CA");
        return false;
    }
    OPENSSL_free(*url);
    *url = hop->redirect;
    hop->redirect = NULL;
    OPENSSL_free(hop->body.data);
    hop->body = (struct sp_text){ 0 };
    return true;
}

/* Judge and request |*url|, which becomes the next one if it is redirected. */
static bool take_step(const struct library *curl, struct hop *hop, const char *url, bool *secure,
                      int64_t end)
{
    CURLU *parts = judge(curl, url, hop->fetch->settings, secure, &hop->fault);
    int64_t left = end - shim_milliseconds();
    bool done = false;

    if (parts == NULL)
        return false;
    if (left > 0)
        done = request(curl, hop, parts, url, (long)left);
    else
        hop->fault = fault_of(url, "there is no time left to ask it; try again later");
    curl->url_cleanup(parts);
    return done;
}

bool shim_fetch(const struct shim_fetch *fetch, struct shim_fetched *got, char **why)
{
    const struct library *curl = load();
    int64_t end = shim_milliseconds() + fetch->milliseconds;
    struct hop hop = { .fetch = fetch };
    char *url = OPENSSL_strdup(fetch->url);
    bool done = curl != NULL && url != NULL, secure = false;

    if (curl == NULL)
        hop.fault = fault_of(fetch->url, NO_LIBRARY);
    for (unsigned count = 0; done; count++) {
        done = take_step(curl, &hop, url, &secure, end);
        if (!done || hop.redirect == NULL)
            break;
        done = follow(&hop, &url, count);
    }
    OPENSSL_free(url);
    OPENSSL_free(hop.redirect);
    *why = hop.fault;
    if (done) {
        got->bytes = (unsigned char *)hop.body.data;
        got->length = hop.body.len;
    } else {
        OPENSSL_free(hop.body.data);
    }
    return done;
}

bool shim_fetch_ready(char **why)
{
    *why = load() == NULL ? OPENSSL_strdup(NO_LIBRARY) : NULL;
    return load() != NULL;
}

bool shim_fetch_allowed(const char *url, const smimepolicy_settings *settings)
{
    const struct library *curl = load();
    char *why = NULL;
    bool secure = false;
    CURLU *parts = curl == NULL ? NULL : judge(curl, url, settings, &secure, &why);
    const bool allowed = parts != NULL;

    OPENSSL_free(why);
    if (allowed)
        curl->url_cleanup(parts);
    return allowed;
}
