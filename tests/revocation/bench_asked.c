/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * bench_asked KEYRING CERTIFICATE TIMES: ask the CRLs of the keyring whether the
 * certificate is revoked; prints the answer and the microseconds of each question.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/pem.h>

#include "revocation/asked.h"

static X509 *read_cert(const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    X509 *cert = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    return cert;
}

int main(int argc, char **argv)
{
    X509 *cert = argc == 4 ? read_cert(argv[2]) : NULL;
    struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);
    const long times = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    struct sp_revocation found = { 0 };
    struct timespec from, to;

    if (facts == NULL || times <= 0) {
        fprintf(stderr, "usage: bench_asked KEYRING CERTIFICATE TIMES\n");
        return EXIT_FAILURE;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (long i = 0; i < times; i++) {
        sp_revocation_clear(&found);
        if (!sp_revocation_find(argv[1], &asked, time(NULL), SP_WANTS_ANSWER, &found))
            return EXIT_FAILURE;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%s %.3f\n",
           found.state == SP_REVOCATION_REVOKED ? "revoked"
           : found.state == SP_REVOCATION_NONE  ? "none"
                                                : "other",
           ((double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3) /
               (double)times);
    sp_revocation_clear(&found);
    sp_facts_free(facts);
    X509_free(cert);
    return EXIT_SUCCESS;
}
