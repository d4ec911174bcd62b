/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finding certificates by the fingerprint of their key.
 */
#ifndef SP_PRINTS_H
#define SP_PRINTS_H

#include "register/cert.h"

void sp_prints_open(void);
void sp_prints_close(void);

/* File |cert| under |id|, and no longer under another one.  False if out of memory. */
bool sp_prints_file(struct sp_cert *cert, const struct sp_keyid *id);
void sp_prints_remove(struct sp_cert *cert);

/*
 * Find every certificate with the key |id|.  The caller gets a reference to each.
 *
 * @param certs  set to an array to free with OPENSSL_free(), or NULL
 * @return their number, or -1 if out of memory
 */
int sp_prints_find(const struct sp_keyid *id, struct sp_cert ***certs);

#endif
