/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/mail.h"
#include "base/text.h"

/* RFC 2046, 5.1.1 allows 70 characters; some programs write more. */
#define MAX_BOUNDARY 200

#define ODD_BOUNDARY "has a boundary that readers might take differently"

static void fail(struct shim_tree *tree, const char *fault)
{
    if (tree->fault == NULL)
        tree->fault = fault;
}

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

enum shim_line shim_boundary_line(const char *line, const char *end, const char *boundary,
                                  const char **next)
{
    size_t len = strlen(boundary);

    if ((size_t)(end - line) < len + 2 || memcmp(line, "--", 2) != 0 ||
        memcmp(line + 2, boundary, len) != 0)
        return LINE_CONTENT;
    line += len + 2;
    if (ends_line(line, end, next))
        return line < end && (*next)[-1] == '\n' ? LINE_BOUNDARY : LINE_UNCLEAR;
    if (end - line >= 2 && memcmp(line, "--", 2) == 0 && ends_line(line + 2, end, next))
        return LINE_CLOSING;
    /* It only begins like a boundary, which is enough for some readers. */
    return LINE_UNCLEAR;
}

/*
 * Find the next boundary of |part| from |*at| on; LINE_CONTENT: none is left.  One in the header is
 * unclear.  So is one behind a carriage return, where some readers end a line.
 */
static enum shim_line next_boundary(const struct shim_mime *part, const char **at,
                                    const char **next)
{
    const char *end = part->end;

    for (; (*at = memmem(*at, (size_t)(end - *at), "--", 2)) != NULL; (*at)++) {
        const char *before = *at > part->start ? *at - 1 : "\n";
        enum shim_line line = *before != '\n' && *before != '\r'
                                  ? LINE_CONTENT
                                  : shim_boundary_line(*at, end, part->boundary, next);

        if (line != LINE_CONTENT)
            return *before == '\r' || *at < part->body ? LINE_UNCLEAR : line;
    }
    return LINE_CONTENT;
}

/* Is it a part of a multipart/signed?  That is not taken apart. */
static bool is_in_signed(const struct shim_tree *tree, const struct shim_mime *part)
{
    return part->number > 0 && strcmp(tree->parts[part->parent].type, "multipart/signed") == 0;
}

/* Make room for a part at |index|; NULL if out of memory. */
static struct shim_mime *insert(struct shim_tree *tree, size_t index)
{
    struct shim_mime *parts =
        OPENSSL_realloc(tree->parts, (tree->count + 1) * sizeof(*tree->parts));

    if (parts == NULL)
        return NULL;
    tree->parts = parts;
    memmove(parts + index + 1, parts + index, (tree->count++ - index) * sizeof(*parts));
    parts[index] = (struct shim_mime){ 0 };
    return parts + index;
}

/*
 * Read the header of |part|, which has |len| bytes.  The first part of a
 * multipart/signed may be anything: without a header that can be read it is content
 * from its start on.
 */
static bool read_header(struct shim_tree *tree, struct shim_mime *part, size_t len, bool is_content)
{
    const char *none = NULL;

    part->body = part->start + len;
    if (!shim_content_read(part, len, is_content ? &none : &tree->fault))
        return false;
    if (none != NULL)
        part->body = part->start;
    return true;
}

/* The line end before a boundary belongs to the boundary. */
static void end_body(struct shim_mime *part)
{
    const char *end = part->end;

    if (end > part->body && part->number > 0 && end[-1] == '\n')
        end--;
    if (end > part->body && part->number > 0 && end[-1] == '\r')
        end--;
    part->len = (size_t)(end - part->body);
}

