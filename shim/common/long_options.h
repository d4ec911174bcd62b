/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The command line of our own commands.  The options of a command are the rows of its help
 * (help.h): `--name value` or `--name=value`, with one dash or two, before and behind the
 * operands, and never abbreviated.
 */
#ifndef SHIM_LONG_OPTIONS_H
#define SHIM_LONG_OPTIONS_H

#include "common/help.h"
#include "common/shim.h"

#define SHIM_LONG_MOST 32

struct shim_long {
    const char *command;                /* borrowed; "" before the command */
    const struct shim_option_row *rows; /* borrowed: its options */
    struct {
        const char *name;  /* borrowed: of the row */
        const char *value; /* borrowed; "" of a flag */
    } given[SHIM_LONG_MOST];
    size_t count;
    char **operands; /* borrowed; NULL follows the last */
    bool dashes;     /* the word "--" is there */
    char **behind;   /* those of the operands that follow it */
};

/* One of our own commands.  Returns an enum shim_exit. */
typedef int shim_command_fn(struct shim *shim, const struct shim_long *line);

/*
 * Read |argv|, which begins with the command's name.  Operands are moved together to where the
 * words began.  --keyring and --quiet are obeyed here, where the command has them.
 *
 * @return SHIM_OK; SHIM_USAGE or SHIM_SYSTEM with the fault on stderr; -1 after help was printed
 */
int shim_long_parse(struct shim *shim, char **argv, struct shim_long *line);

/* Read the options before the command, and obey all but --version; |*argv| moves to the command. */
int shim_long_before(struct shim *shim, char ***argv, struct shim_long *line);

/* Value |index| of an option; NULL if it was not given so often.  The command must have it. */
const char *shim_long_value(const struct shim_long *line, const char *name, size_t index);
bool shim_long_has(const struct shim_long *line, const char *name);

/* A word that a command takes before its operand, such as "backup" of `keyring`. */
struct shim_word {
    const char *name;
    const char *takes;   /* the operand, in the words of the error without it; NULL: none */
    const char *instead; /* what tells the same, where --explain is refused; NULL: it is obeyed */
};
/*
 * Which of |words| does |line| begin with?  The last has no name.  |all| names them in the error.
 *
 * @return its index; -1 with the fault on stderr: it is SHIM_USAGE
 */
int shim_long_word(const struct shim *shim, const struct shim_long *line,
                   const struct shim_word *words, const char *all);

#endif
