/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "tool/keyring/stored_key.h"
#include "base/text.h"
#include "tool/certs/certs.h"
#include "tool/keyring/keyring_at.h"

bool shim_keys_readable(const struct shim *shim)
{
    return sp_keyring_keys_readable(shim->keyring_path);
}

int shim_keys_needed(const struct shim *shim)
{
    if (shim_keys_readable(shim))
        return SHIM_OK;
    shim_error("keyring %s: its private keys can be read by their owner alone; run this as the "
               "owner",
               shim->keyring_path);
    return SHIM_SYSTEM;
}

int shim_stored_key(struct sp_keyring *keyring, const struct sp_record *record,
                    struct sp_private_key *key)
{
    int found = sp_keyring_key(keyring, record->key, key);

    if (found < 0)
        (void)shim_keyring_failed(keyring);
    return found;
}

const char *shim_key_kind(const struct sp_private_key *key)
{
    if (key->uri != NULL)
        return "uri";
    return key->encrypted ? "encrypted" : "plain";
}

char *shim_key_uri(const struct sp_private_key *key)
{
    return sp_escape(key->uri, strcspn(key->uri, "?"));
}

EVP_PKEY *shim_stored_key_open(const struct sp_private_key *stored, const char *pass)
{
    const unsigned char *at = stored->pkcs8;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    const X509_ALGOR *pbe = NULL;
    X509_SIG *locked = NULL;
    EVP_PKEY *key = NULL;

    if (stored->pkcs8 == NULL)
        return NULL;
    if (!stored->encrypted)
        info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)stored->length);
    else if (pass != NULL)
        locked = d2i_X509_SIG(NULL, &at, (long)stored->length);
    if (locked != NULL)
        X509_SIG_get0(locked, &pbe, NULL);
    if (pbe != NULL && shim_iterations_few(pbe))
        info = PKCS8_decrypt(locked, pass, (int)strlen(pass));
    if (info != NULL)
        key = EVP_PKCS82PKEY(info);
    X509_SIG_free(locked);
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

/* OWASP's number for PBKDF2 with HMAC-SHA256 (2023).  It takes a third of a second. */
#define ITERATIONS  600000
#define SALT_LENGTH 16

static X509_SIG *lock_key(PKCS8_PRIV_KEY_INFO *plain, const char *pass)
{
    X509_ALGOR *how = PKCS5_pbe2_set_iv_ex(EVP_aes_256_cbc(), ITERATIONS, NULL, SALT_LENGTH, NULL,
                                           NID_hmacWithSHA256, NULL);
    X509_SIG *locked = how == NULL ? NULL : PKCS8_set0_pbe(pass, (int)strlen(pass), plain, how);

    if (locked == NULL)
        X509_ALGOR_free(how);
    return locked;
}

bool shim_stored_key_make(EVP_PKEY *key, const char *pass, struct sp_private_key *made)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    X509_SIG *locked = plain == NULL || pass == NULL ? NULL : lock_key(plain, pass);
    int length = -1;

    *made = (struct sp_private_key){ .encrypted = pass != NULL };
    if (locked != NULL)
        length = i2d_X509_SIG(locked, &made->pkcs8);
    else if (plain != NULL && pass == NULL)
        length = i2d_PKCS8_PRIV_KEY_INFO(plain, &made->pkcs8);
    made->length = length > 0 ? (size_t)length : 0;
    X509_SIG_free(locked);
    PKCS8_PRIV_KEY_INFO_free(plain);
    ERR_clear_error();
    return length > 0;
}

/*
 * Does |key| open the message?  The content is decrypted too: OpenSSL 3.2 and later make up a
 * key of the content where the wrong RSA key is tried (implicit rejection).  With
 * CMS_DEBUG_DECRYPT what fails is an error, which is hidden otherwise, to protect servers that
 * strangers query.
 */
static bool opens(CMS_ContentInfo *cms, EVP_PKEY *key)
{
    BIO *nowhere = BIO_new(BIO_s_null());
    bool opened =
        nowhere != NULL && CMS_decrypt(cms, key, NULL, NULL, nowhere, CMS_DEBUG_DECRYPT) == 1;

    BIO_free(nowhere);
    return opened;
}

enum shim_trial shim_trial(struct sp_keyring *keyring, const struct sp_record *record,
                           CMS_ContentInfo *cms, const char *pass)
{
    struct sp_private_key stored;
    int found = sp_keyring_key(keyring, record->key, &stored);
    enum shim_trial result = TRIAL_LOCKED;
    EVP_PKEY *key;

    if (found != 1)
        return found == 0 ? TRIAL_FAILS : TRIAL_BROKEN;
    key = shim_stored_key_open(&stored, pass);
    if (key != NULL)
        result = opens(cms, key) ? TRIAL_OPENS : TRIAL_FAILS;
    EVP_PKEY_free(key);
    sp_private_key_clear(&stored);
    ERR_clear_error();
    return result;
}

int shim_stored_key_unlock(const struct sp_private_key *stored, const char *whose,
                           const char *passin, EVP_PKEY **key)
{
    struct shim_passphrase pass = { 0 };
    unsigned wrong = 0;
    int code = shim_passphrase_read(&pass, "passin", passin);

    *key = NULL;
    if (code != SHIM_OK)
        return code;
    do {
        if (!stored->encrypted || pass.given ||
            shim_passphrase_ask(&pass, "present passphrase of the private key", whose, false,
                                "give it with --passin fd:N or --passin file:PATH"))
            *key = shim_stored_key_open(stored, pass.text);
    } while (*key == NULL && stored->encrypted && shim_passphrase_again(&pass, &wrong));
    if (*key == NULL && stored->encrypted && pass.text != NULL)
        shim_error("the passphrase of the private key of %s is wrong; nothing was changed", whose);
    if (*key == NULL && !stored->encrypted)
        shim_error("the private key of %s is damaged; 'smime-policy keyring check' tells what "
                   "else is",
                   whose);
    shim_passphrase_clear(&pass);
    ERR_clear_error();
    if (*key != NULL)
        return SHIM_OK;
    return stored->encrypted ? SHIM_INPUT : SHIM_SYSTEM;
}

bool shim_entry_has_key(struct sp_keyring *keyring, const struct shim_entry *entry)
{
    struct sp_private_key key;
    bool found;

    if (entry->record.role != SP_ROLE_CA)
        return entry->record.role == SP_ROLE_IDENTITY;
    found = sp_keyring_key(keyring, entry->record.key, &key) == 1;
    if (found)
        sp_private_key_clear(&key);
    return found;
}

bool shim_key_is_kept(struct sp_keyring *keyring, const X509 *cert, bool *kept)
{
    const struct sp_keyid id = sp_keyid_of_cert(NULL, cert);
    const struct sp_query query = { .index = SP_BY_KEY,
                                    .hash = id.hash,
                                    .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) };
    struct shim_records records = { .cursor = NULL };

    *kept = false;
    if (!id.known)
        return true;
    records.cursor = sp_keyring_find(keyring, &query);
    *kept = shim_records_next(&records);
    shim_records_end(&records);
    return *kept || !records.failed;
}
