/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The answers of responders, as gates read them: a file for each issuer, in the form of a CRL,
 * that says of each certificate whether it is revoked, or until when it is not.
 */
#include <string.h>
#include <sys/file.h>

#include <openssl/crypto.h>

#include "revocation/crl_open.h"

/* So many answers of an issuer are kept; those that say revoked are kept beyond. */
#define MOST_ANSWERS 10000

struct keeping {
    struct sp_crl_writer *writer; /* owned */
    struct sp_crl_serial serial;  /* of the new answer */
    int64_t now;
    size_t count;
    bool failed; /* as |*why| says */
    char **why;
};

static bool copy(const struct sp_crl_entry *entry, void *data)
{
    struct keeping *keeping = data;
    const bool is_same = entry->length == keeping->serial.length &&
                         memcmp(entry->serial, keeping->serial.octets, entry->length) == 0;

    if (is_same || (entry->reason == SP_CRL_GOOD &&
                    (entry->at < keeping->now || keeping->count >= MOST_ANSWERS)))
        return true;
    keeping->count++;
    keeping->failed = !sp_crl_writer_add(keeping->writer, entry, keeping->why);
    return !keeping->failed;
}

/* Add what is stored to the new answer.  What is damaged is replaced. */
static bool add_stored(struct keeping *keeping, const char *keyring,
                       const struct sp_crl_issuer *issuer, const struct sp_crl_about *about)
{
    struct sp_crl_file file;
    const int found = sp_crl_file_read(keyring, issuer, about, &file, keeping->why);
    bool done = found >= 0 || *keeping->why != NULL;

    OPENSSL_free(*keeping->why);
    *keeping->why = NULL;
    if (found == 1)
        done = sp_crl_file_entries(file.path, copy, keeping, keeping->why);
    sp_crl_file_clear(&file);
    return done && !keeping->failed;
}

bool sp_ocsp_keep(const char *keyring, const struct sp_crl_issuer *issuer,
                  const struct sp_crl_entry *answer, int64_t now, char **why)
{
    const struct sp_crl_about about = { .scope = SP_CRL_OCSP };
    struct keeping keeping = { .serial = sp_crl_serial(answer->serial, answer->length),
                               .now = now,
                               .why = why };
    struct sp_crl_folder crls;
    bool done;

    *why = NULL;
    if (!sp_crl_make_crls(&crls, keyring, why))
        return false;
    /* Of two that come at the same time none is lost. */
    done = flock(crls.fd, LOCK_EX) == 0;
    if (done)
        keeping.writer = sp_crl_writer_new(keyring, issuer, &about, why);
    done = keeping.writer != NULL &&
           (answer->reason == SP_CRL_UNKNOWN || sp_crl_writer_add(keeping.writer, answer, why)) &&
           add_stored(&keeping, keyring, issuer, &about) &&
           sp_crl_writer_commit(keeping.writer, why);
    sp_crl_writer_free(keeping.writer);
    sp_crl_close_folder(&crls);
    return done;
}
