/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the command's keyring is.
 */
#ifndef SHIM_KEYRING_AT_H
#define SHIM_KEYRING_AT_H

#include "common/shim.h"
#include "keyring/keyring.h"

/*
 * Find out where it is, once the settings are known: the setting `keyring`;
 * else --keyring, $SMIME_POLICY_KEYRING, $XDG_DATA_HOME/smime-policy or
 * ~/.local/share/smime-policy.  An absolute path, in |shim->keyring_path|.
 *
 * @return SHIM_OK; SHIM_USAGE if --keyring is not what the setting says;
 *         SHIM_SYSTEM if there is no place for it; said on stderr
 */
int shim_keyring_find(struct shim *shim);

/*
 * Settings, place and keyring, for a command that needs all three.
 *
 * @return SHIM_OK with |*keyring| open, or another code with the reason on stderr
 */
int shim_keyring_open(struct shim *shim, enum sp_access access, struct sp_keyring **keyring);

/* The same to change one that is there: none is made. */
int shim_keyring_change(struct shim *shim, struct sp_keyring **keyring);

/* Say why the last call on |keyring| failed; returns SHIM_SYSTEM. */
int shim_keyring_failed(const struct sp_keyring *keyring);

/* "3f2a…": 64 hexadecimal digits. */
#define SHIM_FINGERPRINT_TEXT (2 * SP_SHA256_LENGTH + 1)
void shim_fingerprint_text(const unsigned char fingerprint[SP_SHA256_LENGTH],
                           char text[SHIM_FINGERPRINT_TEXT]);

#endif
