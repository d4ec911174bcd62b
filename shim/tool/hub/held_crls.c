/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/hub/pull.h"

#include <string.h>

#include <openssl/crypto.h>

#include "tool/keyring/keyring_at.h"

void shim_floor_set(struct sp_hub_floor *floor, const struct sp_crl_number *number,
                    int64_t this_update)
{
    floor->number_length = number->given ? (unsigned char)number->length : 0;
    memcpy(floor->number, number->bytes, floor->number_length);
    for (int i = 0; i < 8; i++)
        floor->this_update[i] = (unsigned char)((uint64_t)this_update >> (8 * (7 - i)));
}

/* False if it was never set. */
static bool read_floor(const struct sp_hub_floor *floor, struct sp_crl_before *before)
{
    uint64_t at = 0;

    *before = (struct sp_crl_before){ 0 };
    if (floor->number_length > sizeof(floor->number))
        return false;
    for (int i = 0; i < 8; i++)
        at = at << 8 | floor->this_update[i];
    before->this_update = (int64_t)at;
    before->number.given = floor->number_length > 0;
    before->number.length = floor->number_length;
    memcpy(before->number.bytes, floor->number, floor->number_length);
    return at != 0;
}

bool shim_floor_is_above(const struct sp_hub_floor *floor, const struct sp_crl_facts *facts)
{
    struct sp_crl_before before;

    return read_floor(floor, &before) && sp_crl_age(facts, &before) == SP_CRL_OLDER;
}

bool shim_held_is_newer(const struct shim_held_crl *held, const struct sp_hub_floor *floor)
{
    struct sp_crl_before before, here;
    struct sp_crl_facts facts = { 0 };

    if (!read_floor(floor, &before) || !read_floor(&held->floor, &here))
        return true;
    facts.number = here.number;
    facts.this_update = here.this_update;
    return sp_crl_age(&facts, &before) == SP_CRL_NEWER;
}

static bool take(const struct sp_crl_file *file, void *data)
{
    struct shim_held_crls *held = data;
    const struct sp_crl_about *about = &file->about;
    const struct sp_crl_number number = shim_crl_number_of(about);
    struct shim_held_crl *one;

    if (file->damage != NULL || (file->about.scope & (SP_CRL_ISSUER | SP_CRL_OCSP)) != 0)
        return true;
    one = OPENSSL_realloc(held->each, (held->count + 1) * sizeof(*one));
    if (one != NULL) {
        held->each = one;
        one += held->count++;
        *one = (struct shim_held_crl){ .path = OPENSSL_strdup(file->path) };
        memcpy(one->content, about->content, SP_SHA256_LENGTH);
        shim_floor_set(&one->floor, &number, about->this_update);
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
