/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that go along with a signature, and what the report says of a choice.
 */
#ifndef SP_ALONG_H
#define SP_ALONG_H

#include "choice/choose.h"

/*
 * Find the issuers of the chosen identity that are sent along: those that are stored,
 * without a root.  Each on the way to the root is judged.
 *
 * @param name  the URI, for messages
 * @return a new stack, with its elements for the caller to free; empty if there is
 *         nothing; NULL with the reason raised
 */
STACK_OF(X509) *sp_along(struct sp_keyring *keyring, const struct sp_choice *choice,
                         const char *name);

/*
 * Write to the report which certificate was chosen for |address|, and why not the
 * others:
 *
 *     chosen USE ADDRESS FINGERPRINT HOW TEXT
 *     key USE FINGERPRINT KIND
 *     passed-over USE ADDRESS FINGERPRINT RULE TEXT
 *
 * ADDRESS is as in the URI.  HOW is `only`, without TEXT; `same`; `changed`, if a week
 * ago it was another; or `unusable`, if none may be used.  RULE is "-" for one that is
 * valid for less long.  KIND is `ec`, `pss` or `rsa`, as base/key_marks.h guesses.
 *
 * @return false if out of memory
 */
bool sp_report_choice(const struct sp_choice *choice, const char *address);

/* Write to the report which certificate goes along as the signer's own: "along FINGERPRINT". */
void sp_report_along(const struct sp_choice *choice);

#endif
