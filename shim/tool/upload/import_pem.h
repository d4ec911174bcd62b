/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file that `export` wrote, block by block.
 */
#ifndef SHIM_IMPORT_PEM_H
#define SHIM_IMPORT_PEM_H

#include <stdbool.h>
#include <stdio.h>

/* One PEM block, and what the lines of text before it say. */
struct shim_block {
    char *type; /* owned: "CERTIFICATE" */
    unsigned char *der;
    long length;
    char *role, *uploaded, *key_uri; /* owned; NULL where there is no such line */
    size_t line;                     /* where it begins */
};

struct shim_blocks {
    const char *path; /* borrowed */
    FILE *from;       /* owned */
    char *text;       /* owned: the line that was read last */
    size_t size, line;
};

/* false with the reason on stderr; shim_blocks_end() is needed all the same. */
bool shim_blocks_begin(struct shim_blocks *blocks, const char *path);
/*
 * 1: |block| is the next one; 0: there is no more; -1: it is damaged, or cannot
 * be read, said on stderr.  |block| is to be cleared.
 */
int shim_blocks_next(struct shim_blocks *blocks, struct shim_block *block);
void shim_block_clear(struct shim_block *block);
void shim_blocks_end(struct shim_blocks *blocks);

#endif
