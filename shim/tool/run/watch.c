/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "tool/run/watch.h"
#include "common/output.h"
#include "policy/reasons.h"

/* Stock's errors for a chain without a provided anchor. */
static bool is_distrust(const char *line)
{
    static const int codes[] = { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
                                 X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                                 X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
                                 X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
                                 X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE };
    const char *found = strstr(line, "Verify error: ");

    if (found == NULL || strstr(line, ":certificate verify error:") == NULL)
        return false;
    found += strlen("Verify error: ");
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(found, X509_verify_cert_error_string(codes[i])) == 0)
            return true;
    return false;
}

/* A failure to load from the keyring is no refusal: the input is missing. */
static bool is_about_loading(int reason)
{
    return reason == SP_REASON_URI || reason == SP_REASON_NOT_STORED || reason == SP_REASON_KEY;
}

/* "<thread>:error:<code>:<library>:<function>:<reason>:..." */
static bool is_refusal(const char *line)
{
    static const char ours[] = "smimepolicy:";
    const char *code = strstr(line, ":error:");
    const char *library;

    if (code == NULL)
        return false;
    code += strlen(":error:");
    library = strchr(code, ':');
    return library != NULL && strncmp(library + 1, ours, strlen(ours)) == 0 &&
           !is_about_loading(ERR_GET_REASON(strtoul(code, NULL, 16)));
}

/* "<sub-command>: unable to load provider smimepolicy" */
static bool is_unloaded(const char *line)
{
    return strstr(line, ": unable to load provider smimepolicy") != NULL;
}

/* Lines by which stock reports success on standard error. */
static bool is_success(const char *line)
{
    return strstr(line, "Verification successful") != NULL;
}

void shim_watch_hear(void *listener, const char *bytes, size_t len)
{
    struct shim_watch *watch = listener;

    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n') {
            if (watch->len < sizeof(watch->line) - 1)
                watch->line[watch->len++] = bytes[i];
            continue;
        }
        watch->line[watch->len] = '\0';
        watch->refused = watch->refused || is_refusal(watch->line);
        watch->distrusted = watch->distrusted || is_distrust(watch->line);
        watch->unloaded = watch->unloaded || is_unloaded(watch->line);
        watch->spoke = watch->spoke || !is_success(watch->line);
        watch->len = 0;
    }
}

bool shim_watched_run(const struct shim_stock *stock, struct shim_stock_result *result)
{
    struct shim_watch watch = { 0 };
    struct shim_stock watched = *stock;
    bool started;

    watched.hear = shim_watch_hear;
    watched.listener = &watch;
    started = shim_stock_run(&watched, result);
    /* Without our module `cms` exits with 1, but `smime` with 0, as after every usage error. */
    if (watch.unloaded && result->code == 0)
        result->code = 1;
    result->refused = watch.refused;
    result->complained = watch.spoke;
    result->distrusted = watch.distrusted;
    return started;
}

static const char instead[] =
    "Unverified: the signature fits the content, but nobody checked whose it is\n";

static const char *const successes[] = { "Verification successful\n",
                                         "CMS Verification successful\n" };

/*
 * Compare |held| with the success line.  1: it is that line; 0: it is its beginning;
 * -1: it is another one.
 */
static int compare(const struct shim_unverified *filter)
{
    for (size_t i = 0; i < sizeof(successes) / sizeof(successes[0]); i++)
        if (strncmp(successes[i], filter->held, filter->len) == 0)
            return successes[i][filter->len] == '\0';
    return -1;
}

static void flush_held(struct shim_unverified *filter, const char *text, size_t len)
{
    /* A reader that has closed the pipe does not change the outcome. */
    (void)shim_write_all(STDERR_FILENO, text, len);
    filter->len = 0;
}

static void hold(struct shim_unverified *filter, char byte)
{
    filter->held[filter->len++] = byte;
    switch (compare(filter)) {
    case 1:
        flush_held(filter, instead, sizeof(instead) - 1);
        break;
    case -1:
        filter->passing = byte != '\n';
        flush_held(filter, filter->held, filter->len);
        break;
    default:
        break;
    }
}

void shim_unverified_hear(void *listener, const char *bytes, size_t len)
{
    struct shim_unverified *filter = listener;

    while (len > 0) {
        size_t used = 1;

        if (filter->passing) {
            const char *end = memchr(bytes, '\n', len);

            used = end == NULL ? len : (size_t)(end - bytes) + 1;
            filter->passing = end == NULL;
            (void)shim_write_all(STDERR_FILENO, bytes, used);
        } else {
            hold(filter, *bytes);
        }
        bytes += used;
        len -= used;
    }
}

void shim_unverified_end(struct shim_unverified *filter)
{
    flush_held(filter, filter->held, filter->len);
}
