/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "defaults.h"
#include "load.h"

const char *const *shim_default_words(const struct shim_operation *operation)
{
    static const char *const none[] = { NULL };
    static const char *const sign[] = { "-stream", NULL };
    /* Stock before 3.5 would take 3DES. */
    static const char *const encrypt[] = { "-stream", "-aes256", NULL };

    if (operation->verb == NULL)
        return none;
    if (strcmp(operation->verb, "-sign") == 0)
        return sign;
    /* A cipher is no option that a later one overrides in every release. */
    if (strcmp(operation->verb, "-encrypt") == 0)
        return operation->request->cipher == NULL ? encrypt : sign;
    return none;
}

/* Its public key is not decoded. */
static bool is_ec(const X509 *cert)
{
    ASN1_OBJECT *algorithm = NULL;

    return X509_get_X509_PUBKEY(cert) != NULL &&
           X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, X509_get_X509_PUBKEY(cert)) == 1 &&
           OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey;
}

bool shim_default_kdf(const struct shim_operation *operation, const char *uri)
{
    const struct shim_secret none = { 0 };
    struct shim_loaded loaded;
    bool agrees;

    if (operation->verb == NULL || strcmp(operation->verb, "-encrypt") != 0)
        return false;
    agrees = shim_load(uri, WANT_FACTS, &none, &loaded) == LOADED &&
             is_ec(sk_X509_value(loaded.certs, 0));
    shim_loaded_clear(&loaded);
    return agrees;
}
