/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What every openssl.cnf of ours begins with.
 */
#ifndef SHIM_CONF_HEAD_H
#define SHIM_CONF_HEAD_H

#include <stdbool.h>

/* The cipher of the verbs.  Before 3.5 stock's default is 3DES. */
#define SHIM_DEFAULT_CIPHER "aes256"

#define SHIM_CONF_SETTINGS "smimepolicy_settings"

/* The settings of the provider follow. */
#define SHIM_CONF_HEAD                                                                             \
    "config_diagnostics = 1\n"                                                                     \
    "openssl_conf = smimepolicy_init\n"                                                            \
    "[smimepolicy_init]\n"                                                                         \
    "providers = smimepolicy_providers\n"                                                          \
    "alg_section = smimepolicy_algorithms\n"                                                       \
    "[smimepolicy_algorithms]\n"                                                                   \
    "default_properties = ?smime.policy=yes\n"                                                     \
    "[smimepolicy_providers]\n"                                                                    \
    "smimepolicy = " SHIM_CONF_SETTINGS "\n"                                                       \
    "[" SHIM_CONF_SETTINGS "]\n"                                                                   \
    "activate = 1\n"

/* Has |byte| no meaning to libcrypto anywhere in a value? */
bool shim_conf_is_plain(unsigned char byte);

#endif
