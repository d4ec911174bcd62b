/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading an openssl.cnf for what defeats the policy.
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
    bool silent;             /* faults are counted only */
    struct shim_named named; /* owned */
};

/* Report one fault, with the way out behind a semicolon. */
void shim_lint_fault(struct shim_lint *lint, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Look at the lines of the file itself: an `openssl_conf` that an .include
 * overrides, or that lands in a section of an included file.
 *
 * @param effective  the value that OpenSSL uses, or NULL
 */
void shim_lint_lines(struct shim_lint *lint, FILE *file, const char *effective);

/* Look at the section that activates providers, and at each of theirs. */
void shim_lint_providers(struct shim_lint *lint, const char *section, bool prefers_ours);

#endif
