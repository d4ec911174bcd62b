/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tool/config/config.h"
#include "base/conf_bounds.h"
#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"
#include "tool/report/outcome.h"

static bool is_module(const CONF_VALUE *entry, const char *name)
{
    /* OpenSSL accepts a suffix: `providers.1`. */
    return strncmp(entry->name, name, strlen(name)) == 0 &&
           (entry->name[strlen(name)] == '\0' || entry->name[strlen(name)] == '.');
}

/* Does the algorithm section prefer our implementations over others? */
static bool lint_algorithms(struct shim_lint *lint, const char *section)
{
    const char *preference;

    if (NCONF_get_section(lint->conf, section) == NULL) {
        shim_lint_fault(lint, "alg_section: there is no section [%s]; add it", section);
        return false;
    }
    preference = NCONF_get_string(lint->conf, section, "default_properties");
    if (preference == NULL || strstr(preference, "smime.policy=yes") == NULL)
        return false;
    if (strstr(preference, "?smime.policy=yes") != NULL)
        return true;
    shim_lint_fault(lint,
                    "[%s] default_properties demands smime.policy=yes, which hides what files are "
                    "read with; write ?smime.policy=yes",
                    section);
    return true;
}

/* Read the sections in OpenSSL's order, because the first failure ends it. */
static void lint_init(struct shim_lint *lint, const char *section)
{
    const STACK_OF(CONF_VALUE) *entries = NCONF_get_section(lint->conf, section);
    const char *providers = NULL;
    bool prefers_ours = false;

    if (entries == NULL)
        shim_lint_fault(lint, "openssl_conf: there is no section [%s]; add it", section);
    for (int i = 0; i < sk_CONF_VALUE_num(entries); i++) {
        const CONF_VALUE *entry = sk_CONF_VALUE_value(entries, i);

        if (is_module(entry, "alg_section"))
            prefers_ours = lint_algorithms(lint, entry->value);
        else if (is_module(entry, "engines"))
            shim_lint_fault(lint,
                            "[%s] engines: an engine that uses keys locks the policy; remove it",
                            section);
        if (is_module(entry, "providers") && providers != NULL)
            shim_lint_fault(lint, "[%s] %s = %s beside %s; name every provider in one section",
                            section, entry->name, entry->value, providers);
        else if (is_module(entry, "providers"))
            providers = entry->value;
        else if (providers == NULL)
            shim_lint_fault(lint,
                            "[%s] %s comes before providers: if it fails, no provider is loaded, "
                            "without a word; put providers first",
                            section, entry->name);
    }
    if (providers != NULL)
        shim_lint_providers(lint, providers, prefers_ours);
    else if (entries != NULL)
        shim_lint_fault(lint, "[%s] has no providers: nothing activates smimepolicy; add it",
                        section);
}

/* Check the limits, as libcrypto would not come to an end of some files. */
static int bounded(struct shim_lint *lint)
{
    char *why = NULL;

    if (sp_conf_is_bounded(lint->path, NULL, NULL, &why))
        return SHIM_OK;
    if (why == NULL)
        return shim_no_memory();
    lint->faults++;
    if (lint->said != NULL)
        json_array_append_new(lint->said, sp_json_text(why));
    else if (!lint->silent)
        puts(why);
    OPENSSL_free(why);
    return SHIM_REFUSED;
}

/* Load the file; SHIM_OK if it can be read, whatever it holds. */
static int load(struct shim_lint *lint)
{
    struct stat is;
    long line = 0;
    int code = SHIM_OK;

    /* OpenSSL takes a directory for an empty file. */
    if (stat(lint->path, &is) == 0 && S_ISDIR(is.st_mode))
        errno = EISDIR;
    else if (access(lint->path, R_OK) == 0 && (code = bounded(lint)) != SHIM_OK)
        return code;
    else if (NCONF_load(lint->conf, lint->path, &line) > 0)
        return SHIM_OK;
    if (line <= 0) {
        shim_error("cannot read %s: %s; a program that is given it runs without the policy",
                   lint->path, errno != 0 ? strerror(errno) : "it is no configuration file");
        return SHIM_INPUT;
    }
    shim_lint_fault(lint,
                    "line %ld (or of an included file): syntax error, the whole file is ignored "
                    "without a word; mend it",
                    line);
    return SHIM_OK;
}

/* "line 3", or of another file than the one that is linted "line 3 of FILE". */
static char *place_of(const struct shim_lint *lint, const struct sp_conf_lost *lost)
{
    return strcmp(lost->file, lint->path) == 0 ? sp_format("line %u", lost->line)
                                               : sp_format("line %u of %s", lost->line, lost->file);
}

/* The command refuses everything where its settings cannot be read; a program goes on without. */
static void judge_unread(struct shim_lint *lint, const char *place, const struct sp_conf_lost *lost)
{
    const char *why = strerror(lost->error);

    shim_lint_fault(lint,
                    "%s: .include %s: %s: it is there, and a program passes over it, so that its "
                    "settings are lost; let whoever runs the program read it",
                    place, lost->path, why);
    if (lint->named.lost == NULL)
        lint->named.lost = sp_format("%s: %s", lost->path, why);
}

/* An include of the file, or of one that it includes. */
static void judge_include(const struct sp_conf_lost *lost, void *data)
{
    struct shim_lint *lint = data;
    char *place = place_of(lint, lost);

    if (place == NULL)
        lint->faults++;
    else if (lost->error == 0)
        shim_lint_fault(lint,
                        "%s: .include %s: depends on the directory that the program is in, and is "
                        "passed over where it is not found; write its absolute path",
                        place, lost->path);
    else if (lost->error == ENOENT || lost->error == ENOTDIR)
        shim_lint_note(lint,
                       "%s: %s is not there and is passed over; its settings are at their defaults",
                       place, lost->path);
    else
        judge_unread(lint, place, lost);
    OPENSSL_free(place);
}

