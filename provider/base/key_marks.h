/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which options a key may need, by the object identifiers in its certificate.  It is a
 * guess that errs to one side: another kind of key may be taken for one of these, but
 * none of these for another kind.
 */
#ifndef SP_KEY_MARKS_H
#define SP_KEY_MARKS_H

#include <stdbool.h>
#include <stddef.h>

/* May the key of the certificate |der| be on a curve? */
bool sp_may_be_ec(const void *der, size_t length);
/* May it be a key for RSA-PSS alone? */
bool sp_may_be_pss(const void *der, size_t length);

#endif
