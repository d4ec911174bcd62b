/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The lint of a policy.cnf: settings alone, in no section.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "common/help.h"
#include "log/decision_log.h"
#include "settings/settings.h"
#include "tool/config/config.h"
#include "tool/directory/directory.h"
#include "tool/fetch/fetch.h"
#include "tool/hub/hub.h"

/* A file of nonsense is not told line by line. */
#define MOST_FAULTS 20

static bool is_setting(const char *key)
{
    const char *known;

    for (size_t i = 0; (known = sp_settings_key(i)) != NULL; i++)
        if (strcmp(known, key) == 0)
            return true;
    return false;
}

static bool is_named_policy(const char *path)
{
    static const char name[] = "policy.cnf";
    size_t length = strlen(path);

    return length >= strlen(name) && strcmp(path + length - strlen(name), name) == 0;
}

/* Is the section another than the one of the settings? */
static bool is_other_section(const char *name)
{
    return strcmp(name, "default") != 0;
}

bool shim_lint_is_policy(const CONF *conf, const char *path)
{
    const STACK_OF(CONF_VALUE) *lines = NCONF_get_section(conf, "default");
    STACK_OF(OPENSSL_CSTRING) *sections = NCONF_get_section_names(conf);
    int count = sk_CONF_VALUE_num(lines);
    bool is_alone = sections != NULL;
    bool sets_ours = false;

    for (int i = 0; i < sk_OPENSSL_CSTRING_num(sections) && is_alone; i++)
        is_alone = !is_other_section(sk_OPENSSL_CSTRING_value(sections, i));
    sk_OPENSSL_CSTRING_free(sections);
    for (int i = 0; i < count; i++) {
        const char *name = sk_CONF_VALUE_value(lines, i)->name;

        if (strcmp(name, "openssl_conf") == 0)
            return false;
        sets_ours = sets_ours || is_setting(name);
    }
    return sets_ours || (is_alone && (count > 0 || is_named_policy(path)));
}

/* The lines of a file that set a key, or begin a section; 0: none does. */
struct lines {
    int first, last;
};

/* The lines that set |key|; NULL: those that begin a section. */
static struct lines lines_of(const struct shim_lint *lint, const char *key)
{
    struct lines found = { 0 };
    FILE *file = fopen(lint->path, "re");
    char *line = NULL;
    size_t size = 0;

    for (int number = 1; file != NULL && getline(&line, &size, file) >= 0; number++) {
        const char *section = shim_lint_section(line);

        if (key != NULL ? shim_lint_value(line, key) != NULL
                        : section != NULL && is_other_section(section)) {
            found.first = found.first == 0 ? number : found.first;
            found.last = number;
        }
    }
    free(line);
    if (file != NULL)
        fclose(file);
    return found;
}

/* Report a fault in the line that counts; it may be in a file that is included. */
static void fault_at(struct shim_lint *lint, int line, const char *fault, const char *remedy)
{
    if (line > 0)
        shim_lint_fault(lint, "line %d: %s; %s", line, fault, remedy);
    else
        shim_lint_fault(lint, "%s (in a file that is included); %s", fault, remedy);
}

static void unknown(struct shim_lint *lint, int line, const char *key, const char *why)
{
    struct shim_nearest nearest = { .word = key, .length = strlen(key) };
    const char *known;

    for (size_t i = 0; (known = sp_settings_key(i)) != NULL; i++)
        shim_nearest_try(&nearest, known);
    if (nearest.name == NULL) {
        fault_at(lint, line, why, "remove the line");
        return;
    }
    if (line > 0)
        shim_lint_fault(lint, "line %d: %s; did you mean %s?", line, why, nearest.name);
    else
        shim_lint_fault(lint, "%s (in a file that is included); did you mean %s?", why,
                        nearest.name);
}

static void lint_setting(struct shim_lint *lint, const CONF_VALUE *entry,
                         smimepolicy_settings *settings)
{
    struct lines at = lines_of(lint, entry->name);
    char *why = NULL;

    if (at.last != at.first)
        shim_lint_fault(lint,
                        "line %d: %s is set in line %d already, and the last line counts; remove "
                        "one of them",
                        at.last, entry->name, at.first);
    if (smimepolicy_settings_set(settings, entry->name, entry->value, &why))
        return;
    if (is_setting(entry->name) || why == NULL)
        fault_at(lint, at.last, why != NULL ? why : entry->name, "correct the value");
    else if (strstr(why, "cannot be changed") != NULL)
        fault_at(lint, at.last, why, "remove the line");
    else
        unknown(lint, at.last, entry->name, why);
    smimepolicy_free(why);
}

/* A policy.cnf is included where the settings of the provider are: a section would end them. */
static void lint_sections(struct shim_lint *lint)
{
    STACK_OF(OPENSSL_CSTRING) *names = NCONF_get_section_names(lint->conf);

    for (int i = 0; i < sk_OPENSSL_CSTRING_num(names); i++) {
        const char *name = sk_OPENSSL_CSTRING_value(names, i);

        if (!is_other_section(name))
            continue;
        fault_at(lint, lines_of(lint, NULL).first, "settings stand in no section",
                 "remove the line that begins one");
        break;
    }
    sk_OPENSSL_CSTRING_free(names);
}

static void note_log(struct shim_lint *lint, const char *log)
{
    char *why = log == NULL ? NULL : sp_decision_log_fault(log);

    if (why != NULL)
        shim_lint_note(lint, "%s", why);
    OPENSSL_free(why);
}

static void note_libraries(struct shim_lint *lint, const smimepolicy_settings *settings)
{
    size_t next = 0;
    char *why;

    while ((why = shim_libraries_missing(settings, &next)) != NULL) {
        shim_lint_note(lint, "%s", why);
        OPENSSL_free(why);
    }
}

void shim_lint_policy(struct shim_lint *lint)
{
    const STACK_OF(CONF_VALUE) *entries = NCONF_get_section(lint->conf, "default");
    smimepolicy_settings *settings = smimepolicy_settings_new();
    int i = 0;

    for (; settings != NULL && i < sk_CONF_VALUE_num(entries) && lint->faults < MOST_FAULTS; i++)
        lint_setting(lint, sk_CONF_VALUE_value(entries, i), settings);
    if (settings == NULL)
        lint->faults++;
    else if (i < sk_CONF_VALUE_num(entries))
        shim_lint_fault(lint, "what follows was not looked at; mend this first");
    lint_sections(lint);
    if (settings != NULL) {
        note_log(lint, settings->decision_log);
        note_libraries(lint, settings);
    }
    smimepolicy_settings_free(settings);
}

char *shim_libraries_missing(const smimepolicy_settings *settings, size_t *next)
{
    const struct {
        const char *name;
        bool is_set;
        bool (*is_ready)(char **why);
    } needs[] = {
        { "fetch_from", settings->fetch_from != NULL, shim_fetch_ready },
        { "ocsp", settings->asks_ocsp, shim_fetch_ready },
        { "contacts", settings->contacts != NULL, shim_directory_ready },
        { "hub", settings->hub != NULL, shim_hub_ready },
    };

    while (*next < sizeof(needs) / sizeof(needs[0])) {
        const size_t i = (*next)++;
        char *why = NULL;

        if (needs[i].is_set && !needs[i].is_ready(&why)) {
            char *text = sp_format("the setting %s cannot be followed: %s", needs[i].name,
                                   why != NULL ? why : "out of memory");

            OPENSSL_free(why);
            return text != NULL ? text : OPENSSL_strdup("out of memory");
        }
    }
    return NULL;
}
