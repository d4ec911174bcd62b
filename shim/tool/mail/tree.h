/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a mail (RFC 2046), read so strictly that no two readers could
 * find different ones.  Nothing recurses.
 */
#ifndef SHIM_TREE_H
#define SHIM_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* A mail with more of it is not taken apart. */
#define SHIM_MOST_PARTS  1000
#define SHIM_MOST_LEVELS 10

enum shim_encoding {
    SHIM_PLAIN, /* 7bit, 8bit, binary, or none is named */
    SHIM_BASE64,
    SHIM_ENCODED /* in another way */
};

struct shim_part {
    size_t parent;     /* its index; of the whole mail, which is the first, its own */
    size_t children;   /* how many there are; 0 unless a multipart was taken apart */
    unsigned number;   /* among those of its parent, from one */
    const char *start; /* where its header begins */
    const char *body;
    size_t len;     /* of the body, without the line end that belongs to the boundary after it */
    char *type;     /* owned: in small letters; "text/plain" where none is named */
    char *boundary; /* owned: of a multipart that was taken apart */
    enum shim_encoding encoding;
    bool named_p7; /* a file name of it ends as those of S/MIME do */
};

struct shim_tree {
    struct shim_part *parts; /* owned, as what they hold; in the order of the mail */
    size_t count;
    const char *fault; /* why the mail is not taken apart: "it …"; NULL: it is */
};

/*
 * Take the |len| bytes of |mail| apart.  Within a multipart/signed its parts
 * are not, nor are mails that are attached.
 *
 * @param tree  refers to |mail|; to free with shim_tree_clear(), whatever is returned
 * @return false if out of memory
 */
bool shim_tree_read(const char *mail, size_t len, struct shim_tree *tree);
void shim_tree_clear(struct shim_tree *tree);

#endif
