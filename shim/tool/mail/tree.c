/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/tree.h"
#include "tool/mail/boundary.h"
#include "tool/mail/fields.h"
#include "tool/mail/part_fields.h"

/* RFC 2046, 5.1.1 allows 70 characters; some programs write more. */
#define MAX_BOUNDARY 200

/*
 * A multipart that is not finished: we are inside of it, or its end was read but not
 * that of the part it is in.
 */
struct level {
    size_t part; /* its index */
    size_t last; /* the index of its current part; its own index: none yet */
    bool closed;
};

struct walk {
    struct shim_tree *tree;
    const char *end; /* of the mail */
    struct level levels[SHIM_MOST_LEVELS];
    size_t depth;
};

static void fail(struct walk *walk, const char *fault)
{
    if (walk->tree->fault == NULL)
        walk->tree->fault = fault;
}

enum line { LINE_OTHER, LINE_BOUNDARY, LINE_CLOSING, LINE_UNCLEAR };

/* Does the line end at |at|?  White space may precede the line end; |*next| is then behind it. */
static bool ends_line(const char *at, const char *end, const char **next)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at < end && *at == '\r')
        at++;
    *next = at < end ? at + 1 : at;
    return at == end || *at == '\n';
}

/* What kind of boundary is at |at|?  |at| is at two hyphens that begin a line. */
static enum line classify(const char *at, const char *end, const char *boundary, const char **next)
{
    size_t len = strlen(boundary);

    at += 2;
    if ((size_t)(end - at) < len || memcmp(at, boundary, len) != 0)
        return LINE_OTHER;
    at += len;
    if (ends_line(at, end, next))
        return at<end && * next> at && (*next)[-1] == '\n' ? LINE_BOUNDARY : LINE_UNCLEAR;
    if (end - at >= 2 && memcmp(at, "--", 2) == 0 && ends_line(at + 2, end, next))
        return LINE_CLOSING;
    /* It only begins like a boundary, which is enough for some readers. */
    return LINE_UNCLEAR;
}

/* Is a boundary of some level at |at|?  If it may be one of two levels it is unclear. */
static enum line find_level(const struct walk *walk, const char *at, size_t *level,
                            const char **next)
{
    enum line found = LINE_OTHER;

    for (size_t i = 0; i < walk->depth; i++) {
        const struct shim_part *part = &walk->tree->parts[walk->levels[i].part];
        const char *behind;
        enum line line = classify(at, walk->end, part->boundary, &behind);

        if (line == LINE_OTHER)
            continue;
        /* Some readers end a line at a carriage return. */
        if (found != LINE_OTHER || line == LINE_UNCLEAR || (at > part->body && at[-1] == '\r'))
            return LINE_UNCLEAR;
        found = line;
        *level = i;
        *next = behind;
    }
    return found;
}

static const char *find_hyphens(const char *from, const char *end)
{
    return from >= end ? NULL : memmem(from, (size_t)(end - from), "--", 2);
}

/* Find the next boundary from |from| on; LINE_OTHER: none is left. */
static enum line next_boundary(const struct walk *walk, const char *from, const char **at,
                               size_t *level, const char **next)
{
    const char *start = walk->tree->parts[0].start;

    for (*at = find_hyphens(from, walk->end); *at != NULL; *at = find_hyphens(*at + 1, walk->end)) {
        enum line line;

        if (*at > start && (*at)[-1] != '\n' && (*at)[-1] != '\r')
            continue;
        line = find_level(walk, *at, level, next);
        if (line != LINE_OTHER)
            return line;
    }
    return LINE_OTHER;
}

/* End the part at |at|.  The line end before a boundary belongs to the boundary. */
static void end_part(struct shim_part *part, const char *at)
{
    if (at > part->body && at[-1] == '\n')
        at--;
    if (at > part->body && at[-1] == '\r')
        at--;
    part->len = (size_t)(at - part->body);
}

/* The length of a part's header with its empty line; 0 if it does not end. */
static size_t header_length(const char *header, const char *end)
{
    const char *at = header;

    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));

        if (feed == NULL)
            return 0;
        if (feed == at || (feed == at + 1 && *at == '\r'))
            return (size_t)(feed + 1 - header);
        at = feed + 1;
    }
    return 0;
}

static void open_level(struct walk *walk, size_t index)
{
    const struct shim_part *part = &walk->tree->parts[index];
    size_t len = part->boundary == NULL ? 0 : strlen(part->boundary);

    if (len == 0 || len > MAX_BOUNDARY || part->boundary[len - 1] == ' ')
        fail(walk, "has a multipart whose boundary readers might take differently");
    else if (part->encoding != SHIM_PLAIN)
        fail(walk, "has a multipart with a transfer encoding, which none may have");
    else if (walk->depth == SHIM_MOST_LEVELS)
        fail(walk, "has multiparts that are more than 10 deep");
    else
        walk->levels[walk->depth++] = (struct level){ .part = index, .last = index };
}

