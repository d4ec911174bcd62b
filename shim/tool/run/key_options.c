/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/run/key_options.h"
#include "tool/run/run.h"

static bool is_key_option(const struct shim_given *given)
{
    return strcmp(given->option->name, "keyopt") == 0;
}

static bool finds_by_address(const struct shim_operation *operation)
{
    return operation->manner->selects &&
           (strcmp(operation->verb, "-sign") == 0 || strcmp(operation->verb, "-encrypt") == 0);
}

bool shim_key_option_is_free(const struct shim_operation *operation, size_t index)
{
    const struct shim_args *args = operation->args;

    if (!finds_by_address(operation) || !is_key_option(&args->given[index]))
        return false;
    while (index-- > 0)
        switch (args->given[index].option->role) {
        case ROLE_SIGNER:
        case ROLE_INKEY:
        case ROLE_RECIP:
            return false;
        case ROLE_FROM:
        case ROLE_TO:
        case ROLE_TO_SELF:
        case ROLE_HEADERS:
            return true;
        default:
            break;
        }
    return true;
}

static bool begins(const char *value, const char *with)
{
    return OPENSSL_strncasecmp(value, with, strlen(with)) == 0;
}

/* Options that libcrypto has for one kind of key; all others fit any key. */
bool shim_key_option_fits(const char *value, const X509 *cert)
{
    bool is_ec = shim_default_is_ec(cert);

    return !(begins(value, "rsa_") && is_ec) && !(begins(value, "ecdh_") && !is_ec);
}

static bool fits_any(const char *value, const struct shim_selected *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (shim_key_option_fits(value, all[i].cert))
            return true;
    return false;
}

int shim_key_options_check(const struct shim_operation *operation)
{
    const struct shim_selection *selection = &operation->selection;
    const struct shim_args *args = operation->args;

    for (size_t i = 0; i < args->count; i++) {
        const char *value = args->given[i].value;

        if (shim_key_option_is_free(operation, i) &&
            !fits_any(value, selection->signers, selection->signer_count) &&
            !fits_any(value, selection->recipients, selection->recipient_count))
            return shim_usage("-keyopt %s: there is nobody with such a key whom it could be for; "
                              "it goes behind the --from, --to, -signer or -recip that is meant",
                              value);
    }
    return SHIM_OK;
}
