/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every setting: one strict table of key, default and parser, shared by the
 * provider, the command and the public API.
 */
#ifndef SP_SETTINGS_H
#define SP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "smimepolicy.h"

enum sp_mode { SP_MODE_ENFORCE, SP_MODE_OBSERVE };
enum sp_trust { SP_TRUST_CALLER, SP_TRUST_KEYRING };

/* The rules beyond the guide's; their severity is a setting. */
enum sp_beyond {
    SP_WEAK_KEY,
    SP_WEAK_DIGEST,
    SP_WEAK_CIPHER,
    SP_EKU_ANY,
    SP_VALIDITY_TOO_LONG,
    SP_EXPIRES_SOON,
    SP_BEYOND_COUNT
};

struct smimepolicy_settings {
    enum sp_mode mode;
    enum sp_trust trust;
    bool refuse_unknown_keys;
    bool pass_raw_keys;
    bool refuse_unverified_signers;
    bool own_anchors_first;    /* a stored person's own certificate, whatever is near */
    bool refuse_other_senders; /* under the stock names; the verbs always do */
    bool accept_missing_key_usage;
    bool accept_ec_key_agreement;
    bool trace;
    smimepolicy_severity beyond[SP_BEYOND_COUNT];
    char *backend;      /* owned; "default" unless set */
    char *keyring;      /* owned; NULL: none */
    char *decision_log; /* owned; NULL: none; "syslog" or an absolute path */
};

/* The keys of the table, in order; NULL past the last one. */
const char *sp_settings_key(size_t index);
/* The value of key |index| as it would be written in a file; a new string, NULL if unset. */
char *sp_settings_value(const smimepolicy_settings *settings, size_t index);
/*
 * Rule names that a configuration may try to set and must not, spelled as a
 * key ("expired", "san_email", "distrust_default", ...); NULL past the last.
 * smimepolicy_settings_set() refuses them with a message of their own.
 */
const char *sp_settings_fixed_rule(size_t index);

/*
 * All of them, a line each: who wrote a configuration for a program tells the
 * provider in this variable what has to arrive.  Owned by the caller; NULL if
 * out of memory.
 */
#define SP_EXPECT "SMIME_POLICY_EXPECT"
char *sp_settings_text(const smimepolicy_settings *settings);

smimepolicy_settings *sp_settings_dup(const smimepolicy_settings *settings);
bool sp_settings_equal(const smimepolicy_settings *a, const smimepolicy_settings *b);

#endif
