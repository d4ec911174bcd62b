/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificate a -keyopt is for.  Stock takes it for the -signer or -recip
 * before it, and knows of none where a verb finds them by their addresses.
 */
#ifndef SHIM_KEY_OPTIONS_H
#define SHIM_KEY_OPTIONS_H

#include "tool/run/operation.h"

/* Is the option |index| a -keyopt behind no -signer, -inkey or -recip of its own? */
bool shim_key_option_is_free(const struct shim_operation *operation, size_t index);

/* Does such an option mean a key of |cert|'s kind? */
bool shim_key_option_fits(const char *value, const X509 *cert);

/*
 * Does each of them find somebody whom it is for?  Asked once signers and recipients are known.
 *
 * @return SHIM_OK or SHIM_USAGE with the reason on stderr
 */
int shim_key_options_check(const struct shim_operation *operation);

#endif
