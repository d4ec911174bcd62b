/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates of the self-test, which are made in memory.
 */
#ifndef SHIM_SELF_TEST_H
#define SHIM_SELF_TEST_H

enum shim_specimen {
    SHIM_GOOD,   /* satisfies every rule, also those beyond the guide's */
    SHIM_EXPIRED /* the same, but expired yesterday */
};

/*
 * A new certificate and its key, in PEM, in memory.
 *
 * @return a file descriptor (close-on-exec), or -1 with the reason on stderr
 */
int shim_specimen_file(enum shim_specimen which);

#endif
