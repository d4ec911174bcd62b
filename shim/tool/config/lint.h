/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The lint: finds what defeats the policy in an openssl.cnf.
 */
#ifndef SHIM_LINT_H
#define SHIM_LINT_H

#include <stdbool.h>
#include <stdio.h>

#include <openssl/conf.h>

#include "tool/config/config.h"

struct shim_lint {
    const char *path;
    CONF *conf; /* owned */
    int faults;
    bool silent;             /* count faults without printing them */
    struct shim_named named; /* owned */
};

/* Report one fault.  The remedy follows a semicolon. */
void shim_lint_fault(struct shim_lint *lint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Check the section that activates providers, and that of each provider. */
void shim_lint_providers(struct shim_lint *lint, const char *section, bool prefers_ours);

#endif
