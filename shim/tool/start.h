/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SHIM_START_H
#define SHIM_START_H

#include <stdbool.h>

/* What a command asks of libcrypto.  What is not prepared cannot be made up for later. */
enum shim_start {
    START_WHOLE,   /* everything */
    START_MESSAGE, /* to read certificates and signatures; no private key and no cipher */
    START_KEYRING  /* the same of the keyring alone: no reasons of errors in files */
};

/*
 * Start libcrypto, without the system's configuration, which could load providers into the
 * process that judges, and without a clean-up at the end, when the system takes all back.
 */
bool shim_start(enum shim_start how);

#endif
