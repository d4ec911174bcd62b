/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The reasons in OpenSSL's error queue, which programs print if an operation is
 * refused.
 */
#ifndef SP_REASONS_H
#define SP_REASONS_H

#include <stdbool.h>

#include "rules/rules.h"

/*
 * Reason codes.  Those of the rules come first, from 1 on, in the order of
 * sp_rule_id(); then the provider's own.
 */
#define SP_OWN_REASONS(X)                                                                          \
    X(SP_REASON_LOCKED, "S/MIME policy is locked, nothing is signed or encrypted")                 \
    X(SP_REASON_SHARED_KEY, "certificates that are judged differently share this key")             \
    X(SP_REASON_UNVERIFIED, "signer was never checked as an S/MIME signer [distrust-default]")     \
    X(SP_REASON_REFUSED_BEFORE, "operation was refused before")                                    \
    X(SP_REASON_NO_MEMORY, "S/MIME policy ran out of memory, refused")                             \
    X(SP_REASON_KEYRING, "keyring cannot be used")                                                 \
    X(SP_REASON_URI, "not a URI of the keyring")                                                   \
    X(SP_REASON_NOT_STORED, "not in the keyring")                                                  \
    X(SP_REASON_KEY, "private key of the keyring cannot be used")
enum sp_own_reason {
    SP_REASON_FIRST = 200,
#define X(id, text) id,
    SP_OWN_REASONS(X)
#undef X
};

/* To be called before any reason is raised; false if libcrypto has no library number left. */
bool sp_reasons_begin(void);

void sp_raise(int reason, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define SP_RAISE(reason, ...) sp_raise((reason), __FILE__, __LINE__, __VA_ARGS__)

/* Raise an error for each denial of |verdict|, in its order. */
void sp_raise_verdict(const smimepolicy_verdict *verdict);

#endif
