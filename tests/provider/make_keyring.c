/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * make_keyring DIR ROLE:CERT[:KEY]...: stores certificates without asking the rules,
 * for tests with certificates that could not be uploaded any more.  KEY is a PEM
 * file, or a URI that is stored as one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "keyring/keyring.h"

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

static BIO *open_file(const char *path)
{
    BIO *file = BIO_new_file(path, "rb");

    if (file == NULL)
        give_up(path, "cannot be opened");
    return file;
}

/* Read a key, encrypted or not. */
static struct sp_private_key read_key(const char *key)
{
    struct sp_private_key private_key = { 0 };
    char *type = NULL, *header = NULL;
    long length = 0;
    BIO *file;

    if (strncmp(key, "file:", 5) == 0 || strncmp(key, "pkcs11:", 7) == 0) {
        private_key.uri = OPENSSL_strdup(key);
        return private_key;
    }
    file = open_file(key);
    if (PEM_read_bio(file, &type, &header, &private_key.pkcs8, &length) != 1)
        give_up(key, "no PEM");
    if (strcmp(type, PEM_STRING_PKCS8) != 0 && strcmp(type, PEM_STRING_PKCS8INF) != 0)
        give_up(key, "not PKCS#8");
    private_key.length = (size_t)length;
    private_key.encrypted = strcmp(type, PEM_STRING_PKCS8) == 0;
    OPENSSL_free(type);
    OPENSSL_free(header);
    BIO_free(file);
    return private_key;
}

/* The origin that the word |*role| stands for, which becomes the name of a role. */
static enum sp_origin origin_of(const char **role)
{
    static const struct {
        const char *word, *role;
        enum sp_origin origin;
    } words[] = {
        { "collected", "contact", SP_ORIGIN_COLLECTED },
        { "intermediate", "intermediate", SP_ORIGIN_COLLECTED },
        { "hub-contact", "contact", SP_ORIGIN_HUB },
        { "hub-ca", "ca", SP_ORIGIN_HUB },
        { "hub-anchor-contact", "contact", SP_ORIGIN_HUB_ANCHOR },
        { "hub-anchor-ca", "ca", SP_ORIGIN_HUB_ANCHOR },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(*role, words[i].word) == 0) {
            *role = words[i].role;
            return words[i].origin;
        }
    return SP_ORIGIN_UPLOADED;
}

static void add(struct sp_upload *upload, const char *role, const char *path, const char *key)
{
    BIO *file = open_file(path);
    X509 *cert = PEM_read_bio_X509_AUX(file, NULL, NULL, NULL);
    struct sp_facts *facts = cert != NULL ? sp_facts_new(cert) : NULL;
    struct sp_keyid id = { 0 };
    enum sp_role stored;

    sp_upload_origin(upload, origin_of(&role));
    if (facts == NULL || sp_role_named(role) == SP_ROLE_NONE)
        give_up(path, "no certificate, or no role");
    if (sp_upload_add(upload, cert, facts, sp_role_named(role), false, &stored) < SP_ADD_NEW)
        give_up(path, "was not added");
    if (key != NULL) {
        struct sp_private_key private_key = read_key(key);

        id = sp_keyid_of_cert(NULL, cert);
        if (!id.known || !sp_upload_add_key(upload, id.hash, &private_key))
            give_up(key, "was not added");
    }
    sp_facts_free(facts);
    X509_free(cert);
    BIO_free(file);
}

int main(int argc, char **argv)
{
    char *why = NULL;
    struct sp_keyring *keyring = argc < 2 ? NULL : sp_keyring_open(argv[1], SP_KEYRING_WRITE, &why);
    struct sp_upload *upload;

    /* Keep an empty keyring: an upload that stores nothing removes what it has made. */
    if (keyring != NULL && argc == 2) {
        sp_keyring_close(keyring);
        return EXIT_SUCCESS;
    }
    upload = keyring == NULL ? NULL : sp_upload_begin(keyring);
    if (upload == NULL)
        give_up("keyring", why != NULL ? why : "cannot be written");
    for (int i = 2; i < argc; i++) {
        const char *role = strtok(argv[i], ":");
        const char *cert = strtok(NULL, ":");

        add(upload, role, cert, strtok(NULL, ""));
    }
    if (!sp_upload_commit(upload))
        give_up("keyring", sp_keyring_why(keyring));
    sp_upload_free(upload);
    sp_keyring_close(keyring);
    return EXIT_SUCCESS;
}
