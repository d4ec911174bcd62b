/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The state of the register: does it watch, and what has it missed?
 */
#include "register/state.h"

#include <stdatomic.h>

static _Atomic(const struct sp_sha256 *) current_sha;
static atomic_bool failed, saw_birth, digests, lineage, kinship = true;

/*
 * libcrypto may still call back after the stop: it copies its list of callbacks and
 * calls them without a lock.  So each start has a number, which comes with the
 * callback, and the stop knows whether a thread is still inside.
 */
static long starts;                /* written by sp_register_begin() only */
static atomic_long running;        /* the number of the start, 0 when stopped */
static atomic_uint callbacks_busy; /* threads between enter and leave */

bool sp_register_enter(void)
{
    atomic_fetch_add(&callbacks_busy, 1);
    if (atomic_load(&running) != 0)
        return true;
    sp_register_leave();
    return false;
}

void sp_register_leave(void)
{
    atomic_fetch_sub(&callbacks_busy, 1);
}

bool sp_register_enter_of(long start)
{
    if (!sp_register_enter())
        return false;
    if (atomic_load(&running) == start)
        return true;
    sp_register_leave();
    return false;
}

void sp_register_set_sha256(const struct sp_sha256 *sha)
{
    atomic_store(&current_sha, sha);
}

const struct sp_sha256 *sp_register_sha256(void)
{
    return atomic_load(&current_sha);
}

bool sp_register_has_digests(void)
{
    return atomic_load(&digests);
}

void sp_register_keep_lineage(bool keep)
{
    atomic_store(&lineage, keep);
}

bool sp_register_keeps_lineage(void)
{
    return atomic_load(&lineage);
}

void sp_register_keep_kinship(bool keep)
{
    atomic_store(&kinship, keep);
}

bool sp_register_keeps_kinship(void)
{
    return atomic_load(&kinship);
}

void sp_register_failed(void)
{
    atomic_store(&failed, true);
}

bool sp_register_has_failed(void)
{
    return atomic_load(&failed);
}

bool sp_register_saw_birth(void)
{
    return atomic_load(&saw_birth);
}

void sp_register_note_birth(void)
{
    atomic_store_explicit(&saw_birth, true, memory_order_relaxed);
}

long sp_register_begin(const struct sp_sha256 *sha, bool with_digests)
{
    atomic_store(&digests, with_digests);
    sp_register_set_sha256(sha);
    atomic_store(&failed, false);
    atomic_store(&saw_birth, false);
    atomic_store(&running, ++starts);
    return starts;
}

bool sp_register_end(void)
{
    atomic_store(&running, 0);
    return atomic_load(&callbacks_busy) == 0;
}
