/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writes the certificates, keys and messages of the provider's tests into a
 * directory.  It runs once in a build, and without the provider, which would refuse
 * half of them.
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "certs.h"

#define GOOD     "20240101000000Z", "20990101000000Z"
#define EXPIRED  SP_START, SP_END
#define FUTURE   "20980101000000Z", "20990101000000Z"
#define ADDRESS  "email:bob@example.org"
#define RSA_BOTH "critical,digitalSignature,keyEncipherment"
#define EC_BOTH  "critical,digitalSignature,keyEncipherment,keyAgreement"
#define MAIL     "emailProtection"

enum which { RSA, BAD_RSA, EC, BAD_EC, COMPRESSED, PERSON, KEYS };

static const struct row {
    const char *name;
    enum which key;
    const char *from, *to, *san, *usage, *extended;
} rows[] = {
    { "good-rsa", RSA, GOOD, ADDRESS, RSA_BOTH, MAIL },
    /* Certificates that were renewed with the same key. */
    { "old-rsa", RSA, EXPIRED, ADDRESS, RSA_BOTH, MAIL },
    { "good-ec", EC, GOOD, ADDRESS, EC_BOTH, MAIL },
    { "old-ec", EC, EXPIRED, ADDRESS, EC_BOTH, MAIL },
    { "expired-rsa", BAD_RSA, EXPIRED, ADDRESS, RSA_BOTH, MAIL },
    { "expired-ec", BAD_EC, EXPIRED, ADDRESS, EC_BOTH, MAIL },
    { "compressed-ec", COMPRESSED, EXPIRED, ADDRESS, EC_BOTH, MAIL },
    { "future-rsa", BAD_RSA, FUTURE, ADDRESS, RSA_BOTH, MAIL },
    { "no-address-rsa", BAD_RSA, GOOD, NULL, RSA_BOTH, MAIL },
    { "no-address-ec", BAD_EC, GOOD, NULL, EC_BOTH, MAIL },
    { "no-usage-rsa", BAD_RSA, GOOD, ADDRESS, NULL, MAIL },
    { "sign-only-rsa", BAD_RSA, GOOD, ADDRESS, "digitalSignature", MAIL },
    { "encrypt-only-rsa", BAD_RSA, GOOD, ADDRESS, "keyEncipherment", MAIL },
    { "server-rsa", BAD_RSA, GOOD, "DNS:localhost", RSA_BOTH, "serverAuth,clientAuth" },
    { "server-ec", BAD_EC, GOOD, "DNS:localhost", EC_BOTH, "serverAuth,clientAuth" },
    /* Not for mail: by the setting `raw_keys`, or for another reason. */
    { "single-rsa", BAD_RSA, GOOD, NULL, RSA_BOTH, NULL },
    { "single-ec", BAD_EC, GOOD, NULL, EC_BOTH, NULL },
    { "any-rsa", BAD_RSA, GOOD, "DNS:localhost", RSA_BOTH, "anyExtendedKeyUsage" },
    { "utf8-rsa", BAD_RSA, GOOD, "otherName:1.3.6.1.5.5.7.8.9;UTF8:bob@example.org", RSA_BOTH,
      NULL },
    { "no-name-rsa", BAD_RSA, GOOD, "email:bob", RSA_BOTH, "serverAuth" },
    { "broken-rsa", BAD_RSA, GOOD, "DER:FF", RSA_BOTH, "serverAuth" },
    { "vague-rsa", BAD_RSA, GOOD, "DNS:localhost", RSA_BOTH, "DER:FF" },
    { "served-mail-rsa", BAD_RSA, GOOD, ADDRESS, RSA_BOTH, "serverAuth" },
    /* The keys of good-rsa and good-ec in a server's certificate. */
    { "shared-rsa", RSA, GOOD, "DNS:localhost", RSA_BOTH, "serverAuth" },
    { "shared-ec", EC, GOOD, "DNS:localhost", EC_BOTH, "serverAuth" },
    { "stamp-ec", BAD_EC, GOOD, NULL, "digitalSignature", "critical,timeStamping" },
};

