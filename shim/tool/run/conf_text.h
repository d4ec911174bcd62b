/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writing configurations for OpenSSL.  All text of one is written here.
 */
#ifndef SHIM_CONF_TEXT_H
#define SHIM_CONF_TEXT_H

#include "settings/settings.h"

/*
 * |value| as it is written after `key = `, so that libcrypto reads exactly these
 * bytes.  It is not quoted if no character needs it.
 *
 * @return a new string, to free with OPENSSL_free(); NULL with the reason in |*why|,
 *         to free as well, or with NULL there if out of memory
 */
char *shim_conf_quote(const char *value, char **why);

/*
 * The openssl.cnf for stock: the module and every setting.  It is read back with
 * libcrypto and compared.  Returned as by shim_conf_quote().
 */
char *shim_conf_text(const char *module, const smimepolicy_settings *settings, char **why);

/*
 * Write the openssl.cnf into memory: the module and every setting, but
 * nothing of the system's configuration.
 *
 * @return a file descriptor (close-on-exec) for shim_fd_path(), or -1 with the
 *         reason on stderr
 */
int shim_provider_conf(const char *module, const smimepolicy_settings *settings);

#endif
