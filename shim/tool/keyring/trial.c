/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "tool/keyring/trial.h"
#include "tool/keyring/stored_key.h"

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
