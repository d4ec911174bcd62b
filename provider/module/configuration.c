/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "module/configuration.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/params.h>

#include "base/text.h"
#include "log/report.h"
#include "policy/command.h"
#include "policy/policy.h"

/* The value of |key| in the provider's section, or NULL. */
static const char *core_value(const struct sp_upcalls *up, const char *key)
{
    char *value = NULL;
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_ptr(key, &value, 0), OSSL_PARAM_END };

    return up->get_params(up->handle, params) == 1 ? value : NULL;
}

/*
 * Lock the policy for |fault|.  The core does not say from which file a value came:
 * in the default library context it is the process's configuration file.
 */
void sp_configuration_refuse(const struct sp_upcalls *up, const char *fault)
{
    const bool is_default = sp_upcalls_libctx(up) == OSSL_LIB_CTX_get0_global_default();
    char *file = is_default ? CONF_get1_default_config_file() : NULL;
    char reason[1024];

    (void)snprintf(reason, sizeof(reason),
                   "%s (in %s); mend the setting, or see "
                   "'smime-policy config --lint'",
                   fault, file != NULL ? file : "the configuration of this library context");
    OPENSSL_free(file);
    sp_policy_lock(reason);
}

static void set(const struct sp_upcalls *up, smimepolicy_settings *settings, const char *key,
                const char *value)
{
    char *why = NULL;

    if (smimepolicy_settings_set(settings, key, value, &why) != 1)
        sp_configuration_refuse(up, why != NULL ? why : key);
    smimepolicy_free(why);
}

static void refuse_fixed_rules(const struct sp_upcalls *up, smimepolicy_settings *settings)
{
    const char *key, *value;

    for (size_t i = 0; (key = sp_settings_fixed_rule(i)) != NULL; i++)
        if ((value = core_value(up, key)) != NULL)
            set(up, settings, key, value);
}

/* What smime-policy writes into the section beside settings; NULL where it is not there. */
struct told {
    char *policy, *report, *nonce, *use, *sender, *cipher, *asks, *whom;
};

static struct told read_told(const struct sp_upcalls *up)
{
    struct told told = { 0 };
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_ptr("policy", &told.policy, 0),
                            OSSL_PARAM_construct_utf8_ptr("report", &told.report, 0),
                            OSSL_PARAM_construct_utf8_ptr("report_nonce", &told.nonce, 0),
                            OSSL_PARAM_construct_utf8_ptr("report_use", &told.use, 0),
                            OSSL_PARAM_construct_utf8_ptr("report_sender", &told.sender, 0),
                            OSSL_PARAM_construct_utf8_ptr("report_cipher", &told.cipher, 0),
                            OSSL_PARAM_construct_utf8_ptr("report_asks", &told.asks, 0),
                            OSSL_PARAM_construct_utf8_ptr("report_for", &told.whom, 0),
                            OSSL_PARAM_END };

    return up->get_params(up->handle, params) == 1 ? told : (struct told){ 0 };
}

/*
 * If the configuration file cannot be opened, e.g. without /proc, OpenSSL ignores it
 * silently.  So the settings that arrived are compared with those that the command
 * expects, or the nonce of its report, and a difference locks the policy.
 */
static void expect_settings(const smimepolicy_settings *settings, const struct told *told)
{
    const char *promised = secure_getenv(SP_EXPECT);
    char *text = promised == NULL      ? NULL
                 : told->nonce != NULL ? sp_format(SP_EXPECT_REPORT "%s", told->nonce)
                                       : sp_settings_text(settings);

    if (promised != NULL && (text == NULL || strcmp(text, promised) != 0))
        sp_policy_lock("the settings that smime-policy started this program with did not arrive: "
                       "OpenSSL could not read its configuration, or read another one; see "
                       "whether /proc is mounted, and whether " SP_EXPECT " is set by mistake");
    OPENSSL_free(text);
}

/*
 * With OPENSSL_TEST_LIBCTX `openssl` works in a library context without
 * configuration.  It reads the variable after its configuration, so removing the
 * variable here prevents that.  What is done in the present context is refused with
 * the reason.
 */
static void refuse_other_context(const struct sp_upcalls *up)
{
    static const char variable[] = "OPENSSL_TEST_LIBCTX";

    if (secure_getenv(variable) == NULL ||
        sp_upcalls_libctx(up) != OSSL_LIB_CTX_get0_global_default())
        return;
    sp_policy_lock("OPENSSL_TEST_LIBCTX is set, with which openssl would work past the policy; "
                   "unset it");
    (void)unsetenv(variable);
}

static void refuse_value(const struct sp_upcalls *up, const char *key, const char *value,
                         const char *accepted)
{
    char *shown = sp_escape(value, strlen(value));
    char *fault = shown == NULL ? NULL : sp_format("%s = %s: accepted is %s", key, shown, accepted);

    sp_configuration_refuse(up, fault != NULL ? fault : key);
    OPENSSL_free(fault);
    OPENSSL_free(shown);
}

/* The number of a descriptor behind the standard ones, or -1. */
static int descriptor(const char *text)
{
    const long number = strtol(text, NULL, 10);

    return text[strspn(text, "0123456789")] == '\0' && number > 2 && number <= INT_MAX ? (int)number
                                                                                       : -1;
}

