/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writing in somebody else's process without the signals that may come of it.
 */
#ifndef SP_QUIET_WRITE_H
#define SP_QUIET_WRITE_H

#include <signal.h>
#include <sys/types.h>

/*
 * SIGPIPE and SIGXFSZ go to the thread that writes, and end the program unless
 * it has other plans.  Between these two they are an error of write() only.
 * The program's own handlers and its other threads are left alone.
 */
struct sp_quiet {
    sigset_t before;
    sigset_t pending; /* what the program held back itself stays pending */
};

void sp_quiet_begin(struct sp_quiet *quiet);
void sp_quiet_end(const struct sp_quiet *quiet); /* keeps errno */

/* write() between the two. */
ssize_t sp_quiet_write(int fd, const void *bytes, size_t length);

#endif
