/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * CRLs of a hub: by what name it has them, and what the copy knows of them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "tool/crls/crls.h"

static void put_number(unsigned char *to, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(number >> (8 * (7 - i)));
}

bool shim_crl_name(const unsigned char key[SP_SHA256_LENGTH], uint64_t issuer, unsigned scope,
                   uint64_t part, bool delta, unsigned char name[SP_SHA256_LENGTH])
{
    unsigned char numbers[32];
    const struct sp_piece pieces[] = { { key, SP_SHA256_LENGTH },
                                       { numbers, sizeof(numbers) },
                                       { NULL, 0 } };

    put_number(numbers, issuer);
    put_number(numbers + 8, scope);
    put_number(numbers + 16, part);
    put_number(numbers + 24, delta);
    return sp_sha256(NULL, pieces, name);
}

static int compare(const void *a, const void *b)
{
    const struct sp_hub_crl *one = a, *other = b;

    return memcmp(one->name, other->name, SP_SHA256_LENGTH);
}

const struct sp_hub_crl *shim_crl_on_hub(const struct sp_hub *hub,
                                         const unsigned char name[SP_SHA256_LENGTH])
{
    struct sp_hub_crl sought = { 0 };

    if (hub->crl_count == 0)
        return NULL;
    memcpy(sought.name, name, SP_SHA256_LENGTH);
    return bsearch(&sought, hub->crls, hub->crl_count, sizeof(*hub->crls), compare);
}

bool shim_crl_is_of_hub(const struct sp_hub *hub, const struct sp_crl_file *file)
{
    const struct sp_hub_crl *found;
    unsigned char name[SP_SHA256_LENGTH];

    for (int delta = 0; hub->crl_count > 0 && file->damage == NULL && delta <= 1; delta++) {
        if (!shim_crl_name(file->key, file->name, file->about.scope, file->about.part, delta == 1,
                           name)) {
            (void)shim_no_memory();
            return false;
        }
        found = shim_crl_on_hub(hub, name);
        if (found != NULL && found->state != SP_HUB_CRL_GONE &&
            memcmp(found->content, file->about.content, SP_SHA256_LENGTH) == 0)
            return true;
    }
    return false;
}
