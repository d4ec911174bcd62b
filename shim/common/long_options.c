/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/long_options.h"

static const struct shim_option_row *find(const struct shim_option_row *row, const char *name,
                                          size_t length)
{
    while (row->spelling != NULL &&
           (strlen(row->spelling) != length || memcmp(row->spelling, name, length) != 0))
        row++;
    return row->spelling != NULL ? row : NULL;
}

/* The value is not repeated: it may be a passphrase. */
int shim_long_unknown(const char *command, const char *word)
{
    const char *name = word + strspn(word, "-");
    struct shim_nearest nearest = { .word = name, .length = strcspn(name, "=") };
    const struct shim_option_row *row = shim_help_find(command)->options;
    bool is_general = strcmp(command, "general") == 0;

    for (; row->spelling != NULL; row++)
        shim_nearest_try(&nearest, row->spelling);
    return shim_usage("%s%sunknown option %.*s%s%s%s", is_general ? "" : command,
                      is_general ? "" : ": ", (int)strcspn(word, "="), word,
                      nearest.name == NULL ? "" : "; did you mean --",
                      nearest.name == NULL ? "" : nearest.name, nearest.name == NULL ? "" : "?");
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

/* Read the option at |*argv|, which moves to the option's last word. */
static int read_option(struct shim_long *line, const char *command, char ***argv)
{
    const char *word = **argv;
    const char *name = word + (word[1] == '-' ? 2 : 1);
    size_t length = strcspn(name, "=");
    const struct shim_option_row *row = find(line->rows, name, length);
    const char *value = name[length] == '=' ? name + length + 1 : NULL;

    if (row == NULL)
        return shim_long_unknown(command, word);
    if (row->kind == OPTION_FLAG && value != NULL)
        return shim_usage("%s: option %.*s does not take a value", command,
                          (int)(name - word) + (int)length, word);
    if (row->kind == OPTION_FLAG)
        return add(line, row, "");
    if (value == NULL)
        value = *++*argv;
    return value != NULL ? add(line, row, value)
                         : shim_usage("%s: option %s needs a value", command, word);
}

/* Obey the options that mean the same in every command. */
static int settle(struct shim *shim, const struct shim_long *line)
{
    for (size_t i = 0; i < line->count; i++) {
        if (strcmp(line->given[i].name, "quiet") == 0 &&
            freopen("/dev/null", "w", stdout) == NULL) {
            shim_error("cannot open /dev/null: %s", strerror(errno));
            return SHIM_SYSTEM;
        }
        if (strcmp(line->given[i].name, "keyring") != 0)
            continue;
        if (shim->keyring != NULL && strcmp(shim->keyring, line->given[i].value) != 0)
            return shim_usage_twice("keyring", shim->keyring, line->given[i].value);
        shim->keyring = line->given[i].value;
    }
    return SHIM_OK;
}

int shim_long_parse(struct shim *shim, char **argv, struct shim_long *line)
{
    const char *command = *argv++;
    char **operand = argv;
    int code = SHIM_OK;

    *line = (struct shim_long){ .rows = shim_help_find(command)->options, .operands = argv };
    for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
        if (shim_help_wanted(*argv)) {
            (void)shim_help_verb(command);
            return -1;
        }
        if (argv[0][0] != '-' || argv[0][1] == '\0')
            *operand++ = *argv;
        else if ((code = read_option(line, command, &argv)) != SHIM_OK)
            return code;
    }
    line->behind = operand;
    line->dashes = *argv != NULL;
    if (line->dashes)
        argv++;
    while (*argv != NULL)
        *operand++ = *argv++;
    *operand = NULL;
    return settle(shim, line);
}

const char *shim_long_value(const struct shim_long *line, const char *name, size_t index)
{
    assert(find(line->rows, name, strlen(name)) != NULL);
    for (size_t i = 0; i < line->count; i++)
        if (strcmp(line->given[i].name, name) == 0 && index-- == 0)
            return line->given[i].value;
    return NULL;
}

bool shim_long_has(const struct shim_long *line, const char *name)
{
    return shim_long_value(line, name, 0) != NULL;
}
