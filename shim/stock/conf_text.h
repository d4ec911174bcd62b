/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text that OpenSSL reads as a configuration.  Every path, setting and name
 * that goes into one is written by these functions.
 */
#ifndef SHIM_CONF_TEXT_H
#define SHIM_CONF_TEXT_H

#include "settings/settings.h"

/*
 * |value| as it stands behind `key = `, so that libcrypto reads these very
 * bytes; plain where nothing in it has a meaning there.
 *
 * @return a new string; NULL with the reason in |*why|, to free with
 *         OPENSSL_free(), or NULL there too if out of memory
 */
char *shim_conf_quote(const char *value, char **why);

/*
 * The openssl.cnf that stock runs with: the module and every setting, read
 * back with libcrypto and found to be what was written.  Returned as above.
 */
char *shim_conf_text(const char *module, const smimepolicy_settings *settings, char **why);

#endif
