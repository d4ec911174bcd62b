/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lines are cut as libcrypto's reader cuts them, with its oddities, so that the
 * digest is over the same bytes: pieces of at most 1023 bytes, each without line
 * ends and carriage returns at its end.
 */
#include <string.h>

#include "tool/mail/mail.h"

#define PIECE         1023
#define MAX_SIGNATURE (16 << 20)

struct splitting {
    const char *boundary;
    FILE *content;
    BIO *signature;
    int part; /* 0 before the first boundary, then 1 and 2 */
    size_t signature_len;
    bool begun;      /* the part has at least one line */
    bool line_ended; /* the piece before this one ended a line of the part */
};

/* libcrypto takes pieces for a boundary that only begin like one. */
static enum shim_line classify(const struct splitting *splitting, const char *piece, size_t len,
                               bool starts_line)
{
    const char *next;
    enum shim_line line = shim_boundary_line(piece, piece + len, splitting->boundary, &next);

    return line != LINE_CONTENT && (!starts_line || piece[len - 1] != '\n') ? LINE_UNCLEAR : line;
}

static bool put(struct splitting *splitting, const char *bytes, size_t len)
{
    if (len == 0)
        return true;
    if (splitting->part == 1)
        return fwrite(bytes, 1, len, splitting->content) == len;
    splitting->signature_len += len;
    return splitting->signature_len <= MAX_SIGNATURE &&
           BIO_write(splitting->signature, bytes, (int)len) == (int)len;
}

/*
 * Add a piece.  A line end is written with the piece behind it, as the one before a
 * boundary belongs to the boundary.
 */
static bool add_piece(struct splitting *splitting, const char *piece, size_t len)
{
    bool ends_line = piece[len - 1] == '\n';

    while (len > 0 && (piece[len - 1] == '\r' || piece[len - 1] == '\n'))
        len--;
    if (splitting->begun && splitting->line_ended && !put(splitting, "\r\n", 2))
        return false;
    splitting->begun = true;
    splitting->line_ended = ends_line;
    return put(splitting, piece, len);
}

static enum shim_split run(struct splitting *splitting, FILE *body)
{
    char piece[PIECE + 1];
    bool starts_line = true;

    while (fgets_unlocked(piece, sizeof(piece), body) != NULL) {
        size_t len = strlen(piece);
        bool ends_line = len > 0 && piece[len - 1] == '\n';
        enum shim_line line = classify(splitting, piece, len, starts_line);

        /* The string functions of libcrypto, too, stop at a NUL; else the file ends here. */
        if ((len < PIECE && !ends_line) || line == LINE_UNCLEAR ||
            (line != LINE_CONTENT && splitting->part > 0 && !splitting->begun))
            return SPLIT_UNCLEAR;
        if (line == LINE_CLOSING)
            return splitting->part == 2 ? SPLIT_DONE : SPLIT_UNCLEAR;
        if (line == LINE_BOUNDARY) {
            if (splitting->part == 2)
                return SPLIT_UNCLEAR;
            splitting->part++;
            splitting->begun = false;
        } else if (splitting->part > 0 && !add_piece(splitting, piece, len)) {
            return splitting->signature_len > MAX_SIGNATURE ? SPLIT_UNCLEAR : SPLIT_FAILED;
        }
        starts_line = ends_line;
    }
    return ferror(body) ? SPLIT_FAILED : SPLIT_UNCLEAR;
}

enum shim_split shim_split(FILE *body, const char *boundary, FILE *content, BIO *signature)
{
    struct splitting splitting = { .boundary = boundary,
                                   .content = content,
                                   .signature = signature };
    enum shim_split result = run(&splitting, body);

    if (result == SPLIT_DONE && fflush(content) != 0)
        return SPLIT_FAILED;
    return result;
}
