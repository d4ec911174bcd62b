/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A parser of options as the openssl program has it: `-opt value`, `--opt value`,
 * `-opt=value`.  The first word that is no option ends the options, except for the
 * verbs.
 */
#include <string.h>

#include "stock/options.h"
#include "base/allocate.h"
#include "common/help.h"
#include "common/message.h"

const struct shim_manner shim_manner_verb = {
    .reports_faults = true,
    .for_people = true,
    .own_defaults = true,
    .selects = true,
    .finds_part = true,
    .judges_signers = true,
    .judges_sender = true,
};

const struct shim_manner shim_manner_stock = {
    .extracts = true,
    .takes_null = true,
};

static const struct shim_option cipher = { "", ROLE_CIPHER, SHIM_CMS | SHIM_SMIME, false };

static const struct shim_option *find_among(unsigned apis, const char *name, size_t len)
{
    const struct shim_option *option;

    for (size_t i = 0; (option = shim_option_at(i)) != NULL; i++)
        if ((option->apis & apis) != 0 && strlen(option->name) == len &&
            memcmp(option->name, name, len) == 0)
            return option;
    return NULL;
}

/*
 * Find an option.  Stock has -from and -to, which write header fields.  Under a verb
 * two dashes mean ours, as for --cc and all others that stock does not know.
 */
static const struct shim_option *find_option(enum shim_api api, const char *word, size_t len)
{
    bool doubled = word[1] == '-';
    const char *name = word + (doubled ? 2 : 1);
    const struct shim_option *option = NULL;

    if (api == SHIM_VERB && doubled)
        option = find_among(SHIM_VERB, name, len);
    if (option == NULL)
        option = find_among(api == SHIM_VERB ? SHIM_CMS : api, name, len);
    return option != NULL || api != SHIM_VERB ? option : find_among(SHIM_VERB, name, len);
}

/* The value is not repeated: it may be a passphrase. */
static void unknown(enum shim_api api, const char *word, const char *name, size_t len)
{
    struct shim_nearest nearest = { .word = name, .length = len };
    const struct shim_option *option;
    int dashes = (int)(name - word);

    for (size_t i = 0; (option = shim_option_at(i)) != NULL; i++)
        if ((option->apis & (api == SHIM_VERB ? SHIM_VERB | SHIM_CMS : api)) != 0)
            shim_nearest_try(&nearest, option->name);
    shim_usage("unknown option %.*s%s%.*s%s%s", dashes + (int)len, word,
               nearest.name == NULL ? "" : "; did you mean ", nearest.name == NULL ? 0 : dashes,
               word, nearest.name == NULL ? "" : nearest.name, nearest.name == NULL ? "" : "?");
}

/* Read one option; returns how many words it has, 0 after a fault. */
static int parse_word(enum shim_api api, char **word, shim_cipher_known_fn *known,
                      struct shim_given *given)
{
    const char *name = word[0] + (word[0][1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);

    given->word = word[0];
    given->value = equals == NULL ? NULL : equals + 1;
    given->option = find_option(api, word[0], len);
    /* Under a verb -o and --output are our names for -out. */
    if (given->option != NULL && given->option->role == ROLE_OUTPUT &&
        shim_option_is_own(given->option)) {
        given->option = find_among(SHIM_CMS, "out", strlen("out"));
        given->word = "-out";
    }
    if (given->option == NULL) {
        given->option = &cipher;
        if (known(name))
            return 1;
        unknown(api, word[0], name, len);
        return 0;
    }
    if (!given->option->takes_value) {
        if (given->value == NULL)
            return 1;
        shim_usage("option -%s does not take a value", given->option->name);
        return 0;
    }
    if (given->value != NULL)
        return 1;
    given->value = word[1];
    if (given->value != NULL)
        return 2;
    shim_usage("option -%s needs a value", given->option->name);
    return 0;
}

static bool is_option(const char *word)
{
    /* "-" alone is the name of a file. */
    return word[0] == '-' && word[1] != '\0';
}

int shim_args_parse(enum shim_api api, char **argv, shim_cipher_known_fn *known,
                    struct shim_args *args)
{
    /*
     * Under a verb options may follow operands.  The operands are moved together to
     * where they begin.
     */
    char **const first = argv;
    char **operand = argv;
    size_t words = 0;

    while (argv[words] != NULL)
        words++;
    args->count = 0;
    args->given = OPENSSL_zalloc((words + 1) * sizeof(*args->given));
    if (args->given == NULL)
        return shim_no_memory();
    while (argv[0] != NULL && (is_option(argv[0]) || api == SHIM_VERB)) {
        int used;

        if (!is_option(argv[0])) {
            *operand++ = *argv++;
            continue;
        }
        if (strcmp(argv[0], "--") == 0) {
            argv++;
            break;
        }
        used = parse_word(api, argv, known, &args->given[args->count]);
        if (used == 0)
            return SHIM_USAGE;
        args->count++;
        argv += used;
    }
    while (*argv != NULL)
        *operand++ = *argv++;
    *operand = NULL;
    args->operands = first;
    return SHIM_OK;
}

void shim_args_free(struct shim_args *args)
{
    OPENSSL_free(args->given);
    args->given = NULL;
}

const struct shim_given *shim_args_last(const struct shim_args *args, enum shim_role role)
{
    for (size_t i = args->count; i > 0; i--)
        if (args->given[i - 1].option->role == role)
            return &args->given[i - 1];
    return NULL;
}

bool shim_option_is_own(const struct shim_option *option)
{
    return (option->apis & SHIM_VERB) != 0;
}

static const struct shim_given *find_given(const struct shim_args *args, const char *name)
{
    for (size_t i = args->count; i > 0; i--)
        if (strcmp(args->given[i - 1].option->name, name) == 0)
            return &args->given[i - 1];
    return NULL;
}

const char *shim_args_value(const struct shim_args *args, const char *name)
{
    const struct shim_given *given = find_given(args, name);

    return given == NULL ? NULL : given->value;
}

bool shim_args_has(const struct shim_args *args, const char *name)
{
    return find_given(args, name) != NULL;
}
