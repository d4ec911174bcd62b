/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * International domains.  The library is loaded for the first one: most commands
 * never see any.
 */
#ifndef SHIM_IDN_H
#define SHIM_IDN_H

#include <stdbool.h>

/*
 * The A-labels (RFC 5891) of |domain|, in UTF-8, to free with OPENSSL_free().  NULL
 * if a label is not valid, or only after mapping (an invisible space, a wide
 * letter): such a domain looks like another one.
 *
 * @return false if out of memory
 */
bool shim_idn_to_ascii(const char *domain, char **ascii);

#endif
