/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The options of our own commands, read by getopt_long_only(3): `--name value`,
 * `--name=value`, with one dash or two, before and behind the operands.
 */
#ifndef SHIM_LONG_OPTIONS_H
#define SHIM_LONG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/shim.h"

enum shim_long_kind {
    LONG_FLAG,  /* |to| is a bool */
    LONG_VALUE, /* |to| is a const char *; a second one that differs is a fault */
    LONG_EACH   /* |to| is a struct shim_each, which takes one value after the other */
};

struct shim_each {
    bool (*take)(void *arg, const char *value); /* false after a fault, which it says */
    void *arg;                                  /* borrowed */
};

struct shim_long {
    const char *name;
    enum shim_long_kind kind;
    void *to; /* borrowed */
};

/*
 * Read the options of |argv|, which begins with the command's name.  Operands are
 * moved behind the options.  Every command knows --keyring and --help.
 *
 * @param table     ends with a NULL name
 * @param operands  set to the first operand; NULL follows the last
 * @return SHIM_OK; SHIM_USAGE with the fault on stderr; -1 after help was printed
 */
int shim_long_parse(struct shim *shim, int argc, char **argv, const struct shim_long *table,
                    char ***operands);

#endif
