/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * ask_ocsp POLICY KEYRING MILLISECONDS CERT ISSUER: ask about the certificate, and print what is
 * found as JSON.  ask_ocsp POLICY KEYRING: remove the answers that no longer count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "rules/rules.h"
#include "tool/ocsp/ocsp.h"

static X509 *read_cert(const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    X509 *cert = file == NULL ? NULL : PEM_read_bio_X509(file, NULL, NULL, NULL);

    BIO_free(file);
    return cert;
}

static int ask(struct shim_ocsp *ocsp, X509 *cert, X509 *issuer)
{
    static const char *const states[] = { "unknown", "none", "stale", "revoked", "damaged" };
    struct sp_revocation found = { .reason = -1 };

    if (!shim_ocsp_find(ocsp, cert, issuer, time(NULL), &found))
        return EXIT_FAILURE;
    printf("{\"state\": \"%s\", \"at\": %lld, \"reason\": %d, \"next\": %lld}\n",
           states[found.state], (long long)found.at, found.reason, (long long)found.next_update);
    if (found.why != NULL)
        fprintf(stderr, "%s\n", found.why);
    sp_revocation_clear(&found);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    char *why = NULL;
    smimepolicy_settings *settings = smimepolicy_settings_new();
    struct shim_ocsp ocsp = { .settings = settings };
    X509 *cert = argc < 6 ? NULL : read_cert(argv[4]);
    X509 *issuer = argc < 6 ? NULL : read_cert(argv[5]);
    int code = EXIT_FAILURE;

    if (argc == 3) {
        code = shim_ocsp_sweep(argv[2], time(NULL), &why) ? EXIT_SUCCESS : EXIT_FAILURE;
    } else if (cert != NULL && issuer != NULL &&
               smimepolicy_settings_load(settings, argv[1], &why) == 1) {
        ocsp.keyring = argv[2];
        ocsp.milliseconds = strtol(argv[3], NULL, 10);
        code = ask(&ocsp, cert, issuer);
    }
    if (why != NULL)
        fprintf(stderr, "%s\n", why);
    OPENSSL_free(why);
    X509_free(cert);
    X509_free(issuer);
    smimepolicy_settings_free(settings);
    return code;
}
