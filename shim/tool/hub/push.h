/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SHIM_PUSH_H
#define SHIM_PUSH_H

#include "tool/hub/talk.h"

struct shim_pushed {
    int64_t revision, certificates, keys;
    int64_t keys_kept; /* private keys that stay here: none are open to us on the hub */
    int64_t crls_kept; /* CRLs that stay here: their text is not kept */
};

/* Move the keyring to the hub, all or nothing; afterwards it is the hub's.  A SHIM code. */
int shim_hub_push(struct shim *shim, struct shim_hub *hub, struct shim_pushed *pushed);

#endif
