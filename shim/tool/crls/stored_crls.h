/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * This header: the CRLs that are stored.
 */
#ifndef SHIM_STORED_CRLS_H
#define SHIM_STORED_CRLS_H

#include <time.h>

#include <jansson.h>

#include "common/shim.h"
#include "keyring/keyring.h"
#include "revocation/crl_file.h"

enum shim_crl_freshness { SHIM_CRL_FRESH, SHIM_CRL_ENDS, SHIM_CRL_STALE, SHIM_CRL_DAMAGED };

struct shim_stored_crl {
    const struct sp_crl_file *file; /* borrowed */
    char *issuer;                   /* owned: its name; "?" if the file is damaged */
    bool has_issuer;                /* a certificate with the issuer's key is stored as a CA's */
    bool is_of_hub;                 /* the hub has this very one */
    enum shim_crl_freshness state;
};

/* The state at |at|; SHIM_CRL_ENDS: it is stale soon. */
enum shim_crl_freshness shim_crl_state(const struct sp_crl_file *file, time_t at);
/* "fresh", "ends", "stale" or "damaged". */
const char *shim_crl_state_name(const struct shim_stored_crl *crl);

/*
 * Call |take| for each stored CRL, until it returns another code than SHIM_OK.
 *
 * @return that code, or SHIM_SYSTEM with the reason on stderr
 */
typedef int shim_stored_crl_fn(const struct shim_stored_crl *crl, void *data);
int shim_stored_crls_each(const char *path, struct sp_keyring *keyring, time_t now,
                          shim_stored_crl_fn *take, void *data);

/* "CRL of CN=CA (key 0123456789abcdef)", to free; NULL if out of memory. */
char *shim_stored_crl_line(const struct shim_stored_crl *crl);
/* What it covers: "all", "users", "cas", with " (a part)" and " (indirect)" behind; to free. */
char *shim_stored_crl_scope(const struct shim_stored_crl *crl);
/* What every command tells of a CRL, see docs/use/json.md; NULL if out of memory. */
json_t *shim_stored_crl_json(const struct shim_stored_crl *crl);

/*
 * Check every page of each CRL.
 *
 * @param tell  gets each fault; |*faults| is increased, and |*count| the number of CRLs
 * @return false if they cannot be listed, with the reason on stderr
 */
bool shim_crls_check(const char *path, sp_tell_fn *tell, void *data, int64_t *count,
                     int64_t *faults);

#endif
