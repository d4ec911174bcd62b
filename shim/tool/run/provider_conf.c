/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "common/memory_file.h"
#include "common/message.h"
#include "tool/run/conf_text.h"

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
