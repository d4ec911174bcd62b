/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The state of the register: does it watch, and what has it missed?
 */
#ifndef SP_STATE_H
#define SP_STATE_H

#include <stdbool.h>

#include "base/sha256.h"

/*
 * Begin to watch, hashing with |sha|; returns the number of this start.  The caller
 * serializes it with sp_register_end().
 */
long sp_register_begin(const struct sp_sha256 *sha, bool with_digests);
/* Stop to watch.  False if other threads are still inside. */
bool sp_register_end(void);
/* Hash with |sha| from now on; it must live until the register stops. */
void sp_register_set_sha256(const struct sp_sha256 *sha);
const struct sp_sha256 *sp_register_sha256(void);
bool sp_register_has_digests(void);
/* Is what finds the issuers of certificates kept?  Set before the start. */
void sp_register_keep_lineage(bool keep);
bool sp_register_keeps_lineage(void);
/* Is what CRLs and issuers are found by read?  It is unless this says no, before the start. */
void sp_register_keep_kinship(bool keep);
bool sp_register_keeps_kinship(void);

/*
 * Every callback from libcrypto calls sp_register_enter() first, and
 * sp_register_leave() at its end.  Another thread may stop the register at any time:
 * then it returns false.  A stop between the two frees nothing.
 */
bool sp_register_enter(void);
/* As sp_register_enter(), for a callback that was registered at the start of that number. */
bool sp_register_enter_of(long start);
void sp_register_leave(void);

/*
 * Note that something could not be recorded because memory ran out.  From then on a
 * key without a known certificate proves nothing.
 */
void sp_register_failed(void);
bool sp_register_has_failed(void);

/* Was a certificate born since the start? */
bool sp_register_saw_birth(void);
void sp_register_note_birth(void);

#endif
