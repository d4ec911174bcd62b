/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finding and opening the command's keyring.
 */
#ifndef SHIM_KEYRING_AT_H
#define SHIM_KEYRING_AT_H

#include "common/shim.h"
#include "keyring/keyring.h"

/*
 * Find the keyring's path, once the settings are read: the setting `keyring`; else
 * --keyring, $SMIME_POLICY_KEYRING, $XDG_DATA_HOME/smime-policy or
 * ~/.local/share/smime-policy.  The absolute path goes to |shim->keyring_path|.
 *
 * @return SHIM_OK; SHIM_USAGE if --keyring differs from the setting; SHIM_SYSTEM if
 *         no place is known; with the reason on stderr
 */
int shim_keyring_find(struct shim *shim);

/*
 * Read the settings, find the keyring and open it.
 *
 * @return SHIM_OK with |*keyring| open, or another code with the reason on stderr
 */
int shim_keyring_open(struct shim *shim, enum sp_access access, struct sp_keyring **keyring);

/*
 * As shim_keyring_open(), to change a keyring that exists: none is made.  SP_KEYRING_READ:
 * it could be changed, but will only be looked at.
 */
int shim_keyring_change(struct shim *shim, enum sp_access access, struct sp_keyring **keyring);

/* Print why the last call on |keyring| failed; returns SHIM_SYSTEM. */
int shim_keyring_failed(const struct sp_keyring *keyring);
/* Print |why|, which is taken over; NULL: out of memory.  Returns SHIM_SYSTEM. */
int shim_keyring_fault(char *why);

/*
 * The certificates that |cursor| finds, one after another.  Initialise it with the
 * cursor, which is taken over; NULL counts as failed.
 */
struct shim_records {
    struct sp_cursor *cursor; /* owned */
    struct sp_record record;  /* owned: the present one */
    bool failed;              /* there may be more, which could not be read */
};
/* Go to the next record; false behind the last, when everything is freed. */
bool shim_records_next(struct shim_records *records);
/* Stop before the last; it may be called again. */
void shim_records_end(struct shim_records *records);

#endif
