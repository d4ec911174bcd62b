/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files that nobody but their owner may have written: those of a keyring.
 *
 * On failure |*why| is set to one line that names the file, the fault and the way out, to
 * free with OPENSSL_free(); to NULL if memory ran out.
 */
#ifndef SP_SAFE_FILES_H
#define SP_SAFE_FILES_H

#include <stdbool.h>
#include <sys/stat.h>

#define SP_BY_OTHERS (S_IWGRP | S_IWOTH)

/* "PATH: " and the text of errno in |*why|; returns false. */
bool sp_file_failed(char **why, const char *path);

/* Is |path| a directory that its owner alone may write?  |*owner| is set to that user. */
bool sp_directory_is_safe(const char *path, uid_t *owner, char **why);
/*
 * Is every directory on |path| safe?  Others who may write one could put another directory
 * there.  |name|: of a file in it; |partly|: the last directories may not exist yet.
 */
bool sp_path_is_safe(const char *path, const char *name, uid_t owner, bool partly, char **why);
/*
 * Is |file|, which may be missing, safe?  It must be a regular file of |owner|, who owns the
 * directory, or of the superuser, and have no bit of |forbidden|.
 */
bool sp_file_is_safe(const char *file, mode_t forbidden, uid_t owner, char **why);
/* The same of what |is| says of |file|; of a directory, if it shall be one. */
bool sp_stat_is_safe(const char *file, const struct stat *is, bool directory, mode_t forbidden,
                     uid_t owner, char **why);

#endif
