/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "register/compared.h"

#include <string.h>

void sp_compared_clear(struct sp_compared *compared)
{
    sp_certs_clear(&compared->fresh);
    sp_certs_clear(&compared->allowed);
    sp_certs_clear(&compared->refused);
    sp_compared_note(compared, NULL);
}

static bool add(struct sp_certs *certs, struct sp_cert *cert)
{
    struct sp_cert **more;

    for (size_t i = 0; i < certs->count; i++)
        if (certs->certs[i] == cert)
            return true;
    more = OPENSSL_realloc(certs->certs, (certs->count + 1) * sizeof(*more));
    if (more == NULL)
        return false;
    certs->certs = more;
    certs->certs[certs->count++] = sp_cert_ref(cert);
    return true;
}

static bool add_all(struct sp_certs *certs, const struct sp_certs *from)
{
    bool done = true;

    for (size_t i = 0; done && i < from->count; i++)
        done = add(certs, from->certs[i]);
    return done;
}

bool sp_compared_add(struct sp_compared *compared, struct sp_cert *cert)
{
    return add(&compared->fresh, cert);
}

bool sp_compared_find(const struct sp_compared *compared, const struct sp_piece *what,
                      struct sp_certs *found)
{
    bool again = what != NULL && compared->last != NULL && compared->last_length == what->length &&
                 memcmp(compared->last, what->data, what->length) == 0;

    if (compared->fresh.count > 0)
        return add_all(found, &compared->fresh);
    return add_all(found, &compared->allowed) && (again || add_all(found, &compared->refused));
}

bool sp_compared_depends(const struct sp_compared *compared)
{
    return compared->fresh.count == 0 && compared->allowed.count > 0 && compared->refused.count > 0;
}

void sp_compared_note(struct sp_compared *compared, const struct sp_piece *what)
{
    OPENSSL_clear_free(compared->last, compared->last_length);
    compared->last = NULL;
    if (what == NULL || what->length > SP_LONGEST_REMEMBERED)
        return;
    compared->last = OPENSSL_memdup(what->data, what->length);
    compared->last_length = what->length;
}

/*
 * Remove from |certs| those in |judged|.  |judged| has references, too, so none of
 * them is freed here.
 */
static void remove_all(struct sp_certs *certs, const struct sp_certs *judged)
{
    for (size_t i = 0; i < judged->count; i++)
        for (size_t at = 0; at < certs->count; at++)
            if (certs->certs[at] == judged->certs[i]) {
                sp_cert_unref(certs->certs[at]);
                certs->certs[at--] = certs->certs[--certs->count];
            }
}

void sp_compared_conclude(struct sp_compared *compared, struct sp_certs *judged, bool allowed,
                          const struct sp_piece *what)
{
    struct sp_certs *list = allowed ? &compared->allowed : &compared->refused;
    struct sp_certs before = *list;

    remove_all(&compared->fresh, judged);
    *list = *judged;
    *judged = before;
    if (allowed)
        sp_compared_note(compared, what);
}
