/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writing in a program's process without being ended by SIGPIPE or SIGXFSZ.
 */
#ifndef SP_QUIET_WRITE_H
#define SP_QUIET_WRITE_H

#include <signal.h>
#include <sys/types.h>

/*
 * Between sp_quiet_begin() and sp_quiet_end() SIGPIPE and SIGXFSZ do not reach this
 * thread: write() fails with an error instead.  The program's handlers and other
 * threads are not changed.
 */
struct sp_quiet {
    sigset_t before;
    sigset_t pending; /* signals that the program has blocked and that stay pending */
};

void sp_quiet_begin(struct sp_quiet *quiet);
void sp_quiet_end(const struct sp_quiet *quiet); /* does not change errno */

/* write() between the two calls. */
ssize_t sp_quiet_write(int fd, const void *bytes, size_t length);

#endif
