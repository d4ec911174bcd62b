/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What mail programs do with a certificate.  Each returns true if it worked;
 * if not, the error queue holds why.
 */
#ifndef SP_TEST_MAIL_H
#define SP_TEST_MAIL_H

#include <stdbool.h>

#include <openssl/cms.h>
#include <openssl/pkcs7.h>

#include "harness.h"

/* Flags as for CMS_sign(): with CMS_STREAM the message is written as it is made. */
bool sp_cms_sign(X509 *signer, EVP_PKEY *key, unsigned int flags);
bool sp_pkcs7_sign(X509 *signer, EVP_PKEY *key, int flags);

/* As a program that never asks whether the key belongs to the certificate. */
bool sp_pkcs7_add_signature(X509 *signer, EVP_PKEY *key);
/*
 * The same, NULL if it failed; |type| is what the signed attributes name as the
 * content's, NID_undef: they name none.
 */
PKCS7 *sp_pkcs7_of_type(X509 *signer, EVP_PKEY *key, int type);
/* A message whose content is called |type|; NULL if it failed. */
CMS_ContentInfo *sp_cms_of_type(X509 *signer, EVP_PKEY *key, int type);

/* To up to two certificates; |second| may be NULL. */
bool sp_cms_encrypt(X509 *first, X509 *second, unsigned int flags);
bool sp_pkcs7_encrypt(X509 *first, X509 *second, int flags);

/* The message NAME.sig, against the CA of the tests. */
bool sp_cms_verify(const char *name, unsigned int flags);
bool sp_pkcs7_verify(const char *name, int flags);
/* The message NAME.enc, and NAME's key. */
bool sp_cms_decrypt(const char *name);
bool sp_pkcs7_decrypt(const char *name);

/* A signature over |length| bytes of |data| with a digest, or (|digest| NULL) of a digest. */
bool sp_sign_data(EVP_PKEY *key, const char *digest, const void *data, size_t length);
/* The signed attributes of a mail, and those of a time stamp, as they are signed. */
extern const unsigned char sp_mail_attributes[77], sp_stamp_attributes[79];
bool sp_rsa_encrypt(EVP_PKEY *key, const void *data, size_t length);

/* A certificate and its key. */
struct sp_owner {
    X509 *cert;
    EVP_PKEY *key;
};
/* A certificate like |name|, built field by field for |key| and signed with it. */
X509 *sp_build_cert(const char *name, EVP_PKEY *key);
struct sp_owner sp_read_owner(const char *name);
void sp_free_owner(struct sp_owner *owner);

/* The same by name, reading what is needed and freeing it: "good-rsa". */
bool sp_sign_as(const char *name);
bool sp_encrypt_to(const char *name);

#endif
