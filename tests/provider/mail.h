/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What mail programs do with a certificate.  Each function returns true if it
 * worked; else the error queue has the reason.
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

/* Sign as a program that never compares the key with the certificate. */
bool sp_pkcs7_add_signature(X509 *signer, EVP_PKEY *key);
/*
 * The same; NULL if it failed.  |type| is the content type in the signed attributes;
 * NID_undef: none.
 */
PKCS7 *sp_pkcs7_of_type(X509 *signer, EVP_PKEY *key, int type);
/* A message with the content type |type|; NULL if it failed. */
CMS_ContentInfo *sp_cms_of_type(X509 *signer, EVP_PKEY *key, int type);

/* Encrypt to one or two certificates; |second| may be NULL. */
bool sp_cms_encrypt(X509 *first, X509 *second, unsigned int flags);
bool sp_pkcs7_encrypt(X509 *first, X509 *second, int flags);

/* Verify the message NAME.sig with the CA of the tests. */
bool sp_cms_verify(const char *name, unsigned int flags);
bool sp_pkcs7_verify(const char *name, int flags);
/* The same; its content is written to |out| before its signature is verified. */
bool sp_pkcs7_verify_into(const char *name, int flags, BIO *out);
/* Decrypt the message NAME.enc with NAME's key. */
bool sp_cms_decrypt(const char *name);
bool sp_pkcs7_decrypt(const char *name);

/* Sign |data| with |digest|; with |digest| NULL the data are a digest. */
bool sp_sign_data(EVP_PKEY *key, const char *digest, const void *data, size_t length);
/* The signed attributes of a mail, and those of a time stamp, in the form that is signed. */
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

/* Sign with NAME's certificate and key, which are read and freed: "good-rsa". */
bool sp_sign_as(const char *name);
bool sp_encrypt_to(const char *name);

#endif
