/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the command share.
 */
#ifndef SHIM_H
#define SHIM_H

#include "settings/settings.h"

enum shim_exit {
    SHIM_OK = 0,
    SHIM_USAGE = 1,
    SHIM_INPUT = 2,
    SHIM_REFUSED = 3,
    SHIM_CRYPTO = 4,
    SHIM_SYSTEM = 5
};

/* One invocation of the command. */
struct shim {
    const char *policy_file;        /* borrowed: --policy, else the installed file */
    bool explain;                   /* --explain: decide and tell, and do nothing */
    bool policy_named;              /* --policy was given: then the file must exist */
    smimepolicy_settings *settings; /* owned; NULL until shim_load_settings() */
    const char *keyring;            /* borrowed: --keyring, or NULL */
    char *keyring_path;             /* owned; NULL until shim_keyring_find() */
};

/* A sub-command; |argv| begins with its name.  Returns an enum shim_exit or stock's code. */
typedef int shim_command_fn(struct shim *shim, int argc, char **argv);

/*
 * Read the policy file, unless that was done; an absent one means the defaults.
 *
 * @return SHIM_OK, or SHIM_REFUSED with the reason on stderr: where the policy
 *         is in doubt everything is refused
 */
int shim_load_settings(struct shim *shim);

/* "smime-policy: " and the message on stderr. */
void shim_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and where to look; returns SHIM_USAGE. */
/* The command whose help a usage error leads to; |name| stays. */
void shim_usage_is_of(const char *name);
int shim_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An option that has one value was given two, of which one would be lost. */
int shim_usage_twice(const char *option, const char *one, const char *other);
/* --explain before |what|, which changes something and cannot only tell: SHIM_USAGE, said. */
int shim_explains_not(const char *what, const char *instead);
/* Out of memory: says so and returns SHIM_SYSTEM. */
int shim_no_memory(void);

#endif
