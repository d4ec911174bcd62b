/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The CRLs of which a person is told: what is revoked after a CRL ended, it does not name.
 */
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "tool/crls/stored_crls.h"
#include "tool/maintain/maintain.h"

struct looking_at_crls {
    const struct shim_last_look *last; /* borrowed */
    struct shim_attention *attention;  /* borrowed */
};

/* Was nothing told of it at the last look, because there was none or it was not stored? */
static bool is_new(const struct looking_at_crls *looking, const struct shim_stored_crl *crl)
{
    struct stat is;

    return !looking->last->known || stat(crl->file->path, &is) != 0 ||
           is.st_mtime >= looking->last->at;
}

static void add(struct shim_attention *attention, const struct shim_stored_crl *crl)
{
    const bool stale = crl->state == SHIM_CRL_STALE;
    char *line = shim_stored_crl_line(crl);
    char *moment = sp_format_time((time_t)crl->file->about.next_update);
    json_t *event = shim_stored_crl_json(crl);

    json_object_set_new(event, "event", json_string(stale ? "crl-stale" : "crl-ends"));
    shim_attention_add(attention, event,
                       line == NULL || moment == NULL
                           ? NULL
                           : sp_format("%s: %s %s; upload the current one", line,
                                       stale ? "stale since" : "ends on", moment));
    OPENSSL_free(line);
    OPENSSL_free(moment);
}

static int look_at(const struct shim_stored_crl *crl, void *data)
{
    const struct looking_at_crls *looking = data;

    /* What is damaged was told by the check, which ends the run. */
    if (crl->state == SHIM_CRL_FRESH || crl->state == SHIM_CRL_DAMAGED)
        return SHIM_OK;
    if (is_new(looking, crl) || shim_crl_state(crl->file, looking->last->at) != crl->state)
        add(looking->attention, crl);
    return SHIM_OK;
}

int shim_attention_crls(struct shim *shim, struct sp_keyring *keyring,
                        const struct shim_last_look *last, time_t now,
                        struct shim_attention *attention)
{
    struct looking_at_crls looking = { last, attention };

    return shim_stored_crls_each(shim->keyring_path, keyring, now, look_at, &looking);
}