static struct shim_part *add_part(struct walk *walk, const char *start)
{
    struct shim_tree *tree = walk->tree;
    struct shim_part *longer =
        OPENSSL_realloc(tree->parts, (tree->count + 1) * sizeof(*tree->parts));

    if (longer == NULL)
        return NULL;
    tree->parts = longer;
    longer[tree->count] = (struct shim_part){ .start = start, .body = start };
    return &longer[tree->count++];
}

/*
 * Read the header of |part|.  Signed content may be anything, and is taken as it is
 * from |start| on.
 */
static bool read_header(struct shim_tree *tree, struct shim_part *part, size_t len, bool is_content)
{
    const char *none = NULL;

    part->body = part->start + len;
    if (!shim_part_fields_read(part, len, is_content ? &none : &tree->fault))
        return false;
    if (none != NULL)
        part->body = part->start;
    return true;
}

/* Begin the part at |start|, a child of the innermost level; false if out of memory. */
static bool begin_part(struct walk *walk, const char *start)
{
    struct level *level = walk->depth == 0 ? NULL : &walk->levels[walk->depth - 1];
    const struct shim_part *around = level == NULL ? NULL : &walk->tree->parts[level->part];
    bool in_signed = around != NULL && strcmp(around->type, "multipart/signed") == 0;
    bool is_content = in_signed && around->children == 0;
    size_t index = walk->tree->count;
    size_t len = header_length(start, walk->end);
    struct shim_part *part;

    if (index == SHIM_MOST_PARTS)
        fail(walk, "has more than 1000 parts");
    if (len == 0 && !is_content)
        fail(walk, "has a part whose header has no end");
    part = walk->tree->fault != NULL ? NULL : add_part(walk, start);
    if (part == NULL)
        return walk->tree->fault != NULL;
    if (level != NULL) {
        part->parent = level->part;
        part->number = (unsigned)++walk->tree->parts[level->part].children;
        level->last = index;
    }
    if (!read_header(walk->tree, part, len, is_content))
        return false;
    if (walk->tree->fault == NULL && strncmp(part->type, "multipart/", 10) == 0 && !in_signed)
        open_level(walk, index);
    return true;
}

/* Handle the boundary of |level| that was found at |at|. */
static bool take_boundary(struct walk *walk, enum line line, size_t index, const char *at,
                          const char *next)
{
    struct level *level = &walk->levels[index];

    for (size_t i = index + 1; i < walk->depth; i++)
        if (!walk->levels[i].closed)
            fail(walk, "has a multipart that is not closed before the one around it goes on");
    if (level->closed)
        fail(walk, "has a multipart that goes on after its end");
    if (line == LINE_CLOSING && level->last == level->part)
        fail(walk, "has a multipart without parts");
    if (walk->tree->fault != NULL)
        return true;
    walk->depth = index + 1;
    if (level->last != level->part)
        end_part(&walk->tree->parts[level->last], at);
    level->closed = line == LINE_CLOSING;
    return level->closed || begin_part(walk, next);
}

/* Is the boundary inside of the header of a part, or directly behind another boundary? */
static bool is_misplaced(const struct walk *walk, const char *at)
{
    const struct shim_part *last = &walk->tree->parts[walk->tree->count - 1];

    return at < last->body || at == last->start;
}

bool shim_tree_read(const char *mail, size_t len, struct shim_tree *tree)
{
    struct walk walk = { .tree = tree, .end = mail + len };
    const char *next = mail;
    const char *at;
    enum line line;
    size_t level;

    memset(tree, 0, sizeof(*tree));
    if (!begin_part(&walk, mail))
        return false;
    while (tree->fault == NULL &&
           (line = next_boundary(&walk, next, &at, &level, &next)) != LINE_OTHER) {
        if (line == LINE_UNCLEAR || is_misplaced(&walk, at))
            fail(&walk, "has a boundary that readers might take differently");
        else if (!take_boundary(&walk, line, level, at, next))
            return false;
    }
    for (size_t i = 0; i < walk.depth; i++)
        if (!walk.levels[i].closed)
            fail(&walk, "has a multipart that is not closed: it was cut off");
    if (tree->fault == NULL)
        tree->parts[0].len = (size_t)(walk.end - tree->parts[0].body);
    return true;
}

void shim_tree_clear(struct shim_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        OPENSSL_free(tree->parts[i].type);
        OPENSSL_free(tree->parts[i].boundary);
    }
    OPENSSL_free(tree->parts);
    memset(tree, 0, sizeof(*tree));
}
