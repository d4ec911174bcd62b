/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A disk that fails: calls of the system for files and directories, from the code under test and
 * from the test.
 */
#ifndef SP_TEST_FAILING_CALLS_H
#define SP_TEST_FAILING_CALLS_H

#include <stdbool.h>

/* From now on the call with this number (from 1) fails, with |reason|, and no other. */
void sp_fail_call(long number, int reason);
/* No call fails any more; returns whether one has failed. */
bool sp_fail_end(void);
/* How often something was written to the disk since sp_fail_call(). */
int sp_syncs(void);

/* A file of which there is less than its status says: nothing is sent from it. */
void sp_send_nothing(bool nothing);
/* What fstatat() is asked about was a file then, whatever is opened later. */
void sp_take_for_files(bool take);

#endif
