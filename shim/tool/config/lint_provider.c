/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"
#include "keyring/keyring.h"
#include "log/decision_log.h"
#include "settings/settings.h"
#include "tool/config/config.h"

/* Print a fault or a note, or with --json add it to |list|. */
static void __attribute__((format(printf, 4, 0)))
tell(const struct shim_lint *lint, json_t *list, const char *kind, const char *format, va_list args)
{
    char *text;

    if (lint->silent)
        return;
    if (list == NULL) {
        shim_print(stdout, "%s: %s", lint->path, kind);
        shim_vprint(stdout, format, args);
        putchar('\n');
        return;
    }
    text = sp_vformat(format, args);
    json_array_append_new(list, sp_json_text(text));
    OPENSSL_free(text);
}

void shim_lint_fault(struct shim_lint *lint, const char *format, ...)
{
    va_list args;

    lint->faults++;
    va_start(args, format);
    tell(lint, lint->said, "", format, args);
    va_end(args);
}

void shim_lint_note(struct shim_lint *lint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    tell(lint, lint->notes, "note: ", format, args);
    va_end(args);
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static bool is_ours(const struct shim_lint *lint, const CONF_VALUE *provider)
{
    const char *module = NCONF_get_string(lint->conf, provider->value, "module");

    return strcmp(provider->name, "smimepolicy") == 0 ||
           (module != NULL && strstr(module, "smimepolicy") != NULL);
}

static bool is_active(const struct shim_lint *lint, const CONF_VALUE *provider)
{
    static const char *const yes[] = { "1", "yes", "true", "on", "YES", "TRUE", "ON", NULL };
    const char *activate = NCONF_get_string(lint->conf, provider->value, "activate");

    return activate != NULL && is_one_of(activate, yes);
}

/* Load it as OpenSSL would, without calling it. */
static void lint_loadable(struct shim_lint *lint, const char *section, const char *module)
{
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    const char *why = handle == NULL ? dlerror() : NULL;

    if (handle == NULL)
        shim_lint_fault(lint, "[%s] module %s cannot be loaded: %s; install it anew", section,
                        module, why != NULL ? why : "no reason is known");
    else if (dlsym(handle, "OSSL_provider_init") == NULL)
        shim_lint_fault(lint, "[%s] module %s is no provider; correct the path", section, module);
    if (handle != NULL)
        dlclose(handle);
}

static void lint_module(struct shim_lint *lint, const CONF_VALUE *provider)
{
    /* For the providers inside libcrypto OpenSSL ignores `module`. */
    static const char *const builtin[] = { "default", "base", "null", NULL };
    const char *module = NCONF_get_string(lint->conf, provider->value, "module");

    if (is_one_of(provider->name, builtin))
        shim_lint_fault(lint,
                        "provider %s: `module` is ignored for a provider of that name; call it "
                        "smimepolicy",
                        provider->name);
    if (module == NULL || module[0] != '/')
        shim_lint_fault(lint,
                        "[%s] module is %s: the environment (OPENSSL_MODULES) decides what is "
                        "loaded; write its absolute path",
                        provider->value, module == NULL ? "not set" : "not an absolute path");
    else if (access(module, R_OK) != 0)
        shim_lint_fault(lint, "[%s] module %s cannot be read; correct the path", provider->value,
                        module);
    else
        lint_loadable(lint, provider->value, module);
    if (!is_active(lint, provider))
        shim_lint_fault(lint, "[%s] does not activate the provider; add `activate = 1`",
                        provider->value);
    if (NCONF_get_string(lint->conf, provider->value, "soft_load") != NULL)
        shim_lint_fault(lint,
                        "[%s] soft_load: a module that cannot be loaded would be skipped without "
                        "a word; remove it",
                        provider->value);
}

static void lint_setting(struct shim_lint *lint, const CONF_VALUE *entry,
                         smimepolicy_settings *settings)
{
    static const char *const openssl_own[] = { "identity", "module", "activate", "soft_load",
                                               NULL };
    char *why = NULL;

    if (is_one_of(entry->name, openssl_own))
        return;
    if (NCONF_get_section(lint->conf, entry->value) != NULL)
        shim_lint_fault(lint,
                        "[%s] %s = %s: OpenSSL takes the value for the section [%s] and the "
                        "setting is lost; rename the section, or leave the setting out if it is "
                        "the default",
                        entry->section, entry->name, entry->value, entry->value);
    if (!smimepolicy_settings_set(settings, entry->name, entry->value, &why))
        shim_lint_fault(lint,
                        "[%s] %s; correct it: an unknown key is ignored, a bad value makes the "
                        "provider refuse everything",
                        entry->section, why != NULL ? why : entry->name);
    smimepolicy_free(why);
}

/* Check the keyring: one that cannot be used makes the provider refuse. */
static void lint_keyring(struct shim_lint *lint, const CONF_VALUE *provider,
                         const smimepolicy_settings *settings)
{
    char *why = NULL;

    if (settings->keyring != NULL)
        sp_keyring_close(sp_keyring_open(settings->keyring, SP_KEYRING_READ, &why));
    if (why != NULL)
        shim_lint_fault(lint, "[%s] %s", provider->value, why);
    else if (settings->keyring == NULL && settings->trust == SP_TRUST_KEYRING)
        shim_lint_fault(lint,
                        "[%s] trust = keyring without a keyring: nobody is trusted; set keyring "
                        "to its path",
                        provider->value);
    if (lint->named.keyring == NULL)
        lint->named.keyring = why;
    else
        OPENSSL_free(why);
}

/* Check the log.  If only this user cannot write it, that is no fault: the program's user may. */
static void lint_log(struct shim_lint *lint, const char *log)
{
    if (lint->named.log != NULL || log == NULL)
        return;
    lint->named.log = sp_decision_log_fault(log);
    if (lint->named.log != NULL)
        shim_lint_note(lint, "%s", lint->named.log);
}

static void lint_ours(struct shim_lint *lint, const CONF_VALUE *provider)
{
    const STACK_OF(CONF_VALUE) *entries = NCONF_get_section(lint->conf, provider->value);
    smimepolicy_settings *settings = smimepolicy_settings_new();

    if (entries == NULL)
        shim_lint_fault(lint, "provider %s: there is no section [%s]; add it", provider->name,
                        provider->value);
    else
        lint_module(lint, provider);
    for (int i = 0; settings != NULL && i < sk_CONF_VALUE_num(entries); i++)
        lint_setting(lint, sk_CONF_VALUE_value(entries, i), settings);
    if (settings != NULL)
        lint_keyring(lint, provider, settings);
    if (settings != NULL)
        lint_log(lint, settings->decision_log);
    smimepolicy_settings_free(settings);
}

static void lint_other(struct shim_lint *lint, const CONF_VALUE *provider, bool prefers_ours)
{
    static const char *const same_algorithms[] = { "default", "fips", NULL };
    static const char *const harmless[] = { "base", "legacy", "null", NULL };

    if (NCONF_get_section(lint->conf, provider->value) == NULL)
        shim_lint_fault(
            lint,
            "provider %s: there is no section [%s]: OpenSSL stops there, and what comes "
            "behind is not loaded; add it, or remove the provider",
            provider->name, provider->value);
    if (!is_active(lint, provider) || is_one_of(provider->name, harmless))
        return;
    if (!is_one_of(provider->name, same_algorithms))
        shim_lint_fault(lint,
                        "provider %s: keys that another provider holds pass by the policy; "
                        "remove it",
                        provider->name);
    else if (!prefers_ours)
        shim_lint_fault(lint,
                        "provider %s is active beside smimepolicy and may be taken instead; "
                        "remove it, or set default_properties = ?smime.policy=yes in alg_section",
                        provider->name);
}

void shim_lint_providers(struct shim_lint *lint, const char *section, bool prefers_ours)
{
    const STACK_OF(CONF_VALUE) *providers = NCONF_get_section(lint->conf, section);
    bool found = false;

    if (providers == NULL)
        shim_lint_fault(lint, "providers: there is no section [%s]; add it", section);
    for (int i = 0; i < sk_CONF_VALUE_num(providers); i++) {
        const CONF_VALUE *provider = sk_CONF_VALUE_value(providers, i);

        if (is_ours(lint, provider)) {
            found = true;
            lint_ours(lint, provider);
        } else {
            lint_other(lint, provider, prefers_ours);
        }
    }
    if (providers != NULL && !found)
        shim_lint_fault(lint,
                        "[%s] does not name smimepolicy; add it, as 'smime-policy config' "
                        "prints it",
                        section);
}
