/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run of stock, while it is prepared.
 */
#ifndef SHIM_RUN_H
#define SHIM_RUN_H

#include <signal.h>

#include "common/output.h"
#include "tool/run/operation.h"

/* Everything that one run needs; prepared step by step. */
struct shim_run {
    const struct shim_operation *operation;
    bool plan;                   /* to be shown, not run: without secrets, and nothing is opened */
    char *module;                /* owned */
    char *module_dir;            /* owned */
    char **words;                /* owned, the strings borrowed */
    struct shim_output *outputs; /* owned */
    size_t output_count;
    int conf;
    char *expect;          /* owned: what |conf| says */
    int sink;              /* what stock writes goes there */
    const char *sink_name; /* borrowed */
    bool spools; /* that is no file of the user's, and is copied to standard output at the end */
    sigset_t before;
};

/*
 * The command line of stock, and the files that it writes instead of those
 * asked for; false with the reason on stderr.
 */
bool shim_run_words(struct shim_run *run);

/* Of the message that comes out. */
enum shim_secrecy shim_run_secrecy(const struct shim_run *run);

#endif
