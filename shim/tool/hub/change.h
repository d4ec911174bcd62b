/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A change that goes to the hub; for write_through.c and write_crls.c.
 */
#ifndef SHIM_CHANGE_H
#define SHIM_CHANGE_H

#include "tool/hub/publish.h"

struct shim_hub_change {
    struct shim *shim; /* borrowed, as the next four */
    struct sp_keyring *keyring;
    struct sp_upload *upload; /* NULL: a removal */
    const unsigned char (*fingerprints)[SP_SHA256_LENGTH];
    const struct shim_hub_crls *crls; /* to add; or NULL */
    size_t count;                     /* of |fingerprints| */
    const struct sp_crl_file *files;  /* borrowed: CRLs to remove */
    size_t file_count;
    bool with_key, has_keys;
    struct shim_publish publish;
};

#define SHIM_HUB_UNCHANGED                                                                         \
    "nothing was changed, on the hub or here; --local changes this host's keyring alone"

/* One transaction on the hub, and then the copy.  A SHIM code. */
int shim_hub_write(struct shim_hub_change *change);
/* Send what of CRLs changes, before all other rows. */
int shim_hub_send_crls(struct shim_hub_change *change);

#endif
