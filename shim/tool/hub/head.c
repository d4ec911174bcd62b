/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the hub stands.
 */
#include <openssl/crypto.h>

#include "tool/hub/talk.h"

void shim_hub_head_clear(struct shim_hub_head *head)
{
    sp_hub_clear(&head->reach);
    *head = (struct shim_hub_head){ 0 };
}

int shim_hub_head(struct shim_hub *hub, struct shim_hub_head *head)
{
    /* Tables of form 1 have no column for CRLs: to_jsonb() then gives NULL, and the form is told.
     */
    static const char ask[] =
        "SELECT h.form, CASE WHEN pg_is_in_recovery() THEN NULL ELSE smime_policy.epoch() END,"
        " r.revision, r.certificates, substring(bit_send(r.digest) FROM 5), r.oldest,"
        " pg_has_role(session_user, 'smime_policy_keys', 'MEMBER'), (to_jsonb(r)->>'crls')::bigint,"
        " substring(bit_send((to_jsonb(r)->>'crl_digest')::bit(256)) FROM 5)"
        " FROM smime_policy.hub h LEFT JOIN smime_policy.realm r ON r.realm = $1";
    const char *const realm[] = { hub->realm, NULL };
    PGresult *rows = shim_hub_ask(hub, ask, realm);
    const char *epoch;
    int code = SHIM_SYSTEM;

    *head = (struct shim_hub_head){ 0 };
    if (rows == NULL)
        return SHIM_SYSTEM;
    epoch = hub->pq->ntuples(rows) == 1 ? shim_hub_text(hub, rows, 0, 1) : NULL;
    if (hub->pq->ntuples(rows) != 1 || shim_hub_number(hub, rows, 0, 0) != SHIM_HUB_FORM)
        shim_error(
            "hub %s: its tables are of another form than this smime-policy knows (%d); bring "
            "them up with 'smime-policy hub upgrade', or install a newer smime-policy",
            hub->name, SHIM_HUB_FORM);
    else if (epoch == NULL)
        shim_error(
            "hub %s: it is a standby, and only the primary is asked; name all servers of the "
            "hub, with target_session_attrs=read-write",
            hub->name);
    else if (shim_hub_number(hub, rows, 0, 2) < 0 ||
             !shim_hub_hash(hub, rows, 0, 4, head->reach.digest) ||
             shim_hub_number(hub, rows, 0, 7) < 0 ||
             !shim_hub_hash(hub, rows, 0, 8, head->crl_digest))
        shim_error(
            "hub %s: the realm %s is not there, or not open to this host; correct the setting "
            "`hub_realm`, or admit the host",
            hub->name, hub->realm);
    else
        code = SHIM_OK;
    if (code == SHIM_OK) {
        head->reach.realm = OPENSSL_strdup(hub->realm);
        head->reach.epoch = OPENSSL_strdup(epoch);
        head->reach.revision = shim_hub_number(hub, rows, 0, 2);
        head->reach.certificates = shim_hub_number(hub, rows, 0, 3);
        head->oldest = shim_hub_number(hub, rows, 0, 5);
        head->has_keys = shim_hub_number(hub, rows, 0, 6) == 1;
        head->crls = shim_hub_number(hub, rows, 0, 7);
        if (head->reach.realm == NULL || head->reach.epoch == NULL)
            code = shim_no_memory();
    }
    hub->pq->clear(rows);
    return code;
}
