/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "common/limit.h"

#include <signal.h>

/* Written once, by main(). */
static sighandler_t before = SIG_DFL;

void shim_limit_begin(void)
{
    before = signal(SIGXFSZ, SIG_IGN);
}

void shim_limit_end(void)
{
    (void)signal(SIGXFSZ, before);
}
