/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Command lines of the launcher, in a directory with the files that they name.
 */
#ifndef SP_TEST_LAUNCHES_H
#define SP_TEST_LAUNCHES_H

#include "launcher/launch.h"

/* Make a directory with certificates, keys and mails, and go there. */
void sp_make_launch_files(void);
/* Remove it, and whatever is in it. */
void sp_remove_launch_files(void);
void sp_make_launch_file(const char *name, const char *text);
/* The text of a file, to free(); NULL: there is none. */
char *sp_launch_file(const char *name);

/*
 * Read the command line of |name|, with |words| up to a NULL.  The words are moved
 * about; shim_launch_clear() in any case.
 *
 * @return whether the launcher takes it
 */
bool sp_launch_read(struct shim_launch *launch, const char *name, const char **words);

/* Make |text| standard input, as a file or through a pipe. */
void sp_launch_input(const char *text, bool is_pipe);

/* From now on the allocation with this number (from 1) fails, and no other. */
void sp_launch_starve(long number);
/* No allocation fails any more; returns whether one has failed. */
bool sp_launch_starve_end(void);
/* How many blocks of memory are left of those that were allocated since then. */
long sp_launch_kept(void);

#endif
