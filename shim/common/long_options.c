/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <getopt.h>
#include <string.h>

#include "common/long_options.h"
#include "common/help.h"

#define MAX_OPTIONS 24

static size_t add(struct option *options, size_t count, const char *name, bool takes_value)
{
    options[count] =
        (struct option){ name, takes_value ? required_argument : no_argument, NULL, 0 };
    return count + 1;
}

/* Is |word| one of |options| with a value, though it takes none? */
static bool is_flag(const struct option *options, const char *word)
{
    const char *name = word + strspn(word, "-");
    size_t length = strcspn(name, "=");

    for (; name[length] == '=' && options->name != NULL; options++)
        if (strlen(options->name) == length && memcmp(options->name, name, length) == 0)
            return true;
    return false;
}

static int fault(const char *command, const struct option *options, int found, const char *word)
{
    if (found == ':')
        return shim_usage("%s: option %s needs a value", command, word);
    if (is_flag(options, word))
        return shim_usage("%s: option %.*s does not take a value", command, (int)strcspn(word, "="),
                          word);
    return shim_usage("%s: unknown option %s", command, word);
}

static int take_value(const char *name, const char **to, const char *value)
{
    if (*to != NULL && strcmp(*to, value) != 0)
        return shim_usage_twice(name, *to, value);
    *to = value;
    return SHIM_OK;
}

static int take(const struct shim_long *option, const char *value)
{
    const struct shim_each *each = option->to;

    switch (option->kind) {
    case LONG_VALUE:
        return take_value(option->name, option->to, value);
    case LONG_EACH:
        return each->take(each->arg, value) ? SHIM_OK : SHIM_USAGE;
    default:
        *(bool *)option->to = true;
        return SHIM_OK;
    }
}

/*
 * Options may follow operands whatever POSIXLY_CORRECT says, which would make file names of them:
 * getopt hands over each operand (1), and those are moved together to where the words begin.
 */
int shim_long_parse(struct shim *shim, int argc, char **argv, const struct shim_long *table,
                    char ***operands)
{
    struct option options[MAX_OPTIONS + 3] = { { 0 } };
    char **operand = argv + 1;
    size_t count = 0;
    int code = SHIM_OK;
    int which;
    int found;

    while (count < MAX_OPTIONS && table[count].name != NULL)
        count = add(options, count, table[count].name, table[count].kind != LONG_FLAG);
    (void)add(options, add(options, count, "keyring", true), "help", false);
    opterr = 0;
    optind = 1;
    while ((found = getopt_long_only(argc, argv, "-:", options, &which)) != -1) {
        if (found == 1) {
            *operand++ = optarg;
            continue;
        }
        if (found != 0)
            return fault(argv[0], options, found, argv[optind - 1]);
        if ((size_t)which == count)
            code = take_value("keyring", &shim->keyring, optarg);
        else if ((size_t)which == count + 1) {
            (void)shim_help_verb(argv[0]);
            return -1;
        } else
            code = take(&table[which], optarg);
        if (code != SHIM_OK)
            return code;
    }
    while (optind < argc)
        *operand++ = argv[optind++];
    *operand = NULL;
    *operands = argv + 1;
    return SHIM_OK;
}
