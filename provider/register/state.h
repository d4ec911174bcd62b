/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether the register watches, and what befell it.
 */
#ifndef SP_STATE_H
#define SP_STATE_H

#include <stdbool.h>

#include "base/sha256.h"

/*
 * From now on it watches, and hashes with |sha|; the number of this start.  Serialized
 * with sp_register_end() by the caller, as sp_register_start() is.
 */
long sp_register_begin(const struct sp_sha256 *sha, bool with_digests);
/* No longer.  False if other threads are still inside. */
bool sp_register_end(void);
/* Hash with |sha| from now on; it must live until the register stops. */
void sp_register_set_sha256(const struct sp_sha256 *sha);
const struct sp_sha256 *sp_register_sha256(void);
bool sp_register_has_digests(void);

/*
 * Around what libcrypto calls by itself, which it may do while another thread stops
 * the register: false then.  A stop that comes before sp_register_leave() keeps what
 * is there instead of freeing it.
 */
bool sp_register_enter(void);
/* The same for what was registered at the start of that number alone. */
bool sp_register_enter_of(long start);
void sp_register_leave(void);

/*
 * Something could not be recorded for lack of memory.  From then on a key of
 * no known certificate proves nothing.
 */
void sp_register_failed(void);
bool sp_register_has_failed(void);

/* Has any certificate been born since the start? */
bool sp_register_saw_birth(void);
void sp_register_note_birth(void);

#endif
