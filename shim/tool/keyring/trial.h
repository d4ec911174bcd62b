/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finding by trial the stored private key of a message that names none of our
 * certificates.
 */
#ifndef SHIM_TRIAL_H
#define SHIM_TRIAL_H

#include <openssl/cms.h>

#include "keyring/keyring.h"

/* The result of trying a stored private key on a message. */
enum shim_trial {
    TRIAL_OPENS,
    TRIAL_FAILS,
    TRIAL_LOCKED, /* it needs a passphrase, or is not in the keyring itself */
    TRIAL_BROKEN  /* the keyring failed, or there is no memory */
};

/* Try the key of |record| on |cms|; its passphrase |pass| may be NULL. */
enum shim_trial shim_trial(struct sp_keyring *keyring, const struct sp_record *record,
                           CMS_ContentInfo *cms, const char *pass);

#endif
