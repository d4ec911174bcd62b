/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * fetch_url FETCH_FROM FETCH_PRIVATE MOST MILLISECONDS URL [BODY]: fetch it, and write the answer
 * to standard output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/fetch/fetch.h"

static int fetch(const struct shim_fetch *wanted)
{
    struct shim_fetched got;
    char *why;

    if (shim_fetch(wanted, &got, &why)) {
        fwrite(got.bytes, 1, got.length, stdout);
        OPENSSL_free(got.bytes);
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "%s\n", why == NULL ? "out of memory" : why);
    OPENSSL_free(why);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    struct shim_fetch wanted = { .settings = settings };
    int code = EXIT_FAILURE;

    if (argc >= 6 && settings != NULL &&
        (strcmp(argv[1], "") == 0 ||
         smimepolicy_settings_set(settings, "fetch_from", argv[1], NULL) == 1) &&
        smimepolicy_settings_set(settings, "fetch_private", argv[2], NULL) == 1) {
        wanted.most = strtoul(argv[3], NULL, 10);
        wanted.milliseconds = strtol(argv[4], NULL, 10);
        wanted.url = argv[5];
        if (argc > 6) {
            wanted.body = (const unsigned char *)argv[6];
            wanted.body_length = strlen(argv[6]);
            wanted.header = "Content-Type: application/ocsp-request";
        }
        code = fetch(&wanted);
    }
    smimepolicy_settings_free(settings);
    return code;
}
