/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * For integration/keyring/test_collect.py: sign_preferring SIGNER KEY FORM PREFERRED FROM
 * prints a mail that holds both certificates, whose signer prefers the second for
 * encryption.  FORM: how it is named, or a fault.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

static void must(int done, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

static X509 *read_cert(const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    X509 *cert = file == NULL ? NULL : PEM_read_bio_X509(file, NULL, NULL, NULL);

    must(cert != NULL, path);
    BIO_free(file);
    return cert;
}

/* Add the value |der|, whose first byte becomes |tag|. */
static void add(CMS_SignerInfo *info, unsigned char *der, int length, int tag)
{
    ASN1_STRING *whole = ASN1_STRING_new();
    X509_ATTRIBUTE *attribute;

    der[0] = (unsigned char)tag;
    must(whole != NULL && ASN1_STRING_set(whole, der, length) == 1, "value");
    /* The attribute takes |whole| over. */
    attribute = X509_ATTRIBUTE_create(NID_id_smime_aa_encrypKeyPref, V_ASN1_OTHER, whole);
    must(attribute != NULL && CMS_signed_add1_attr(info, attribute) == 1, "attribute");
    X509_ATTRIBUTE_free(attribute);
}

static void add_serial(CMS_SignerInfo *info, X509 *cert)
{
    PKCS7_ISSUER_AND_SERIAL *name = PKCS7_ISSUER_AND_SERIAL_new();
    unsigned char *der = NULL;
    int length;

    must(name != NULL && X509_NAME_set(&name->issuer, X509_get_issuer_name(cert)) == 1, "name");
    ASN1_INTEGER_free(name->serial);
    name->serial = ASN1_INTEGER_dup(X509_get0_serialNumber(cert));
    length = i2d_PKCS7_ISSUER_AND_SERIAL(name, &der);
    add(info, der, length, 0xa0);
    OPENSSL_free(der);
    PKCS7_ISSUER_AND_SERIAL_free(name);
}

/* The key identifier alone, or as the first of a SEQUENCE. */
static void add_key(CMS_SignerInfo *info, X509 *cert, int in_sequence)
{
    const ASN1_OCTET_STRING *key = X509_get0_subject_key_id(cert);
    unsigned char der[256];
    int length = key == NULL ? 0 : ASN1_STRING_length(key);

    must(length > 0 && length < 100, "key identifier");
    der[0] = 0;
    der[1] = (unsigned char)(in_sequence ? length + 2 : length);
    der[2] = V_ASN1_OCTET_STRING;
    der[3] = (unsigned char)length;
    memcpy(der + (in_sequence ? 4 : 2), ASN1_STRING_get0_data(key), (size_t)length);
    add(info, der, length + (in_sequence ? 4 : 2), in_sequence ? 0xa1 : 0x82);
}

static void add_preference(CMS_SignerInfo *info, X509 *cert, const char *form)
{
    unsigned char garbage[] = { 0xa0, 0x03, 0x02, 0x01, 0x05 };

    if (strcmp(form, "serial") == 0 || strcmp(form, "twice") == 0)
        add_serial(info, cert);
    if (strcmp(form, "recipient") == 0)
        add_key(info, cert, 1);
    if (strcmp(form, "key") == 0 || strcmp(form, "twice") == 0)
        add_key(info, cert, 0);
    if (strcmp(form, "garbage") == 0)
        add(info, garbage, (int)sizeof(garbage), 0xa0);
}

int main(int argc, char **argv)
{
    X509 *signer, *preferred;
    BIO *file, *text, *out;
    EVP_PKEY *key;
    CMS_ContentInfo *cms;
    CMS_SignerInfo *info;

    must(argc == 6, "sign_preferring SIGNER KEY FORM PREFERRED FROM");
    signer = read_cert(argv[1]);
    preferred = read_cert(argv[4]);
    file = BIO_new_file(argv[2], "r");
    key = file == NULL ? NULL : PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
    must(key != NULL, argv[2]);
    text = BIO_new_mem_buf("hello\r\n", -1);
    cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL);
    info = cms == NULL ? NULL : CMS_add1_signer(cms, signer, key, NULL, CMS_PARTIAL);
    must(info != NULL, "signer");
    if (strcmp(argv[3], "absent") == 0)
        add_serial(info, preferred);
    else
        must(CMS_add1_cert(cms, preferred) == 1, "certificate");
    add_preference(info, preferred, argv[3]);
    must(CMS_final(cms, text, NULL, 0) == 1, "signature");
    printf("From: %s\n", argv[5]);
    fflush(stdout);
    out = BIO_new_fp(stdout, BIO_NOCLOSE);
    must(SMIME_write_CMS(out, cms, NULL, 0) == 1, "mail");
    BIO_free(out);
    BIO_free(text);
    BIO_free(file);
    EVP_PKEY_free(key);
    X509_free(signer);
    X509_free(preferred);
    CMS_ContentInfo_free(cms);
    return EXIT_SUCCESS;
}
