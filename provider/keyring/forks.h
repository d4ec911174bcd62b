/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keyrings in a process that may have threads and may fork.
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
#include "keyring/keyring.h"

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

/*
 * Enter, and open the keyring in |path| for a question.  A process keeps one keyring
 * open between its questions, as long as the one in |path| is still the same and may
 * be read: then the answer is that of a keyring opened now, and costs no open.
 *
 * Who needs it for longer leaves, and enters again to give it back.
 *
 * @return NULL with |*why| set as by sp_keyring_open(); call sp_keyring_give_back()
 *         in any case
 */
struct sp_keyring *sp_keyring_borrow(const char *path, struct sp_quiet *quiet, char **why);
/* Keep |keyring| open for the next question, or close it; and leave. */
void sp_keyring_give_back(struct sp_keyring *keyring, const struct sp_quiet *quiet);
/* Close the keyring that is kept.  fork() does so too, as none may be used across it. */
void sp_keyring_keep_none(void);

/*
 * Say that this process was started by the command to sign or encrypt once: nobody has preloaded
 * anything into it, and it ends soon.
 */
void sp_keyring_in_command(void);
bool sp_keyring_is_in_command(void);

#endif
