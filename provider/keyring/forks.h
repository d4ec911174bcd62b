/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keyrings and fork().
 *
 * SQLite has mutexes of its own, and nobody unlocks them in a child that was
 * forked while another thread was inside: the child hangs with the first
 * keyring that it opens.  So where a process may have threads, its calls of a
 * keyring stand between these two, and a fork waits for them to return.
 *
 * Between them nothing waits for a person or for another thread, and nothing
 * forks.  They do not nest.
 */
#ifndef SP_FORKS_H
#define SP_FORKS_H

#include "base/quiet_write.h"

/*
 * Before there are threads that could use a keyring: a fork that has already
 * begun waits for nobody.  Later than sp_register_start(), where there is one.
 */
void sp_keyring_expect_forks(void);

/*
 * A reader may have to undo what an interrupted writer left: beyond a limit of
 * the process that is an error, and not its end (see base/quiet.h).
 */
void sp_keyring_enter(struct sp_quiet *quiet);
void sp_keyring_leave(const struct sp_quiet *quiet);

#endif
