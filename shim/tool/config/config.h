/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room config: `smime-policy config`, with the lint and the self-test of a
 * configuration.
 */
#ifndef SHIM_CONFIG_H
#define SHIM_CONFIG_H

#include <stdio.h>

#include <jansson.h>
#include <openssl/conf.h>

#include "common/long_options.h"

/*
 * Report everything in the openssl.cnf |path| that defeats the policy, or in the
 * policy.cnf |path| that is no setting, as text or as a JSON object; returns an enum
 * shim_exit.
 */
int shim_lint(const char *path, bool json);

/* What an openssl.cnf names and cannot be used, with the reason.  Each is owned, or NULL. */
struct shim_named {
    char *keyring; /* the provider's keyring */
    char *log;     /* the decision log, which this user could not write */
    char *lost;    /* settings that cannot be read */
};
/* Find it; free it with shim_named_clear(). */
struct shim_named shim_lint_named(const char *path);
void shim_named_clear(struct shim_named *named);

/*
 * Which setting needs a library that cannot be loaded, and the way out.
 *
 * @param next  0 at first; for the next call it is left as it is set
 * @return one line, to free with OPENSSL_free(); NULL: there is no other one
 */
char *shim_libraries_missing(const smimepolicy_settings *settings, size_t *next);

/*
 * Prove that openssl refuses under the openssl.cnf |path|; NULL: under that of the
 * verbs.
 *
 * @param to     gets the result.  If a program follows, standard output is the program's
 * @param alone  report success, too
 */
int shim_self_test(const struct shim *shim, const char *path, FILE *to, bool alone);

shim_command_fn shim_run_config;

/* The files of the lint share these. */
struct shim_lint {
    const char *path;
    CONF *conf; /* owned */
    int faults;
    bool silent;             /* count faults without printing them */
    json_t *said, *notes;    /* owned: faults and notes, with --json, in the place of text */
    struct shim_named named; /* owned */
};

/* Report one fault.  The remedy follows a semicolon. */
void shim_lint_fault(struct shim_lint *lint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Report what is no fault. */
void shim_lint_note(struct shim_lint *lint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The value of `key = value` in |line|, without comment and space around it; NULL if
 * |line| is another one.  Both cut |line|.
 */
char *shim_lint_value(char *line, const char *key);
/* The name of the section that |line| begins; NULL: it begins none. */
const char *shim_lint_section(char *line);

/* Is it a policy.cnf, or an openssl.cnf?  One that sets openssl_conf is none. */
bool shim_lint_is_policy(const CONF *conf, const char *path);
/* Check the settings of a policy.cnf. */
void shim_lint_policy(struct shim_lint *lint);

/* Check the section that activates providers, and that of each provider. */
void shim_lint_providers(struct shim_lint *lint, const char *section, bool prefers_ours);

#endif
