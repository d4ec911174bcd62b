/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * CRLs on their way to the hub.
 */
#include <string.h>

#include <openssl/rand.h>

#include "tool/hub/publish.h"
#include "tool/keyring/keyring_at.h"

/* What the hub has of that name, as far as the copy knows; NULL: nothing. */
static const struct sp_hub_crl *on_hub(const struct sp_hub *local, const unsigned char *name)
{
    const struct sp_hub_crl *found = shim_crl_on_hub(local, name);

    return found == NULL || found->state == SP_HUB_CRL_GONE ? NULL : found;
}

static const unsigned char *name_of(const struct shim_hub_crl *crl)
{
    return crl->what->names[crl->what->facts.base.given];
}

static bool send_row(struct shim_hub_change *change, const char *what, const unsigned char *name,
                     const struct sp_hub_crl *base, const struct shim_hub_crl *crl,
                     const unsigned char *pieces)
{
    return shim_publish_row(
        &change->publish,
        &(struct shim_publish_row){ .what = what,
                                    .name = name,
                                    .base = base == NULL ? NULL : base->content,
                                    .role = crl == NULL ? -1 : crl->what->facts.base.given,
                                    .origin = -1,
                                    .uploaded = -1,
                                    .narrowed = -1,
                                    .content = crl == NULL ? NULL : crl->what->content,
                                    .pieces = pieces });
}

/* Is it on the hub, or will a later one of this upload replace it there? */
static bool is_needless(const struct shim_hub_change *change, const struct sp_hub *local, size_t i)
{
    const struct shim_hub_crl *crl = &change->crls->each[i];
    const struct sp_hub_crl *known = on_hub(local, name_of(crl));

    for (size_t j = i + 1; j < change->crls->count; j++)
        if (memcmp(name_of(crl), name_of(&change->crls->each[j]), SP_SHA256_LENGTH) == 0)
            return true;
    return known != NULL && memcmp(known->content, crl->what->content, SP_SHA256_LENGTH) == 0;
}

/* A complete CRL is newer than the delta that the hub has, which goes unless another comes. */
static bool send_end_of_delta(struct shim_hub_change *change, const struct sp_hub *local,
                              const struct shim_hub_crl *crl)
{
    const struct sp_hub_crl *delta = on_hub(local, crl->what->names[1]);

    for (size_t i = 0; i < change->crls->count; i++)
        if (memcmp(name_of(&change->crls->each[i]), crl->what->names[1], SP_SHA256_LENGTH) == 0)
            return true;
    return crl->what->facts.base.given || delta == NULL ||
           send_row(change, "crl-removal", delta->name, delta, NULL, NULL);
}

/* The number by which the pieces of CRL |i| are found: drawn once for all, and then |i|. */
static void number_pieces(unsigned char pieces[SHIM_PIECES], size_t i)
{
    for (int b = 0; b < 4; b++)
        pieces[SHIM_PIECES - 1 - b] = (unsigned char)(i >> (8 * b));
}

static int send_added(struct shim_hub_change *change, const struct sp_hub *local)
{
    unsigned char pieces[SHIM_PIECES];
    bool done = RAND_bytes(pieces, sizeof(pieces)) == 1 || shim_no_memory() == SHIM_OK;

    /* First all contents, as rows and contents do not mix. */
    for (size_t i = 0; done && i < change->crls->count; i++) {
        const struct shim_hub_crl *crl = &change->crls->each[i];

        number_pieces(pieces, i);
        done = is_needless(change, local, i) ||
               shim_publish_pieces(&change->publish, pieces, crl->der, crl->length);
    }
    for (size_t i = 0; done && i < change->crls->count; i++) {
        const struct shim_hub_crl *crl = &change->crls->each[i];

        number_pieces(pieces, i);
        done = is_needless(change, local, i) ||
               (send_row(change, "crl", name_of(crl), on_hub(local, name_of(crl)), crl, pieces) &&
                send_end_of_delta(change, local, crl));
    }
    return done ? SHIM_OK : SHIM_SYSTEM;
}

/* A delta is merged with the complete CRL, so both go. */
static int send_removed(struct shim_hub_change *change, const struct sp_hub *local)
{
    unsigned char name[SP_SHA256_LENGTH];

    for (size_t i = 0; i < 2 * change->file_count; i++) {
        const struct sp_crl_file *file = &change->files[i / 2];
        const struct sp_hub_crl *known;

        if (!shim_crl_name(file->key, file->name, file->about.scope, file->about.part, i % 2 == 1,
                           name))
            return shim_no_memory();
        known = on_hub(local, name);
        if (known != NULL && !send_row(change, "crl-removal", known->name, known, NULL, NULL))
            return SHIM_SYSTEM;
    }
    return SHIM_OK;
}

int shim_hub_send_crls(struct shim_hub_change *change)
{
    struct sp_hub local;
    int code =
        sp_keyring_hub(change->keyring, &local) ? SHIM_OK : shim_keyring_failed(change->keyring);

    if (code == SHIM_OK && change->crls != NULL)
        code = send_added(change, &local);
    if (code == SHIM_OK)
        code = send_removed(change, &local);
    sp_hub_clear(&local);
    return code;
}

/* What is the hub's is not removed from the copy alone: it would not come back. */
static int check_own(struct sp_keyring *keyring, const struct sp_crl_file *files, size_t count)
{
    struct sp_hub local;
    int code = sp_keyring_hub(keyring, &local) ? SHIM_OK : shim_keyring_failed(keyring);

    for (size_t i = 0; code == SHIM_OK && i < count; i++)
        if (shim_crl_is_of_hub(&local, &files[i]))
            code = shim_usage("--local: %s is the hub's; leave --local out to remove it there",
                              files[i].path);
    sp_hub_clear(&local);
    return code;
}

int shim_hub_remove_crls(struct shim *shim, struct sp_keyring *keyring,
                         const struct sp_crl_file *files, size_t count, bool local)
{
    struct shim_hub_change change = {
        .shim = shim, .keyring = keyring, .files = files, .file_count = count
    };

    if (shim_hub_is_set(shim, local))
        return shim_hub_write(&change);
    return shim->settings->hub != NULL ? check_own(keyring, files, count) : SHIM_OK;
}
