/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room certs: certificates and keys in files: PEM, DER, PKCS#7 and PKCS#12.
 *
 * This header: loading them as the openssl program does.
 */
#ifndef SHIM_LOAD_H
#define SHIM_LOAD_H

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* A passphrase that is known without asking a person and without reading stdin. */
struct shim_secret {
    char *pass; /* owned; NULL if there is none, or stock alone may read it: stdin, fd:N */
};

/*
 * Read |source| ("pass:…", "env:…", "file:…"; NULL for none).
 *
 * @param quiet  what cannot be read is no fault here: stock reports it
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_secret_read(struct shim_secret *secret, const char *source, bool quiet);
void shim_secret_clear(struct shim_secret *secret);

enum shim_load {
    LOADED,
    LOAD_NOTHING, /* it can be read, but holds nothing wanted */
    LOAD_LOCKED,  /* it needs a passphrase, and ours is missing or wrong */
    LOAD_ONCE,    /* a pipe or terminal, which can be read only once */
    LOAD_FAILED   /* unreadable */
};

/* What a file or URI holds. */
struct shim_loaded {
    STACK_OF(X509) *certs; /* owned */
    EVP_PKEY *key;         /* owned; the first key, private or public */
    char *why;             /* owned: the fault, for LOAD_FAILED */
};

enum shim_want {
    WANT_FIRST_CERT, /* as stock takes -signer, -recip and operands */
    WANT_FACTS,      /* as WANT_FIRST_CERT, without decoding its public key */
    WANT_CERTS,      /* as stock takes -certfile */
    WANT_KEY         /* as stock takes -inkey */
};

/*
 * Load |uri|.
 *
 * @param loaded  to free with shim_loaded_clear(), whatever is returned
 */
enum shim_load shim_load(const char *uri, enum shim_want want, const struct shim_secret *secret,
                         struct shim_loaded *loaded);

/* The path in |uri|, if the file store would open one; else NULL. */
const char *shim_load_path(const char *uri);

bool shim_is_pkcs12(const char *uri);

void shim_loaded_clear(struct shim_loaded *loaded);

/*
 * Does |uri| surely hold the private key of |cert|?  False means that it is not
 * known: see sp_key_is_own().
 */
bool shim_key_is_own(const char *uri, const X509 *cert);

#endif
