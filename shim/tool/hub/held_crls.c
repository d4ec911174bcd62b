/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/hub/held_crls.h"

#include <string.h>

#include <openssl/crypto.h>

#include "tool/keyring/keyring_at.h"

void shim_floor_set(struct sp_hub_crl *crl, const struct sp_crl_facts *facts)
{
    const struct sp_crl_number *number = &facts->number;

    crl->number_length = number->given ? (unsigned char)number->length : 0;
    memcpy(crl->number, number->bytes, crl->number_length);
    for (int i = 0; i < 8; i++)
        crl->this_update[i] = (unsigned char)((uint64_t)facts->this_update >> (8 * (7 - i)));
}

void shim_floor_copy(struct sp_hub_crl *to, const struct sp_hub_crl *from)
{
    to->number_length = from->number_length;
    memcpy(to->number, from->number, sizeof(to->number));
    memcpy(to->this_update, from->this_update, sizeof(to->this_update));
}

/* False if it was never set. */
static bool floor_of(const struct sp_hub_crl *crl, struct sp_crl_before *floor)
{
    uint64_t at = 0;

    *floor = (struct sp_crl_before){ 0 };
    if (crl->number_length > sizeof(crl->number))
        return false;
    for (int i = 0; i < 8; i++)
        at = at << 8 | crl->this_update[i];
    floor->this_update = (int64_t)at;
    floor->number.given = crl->number_length > 0;
    floor->number.length = crl->number_length;
    memcpy(floor->number.bytes, crl->number, crl->number_length);
    return at != 0;
}

bool shim_floor_is_above(const struct sp_hub_crl *crl, const struct sp_crl_facts *facts)
{
    struct sp_crl_before floor;

    return floor_of(crl, &floor) && sp_crl_age(facts, &floor) == SP_CRL_OLDER;
}

bool shim_held_is_newer(const struct shim_held_crl *held, const struct sp_hub_crl *crl)
{
    struct sp_crl_before floor, here;
    struct sp_crl_facts facts = { 0 };

    if (!floor_of(crl, &floor) || !floor_of(&held->floor, &here))
        return true;
    facts.number = here.number;
    facts.this_update = here.this_update;
    return sp_crl_age(&facts, &floor) == SP_CRL_NEWER;
}

static bool take(const struct sp_crl_file *file, void *data)
{
    struct shim_held_crls *held = data;
    const struct sp_crl_about *about = &file->about;
    struct sp_crl_facts facts = { .this_update = about->this_update };
    struct shim_held_crl *one;

    if (file->damage != NULL || (file->about.scope & (SP_CRL_ISSUER | SP_CRL_OCSP)) != 0)
        return true;
    one = OPENSSL_realloc(held->each, (held->count + 1) * sizeof(*one));
    if (one != NULL) {
        held->each = one;
        one += held->count++;
        *one = (struct shim_held_crl){ .path = OPENSSL_strdup(file->path) };
        memcpy(one->content, about->content, SP_SHA256_LENGTH);
        facts.number.given =
            about->number != NULL && about->number_length <= sizeof(facts.number.bytes);
        if (facts.number.given) {
            facts.number.length = about->number_length;
            memcpy(facts.number.bytes, about->number, about->number_length);
        }
        shim_floor_set(&one->floor, &facts);
    }
    held->failed =
        one == NULL || one->path == NULL ||
        !shim_crl_name(file->key, file->name, about->scope, about->part, false, one->names[0]) ||
        !shim_crl_name(file->key, file->name, about->scope, about->part, true, one->names[1]);
    return !held->failed;
}

int shim_held_read(struct shim_held_crls *held, const char *keyring)
{
    char *why = NULL;

    shim_held_clear(held);
    if (!sp_crl_files_each(keyring, take, held, &why))
        return shim_keyring_fault(why);
    return held->failed ? shim_no_memory() : SHIM_OK;
}

void shim_held_clear(struct shim_held_crls *held)
{
    for (size_t i = 0; i < held->count; i++)
        OPENSSL_free(held->each[i].path);
    OPENSSL_free(held->each);
    *held = (struct shim_held_crls){ 0 };
}

const struct shim_held_crl *shim_held_find(const struct shim_held_crls *held,
                                           const unsigned char name[SP_SHA256_LENGTH])
{
    for (size_t i = 0; i < held->count; i++)
        if (memcmp(held->each[i].names[0], name, SP_SHA256_LENGTH) == 0 ||
            memcmp(held->each[i].names[1], name, SP_SHA256_LENGTH) == 0)
            return &held->each[i];
    return NULL;
}
