/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a function says on standard output or standard error.
 */
#ifndef SP_TEST_CAPTURE_H
#define SP_TEST_CAPTURE_H

/* From now on keep what is written to |fd|, STDOUT_FILENO or STDERR_FILENO, instead of showing it.
 */
void sp_capture_begin(int fd);
/* Show it again.  What was kept, to free(). */
char *sp_capture_end(int fd);

/* The same, and it holds |fragment|; NULL: nothing was said. */
void sp_expect_captured(int fd, const char *fragment);

#endif
