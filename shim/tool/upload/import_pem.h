/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading a file that `export` wrote, block by block.
 */
#ifndef SHIM_IMPORT_PEM_H
#define SHIM_IMPORT_PEM_H

#include <stdbool.h>
#include <stdio.h>

/* One PEM block, with the values in the text lines before it. */
struct shim_block {
    char *type; /* owned: "CERTIFICATE" */
    unsigned char *der;
    long length;
    char *role, *uploaded, *key_uri; /* owned; NULL if the line is missing */
    size_t line;                     /* the number of its first line */
};

struct shim_blocks {
    const char *path; /* borrowed */
    FILE *from;       /* owned */
    char *text;       /* owned: the last line that was read */
    size_t size, line;
};

/* Open |path|; false with the reason on stderr.  Call shim_blocks_end() in any case. */
bool shim_blocks_begin(struct shim_blocks *blocks, const char *path);
/*
 * Read the next block.  1: |block| has it; 0: no more; -1: it is damaged or cannot
 * be read, with the reason on stderr.  Clear |block| in any case.
 */
int shim_blocks_next(struct shim_blocks *blocks, struct shim_block *block);
void shim_block_clear(struct shim_block *block);
void shim_blocks_end(struct shim_blocks *blocks);

#endif
