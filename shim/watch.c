/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/x509_vfy.h>

#include "watch.h"

/* The errors that stock reports where nobody provided an anchor. */
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

/* "<thread>:error:<code>:<library>:<function>:<reason>:..." */
static bool is_ours(const char *line)
{
    static const char ours[] = "smimepolicy:";
    const char *code = strstr(line, ":error:");
    const char *library = code == NULL ? NULL : strchr(code + strlen(":error:"), ':');

    return library != NULL && strncmp(library + 1, ours, strlen(ours)) == 0;
}

/* "<sub-command>: unable to load provider smimepolicy" */
static bool is_unloaded(const char *line)
{
    return strstr(line, ": unable to load provider smimepolicy") != NULL;
}

void shim_watch_feed(struct shim_watch *watch, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n') {
            if (watch->len < sizeof(watch->line) - 1)
                watch->line[watch->len++] = bytes[i];
            continue;
        }
        watch->line[watch->len] = '\0';
        watch->refused = watch->refused || is_ours(watch->line);
        watch->distrusted = watch->distrusted || is_distrust(watch->line);
        watch->unloaded = watch->unloaded || is_unloaded(watch->line);
        watch->len = 0;
    }
}
