/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "keyring_of_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pkcs12.h>

static char path[] = "/tmp/sp-keyring-XXXXXX";
static char inside[sizeof(path) + 8];

static void remove_keyring(void)
{
    static const char *const files[] = { "certificates.db", "keys.db" };
    char file[sizeof(inside) + 32];

    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(file, sizeof(file), "%s/%s", inside, files[i]);
        (void)unlink(file);
    }
    (void)rmdir(inside);
    (void)rmdir(path);
}

const char *sp_keyring_of_test(void)
{
    if (inside[0] != '\0')
        return inside;
    ck_assert_ptr_nonnull(mkdtemp(path));
    (void)snprintf(inside, sizeof(inside), "%s/keyring", path);
    ck_assert_int_eq(atexit(remove_keyring), 0);
    return inside;
}

void sp_start_with_keyring(const char *more)
{
    char *settings;

    ck_assert_int_gt(asprintf(&settings, "keyring = %s\n%s", sp_keyring_of_test(), more), 0);
    sp_start(settings);
    free(settings);
}

static void keep(enum sp_role role, const X509 *cert, struct sp_private_key *key)
{
    char *why = NULL;
    struct sp_keyring *keyring = sp_keyring_open(sp_keyring_of_test(), SP_KEYRING_WRITE, &why);
    struct sp_facts *facts = sp_facts_new(cert);
    struct sp_keyid id = sp_keyid_of_cert(NULL, cert);
    struct sp_upload *upload;
    enum sp_role stored;

    ck_assert_msg(keyring != NULL, "%s", why);
    upload = sp_upload_begin(keyring);
    ck_assert_ptr_nonnull(upload);
    ck_assert_int_eq(sp_upload_add(upload, cert, facts, role, true, &stored), SP_ADD_NEW);
    if (key != NULL)
        ck_assert(sp_upload_add_key(upload, id.hash, key));
    ck_assert(sp_upload_commit(upload));
    sp_upload_free(upload);
    sp_facts_free(facts);
    sp_keyring_close(keyring);
}

static int encode(EVP_PKEY *key, const char *passphrase, unsigned char **der)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    X509_SIG *encrypted = NULL;
    int length;

    ck_assert_ptr_nonnull(info);
    if (passphrase == NULL) {
        length = i2d_PKCS8_PRIV_KEY_INFO(info, der);
    } else {
        encrypted = PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase, (int)strlen(passphrase), NULL,
                                  0, 1000, info);
        length = i2d_X509_SIG(encrypted, der);
    }
    X509_SIG_free(encrypted);
    PKCS8_PRIV_KEY_INFO_free(info);
    ck_assert_int_gt(length, 0);
    return length;
}

void sp_put_cert(enum sp_role role, X509 *cert, EVP_PKEY *key, const char *passphrase)
{
    struct sp_private_key private_key = { .encrypted = passphrase != NULL };

    if (key != NULL)
        private_key.length = (size_t)encode(key, passphrase, &private_key.pkcs8);
    keep(role, cert, key != NULL ? &private_key : NULL);
}

void sp_put_elsewhere(X509 *cert, const char *uri)
{
    struct sp_private_key private_key = { .uri = OPENSSL_strdup(uri) };

    keep(SP_ROLE_IDENTITY, cert, &private_key);
}

void sp_put(enum sp_role role, const char *name)
{
    X509 *cert = sp_read_cert(name);
    EVP_PKEY *key = role == SP_ROLE_IDENTITY ? sp_read_key(name) : NULL;

    sp_put_cert(role, cert, key, NULL);
    EVP_PKEY_free(key);
    X509_free(cert);
}
