/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room common: what every room of the command uses: messages, help, memory, output,
 * passphrases and progress.
 *
 * This header: the state of one run, its settings, its exit codes and its error
 * messages.
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

/* One run of the command. */
struct shim {
    const char *policy_file;        /* borrowed: --policy, else the installed file */
    bool explain;                   /* --explain: judge and print, but change nothing */
    bool policy_named;              /* --policy was given: the file must exist */
    smimepolicy_settings *settings; /* owned; NULL until shim_load_settings() */
    const char *keyring;            /* borrowed: --keyring, or NULL */
    char *keyring_path;             /* owned; NULL until shim_keyring_find() */
};

/* A sub-command.  |argv| begins with its name.  Returns an enum shim_exit or stock's exit code. */
typedef int shim_command_fn(struct shim *shim, char **argv);

/*
 * Read the policy file, once.  Without a file the defaults apply.
 *
 * @return SHIM_OK, or SHIM_REFUSED with the reason on stderr: if the policy is in
 *         doubt everything is refused
 */
int shim_load_settings(struct shim *shim);

/* Print "smime-policy: " and the message to stderr. */
void shim_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As shim_error(), with a hint at the help; returns SHIM_USAGE. */
/* Name the command whose help usage errors point to.  |name| must stay valid. */
void shim_usage_is_of(const char *name);
int shim_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Refuse an option that was given two values, of which one would be lost. */
int shim_usage_twice(const char *option, const char *one, const char *other);
/* Refuse --explain for |what|, which cannot be judged without being done.  Returns SHIM_USAGE. */
int shim_explains_not(const char *what, const char *instead);
/* Print that memory ran out; returns SHIM_SYSTEM. */
int shim_no_memory(void);

#endif
