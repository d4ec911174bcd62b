/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room common: what every room of the command uses: messages, help, memory, output,
 * passphrases and progress.
 *
 * This header: the state of one run and its settings.
 */
#ifndef SHIM_H
#define SHIM_H

#include "common/message.h"
#include "settings/settings.h"

/* One run of the command. */
struct shim {
    const char *policy_file;        /* borrowed: --policy, else the installed file */
    bool explain;                   /* --explain: judge and print, but change nothing */
    bool judges;                    /* only judge: the launcher has run stock, which has failed */
    bool is_logged;                 /* the provider has logged what is judged */
    bool policy_named;              /* --policy was given: the file must exist */
    smimepolicy_settings *settings; /* owned; NULL until shim_load_settings() */
    const char *keyring;            /* borrowed: --keyring, or NULL */
    bool left_to_provider; /* a certificate was not judged here, as it could not be loaded */
    char *keyring_path;    /* owned; NULL until shim_keyring_find() */
};

/*
 * Read the policy file, once.  Without a file the defaults apply.
 *
 * @return SHIM_OK, or SHIM_REFUSED with the reason on stderr: if the policy is in
 *         doubt everything is refused
 */
int shim_load_settings(struct shim *shim);

#endif
