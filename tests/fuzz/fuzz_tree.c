/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: taking a mail apart.
 */
#include <stdlib.h>
#include <string.h>

#include "tool/mail/mail.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* A part begins behind the header of its parent, and ends with its parent at the latest. */
static bool is_inside(const struct shim_mime *part, const struct shim_mime *parent)
{
    return part->start >= parent->body && part->body >= part->start && part->number >= 1 &&
           part->number <= parent->children && part->body + part->len <= parent->body + parent->len;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    const char *mail = (const char *)data;
    struct shim_tree tree;

    if (shim_tree_read(mail, size, &tree) && tree.fault == NULL) {
        if (tree.count == 0 || tree.count > SHIM_MOST_PARTS || tree.parts[0].start != mail ||
            tree.parts[0].body + tree.parts[0].len != mail + size)
            abort();
        for (size_t i = 1; i < tree.count; i++) {
            const struct shim_mime *part = &tree.parts[i];

            if (part->parent >= i || !is_inside(part, &tree.parts[part->parent]) ||
                strchr(part->type, '\n') != NULL || part->start < tree.parts[i - 1].body)
                abort();
        }
    }
    shim_tree_clear(&tree);
    return 0;
}
