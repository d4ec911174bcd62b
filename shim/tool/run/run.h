/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run of stock while it is prepared.
 */
#ifndef SHIM_RUN_H
#define SHIM_RUN_H

#include <signal.h>

#include "common/output.h"
#include "tool/run/operation.h"

/* Everything that one run needs, filled in step by step. */
struct shim_run {
    const struct shim_operation *operation;
    bool plan;                   /* only to be shown: without secrets, and no file is opened */
    char *module;                /* owned */
    char *module_dir;            /* owned */
    char **words;                /* owned; the strings are borrowed */
    struct shim_output *outputs; /* owned */
    size_t output_count;
    int conf;
    char *expect;          /* owned: the settings in |conf| */
    int sink;              /* where stock's output goes */
    const char *sink_name; /* borrowed */
    bool spools;           /* |sink| is a spool, which is copied to standard output at the end */
    sigset_t before;
};

/*
 * Make the command line of stock, and temporary files in place of those it writes;
 * false with the reason on stderr.
 */
bool shim_run_words(struct shim_run *run);

/* Who may read the message that comes out. */
enum shim_secrecy shim_run_secrecy(const struct shim_run *run);

#endif
