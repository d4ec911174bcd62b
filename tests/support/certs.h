/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys and certificates for tests, with fixed dates.  Any failure aborts the test:
 * no function returns NULL.
 */
#ifndef SP_TEST_CERTS_H
#define SP_TEST_CERTS_H

#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* The guide's example certificate, as DER times and as seconds since the epoch. */
#define SP_START         "20230801142028Z"
#define SP_END           "20240731142028Z"
#define SP_START_SECONDS ((time_t)1690899628)
#define SP_END_SECONDS   ((time_t)1722435628)
/* A time in its validity, far from both ends: 2023-12-01T00:00:00Z. */
#define SP_NOW ((time_t)1701388800)

/*
 * A certificate to make.  Every extension accepts "critical,..." and "DER:30:00", as
 * openssl.cnf does.
 */
struct sp_recipe {
    const char *subject;    /* common name; NULL: "Bob" */
    const char *not_before; /* 13 characters: UTCTime, else GeneralizedTime; NULL: SP_START */
    const char *not_after;  /* NULL: SP_END */
    EVP_PKEY *key;          /* borrowed; NULL: sp_test_rsa() */
    X509 *issuer;           /* borrowed; NULL: self-issued */
    EVP_PKEY *issuer_key;   /* borrowed; NULL: sp_test_ec() if there is an issuer, else |key| */
    const EVP_MD *digest;   /* NULL: SHA-256 */
    const char *san;        /* NULL: extension absent, as below */
    const char *usage;
    const char *extended;
    const char *basic;
    const char *again[4]; /* up to two more extensions: name, value, name, value */
    int serial;           /* 0: 31, which is 0x1f */
    int version;          /* 0: X509_VERSION_3; -1: X509_VERSION_1 */
};

X509 *sp_make_cert(const struct sp_recipe *recipe);

/* Borrowed; made once in a process. */
EVP_PKEY *sp_test_rsa(void);
EVP_PKEY *sp_test_ec(void);

/* Owned.  |type| as for EVP_PKEY_CTX_new_from_name(); |group| for EC, else NULL. */
EVP_PKEY *sp_make_key(const char *type, const char *group);
EVP_PKEY *sp_make_rsa(const char *type, unsigned bits);
EVP_PKEY *sp_make_explicit_ec(void);
EVP_PKEY *sp_make_dsa(void);
/* The public part of |key| alone. */
EVP_PKEY *sp_public_part(EVP_PKEY *key);

/* A Subject Alternative Name as "DER:...", with one GeneralName of context tag |tag|. */
char *sp_san_der(int tag, const void *bytes, size_t len);

#endif
