/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One run of stock by the launcher: what is prepared, and what is made of its result
 * and of the provider's report.
 */
#ifndef SHIM_LAUNCH_RUN_H
#define SHIM_LAUNCH_RUN_H

#include "launcher/launch.h"
#include "launcher/told.h"
#include "stock/delivery.h"
#include "stock/stock.h"

struct shim_launch_run {
    const struct shim_launch *launch;
    char *module;       /* owned; its directory is in |module_dir| */
    char *module_dir;   /* owned */
    char *keyring;      /* owned */
    const char **words; /* owned; the strings are borrowed */
    int conf;           /* the configuration */
    int input;          /* what stock reads instead of the file of -in; -1: nothing */
    off_t start;        /* where standard input began; -1: it can be read only once */
    struct shim_told told;
    struct shim_stock_pipe pipe;
    struct shim_delivery delivery;
    struct shim_stock_result result;
};

/*
 * launch_conf.c: write the openssl.cnf of stock into a file in memory: the module, the policy file,
 * which the module reads, and the pipe |report|.
 * |is_light|: for a light start, without the keys that the rules refuse.
 * The keyring that is meant goes into |*keyring|, for the caller to free; NULL: none.
 *
 * @return its descriptor; -1 if it cannot be written, or not in characters that mean
 *         themselves to libcrypto
 */
int shim_launch_conf(const struct shim_launch *launch, const char *module, const char *nonce,
                     int report, bool is_light, char **keyring);

/* Can the tool read the message again, from where it began? */
bool shim_launch_can_start_again(const struct shim_launch_run *run);

/*
 * Hand over what stock made, if the report proves that it was judged; else say what
 * is wrong, with the help of the tool.  |argv| is the command line.
 *
 * @return the exit code, or SHIM_LEFT_TO_TOOL
 */
int shim_launch_conclude(struct shim_launch_run *run, int argc, char **argv);

#endif
