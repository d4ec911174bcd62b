/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "tool/run/run.h"
#include "tool/certs/certs.h"

/*
 * May the output be streamed?  Streaming writes the algorithm of a signature before
 * the parameters of PSS are known, unless the signature comes last.
 */
static bool may_stream(const struct shim_operation *operation)
{
    const struct shim_selection *selection = &operation->selection;
    const struct shim_args *args = operation->args;
    bool pss = shim_args_has(args, "keyopt");

    if (!shim_args_has(args, "nodetach") && shim_writes_header(args))
        return true;
    for (size_t i = 0; !pss && i < selection->signer_count; i++)
        pss = shim_default_is_pss(selection->signers[i].cert);
    for (size_t i = 0; !pss && i < args->count; i++)
        pss = args->given[i].option->role == ROLE_SIGNER &&
              shim_default_pss(operation, args->given[i].value);
    return !pss;
}

static bool replaces_default(const struct shim_operation *operation, const char *verb)
{
    return operation->manner->own_defaults && strcmp(operation->verb, verb) == 0;
}

const char *const *shim_default_words(const struct shim_operation *operation)
{
    static const char *const none[] = { NULL };
    static const char *const sign[] = { "-stream", NULL };
    /* Before 3.5 stock's default is 3DES. */
    static const char *const encrypt[] = { "-stream", "-aes256", NULL };

    if (replaces_default(operation, "-sign"))
        return may_stream(operation) ? sign : none;
    /* Not in every release a later cipher overrides an earlier one. */
    if (replaces_default(operation, "-encrypt"))
        return operation->request->cipher == NULL ? encrypt : sign;
    return none;
}

/* Is the key of |cert| of that kind?  It is not decoded. */
static bool has_key(const X509 *cert, int kind)
{
    ASN1_OBJECT *algorithm = NULL;

    return X509_get_X509_PUBKEY(cert) != NULL &&
           X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, X509_get_X509_PUBKEY(cert)) == 1 &&
           OBJ_obj2nid(algorithm) == kind;
}

bool shim_default_is_ec(const X509 *cert)
{
    return has_key(cert, NID_X9_62_id_ecPublicKey);
}

bool shim_default_is_pss(const X509 *cert)
{
    return has_key(cert, NID_rsassaPss);
}

static bool holds_key(const char *uri, int kind)
{
    const struct shim_secret none = { 0 };
    struct shim_loaded loaded;
    bool found = shim_load(uri, WANT_FACTS, &none, &loaded) == LOADED &&
                 has_key(sk_X509_value(loaded.certs, 0), kind);

    shim_loaded_clear(&loaded);
    return found;
}

bool shim_default_kdf(const struct shim_operation *operation, const char *uri)
{
    return replaces_default(operation, "-encrypt") && holds_key(uri, NID_X9_62_id_ecPublicKey);
}

bool shim_default_pss(const struct shim_operation *operation, const char *uri)
{
    return replaces_default(operation, "-sign") && holds_key(uri, NID_rsassaPss);
}
