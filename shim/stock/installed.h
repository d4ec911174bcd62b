/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where things are: the provider module and the stock openssl.
 */
#ifndef SHIM_INSTALLED_H
#define SHIM_INSTALLED_H

/*
 * The module's absolute path, beside the command in a build tree or staging
 * folder, else where it gets installed.  Exists or not: who loads it finds out.
 *
 * @return a new string, or NULL if out of memory
 */
char *shim_module_path(void);

/*
 * The openssl program to run.
 *
 * @return borrowed; NULL if it is missing or is this very command, said on stderr
 */
const char *shim_stock_path(void);

#endif
