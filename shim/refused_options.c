/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "refused_options.h"

/* The way out for each option that is refused. */
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

bool shim_has_refused_option(const struct shim_args *args, const char *what, bool like_stock)
{
    bool found = false;

    for (size_t i = 0; i < args->count; i++) {
        const struct shim_option *option = args->given[i].option;

        if (option->role != ROLE_FOREIGN && (option->role != ROLE_UNCHECKED || like_stock))
            continue;
        fprintf(stderr, "refused: %s: -%s would %s; %s\n", what, option->name,
                option->role == ROLE_FOREIGN ? "take the operation out of the policy's hands"
                                             : "switch a check off",
                alternative(option->name));
        found = true;
    }
    return found;
}
