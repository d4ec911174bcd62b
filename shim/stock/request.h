/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an `openssl cms` or `smime` command line asks for.
 */
#ifndef SHIM_REQUEST_H
#define SHIM_REQUEST_H

#include "stock/options.h"

struct shim_signer {
    const char *cert;
    const char *key; /* the file with its key: that of the certificate, or the one of -inkey */
};

/* All pointers but the two arrays are borrowed from the command line. */
struct shim_request {
    const char *operation; /* "sign"; the last one counts; NULL if none was given */
    bool help;
    struct shim_signer *signers; /* owned */
    size_t signer_count;
    const char **recipients; /* owned: -recip and the operands */
    size_t recipient_count;
    const char *shared_secret; /* the name of an option with a shared secret, or NULL */
    const char *cipher;        /* the name of the cipher for the content, or NULL */
    const char *wrap;          /* the name of the cipher that wraps its key, or NULL */
    const char *digest;        /* the name of the signature's digest, or NULL */
    const char *originator;
    const char *inkey;
    const char *certfile;
    const char *passin;
};

/*
 * Parse |argv| into |args| and |request|; clear both in any case.
 *
 * @return SHIM_OK, SHIM_USAGE or SHIM_SYSTEM with the reason on stderr
 */
int shim_request_parse(enum shim_api api, char **argv, shim_cipher_known_fn *known,
                       struct shim_args *args, struct shim_request *request);
void shim_request_clear(struct shim_request *request);

/* Does stock read a passphrase, certificate or key from its standard input? */
bool shim_request_reads_stdin(const struct shim_request *request);

/* Is the output S/MIME?  Only that has the header of a mail. */
bool shim_writes_header(const struct shim_args *args);

#endif
