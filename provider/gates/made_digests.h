/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What this process has digested last, to recognise a raw signature of it.
 *
 * PKCS7_verify() digests the signed attributes of a mail, and then verifies the
 * digest as a raw signature, which `raw_keys = pass` may let pass.  With that
 * setting digests are watched; without it they are the backend's own.
 */
#ifndef SP_MADE_DIGESTS_H
#define SP_MADE_DIGESTS_H

#include "gates/classify.h"

/*
 * The kind of the data that this thread digested last.  A digest may be signed more
 * than once, so it counts until the next digest or the next verification.
 */
enum sp_kind sp_digested_last(void);
/*
 * Forget the last digest: the signature has digested its data by itself, or the
 * digest was verified.
 */
void sp_digested_forget(void);

#endif
