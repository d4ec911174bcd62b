/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates for the self-test, made on the fly.
 */
#ifndef SHIM_SELF_TEST_H
#define SHIM_SELF_TEST_H

enum shim_specimen {
    SHIM_GOOD,   /* satisfies every rule, those beyond the guide's included */
    SHIM_EXPIRED /* the same, expired yesterday */
};

/*
 * A new certificate and its key, in PEM, in memory.
 *
 * @return a file descriptor (close-on-exec), or -1 with the reason on stderr
 */
int shim_specimen_file(enum shim_specimen which);

#endif
