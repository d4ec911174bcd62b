/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "trial.h"

/* NULL if it is locked, or no key that libcrypto knows. */
static EVP_PKEY *decode(const struct sp_private_key *stored, const char *pass)
{
    const unsigned char *at = stored->pkcs8;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    X509_SIG *locked = NULL;
    EVP_PKEY *key = NULL;

    if (stored->pkcs8 == NULL)
        return NULL;
    if (!stored->encrypted)
        info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)stored->length);
    else if (pass != NULL && (locked = d2i_X509_SIG(NULL, &at, (long)stored->length)) != NULL)
        info = PKCS8_decrypt(locked, pass, (int)strlen(pass));
    if (info != NULL)
        key = EVP_PKCS82PKEY(info);
    X509_SIG_free(locked);
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

/*
 * Without CMS_DEBUG_DECRYPT a wrong key passes for a right one, and the content
 * comes out wrong: that is for servers, whose answers strangers may measure.
 */
static bool opens(CMS_ContentInfo *cms, EVP_PKEY *key)
{
    return CMS_decrypt(cms, NULL, NULL, NULL, NULL, CMS_DEBUG_DECRYPT) == 1 &&
           CMS_decrypt_set1_pkey(cms, key, NULL) == 1;
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
    key = decode(&stored, pass);
    if (key != NULL)
        result = opens(cms, key) ? TRIAL_OPENS : TRIAL_FAILS;
    EVP_PKEY_free(key);
    sp_private_key_clear(&stored);
    ERR_clear_error();
    return result;
}
