/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verification: the message is read and judged before stock reads it.
 */
#ifndef SHIM_VERIFY_H
#define SHIM_VERIFY_H

#include "tool/judge/review.h"

/* A verification that is about to run. */
struct shim_verification {
    struct shim_incoming incoming; /* owned */
    char *content;                 /* owned: the path of the split content */
    struct shim_mail given;        /* owned: of --sender; zeroed without it */
    struct shim_review_sender sender;
};

/*
 * Read and judge the message that |operation| verifies, and give stock the bytes
 * that were read.  Under a stock name only sender and digests are judged, silently
 * unless the settings refuse them.
 *
 * @param verification  to free with shim_verification_clear() after the operation
 *                      has run
 * @return SHIM_OK, SHIM_REFUSED, SHIM_INPUT, SHIM_USAGE or SHIM_SYSTEM
 */
int shim_verification_prepare(struct shim_verification *verification,
                              struct shim_operation *operation, struct shim_outcome *outcome);
/* Under a stock name: is a message with a weak digest refused before the provider sees it? */
bool shim_verification_refuses_digests(const smimepolicy_settings *settings);
void shim_verification_clear(struct shim_verification *verification);

#endif
