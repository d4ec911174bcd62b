/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "iterations.h"
#include "load.h"

/* All of it is held in memory, several times. */
#define LARGEST ((off_t)16 << 20)

static bool block_is_few(const unsigned char *der, long length)
{
    X509_SIG *key = d2i_X509_SIG(NULL, &der, length);
    bool few = key == NULL || shim_iterations_few_key(key);

    X509_SIG_free(key);
    return few;
}

static bool pem_is_few(BIO *file)
{
    bool few = true;
    int read;

    do {
        char *name = NULL, *header = NULL;
        unsigned char *der = NULL;
        long length = 0;

        read = PEM_read_bio(file, &name, &header, &der, &length);
        if (read == 1 && strcmp(name, PEM_STRING_PKCS8) == 0)
            few = block_is_few(der, length);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)length);
    } while (few && read == 1);
    return few;
}

static bool der_is_few(BIO *file, const char *pass)
{
    PKCS12 *p12 = d2i_PKCS12_bio(file, NULL);
    X509_SIG *key = p12 == NULL && BIO_seek(file, 0) == 0 ? d2i_PKCS8_bio(file, NULL) : NULL;
    bool few = true;

    if (p12 != NULL)
        few = shim_iterations_few_in(p12, NULL) && shim_iterations_few_in(p12, pass);
    else if (key != NULL)
        few = shim_iterations_few_key(key);
    X509_SIG_free(key);
    PKCS12_free(p12);
    return few;
}

const char *shim_load_unbounded(const char *uri, const struct shim_secret *secret)
{
    const char *path = shim_load_path(uri);
    struct stat is;
    BIO *file;
    bool few;

    if (path == NULL || stat(path, &is) != 0 || !S_ISREG(is.st_mode))
        return NULL;
    if (is.st_size > LARGEST)
        return "it is larger than 16 MB; give what is in it one by one";
    if (secret->pass == NULL)
        return NULL;
    ERR_set_mark();
    file = BIO_new_file(path, "rb");
    few = file == NULL ||
          (pem_is_few(file) && BIO_seek(file, 0) == 0 && der_is_few(file, secret->pass));
    BIO_free(file);
    ERR_pop_to_mark();
    return few ? NULL : SHIM_TOO_MANY_ITERATIONS;
}
