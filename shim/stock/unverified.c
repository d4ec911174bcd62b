/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "stock/unverified.h"
#include "common/output.h"

static const char instead[] =
    "Unverified: the signature fits the content, but nobody checked whose it is\n";

static const char *const successes[] = { "Verification successful\n",
                                         "CMS Verification successful\n" };

/*
 * Compare |held| with the success line.  1: it is that line; 0: it is its beginning;
 * -1: it is another one.
 */
static int compare(const struct shim_unverified *filter)
{
    for (size_t i = 0; i < sizeof(successes) / sizeof(successes[0]); i++)
        if (strncmp(successes[i], filter->held, filter->len) == 0)
            return successes[i][filter->len] == '\0';
    return -1;
}

static void flush_held(struct shim_unverified *filter, int fd, const char *text, size_t len)
{
    /* A reader that has closed the pipe does not change the outcome. */
    (void)shim_write_all(fd, text, len);
    filter->len = 0;
}

static void hold(struct shim_unverified *filter, int fd, char byte)
{
    filter->held[filter->len++] = byte;
    switch (compare(filter)) {
    case 1:
        flush_held(filter, fd, instead, sizeof(instead) - 1);
        break;
    case -1:
        filter->passing = byte != '\n';
        flush_held(filter, fd, filter->held, filter->len);
        break;
    default:
        break;
    }
}

void shim_unverified_write(struct shim_unverified *filter, int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        size_t used = 1;

        if (filter->passing) {
            const char *end = memchr(bytes, '\n', len);

            used = end == NULL ? len : (size_t)(end - bytes) + 1;
            filter->passing = end == NULL;
            (void)shim_write_all(fd, bytes, used);
        } else {
            hold(filter, fd, *bytes);
        }
        bytes += used;
        len -= used;
    }
}

void shim_unverified_end(struct shim_unverified *filter, int fd)
{
    flush_held(filter, fd, filter->held, filter->len);
}
