/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A program that initialises nothing: its first call reads a certificate.
 *
 *     first_program sign|encrypt NAME [OTHER]
 *
 * reads OTHER's certificate first, if given, and prints "done" or the errors.  It uses no
 * jansson, and says whether somebody has loaded it.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

static FILE *open_file(const char *name, const char *suffix)
{
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof(path), SP_PKI "/%s.%s", name, suffix);
    file = fopen(path, "r");
    if (file == NULL)
        exit(EXIT_FAILURE);
    return file;
}

static X509 *read_cert(const char *name)
{
    FILE *file = open_file(name, "pem");
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);

    (void)fclose(file);
    return cert;
}

static bool sign(X509 *cert, const char *name)
{
    FILE *file = open_file(name, "key");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    BIO *data = BIO_new_mem_buf("hello", 5);
    PKCS7 *message = PKCS7_sign(cert, key, NULL, data, PKCS7_DETACHED);
    bool done = message != NULL;

    PKCS7_free(message);
    BIO_free(data);
    EVP_PKEY_free(key);
    (void)fclose(file);
    return done;
}

static bool encrypt(X509 *cert)
{
    STACK_OF(X509) *to = sk_X509_new_null();
    BIO *data = BIO_new_mem_buf("hello", 5);
    CMS_ContentInfo *message;
    bool done;

    sk_X509_push(to, cert);
    message = CMS_encrypt(to, data, EVP_aes_128_cbc(), CMS_BINARY);
    done = message != NULL;
    CMS_ContentInfo_free(message);
    BIO_free(data);
    sk_X509_free(to);
    return done;
}

int main(int argc, char **argv)
{
    X509 *other = argc > 3 ? read_cert(argv[3]) : NULL, *cert;
    bool done;

    if (argc < 3 || (cert = read_cert(argv[2])) == NULL)
        return EXIT_FAILURE;
    done = strcmp(argv[1], "sign") == 0 ? sign(cert, argv[2]) : encrypt(cert);
    if (done)
        printf("done\n");
    else
        ERR_print_errors_fp(stdout);
    if (dlopen("libjansson.so.4", RTLD_NOW | RTLD_NOLOAD) != NULL)
        printf("jansson is loaded\n");
    X509_free(cert);
    X509_free(other);
    return EXIT_SUCCESS;
}
