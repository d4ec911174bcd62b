/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room hub: one keyring for many hosts.  A PostgreSQL database has the truth, and this host's
 * keyring is a copy of it.  docs/develop/hub.md explains the tables and the protocol.
 */
#ifndef SHIM_HUB_H
#define SHIM_HUB_H

#include <time.h>

#include <jansson.h>

#include "common/long_options.h"
#include "keyring/keyring.h"
#include "tool/crls/crls.h"

/* Is libpq there?  If not, |*why| says so, to free; NULL: out of memory. */
bool shim_hub_ready(char **why);
/* Is there a hub for what this command changes?  False with --local. */
bool shim_hub_is_set(const struct shim *shim, bool local);
/* CRLs that were prepared, and go to the hub with an upload. */
struct shim_hub_crls {
    struct shim_hub_crl {
        const unsigned char *der; /* borrowed, as the next */
        size_t length;
        const struct shim_crl_stored *what;
    } * each; /* owned by the caller */
    size_t count;
};
/*
 * Store |upload| and |crls|, unless NULL, on the hub of the settings, if there is one and unless
 * |local|, and bring the copy up.  A SHIM code; unless it is SHIM_OK nothing is changed.  What
 * follows is shim_crl_commit() for each of |crls|, and sp_upload_commit().
 */
int shim_hub_put(struct shim *shim, struct sp_keyring *keyring, struct sp_upload *upload,
                 const struct shim_hub_crls *crls, bool local);
/*
 * Store |upload|, as sp_upload_commit(): unless |local|, on the hub of the settings first.  A
 * SHIM code; unless it is SHIM_OK nothing is changed here.
 */
int shim_hub_commit(struct shim *shim, struct sp_keyring *keyring, struct sp_upload *upload,
                    bool local);
/* Remove certificates, as sp_keyring_remove(), in the same way. */
int shim_hub_remove(struct shim *shim, struct sp_keyring *keyring,
                    const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count,
                    bool with_key, bool local);

/*
 * Store the private key with the id |id| as |key| on the hub, in the same way, if the hub has it
 * and private keys are open to this host.  The copy is not brought up: sp_keyring_change_key()
 * follows.
 */
int shim_hub_put_key(struct shim *shim, struct sp_keyring *keyring,
                     const unsigned char id[SP_SHA256_LENGTH], const struct sp_private_key *key,
                     bool local);
/* Remove from the hub, in the same way, what it has of the stored CRLs |files|. */
int shim_hub_remove_crls(struct shim *shim, struct sp_keyring *keyring,
                         const struct sp_crl_file *files, size_t count, bool local);

/* Where a hub is set, tell people on standard error when the keyring was last in touch with it. */
void shim_hub_tell_contact(const struct shim *shim);
/*
 * The member `copy` of JSON (docs/use/json.md): how far |keyring| follows its hub, and whether it
 * is stale at |now|.  |*copy| is new, and JSON's null where no hub is set.  A SHIM code.
 */
int shim_hub_copy(const struct shim *shim, struct sp_keyring *keyring, time_t now, json_t **copy);

shim_command_fn shim_run_hub;
shim_command_fn shim_run_sync;

#endif
