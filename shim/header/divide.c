/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <strings.h>

#include "header/divide.h"

enum place { OUTSIDE, INSIDE, NOWHERE };

/* RFC 8551, 3.1: the content has its own MIME fields; stock writes those outside. */
static enum place place_of(const char *line)
{
    if (strncasecmp(line, "Content-", 8) == 0)
        return INSIDE;
    if (strncasecmp(line, "MIME-Version", 12) == 0 && (line[12] == ':' || line[12] == ' '))
        return NOWHERE;
    return OUTSIDE;
}

/* Add a line that ends with a line feed alone. */
static void add_outside(struct sp_text *outside, const char *line, size_t len)
{
    if (len >= 2 && line[len - 2] == '\r' && line[len - 1] == '\n') {
        sp_text_add_bytes(outside, line, len - 2);
        sp_text_add(outside, "\n");
    } else {
        sp_text_add_bytes(outside, line, len);
    }
}

/*
 * A line that begins with white space belongs to the field before it; the empty line to
 * neither part.
 */
void shim_header_divide(const char *header, size_t len, struct sp_text *outside,
                        struct sp_text *inside)
{
    const char *line = header;
    const char *end = line + len;
    enum place place = OUTSIDE;

    while (line < end && line[0] != '\r' && line[0] != '\n') {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        size_t length = feed == NULL ? (size_t)(end - line) : (size_t)(feed - line) + 1;

        if (line[0] != ' ' && line[0] != '\t')
            place = place_of(line);
        if (place == OUTSIDE)
            add_outside(outside, line, length);
        else if (place == INSIDE)
            sp_text_add_bytes(inside, line, length);
        line += length;
    }
    sp_text_add(inside, "\r\n");
}
