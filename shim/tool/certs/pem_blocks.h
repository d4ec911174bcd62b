/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * This header: the blocks of a PEM file; for the files encodings.c, pem_file.c and pem_key.c.
 */
#ifndef SHIM_PEM_BLOCKS_H
#define SHIM_PEM_BLOCKS_H

#include "tool/certs/certs.h"

#define SHIM_NEEDS_PASSPHRASE "its private key needs a passphrase"

/* Decrypt a key in the traditional form, perhaps with an old cipher; false: it was refused. */
bool shim_block_open(struct shim_file_parts *file, struct shim_block *block);
/* Give what |block| holds; |failed|: memory ran out while it was read. */
void shim_parts_block(struct shim_file_parts *file, struct shim_block *block, bool failed);
/* Forget the lines that stood before a block. */
void shim_forget_exported(struct shim_exported *exported);

#endif
