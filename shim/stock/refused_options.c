/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "stock/refused_options.h"

/* The remedy for each refused option. */
static const char *alternative(const char *name)
{
    static const struct {
        const char *name;
        const char *text;
    } rows[] = {
        { "noverify", "name the sender's issuing CA with -CAfile" },
        { "no_signer_cert_verify", "name the sender's issuing CA with -CAfile" },
        { "nochain", "name the sender's issuing CA with -CAfile, intermediates with -certfile" },
        { "purpose", "leave it out: the signer is judged for S/MIME" },
        { "verify_name", "leave it out: the signer is judged for S/MIME" },
        { "no_check_time", "leave it out, or ask the sender for a current certificate" },
        { "ignore_critical",
          "leave it out: what is critical and not understood may forbid the use" },
        { "allow_proxy_certs", "ask the sender to sign with a certificate of their own" },
        { "engine", "give the key in a file" },
        { "config", "put settings into the policy file (smime-policy --policy FILE)" },
        { "propquery", "leave it out: all algorithms come through the policy provider" },
        { "provider", "set `backend` in the policy file" },
        { "provider-path", "set `backend` in the policy file" },
        { "provparam", "put settings into the policy file (smime-policy --policy FILE)" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].text;
    return "leave it out: a signature that does not verify is none";
}

/* A key from an engine is used by the engine, without any provider. */
static bool is_engine_key(const struct shim_given *given)
{
    static const char uri[] = "org.openssl.engine:";

    if (given->value == NULL)
        return false;
    if (strcmp(given->option->name, "keyform") == 0)
        return given->value[0] == 'E' || given->value[0] == 'e';
    return strncasecmp(given->value, uri, sizeof(uri) - 1) == 0;
}

/* How |given| would harm the policy, or NULL. */
static const char *harm_of(const struct shim_given *given, const struct shim_manner *manner)
{
    switch (given->option->role) {
    case ROLE_FOREIGN:
        return "take the operation out of the policy's hands";
    case ROLE_UNCHECKED:
        return "switch a check off";
    case ROLE_NOVERIFY:
        /* stock.c makes sure that what is extracted is not reported as verified. */
        return manner->extracts ? NULL : "switch a check off";
    default:
        return is_engine_key(given) ? "take the operation out of the policy's hands" : NULL;
    }
}

bool shim_has_refused_option(const struct shim_args *args, const char *what,
                             const struct shim_manner *manner)
{
    bool found = false;

    for (size_t i = 0; i < args->count; i++) {
        const struct shim_given *given = &args->given[i];
        const char *harm = harm_of(given, manner);

        if (harm == NULL)
            continue;
        fprintf(stderr, "refused: %s: -%s would %s; %s\n", what, given->option->name, harm,
                is_engine_key(given) ? "give the key in a file" : alternative(given->option->name));
        found = true;
    }
    return found;
}
