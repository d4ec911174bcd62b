/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "shim.h"
int shim_run_check(struct shim *shim, int argc, char **argv)
{
    (void)shim;
    (void)argc;
    (void)argv;
    return SHIM_USAGE;
}
