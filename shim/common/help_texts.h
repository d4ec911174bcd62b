/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The texts of shim/help, which are the manual page's too.
 */
#ifndef SHIM_HELP_TEXTS_H
#define SHIM_HELP_TEXTS_H

struct shim_help_text {
    const char *name;
    const char *text;
};

/* The last one has no name. */
extern const struct shim_help_text shim_help_texts[];

#endif