/* Add the next part of the one with the index |parent|: the text from |start| to |end|. */
static bool add_part(struct shim_tree *tree, size_t parent, const char *start, const char *end)
{
    size_t len = shim_header_length(start, (size_t)(end - start));
    bool is_whole = tree->count == 0;
    struct shim_mime *part = NULL;
    bool is_content;

    if (tree->count == SHIM_MOST_PARTS)
        fail(tree, "has more than 1000 parts");
    else
        part = insert(tree, is_whole ? 0 : parent + tree->parts[parent].children + 1);
    if (part == NULL)
        return tree->fault != NULL;
    part->start = start;
    part->end = end;
    part->parent = parent;
    if (!is_whole) {
        struct shim_mime *around = &tree->parts[parent];

        part->number = (unsigned)++around->children;
        part->depth = around->depth + 1;
        part->path = around->path == NULL ? sp_format("%u", part->number)
                                          : sp_format("%s.%u", around->path, part->number);
        if (part->path == NULL)
            return false;
    }
    is_content = is_in_signed(tree, part) && part->number == 1;
    if (start == end && is_content)
        fail(tree, ODD_BOUNDARY);
    else if (len == 0 && !is_content)
        fail(tree, is_whole ? "has a part whose header has no end"
                            : "has a part whose header cannot be read");
    if (!read_header(tree, part, len, is_content))
        return false;
    end_body(part);
    return true;
}

/*
 * Does the boundary of the multipart around |part| begin as its own does?  Then the
 * line that ends |part| may be one of either.
 */
static bool is_ambiguous(const struct shim_tree *tree, const struct shim_mime *part)
{
    const char *around = part->number == 0 ? "" : tree->parts[part->parent].boundary;

    return strncmp(around, part->boundary, strlen(part->boundary)) == 0;
}

static void check_multipart(struct shim_tree *tree, const struct shim_mime *part)
{
    size_t len = part->boundary == NULL ? 0 : strlen(part->boundary);

    if (len == 0 || len > MAX_BOUNDARY || part->boundary[len - 1] == ' ')
        fail(tree, "has a multipart whose boundary readers might take differently");
    else if (part->encoding != SHIM_PLAIN)
        fail(tree, "has a multipart with a transfer encoding, which none may have");
    else if (part->depth == SHIM_MOST_LEVELS)
        fail(tree, "has multiparts that are more than 10 deep");
    else if (is_ambiguous(tree, part))
        fail(tree, ODD_BOUNDARY);
}

/* Add the parts of the multipart with this index; false if out of memory. */
static bool take_apart(struct shim_tree *tree, size_t index)
{
    const char *at = tree->parts[index].start;
    const char *start = NULL; /* of the part that is not yet ended */
    bool closed = false;
    const char *next;
    enum shim_line line;

    while (tree->fault == NULL &&
           (line = next_boundary(&tree->parts[index], &at, &next)) != LINE_CONTENT) {
        if (line == LINE_UNCLEAR)
            fail(tree, ODD_BOUNDARY);
        else if (closed)
            fail(tree, "has a multipart that goes on after its end");
        else if (start != NULL && !add_part(tree, index, start, at))
            return false;
        else if (start == NULL && line == LINE_CLOSING)
            fail(tree, "has a multipart without parts");
        closed = line == LINE_CLOSING;
        start = at = next;
    }
    if (!closed)
        fail(tree, index == 0
                       ? "has a multipart that is not closed: it was cut off"
                       : "has a multipart that is not closed before the one around it goes on");
    return true;
}

bool shim_tree_read(const char *mail, size_t len, struct shim_tree *tree)
{
    memset(tree, 0, sizeof(*tree));
    if (!add_part(tree, 0, mail, mail + len))
        return false;
    /* The parts of a multipart are added behind it, and are taken apart in their turn. */
    for (size_t i = 0; tree->fault == NULL && i < tree->count; i++) {
        const struct shim_mime *part = &tree->parts[i];

        if (strncmp(part->type, "multipart/", 10) != 0 || is_in_signed(tree, part))
            continue;
        check_multipart(tree, part);
        if (tree->fault == NULL && !take_apart(tree, i))
            return false;
    }
    return true;
}

void shim_tree_clear(struct shim_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        OPENSSL_free(tree->parts[i].path);
        OPENSSL_free(tree->parts[i].type);
        OPENSSL_free(tree->parts[i].boundary);
    }
    OPENSSL_free(tree->parts);
    memset(tree, 0, sizeof(*tree));
}
