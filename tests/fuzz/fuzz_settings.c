/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a file of settings.
 */
#include <openssl/crypto.h>

#include "memory_file.h"
#include "settings/settings.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Settings that were accepted can be written down, and are accepted again. */
static void write_down(const smimepolicy_settings *settings)
{
    smimepolicy_settings *again = smimepolicy_settings_new();

    for (size_t i = 0; again != NULL && sp_settings_key(i) != NULL; i++) {
        char *value = sp_settings_value(settings, i);

        if (value != NULL && smimepolicy_settings_set(again, sp_settings_key(i), value, NULL) != 1)
            abort();
        OPENSSL_free(value);
    }
    smimepolicy_settings_free(again);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    smimepolicy_settings *settings = smimepolicy_settings_new();
    char *why = NULL;

    if (settings == NULL)
        return 0;
    if (smimepolicy_settings_load(settings, sp_memory_file(data, size), &why) == 1)
        write_down(settings);
    else if (why == NULL)
        abort();
    smimepolicy_free(why);
    smimepolicy_settings_free(settings);
    return 0;
}
