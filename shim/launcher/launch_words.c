/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The words with which the launcher calls stock.
 */
#include <string.h>

#include "launcher/launch.h"
#include "base/allocate.h"
#include "stock/conf_head.h"
#include "stock/environment.h"

/* Add an option as it was given, unless we do it ourselves. */
static size_t add_given(const struct shim_given *given, bool takes_input, const char **to)
{
    size_t count = 0;

    if (shim_option_is_own(given->option) || given->option->role == ROLE_OUTPUT ||
        (takes_input && strcmp(given->option->name, "in") == 0))
        return 0;
    if (given->option->role == ROLE_PASSIN && strncmp(given->value, "env:", 4) == 0) {
        to[count++] = "-passin";
        to[count++] = "env:" SHIM_PASSIN;
        return count;
    }
    to[count++] = given->word;
    if (given->value != NULL && strchr(given->word, '=') == NULL)
        to[count++] = given->value;
    return count;
}

/* The system's anchors make no sender trusted.  Those of the keyring need no root. */
static size_t add_anchors(const struct shim_launch *launch, bool has_keyring, const char **to)
{
    size_t count = 0;

    to[count++] = "-no-CAfile";
    to[count++] = "-no-CApath";
    to[count++] = "-no-CAstore";
    if (has_keyring || !shim_args_has(&launch->args, "CAfile")) {
        to[count++] = "-CAstore";
        to[count++] = "smimepolicy:trust";
        to[count++] = "-partial_chain";
    }
    return count;
}

/* Our own words come before those that were given. */
static size_t add_own(const struct shim_launch *launch, const char *module_dir, bool has_keyring,
                      const char **to)
{
    bool encrypts = strcmp(launch->use, "encrypt") == 0;
    bool verifies = strcmp(launch->use, "verify") == 0;
    size_t count = 0;

    to[count++] = "openssl";
    to[count++] = launch->api == SHIM_SMIME ? "smime" : "cms";
    to[count++] = "-provider-path";
    to[count++] = module_dir;
    to[count++] = "-provider";
    to[count++] = "smimepolicy";
    if (verifies)
        count += add_anchors(launch, has_keyring, to + count);
    if (!launch->manner->own_defaults)
        return count;
    to[count++] = encrypts                           ? "-encrypt"
                  : verifies                         ? "-verify"
                  : strcmp(launch->use, "sign") == 0 ? "-sign"
                                                     : "-decrypt";
    if (!verifies && strcmp(launch->use, "decrypt") != 0)
        to[count++] = "-stream";
    if (encrypts && launch->request.cipher == NULL)
        to[count++] = "-" SHIM_DEFAULT_CIPHER;
    return count;
}

/* Name the signer or the recipients that the provider finds. */
static size_t add_by_address(const struct shim_launch *launch, const char **to)
{
    size_t count = 0;

    for (size_t i = 0; i < launch->uri_count; i++) {
        to[count++] = launch->along != NULL ? "-signer" : "-recip";
        to[count++] = launch->uris[i];
    }
    if (launch->along != NULL) {
        to[count++] = "-nocerts";
        to[count++] = "-certfile";
        to[count++] = launch->along;
    }
    return count;
}

const char **shim_launch_words(const struct shim_launch *launch, const char *module_dir,
                               bool takes_input, bool has_keyring)
{
    const struct shim_args *args = &launch->args;
    size_t operands = 0;
    size_t count;
    const char **words;

    while (args->operands[operands] != NULL)
        operands++;
    words =
        OPENSSL_zalloc((2 * args->count + operands + 2 * launch->uri_count + 16) * sizeof(*words));
    if (words == NULL)
        return NULL;
    count = add_own(launch, module_dir, has_keyring, words);
    for (size_t i = 0; i < args->count; i++)
        count += add_given(&args->given[i], takes_input, words + count);
    count += add_by_address(launch, words + count);
    if (operands > 0)
        words[count++] = "--";
    for (size_t i = 0; i < operands; i++)
        words[count++] = args->operands[i];
    return words;
}
