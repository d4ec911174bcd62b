/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a mail (RFC 2046).  They are read strictly: a mail in which two
 * readers could find different parts is refused.  Nothing recurses.
 */
#ifndef SHIM_TREE_H
#define SHIM_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* The limits of a mail that is taken apart. */
#define SHIM_MOST_PARTS  1000
#define SHIM_MOST_LEVELS 10

enum shim_encoding {
    SHIM_PLAIN, /* 7bit, 8bit, binary, or no encoding is named */
    SHIM_BASE64,
    SHIM_ENCODED /* another encoding */
};

struct shim_part {
    /* the index of its parent; the whole mail is the first part, and its own parent */
    size_t parent;
    size_t children;   /* how many parts it has; 0 unless it is a multipart that was taken apart */
    unsigned number;   /* its number in its parent, from 1 */
    const char *start; /* the beginning of its header */
    const char *body;
    /* the length of the body, without the line end that belongs to the next boundary */
    size_t len;
    char *type;     /* owned: in lower case; "text/plain" if none is named */
    char *boundary; /* owned: the boundary of a multipart that was taken apart */
    enum shim_encoding encoding;
    bool named_p7; /* it has a file name that ends as those of S/MIME do */
};

struct shim_tree {
    struct shim_part *parts; /* owned, with their contents; in the order of the mail */
    size_t count;
    const char *fault; /* why the mail is not taken apart, as in "it …"; NULL: it is */
};

/*
 * Take the |len| bytes of |mail| apart.  The parts of a multipart/signed and
 * attached mails are not taken apart.
 *
 * @param tree  refers to |mail|; to free with shim_tree_clear(), whatever is
 *              returned
 * @return false if out of memory
 */
bool shim_tree_read(const char *mail, size_t len, struct shim_tree *tree);
void shim_tree_clear(struct shim_tree *tree);

#endif
