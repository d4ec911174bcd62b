/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a CRL that is uploaded.  What is accepted has the entries that libcrypto finds,
 * if libcrypto can parse all of it.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "tool/crls/crls.h"

#define NOW ((time_t)1701388800)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct comparison {
    const STACK_OF(X509_REVOKED) *others; /* NULL: libcrypto has not parsed it */
    int at;
};

static bool compare(const struct sp_crl_entry *entry, void *data)
{
    struct comparison *comparison = data;
    X509_REVOKED *other = sk_X509_REVOKED_value(comparison->others, comparison->at++);
    struct tm tm;

    if (comparison->others == NULL)
        return true;
    if (other == NULL || entry->length == 0 ||
        ASN1_TIME_to_tm(X509_REVOKED_get0_revocationDate(other), &tm) != 1 ||
        timegm(&tm) != entry->at)
        abort();
    return true;
}

static void judge(const struct shim_crl *crl)
{
    bool failed;

    OPENSSL_free(sp_refuse_crl(&crl->facts, NULL, NOW, &failed));
    OPENSSL_free(sp_note_crl(&crl->facts, NOW, &failed));
    OPENSSL_free(shim_crl_number_text(&crl->facts.number));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const unsigned char *at = data;
    X509_CRL *whole = d2i_X509_CRL(NULL, &at, (long)size);
    struct comparison comparison = { NULL, 0 };
    struct shim_crl crl;
    bool stopped;

    if (shim_crl_read(&crl, data, size) == NULL) {
        judge(&crl);
        if (whole != NULL && at == data + size)
            comparison.others = X509_CRL_get_REVOKED(whole);
        if (shim_crl_entries_each(&crl, compare, &comparison, &stopped) == NULL &&
            comparison.others != NULL && comparison.at != sk_X509_REVOKED_num(comparison.others))
            abort();
    }
    shim_crl_clear(&crl);
    X509_CRL_free(whole);
    ERR_clear_error();
    return 0;
}
