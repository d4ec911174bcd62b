/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "files.h"
#include "provider_conf.h"
#include "shim.h"
#include "text.h"

char *shim_conf_quote(const char *value)
{
    /* Each of these means something in an openssl.cnf unless escaped. */
    static const char special[] = "\\#$\"'";
    struct sp_text text = { 0 };

    for (; *value != '\0'; value++) {
        char one[3] = { '\\', *value, '\0' };

        sp_text_add(&text, strchr(special, *value) != NULL ? one : one + 1);
    }
    return sp_text_take(&text);
}

static void add_setting(struct sp_text *text, const char *key, const char *value)
{
    char *quoted = value == NULL ? NULL : shim_conf_quote(value);

    if (value == NULL)
        return;
    if (quoted == NULL) {
        text->failed = true;
        return;
    }
    sp_text_add(text, key);
    sp_text_add(text, " = ");
    sp_text_add(text, quoted);
    sp_text_add(text, "\n");
    OPENSSL_free(quoted);
}

/*
 * OpenSSL takes a value that is a section's name for that section, and
 * [default] always exists: `backend = default` cannot be written down.
 */
static bool is_section_name(const char *value)
{
    return value != NULL && strcmp(value, "default") == 0;
}

static char *conf_text(const char *module, const smimepolicy_settings *settings)
{
    struct sp_text text = { 0 };
    const char *key;

    sp_text_add(&text, "config_diagnostics = 1\n"
                       "openssl_conf = smimepolicy_init\n"
                       "[smimepolicy_init]\n"
                       "providers = smimepolicy_providers\n"
                       "alg_section = smimepolicy_algorithms\n"
                       "[smimepolicy_algorithms]\n"
                       "default_properties = ?smime.policy=yes\n"
                       "[smimepolicy_providers]\n"
                       "smimepolicy = smimepolicy_settings\n"
                       "[smimepolicy_settings]\n"
                       "activate = 1\n");
    add_setting(&text, "module", module);
    for (size_t i = 0; (key = sp_settings_key(i)) != NULL; i++) {
        char *value = sp_settings_value(settings, i);

        if (!is_section_name(value))
            add_setting(&text, key, value);
        OPENSSL_free(value);
    }
    return sp_text_take(&text);
}

int shim_memory_file(const char *name, const char *bytes, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd >= 0 && shim_write_all(fd, bytes, len))
        return fd;
    shim_error("cannot make a file in memory: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int shim_provider_conf(const char *module, const smimepolicy_settings *settings)
{
    char *text = conf_text(module, settings);
    int fd;

    if (text == NULL) {
        shim_no_memory();
        return -1;
    }
    fd = shim_memory_file("openssl.cnf", text, strlen(text));
    OPENSSL_free(text);
    return fd;
}