/* The place in the file.  Behind an included file the section is not known. */
enum place { AT_TOP, BEHIND_INCLUDE, IN_DEFAULT, IN_SECTION };

static char *skip_space(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

char *shim_lint_value(char *line, const char *key)
{
    char *value;

    line = skip_space(line);
    if (strncmp(line, key, strlen(key)) != 0)
        return NULL;
    value = skip_space(line + strlen(key));
    if (*value != '=')
        return NULL;
    value = skip_space(value + 1);
    value[strcspn(value, "# \t\r\n")] = '\0';
    return value;
}

const char *shim_lint_section(char *line)
{
    char *name = skip_space(line);

    if (*name != '[')
        return NULL;
    name = skip_space(name + 1);
    name[strcspn(name, "] \t\r\n")] = '\0';
    return name;
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

/*
 * Check the lines of the file itself: an `openssl_conf` may be overridden by an
 * .include, or may land in a section of an included file.  |effective| is the value that
 * OpenSSL uses, or NULL.
 */
static void lint_lines(struct shim_lint *lint, FILE *file, const char *effective)
{
    enum place place = AT_TOP;
    char *line = NULL;
    size_t size = 0;

    for (int number = 1; getline(&line, &size, file) >= 0; number++) {
        const char *value = shim_lint_value(line, "openssl_conf");
        const char *section = value == NULL ? shim_lint_section(line) : NULL;

        if (value != NULL)
            judge_line(lint, number, place, value, effective);
        else if (section != NULL)
            place = strcmp(section, "default") == 0 ? IN_DEFAULT : IN_SECTION;
        else if (sp_conf_included(skip_space(line)) != NULL)
            place = BEHIND_INCLUDE;
    }
    free(line);
}

static void lint_includes(struct shim_lint *lint)
{
    char *why;

    /* That it is bounded was seen before. */
    if (!sp_conf_is_bounded(lint->path, judge_include, lint, &why))
        OPENSSL_free(why);
}

static void lint_conf(struct shim_lint *lint)
{
    const char *init = NCONF_get_string(lint->conf, NULL, "openssl_conf");
    FILE *file = fopen(lint->path, "re");

    lint_includes(lint);
    if (file != NULL) {
        lint_lines(lint, file, init);
        fclose(file);
    }
    if (init == NULL)
        shim_lint_fault(lint, "no openssl_conf in the default section: nothing activates "
                              "smimepolicy; add it, as 'smime-policy config' prints it");
    else
        lint_init(lint, init);
}

static void praise(const char *path, bool is_policy)
{
    if (is_policy)
        shim_print(stdout,
                   "%s: no fault found in these settings; 'smime-policy --policy %s config "
                   "--print' shows them all\n",
                   path, path);
    else
        shim_print(stdout, "%s: no fault found; 'smime-policy config --self-test %s' proves it\n",
                   path, path);
}

static int lint_file(struct shim_lint *lint, bool *is_policy)
{
    int code;

    errno = 0;
    code = load(lint);
    if (code == SHIM_OK && lint->faults == 0) {
        *is_policy = shim_lint_is_policy(lint->conf, lint->path);
        if (*is_policy) {
            lint_includes(lint);
            shim_lint_policy(lint);
        } else {
            lint_conf(lint);
        }
    }
    return code == SHIM_OK && lint->faults > 0 ? SHIM_REFUSED : code;
}

static int print_json(const struct shim_lint *lint, int code)
{
    return shim_json_report(json_pack("{s:s, s:s, s:o, s:b, s:i, s:O, s:O}", "policy",
                                      SMIMEPOLICY_VERSION, "operation", "config lint", "file",
                                      sp_json_text(lint->path), "sound", code == SHIM_OK, "exit",
                                      code, "faults", lint->said, "notes", lint->notes),
                            NULL, code);
}

int shim_lint(const char *path, bool json)
{
    struct shim_lint lint = { .path = path, .conf = NCONF_new(NULL) };
    bool is_policy = false;
    int code;

    if (json) {
        lint.said = json_array();
        lint.notes = json_array();
    }
    if (lint.conf == NULL || (json && (lint.said == NULL || lint.notes == NULL)))
        code = shim_no_memory();
    else
        code = lint_file(&lint, &is_policy);
    if (json && lint.said != NULL && lint.notes != NULL)
        code = print_json(&lint, code);
    else if (code == SHIM_OK)
        praise(path, is_policy);
    NCONF_free(lint.conf);
    shim_named_clear(&lint.named);
    json_decref(lint.said);
    json_decref(lint.notes);
    return code;
}

struct shim_named shim_lint_named(const char *path)
{
    struct shim_lint lint = { .path = path, .conf = NCONF_new(NULL), .silent = true };

    if (lint.conf != NULL && bounded(&lint) == SHIM_OK && NCONF_load(lint.conf, path, NULL) > 0)
        lint_conf(&lint);
    NCONF_free(lint.conf);
    ERR_clear_error();
    return lint.named;
}

void shim_named_clear(struct shim_named *named)
{
    OPENSSL_free(named->keyring);
    OPENSSL_free(named->log);
    OPENSSL_free(named->lost);
    *named = (struct shim_named){ 0 };
}
