/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The places of the provider module, of our two programs and of the stock openssl.
 */
#ifndef SHIM_INSTALLED_H
#define SHIM_INSTALLED_H

#include <stdbool.h>

/*
 * The first word with which the launcher calls the tool to judge alone, after a failure
 * of stock; the second one if the provider has logged its refusals.
 */
#define SHIM_JUDGE        "--judge"
#define SHIM_JUDGE_LOGGED "--judge-logged"

/*
 * The module's absolute path: beside the command in a build tree or staging folder,
 * else the place of installation.  It need not exist: loading it will tell.
 *
 * @return a new string, or NULL if out of memory
 */
char *shim_module_path(void);

/* Find |module|, as above, and the folder that it is in; both are new.  False: out of memory. */
bool shim_find_module(char **module, char **folder);

/*
 * The other one of the launcher and the tool: beside this one in a build tree, in its
 * place in a staging folder, else where it was installed.  It need not exist.
 *
 * @return a new string, or NULL if out of memory
 */
char *shim_partner_path(void);

/* |path| from the root on, as a new string; NULL with errno set. */
char *shim_absolute(const char *path);

/*
 * The openssl program to run.
 *
 * @return borrowed; NULL, with the reason on stderr, if it is missing or is this
 *         very command
 */
const char *shim_stock_path(void);

#endif
