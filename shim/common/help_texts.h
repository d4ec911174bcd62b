/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The texts in shim/help, which the manual page uses, too.
 */
#ifndef SHIM_HELP_TEXTS_H
#define SHIM_HELP_TEXTS_H

struct shim_help_text {
    const char *name;
    const char *text;
};

/* The last entry has no name. */
extern const struct shim_help_text shim_help_texts[];

#endif
