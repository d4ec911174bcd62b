/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which certificate a -keyopt is for.  Stock assigns it to the -signer or -recip
 * before it; where a verb finds certificates by address there is no such option.
 */
#ifndef SHIM_KEY_OPTIONS_H
#define SHIM_KEY_OPTIONS_H

#include "tool/run/operation.h"

/* Is the option |index| a -keyopt without a -signer, -inkey or -recip before it? */
bool shim_key_option_is_free(const struct shim_operation *operation, size_t index);

/* Is such an option for keys of |cert|'s kind? */
bool shim_key_option_fits(const char *value, const X509 *cert);

/*
 * Check that each of them is for some signer or recipient.  Called when these are
 * known.
 *
 * @return SHIM_OK, or SHIM_USAGE with the reason on stderr
 */
int shim_key_options_check(const struct shim_operation *operation);

#endif
