/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The help of every command, and its options.  Both are made from common/help/NAME.txt when the
 * command is built, and so are its part of the manual page and the completion of the shells.
 */
#ifndef SHIM_HELP_H
#define SHIM_HELP_H

#include <stdbool.h>
#include <stddef.h>

enum shim_option_kind {
    OPTION_FLAG,  /* takes no value */
    OPTION_VALUE, /* takes one; a second one that differs is a fault */
    OPTION_MANY   /* may be given several values */
};

struct shim_option_row {
    const char *spelling; /* without dashes: "o" */
    const char *name;     /* the spelling that the code asks for: "output" */
    enum shim_option_kind kind;
};

struct shim_help_text {
    const char *name;
    const char *text;
    const struct shim_option_row *options; /* ends with a NULL spelling */
};

/* The last entry has no name. */
extern const struct shim_help_text shim_help_texts[];

/* The entry |name|.  There is one for every command but the stock names, which have "names". */
const struct shim_help_text *shim_help_find(const char *name);
/* The row of the option with that spelling, from |row| on; or NULL. */
const struct shim_option_row *shim_option_row(const struct shim_option_row *row, const char *name,
                                              size_t length);
/* Is the word a request for help? */
bool shim_help_wanted(const char *word);
/* Print to stdout that of a command, or "general"; returns SHIM_OK. */
int shim_help_verb(const char *verb);

/* The name that was probably meant by a word that is none.  Begin with the word alone. */
struct shim_nearest {
    const char *word;
    size_t length;
    const char *name; /* NULL: none is near */
    size_t distance;
};
void shim_nearest_try(struct shim_nearest *nearest, const char *name);

#endif
