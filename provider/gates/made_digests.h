/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a raw signature is of, where this process made the digest.
 *
 * PKCS7_verify() digests the signed attributes of a mail and then has the digest
 * checked as any raw signature, which `raw_keys = pass` may let pass.  With
 * that setting the digests are watched; without it they are the backend's own.
 */
#ifndef SP_MADE_DIGESTS_H
#define SP_MADE_DIGESTS_H

#include "gates/classify.h"

/*
 * What the last data were that this thread digested.  One digest may be signed
 * more than once: it counts until the next one, or until it was verified.
 */
enum sp_kind sp_digested_last(void);
/* What a signature digested for itself, or what was verified, is known already. */
void sp_digested_forget(void);

#endif
