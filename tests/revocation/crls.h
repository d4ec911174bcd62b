/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An issuer, and CRLs of it in a keyring.  Any failure fails the test.
 */
#ifndef SP_TEST_CRLS_H
#define SP_TEST_CRLS_H

#include "keyrings.h"
#include "revocation/asked.h"
#include "revocation/crl_file.h"

#define DAY ((time_t)86400)

/* The key identifiers of |by| and of |of| as values of |again| of a recipe. */
#define SKI(of) "subjectKeyIdentifier", "DER:0404" of
#define AKI(by) "authorityKeyIdentifier", "DER:30068004" by

/* Of the running test: written by sp_crls_set_up(). */
struct sp_crls {
    char *place;
    X509 *issuer;    /* CN=Root, key identifier 01020304, an EC key */
    EVP_PKEY *other; /* another key of that kind */
    int descriptors; /* how many are open */
};
extern struct sp_crls crls;

/* A fixture of libcheck. */
void sp_crls_set_up(void);
void sp_crls_tear_down(void);
/* Another one, before it: as many descriptors are open as at first. */
void sp_crls_expect_closed(void);

/* A certificate that |issuer| has issued; |by|: an AKI() or "", "". */
X509 *sp_issued(X509 *issuer, EVP_PKEY *key, int serial, const char *name, const char *value);

/* The issuer with the certificate |cert|; |key| gets the id of its key. */
struct sp_crl_issuer sp_issuer_with(X509 *cert, unsigned char key[SP_SHA256_LENGTH]);
/* A CRL of today, which is good for a week and has no number. */
struct sp_crl_about sp_today(void);
/* Store the CRL of |issuer| that names |serials|, ended by 0; false with what is said freed. */
bool sp_store_crl(X509 *issuer, const struct sp_crl_about *about, const int *serials);
/* As it, for the issuer and today; it must succeed. */
void sp_revoke(X509 *issuer, const int *serials);

/* What the stored CRLs say of |cert| today, in a word: "none", "revoked 3", with its reason. */
void sp_expect_answer(const X509 *cert, const char *expected);
void sp_expect_answer_at(const X509 *cert, time_t at, const char *expected);

/* The path of the only stored CRL, to free(). */
char *sp_only_crl(void);

#endif
