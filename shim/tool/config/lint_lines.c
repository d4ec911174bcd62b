/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_bounds.h"
#include "tool/config/lint.h"

/* The place in the file.  Behind an included file the section is not known. */
enum place { AT_TOP, BEHIND_INCLUDE, IN_DEFAULT, IN_SECTION };

static char *skip_space(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/*
 * The value of `key = value` in |line|, without comment and space around it; NULL if
 * |line| is another one.
 */
static char *value_of(char *line, const char *key)
{
    char *value;

    if (strncmp(line, key, strlen(key)) != 0)
        return NULL;
    value = skip_space(line + strlen(key));
    if (*value != '=')
        return NULL;
    value = skip_space(value + 1);
    value[strcspn(value, "# \t\r\n")] = '\0';
    return value;
}

static enum place section_place(char *line)
{
    char *name = skip_space(line + 1);

    name[strcspn(name, "] \t\r\n")] = '\0';
    return strcmp(name, "default") == 0 ? IN_DEFAULT : IN_SECTION;
}

static void judge_line(struct shim_lint *lint, int number, enum place place, const char *value,
                       const char *effective)
{
    if (effective != NULL && strcmp(value, effective) == 0)
        return;
    if (place == BEHIND_INCLUDE)
        shim_lint_fault(lint,
                        "line %d: `openssl_conf = %s` lands in the last section of the included "
                        "file and is ignored; put [default] before it",
                        number, value);
    else if (place == IN_SECTION)
        shim_lint_fault(lint,
                        "line %d: `openssl_conf = %s` is inside another section and is ignored; "
                        "put it below [default]",
                        number, value);
    else
        shim_lint_fault(lint,
                        "line %d: `openssl_conf = %s` is overridden later (in force: %s); put it "
                        "behind every .include, below [default]",
                        number, value, effective != NULL ? effective : "none");
}

void shim_lint_lines(struct shim_lint *lint, FILE *file, const char *effective)
{
    enum place place = AT_TOP;
    char *line = NULL;
    size_t size = 0;

    for (int number = 1; getline(&line, &size, file) >= 0; number++) {
        char *text = skip_space(line);
        const char *value = value_of(text, "openssl_conf");

        if (*text == '[')
            place = section_place(text);
        else if (value != NULL)
            judge_line(lint, number, place, value, effective);
        else if (sp_conf_included(text) != NULL)
            place = BEHIND_INCLUDE;
    }
    free(line);
}
