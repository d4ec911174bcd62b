/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "module/configuration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/params.h>

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

static void refuse_fixed_rules(const struct sp_upcalls *up, smimepolicy_settings *settings)
{
    const char *key, *value;
    char *why = NULL;

    for (size_t i = 0; (key = sp_settings_fixed_rule(i)) != NULL; i++) {
        if ((value = core_value(up, key)) == NULL)
            continue;
        if (smimepolicy_settings_set(settings, key, value, &why) != 1)
            sp_configuration_refuse(up, why != NULL ? why : key);
        smimepolicy_free(why);
    }
}

/*
 * If the configuration file cannot be opened, e.g. without /proc, OpenSSL ignores it
 * silently.  So the settings that arrived are compared with those that the command
 * expects, and a difference locks the policy.
 */
static void expect_settings(const smimepolicy_settings *settings)
{
    const char *promised = secure_getenv(SP_EXPECT);
    char *text = promised == NULL ? NULL : sp_settings_text(settings);

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

smimepolicy_settings *sp_configuration_read(const struct sp_upcalls *up)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    const char *key, *value;
    char *why = NULL;

    if (settings == NULL)
        return NULL;
    for (size_t i = 0; (key = sp_settings_key(i)) != NULL; i++) {
        if ((value = core_value(up, key)) == NULL)
            continue;
        if (smimepolicy_settings_set(settings, key, value, &why) != 1)
            sp_configuration_refuse(up, why != NULL ? why : key);
        smimepolicy_free(why);
    }
    refuse_fixed_rules(up, settings);
    expect_settings(settings);
    refuse_other_context(up);
    return settings;
}
