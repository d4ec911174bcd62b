/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tool/run/conf_text.h"
#include "base/text.h"
#include "common/memory_file.h"
#include "common/message.h"
#include "stock/conf_head.h"

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

char *shim_conf_quote(const char *value, char **why)
{
    struct sp_text text = { 0 };
    bool plain = true;

    *why = NULL;
    for (const char *byte = value; *byte != '\0'; byte++) {
        if (is_control((unsigned char)*byte)) {
            *why = OPENSSL_strdup("it holds a line end or another control character");
            return NULL;
        }
        plain = plain && shim_conf_is_plain((unsigned char)*byte);
    }
    if (plain)
        return OPENSSL_strdup(value);
    sp_text_add(&text, "\"");
    for (; *value != '\0'; value++) {
        char one[3] = { '\\', *value, '\0' };

        sp_text_add(&text, *value == '\\' || *value == '"' ? one : one + 1);
    }
    sp_text_add(&text, "\"");
    return sp_text_take(&text);
}

/* Make a reason of |fault| that names |key| and |value|.  Returns false. */
static bool refuse(const char *key, const char *value, const char *fault, char **why)
{
    char *shown = sp_escape(value, strlen(value));

    *why = shown == NULL ? NULL
                         : sp_format("%s = %s: this cannot be written into a configuration of "
                                     "OpenSSL: %s; use another one",
                                     key, shown, fault);
    OPENSSL_free(shown);
    return false;
}

/* |data|: the struct sp_text. */
static bool add_line(void *data, const char *key, const char *value, char **why)
{
    struct sp_text *text = data;
    char *fault = NULL;
    char *quoted = shim_conf_quote(value, &fault);

    if (quoted == NULL) {
        text->failed = true;
        if (fault != NULL)
            (void)refuse(key, value, fault, why);
        OPENSSL_free(fault);
        return false;
    }
    sp_text_add(text, key);
    sp_text_add(text, " = ");
    sp_text_add(text, quoted);
    sp_text_add(text, "\n");
    OPENSSL_free(quoted);
    return true;
}

/* Is the setting left out?  OpenSSL would read `default` as a section, and unset means the same. */
static bool is_left_out(const char *value)
{
    return value == NULL || strcmp(value, "default") == 0;
}

/* Call |take| for the module and each setting that is written, until it returns false. */
typedef bool line_fn(void *data, const char *key, const char *value, char **why);

static bool each_line(const char *module, const smimepolicy_settings *settings, line_fn *take,
                      void *data, char **why)
{
    bool done = take(data, "module", module, why);
    const char *key;

    for (size_t i = 0; done && (key = sp_settings_key(i)) != NULL; i++) {
        char *value = sp_settings_value(settings, i);

        done = is_left_out(value) || take(data, key, value, why);
        OPENSSL_free(value);
    }
    return done;
}

static bool compare_line(void *data, const char *key, const char *value, char **why)
{
    const CONF *conf = data;
    const char *read = NCONF_get_string(conf, SHIM_CONF_SETTINGS, key);

    if (NCONF_get_section(conf, value) != NULL)
        return refuse(key, value, "it is the name of a section there", why);
    return (read != NULL && strcmp(read, value) == 0) ||
           refuse(key, value, "it is read back as something else", why);
}

/* Read |text| back with libcrypto, and compare. */
static bool reads_back(const char *text, const char *module, const smimepolicy_settings *settings,
                       char **why)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    CONF *conf = NCONF_new(NULL);
    bool same = false;

    ERR_set_mark();
    if (bio != NULL && conf != NULL && NCONF_load_bio(conf, bio, NULL) > 0)
        same = each_line(module, settings, compare_line, conf, why);
    ERR_pop_to_mark();
    NCONF_free(conf);
    BIO_free(bio);
    return same;
}

char *shim_conf_text(const char *module, const smimepolicy_settings *settings, char **why)
{
    struct sp_text text = { 0 };
    char *written = NULL;
    bool done;

    *why = NULL;
    sp_text_add(&text, SHIM_CONF_HEAD);
    done = each_line(module, settings, add_line, &text, why);
    written = sp_text_take(&text);
    if (done && written != NULL && reads_back(written, module, settings, why))
        return written;
    OPENSSL_free(written);
    return NULL;
}

int shim_provider_conf(const char *module, const smimepolicy_settings *settings)
{
    char *why;
    char *text = shim_conf_text(module, settings, &why);
    int fd = -1;

    if (text != NULL)
        fd = shim_memory_file("openssl.cnf", text, strlen(text));
    else if (why != NULL)
        shim_error("%s", why);
    else
        shim_no_memory();
    OPENSSL_free(why);
    OPENSSL_free(text);
    return fd;
}
