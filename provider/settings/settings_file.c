/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading policy.cnf.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/conf_bounds.h"
#include "base/text.h"
#include "settings/settings.h"

/* What is there and cannot be read: its settings would be lost without a word. */
static void note_unread(const struct sp_conf_lost *lost, void *data)
{
    char **why = data;

    if (*why == NULL && lost->error != 0 && lost->error != ENOENT && lost->error != ENOTDIR)
        *why = sp_format("%s: line %u: .include %s: %s", lost->file, lost->line, lost->path,
                         strerror(lost->error));
}

static CONF *read_file(const char *path, char **why)
{
    FILE *file;
    CONF *conf = NULL;
    long line = 0;
    bool loaded = false;
    char *unread = NULL;

    if (!sp_conf_is_bounded(path, note_unread, &unread, why)) {
        OPENSSL_free(unread);
        return NULL;
    }
    *why = unread;
    if (unread != NULL)
        return NULL;
    file = fopen(path, "re");
    if (file == NULL) {
        *why = sp_format("%s: %s", path, strerror(errno));
        return NULL;
    }
    conf = NCONF_new(NULL);
    if (conf != NULL && NCONF_load_fp(conf, file, &line) <= 0)
        *why = sp_format("%s: line %ld: not the syntax of an OpenSSL configuration", path, line);
    else if (ferror(file))
        *why = sp_format("%s: cannot be read", path);
    else
        loaded = conf != NULL;
    fclose(file);
    if (loaded)
        return conf;
    NCONF_free(conf);
    return NULL;
}

/* Refuse sections: a reader that ignores section headers would miss the settings. */
static bool has_no_section(const CONF *conf, const char *path, char **why)
{
    STACK_OF(OPENSSL_CSTRING) *names = NCONF_get_section_names(conf);
    bool none = names != NULL;

    for (int i = 0; i < sk_OPENSSL_CSTRING_num(names); i++) {
        const char *name = sk_OPENSSL_CSTRING_value(names, i);

        if (strcmp(name, "default") == 0)
            continue;
        *why = sp_format("%s: [%s]: settings stand in no section", path, name);
        none = false;
        break;
    }
    sk_OPENSSL_CSTRING_free(names);
    return none;
}

static bool apply_file(smimepolicy_settings *settings, const CONF *conf, const char *path,
                       char **why)
{
    const STACK_OF(CONF_VALUE) *lines = NCONF_get_section(conf, "default");

    for (int i = 0; i < sk_CONF_VALUE_num(lines); i++) {
        const CONF_VALUE *line = sk_CONF_VALUE_value(lines, i);
        char *fault;

        if (smimepolicy_settings_set(settings, line->name, line->value, &fault))
            continue;
        if (fault != NULL)
            *why = sp_format("%s: %s", path, fault);
        OPENSSL_free(fault);
        return false;
    }
    return true;
}

static void swap(smimepolicy_settings *a, smimepolicy_settings *b)
{
    smimepolicy_settings last = *a;

    *a = *b;
    *b = last;
}

int smimepolicy_settings_load(smimepolicy_settings *settings, const char *path, char **why)
{
    char *fault = NULL;
    smimepolicy_settings *fresh;
    CONF *conf;
    bool loaded = false;

    ERR_set_mark();
    fresh = sp_settings_dup(settings);
    conf = fresh == NULL ? NULL : read_file(path, &fault);
    if (conf != NULL)
        loaded = has_no_section(conf, path, &fault) && apply_file(fresh, conf, path, &fault);
    if (loaded)
        swap(settings, fresh);
    NCONF_free(conf);
    smimepolicy_settings_free(fresh);
    ERR_pop_to_mark();
    if (why != NULL)
        *why = fault;
    else
        OPENSSL_free(fault);
    return loaded;
}
