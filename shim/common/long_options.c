/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/long_options.h"

const struct shim_help_text *shim_help_find(const char *name)
{
    const struct shim_help_text *found = shim_help_texts;

    while (found->name != NULL && strcmp(found->name, name) != 0)
        found++;
    return found;
}

const struct shim_option_row *shim_option_row(const struct shim_option_row *row, const char *name,
                                              size_t length)
{
    while (row->spelling != NULL &&
           (strlen(row->spelling) != length || memcmp(row->spelling, name, length) != 0))
        row++;
    return row->spelling != NULL ? row : NULL;
}

bool shim_help_wanted(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-help") == 0 || strcmp(word, "-h") == 0;
}

int shim_help_verb(const char *verb)
{
    fputs(shim_help_find(verb)->text, stdout);
    return SHIM_OK;
}

/* A fault in the words of the command, or before it. */
static int fault(const struct shim_long *line, const char *what, const char *word, const char *then)
{
    return shim_usage("%s%s%s %.*s%s", line->command, *line->command != '\0' ? ": " : "", what,
                      (int)strcspn(word, "="), word, then);
}

static int unknown(const struct shim_long *line, const char *word, const char *name, size_t length)
{
    struct shim_nearest nearest = { .word = name, .length = length };
    char then[64] = "";

    for (const struct shim_option_row *row = line->rows; row->spelling != NULL; row++)
        shim_nearest_try(&nearest, row->spelling);
    if (nearest.name != NULL)
        (void)snprintf(then, sizeof(then), "; did you mean --%s?", nearest.name);
    return fault(line, "unknown option", word, then);
}

static int add(struct shim_long *line, const struct shim_option_row *row, const char *value)
{
    size_t times = 0;
    const char *other;

    for (; (other = shim_long_value(line, row->name, times)) != NULL; times++)
        if (strcmp(other, value) == 0)
            return SHIM_OK;
    if (times > 0 && row->kind != OPTION_MANY)
        return shim_usage_twice(row->name, shim_long_value(line, row->name, 0), value);
    if (line->count == SHIM_LONG_MOST)
        return shim_usage("more than %d options", SHIM_LONG_MOST);
    line->given[line->count].name = row->name;
    line->given[line->count++].value = value;
    return SHIM_OK;
}

/*
 * Read the option at |*argv|, which moves to the option's last word.  A value is not repeated in a
 * message: it may be a passphrase.
 */
static int read_option(struct shim_long *line, char ***argv)
{
    const char *word = **argv;
    const char *name = word + (word[1] == '-' ? 2 : 1);
    size_t length = strcspn(name, "=");
    const struct shim_option_row *row = shim_option_row(line->rows, name, length);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;

    if (row == NULL)
        return unknown(line, word, name, length);
    if (row->kind == OPTION_FLAG)
        return value == NULL ? add(line, row, "")
                             : fault(line, "option", word, " does not take a value");
    if (value == NULL)
        value = *++*argv;
    return value != NULL ? add(line, row, value) : fault(line, "option", word, " needs a value");
}

/* Obey an option that means the same in every command. */
static int obey(struct shim *shim, const char *name, const char *value)
{
    if (strcmp(name, "explain") == 0)
        shim->explain = true;
    if (strcmp(name, "policy") == 0) {
        shim->policy_file = value;
        shim->policy_named = true;
    }
    if (strcmp(name, "keyring") == 0) {
        if (shim->keyring != NULL && strcmp(shim->keyring, value) != 0)
            return shim_usage_twice("keyring", shim->keyring, value);
        shim->keyring = value;
    }
    if (strcmp(name, "quiet") == 0 && freopen("/dev/null", "w", stdout) == NULL) {
        shim_error("cannot open /dev/null: %s", strerror(errno));
        return SHIM_SYSTEM;
    }
    return SHIM_OK;
}

static int obey_all(struct shim *shim, const struct shim_long *line)
{
    int code = SHIM_OK;

    for (size_t i = 0; i < line->count && code == SHIM_OK; i++)
        code = obey(shim, line->given[i].name, line->given[i].value);
    return code;
}

static bool is_operand(const char *word)
{
    return word[0] != '-' || word[1] == '\0';
}

int shim_long_before(struct shim *shim, char ***argv, struct shim_long *line)
{
    int code;

    *line = (struct shim_long){ .command = "", .rows = shim_help_find("general")->options };
    for (; **argv != NULL && !is_operand(**argv); ++*argv) {
        if (shim_help_wanted(**argv)) {
            (void)shim_help_verb("general");
            return -1;
        }
        code = read_option(line, argv);
        if (code != SHIM_OK)
            return code;
    }
    return obey_all(shim, line);
}

int shim_long_parse(struct shim *shim, char **argv, struct shim_long *line)
{
    const char *command = *argv++;
    char **operand = argv;
    int code = SHIM_OK;

    *line = (struct shim_long){ .command = command,
                                .rows = shim_help_find(command)->options,
                                .operands = argv };
    for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
        if (shim_help_wanted(*argv)) {
            (void)shim_help_verb(command);
            return -1;
        }
        if (is_operand(*argv))
            *operand++ = *argv;
        else if ((code = read_option(line, &argv)) != SHIM_OK)
            return code;
    }
    line->behind = operand;
    line->dashes = *argv != NULL;
    if (line->dashes)
        argv++;
    while (*argv != NULL)
        *operand++ = *argv++;
    *operand = NULL;
    return obey_all(shim, line);
}

const char *shim_long_value(const struct shim_long *line, const char *name, size_t index)
{
    assert(shim_option_row(line->rows, name, strlen(name)) != NULL);
    for (size_t i = 0; i < line->count; i++)
        if (strcmp(line->given[i].name, name) == 0 && index-- == 0)
            return line->given[i].value;
    return NULL;
}

bool shim_long_has(const struct shim_long *line, const char *name)
{
    return shim_long_value(line, name, 0) != NULL;
}

int shim_long_word(const struct shim *shim, const struct shim_long *line,
                   const struct shim_word *words, const char *all)
{
    const char *name = line->operands[0];
    char **behind = name == NULL ? line->operands : line->operands + 1;
    char what[64];
    int i = 0;

    while (words[i].name != NULL && (name == NULL || strcmp(words[i].name, name) != 0))
        i++;
    if (words[i].name == NULL)
        (void)shim_usage("%s: takes %s%s%s", line->command, all, name != NULL ? ", and not: " : "",
                         name != NULL ? name : "");
    else if ((*behind != NULL) != (words[i].takes != NULL) ||
             (*behind != NULL && behind[1] != NULL))
        (void)shim_usage("%s: %s takes %s", line->command, name,
                         words[i].takes != NULL ? words[i].takes : "no other word");
    else if (!shim->explain || words[i].instead == NULL)
        return i;
    else {
        (void)snprintf(what, sizeof(what), "%s %s", line->command, name);
        (void)shim_explains_not(what, words[i].instead);
    }
    return -1;
}
