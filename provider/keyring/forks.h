/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keyrings and fork().
 *
 * SQLite has mutexes of its own.  If a process forks while another thread is inside
 * of SQLite, nobody unlocks them in the child, which then hangs with the first
 * keyring that it opens.  So where a process may have threads, its calls of a
 * keyring are enclosed by sp_keyring_enter() and sp_keyring_leave(), and fork()
 * waits for them to return.
 *
 * Between the two no call waits for a person or another thread, and none forks.
 * They do not nest.
 */
#ifndef SP_FORKS_H
#define SP_FORKS_H

#include "base/quiet_write.h"

/*
 * Register the fork handlers.  To be called before other threads can use a keyring,
 * as a fork that has begun does not wait; and after sp_register_start(), where the
 * register is used.
 */
void sp_keyring_expect_forks(void);

/*
 * A reader may have to undo what an interrupted writer left.  If that exceeds a
 * limit of the process it is an error, and does not end the process (see
 * base/quiet_write.h).
 */
void sp_keyring_enter(struct sp_quiet *quiet);
void sp_keyring_leave(const struct sp_quiet *quiet);

#endif