static void open_report(const struct sp_upcalls *up, const struct told *told)
{
    if (told->report == NULL) {
        sp_configuration_refuse(up, "report_nonce and its like are set without report");
        return;
    }
    sp_report_open(descriptor(told->report), told->nonce);
    if (sp_report_failed())
        refuse_value(up, "report", told->report,
                     "the number of a pipe that this program inherits and can write to, with 32 "
                     "hexadecimal digits as report_nonce; it stays the same in a process");
}

static void read_use(const struct sp_upcalls *up, const char *value, struct sp_command *command)
{
    static const smimepolicy_use uses[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_ENCRYPT,
                                            SMIMEPOLICY_VERIFY, SMIMEPOLICY_DECRYPT };

    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        if (strcmp(value, smimepolicy_use_name(uses[i])) == 0) {
            command->has_use = true;
            command->use = uses[i];
        }
    if (!command->has_use)
        refuse_value(up, "report_use", value, "sign, encrypt, verify or decrypt");
}

static char *copy_text(const struct sp_upcalls *up, const char *key, const char *value)
{
    char *copy = value == NULL || *value == '\0' ? NULL : OPENSSL_strdup(value);

    if (value != NULL && copy == NULL)
        refuse_value(up, key, value, "a value");
    return copy;
}

static void read_command(const struct sp_upcalls *up, const struct told *told)
{
    struct sp_command command = { .sender = copy_text(up, "report_sender", told->sender),
                                  .cipher = copy_text(up, "report_cipher", told->cipher) };

    open_report(up, told);
    if (told->use != NULL)
        read_use(up, told->use, &command);
    if (told->asks != NULL && strcmp(told->asks, "no") == 0)
        command.no_asking = true;
    else if (told->asks != NULL && strcmp(told->asks, "yes") != 0)
        refuse_value(up, "report_asks", told->asks, "no or yes");
    if (told->whom != NULL && strcmp(told->whom, "program") == 0)
        command.for_program = true;
    else if (told->whom != NULL && strcmp(told->whom, "person") != 0)
        refuse_value(up, "report_for", told->whom, "person or program");
    if (!sp_command_adopt(&command))
        sp_configuration_refuse(up, "the provider was loaded twice, with different report_use, "
                                    "report_sender, report_cipher, report_asks or report_for");
}

/* Read the policy file.  If it cannot be read the policy is locked. */
static void read_policy_file(const struct sp_upcalls *up, const char *path,
                             smimepolicy_settings *settings)
{
    char *why = NULL;

    if (path[0] != '/')
        refuse_value(up, "policy", path, "an absolute path");
    else if (smimepolicy_settings_load(settings, path, &why) != 1)
        sp_policy_lock(why != NULL ? why : "policy: out of memory");
    smimepolicy_free(why);
}

/* Beside a policy file: does |value| refuse as much as any other value of |key|? */
static bool is_strictest(const char *key, const char *value)
{
    static const struct {
        const char *key, *value;
    } strictest[] = { { "unknown_keys", "refuse" }, { "raw_keys", "judge" },
                      { "signer_path", "refuse" },  { "unverified_signers", "refuse" },
                      { "own_anchors", "first" },   { "keys", "mail" } };

    for (size_t i = 0; i < sizeof(strictest) / sizeof(strictest[0]); i++)
        if (strcmp(key, strictest[i].key) == 0)
            return strcmp(value, strictest[i].value) == 0;
    return false;
}

/*
 * Set |value| beside a policy file.  The file decides, so only a stricter value is
 * accepted, and the keyring that is meant where the file names none.
 */
static void set_beside(const struct sp_upcalls *up, smimepolicy_settings *settings, const char *key,
                       const char *value)
{
    if (is_strictest(key, value) || (strcmp(key, "keyring") == 0 && settings->keyring == NULL))
        set(up, settings, key, value);
    else if (strcmp(key, "keyring") != 0)
        refuse_value(up, key, value, "what is stricter than the policy file, or nothing");
}

smimepolicy_settings *sp_configuration_read(const struct sp_upcalls *up)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    const struct told told = read_told(up);
    const char *key, *value;

    if (settings == NULL)
        return NULL;
    if (told.report != NULL || told.nonce != NULL || told.use != NULL || told.sender != NULL ||
        told.cipher != NULL || told.asks != NULL || told.whom != NULL)
        read_command(up, &told);
    if (told.policy != NULL)
        read_policy_file(up, told.policy, settings);
    for (size_t i = 0; (key = sp_settings_key(i)) != NULL; i++) {
        if ((value = core_value(up, key)) == NULL)
            continue;
        if (told.policy != NULL)
            set_beside(up, settings, key, value);
        else
            set(up, settings, key, value);
    }
    refuse_fixed_rules(up, settings);
    expect_settings(settings, &told);
    refuse_other_context(up);
    return settings;
}

void sp_configuration_greet(void)
{
    const char *key;

    sp_report_hold();
    for (size_t i = 0; (key = sp_settings_key(i)) != NULL; i++) {
        char *value = sp_settings_value(sp_policy(), i);

        if (value != NULL)
            sp_report_line("setting %s %s", key, value);
        OPENSSL_free(value);
    }
    if (sp_policy_locked() != NULL)
        sp_report_line("refused - - - %s", sp_policy_locked());
    sp_report_line("ready");
    sp_report_release();
}
