/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room settings: one strict table of key, default and parser, for the provider, the
 * command and the public API.
 */
#ifndef SP_SETTINGS_H
#define SP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "settings/expect.h"
#include "smimepolicy.h"

enum sp_mode { SP_MODE_ENFORCE, SP_MODE_OBSERVE };
enum sp_trust { SP_TRUST_CALLER, SP_TRUST_KEYRING };
/* What is asked of the CRLs in the keyring: nothing; what they name; a fresh answer as well. */
enum sp_revocation_asked { SP_REVOCATION_OFF, SP_REVOCATION_SOFT, SP_REVOCATION_HARD };

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
    enum sp_revocation_asked revocation;
    bool refuse_unknown_keys;
    bool pass_raw_keys;
    bool refuse_unverified_signers;
    bool own_anchors_first;    /* prefer a stored person's own certificate to its issuer */
    bool mail_keys_only;       /* offer no key that the rules refuse to mail anyway */
    bool refuse_signer_path;   /* if a signer's issuer may not be used */
    bool refuse_other_senders; /* for the stock names; the verbs always refuse */
    bool accept_missing_key_usage;
    bool accept_ec_key_agreement;
    bool collects_nothing;  /* the command takes no certificates out of mails */
    bool any_signer;        /* the verb `verify` accepts one good signature of several */
    bool contacts_starttls; /* ask a directory of ldap:// under TLS alone */
    bool fetches_private;   /* the command may fetch from addresses of private networks */
    bool asks_ocsp;         /* the command asks OCSP responders */
    bool trace;
    smimepolicy_severity beyond[SP_BEYOND_COUNT];
    char *backend; /* owned; "default" unless set */
    char *keyring; /* owned; NULL: none */
    /* Owned: the directories of contacts, which the command asks; NULL: none. */
    char *contacts;
    char *contacts_age;  /* owned: after what time it asks again about a certificate */
    char *contacts_bind; /* owned: the file with the name and password for them; NULL: none */
    char *contacts_ca;   /* owned: the CAs of their TLS certificates; NULL: the system's */
    char *decision_log;  /* owned; NULL: none; "syslog" or an absolute path */
    char *fetch_from;    /* owned; NULL: nothing is fetched; see settings/host_list.h */
    char *hub;           /* owned; NULL: none; "service=NAME" or a URI, without a password */
    char *hub_realm;     /* owned */
    char *hub_max_age;   /* owned: "1d" and the like */
    char *hub_anchors;   /* owned; "no", "yes" or fingerprints */
};

/* The keys in the order of the table; NULL past the last. */
const char *sp_settings_key(size_t index);
/* The value of key |index| as in a file: a new string; NULL if unset. */
char *sp_settings_value(const smimepolicy_settings *settings, size_t index);
/*
 * Names of rules that a configuration must not set, spelled as a key ("expired",
 * "san_email", "distrust_default", ...); NULL past the last.
 * smimepolicy_settings_set() refuses them with a message of their own.
 */
const char *sp_settings_fixed_rule(size_t index);

/*
 * All settings, a line each.  The command passes them in the environment variable SP_EXPECT,
 * and the provider compares them with those that arrived.  Owned by the caller; NULL
 * if out of memory.
 */
char *sp_settings_text(const smimepolicy_settings *settings);

smimepolicy_settings *sp_settings_dup(const smimepolicy_settings *settings);
bool sp_settings_equal(const smimepolicy_settings *a, const smimepolicy_settings *b);

#endif