static FILE *create(const char *directory, const char *name, const char *suffix)
{
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s.%s", directory, name, suffix);
    file = fopen(path, "wb");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return file;
}

static void finish(FILE *file, int written)
{
    if (fclose(file) == 0 && written == 1)
        return;
    fprintf(stderr, "a file was not written\n");
    exit(EXIT_FAILURE);
}

static void write_key(const char *directory, const char *name, EVP_PKEY *key)
{
    FILE *file = create(directory, name, "key");

    finish(file, PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
}

static void write_message(const char *directory, const char *name, const char *suffix,
                          CMS_ContentInfo *message)
{
    FILE *file = create(directory, name, suffix);
    BIO *out = BIO_new_fp(file, BIO_NOCLOSE);
    int written = message != NULL ? i2d_CMS_bio(out, message) : 0;

    BIO_free(out);
    finish(file, written);
    CMS_ContentInfo_free(message);
}

/* Write a message that this certificate has signed, and one that only it can read. */
static void write_messages(const char *directory, const char *name, X509 *cert, EVP_PKEY *key)
{
    STACK_OF(X509) *to = sk_X509_new_null();
    BIO *data = BIO_new_mem_buf("hello\r\n", -1);

    write_message(directory, name, "sig", CMS_sign(cert, key, NULL, data, CMS_BINARY));
    BIO_free(data);
    data = BIO_new_mem_buf("hello\r\n", -1);
    sk_X509_push(to, cert);
    write_message(directory, name, "enc", CMS_encrypt(to, data, EVP_aes_256_cbc(), CMS_BINARY));
    sk_X509_free(to);
    BIO_free(data);
}

static void write_cert(const char *directory, const char *name, const struct sp_recipe *recipe)
{
    X509 *cert = sp_make_cert(recipe);
    FILE *file = create(directory, name, "pem");

    finish(file, PEM_write_X509(file, cert));
    write_key(directory, name, recipe->key);
    write_messages(directory, name, cert, recipe->key);
    X509_free(cert);
}

int main(int argc, char **argv)
{
    const struct sp_recipe ca = { .subject = "CA",
                                  .not_before = "20240101000000Z",
                                  .not_after = "20990101000000Z",
                                  .key = sp_test_ec(),
                                  .usage = "critical,keyCertSign,cRLSign",
                                  .basic = "critical,CA:TRUE" };
    EVP_PKEY *keys[KEYS] = { sp_make_rsa("RSA", 2048),   sp_make_rsa("RSA", 2048),
                             sp_make_key("EC", "P-256"), sp_make_key("EC", "P-256"),
                             sp_make_key("EC", "P-256"), sp_make_key("EC", "P-384") };
    X509 *issuer = sp_make_cert(&ca);

    if (argc != 2 ||
        EVP_PKEY_set_utf8_string_param(keys[COMPRESSED], OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       "compressed") != 1)
        return EXIT_FAILURE;
    write_cert(argv[1], "ca", &ca);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        write_cert(argv[1], rows[i].name,
                   &(struct sp_recipe){ .subject = rows[i].name,
                                        .not_before = rows[i].from,
                                        .not_after = rows[i].to,
                                        .key = keys[rows[i].key],
                                        .issuer = issuer,
                                        .san = rows[i].san,
                                        .usage = rows[i].usage,
                                        .extended = rows[i].extended,
                                        .again = { "subjectKeyIdentifier", "hash" },
                                        .serial = 100 + (int)i });
    write_key(argv[1], "stranger-rsa", sp_test_rsa());
    write_key(argv[1], "stranger-ec", keys[PERSON]);
    X509_free(issuer);
    for (size_t i = 0; i < KEYS; i++)
        EVP_PKEY_free(keys[i]);
    return EXIT_SUCCESS;
}
