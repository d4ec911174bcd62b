/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Functions that the files of an upload share.
 */
#include "tool/certs/certs.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

void shim_uploading_at(struct shim_uploading *run, const char *path, unsigned number)
{
    run->outcome.file = path;
    run->outcome.part = number;
}

bool shim_uploading_judged(struct shim_uploading *run, smimepolicy_verdict *verdict)
{
    bool allowed = verdict != NULL && smimepolicy_verdict_allowed(verdict);

    shim_outcome_add(&run->outcome, verdict);
    if (!allowed)
        run->refused++;
    return allowed || run->settings->mode == SP_MODE_OBSERVE;
}

bool shim_uploading_failed(struct shim_uploading *run)
{
    if (run->outcome.fault == SHIM_OK)
        run->outcome.fault = shim_keyring_failed(run->keyring);
    return false;
}

void shim_uploading_unreadable(struct shim_uploading *run, const struct shim_part *part,
                               const char *why)
{
    struct shim_part broken = { .path = part->path, .number = part->number, .why = why };

    run->unreadable++;
    /* What follows belongs to this part, and to none before it. */
    run->has_last = false;
    shim_part_tell(&broken, part->path, run->unread);
}
