/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates by the fingerprint of their key.
 */
#ifndef SP_PRINTS_H
#define SP_PRINTS_H

#include "register/cert.h"

void sp_prints_open(void);
void sp_prints_close(void);

/* File |cert| under |id|, instead of where it was.  False if out of memory. */
bool sp_prints_file(struct sp_cert *cert, const struct sp_keyid *id);
void sp_prints_remove(struct sp_cert *cert);

/*
 * Every certificate with the key |id|, each with a reference of the caller's.
 *
 * @param certs  set to an array to free with OPENSSL_free(), or NULL
 * @return how many, or -1 if out of memory
 */
int sp_prints_find(const struct sp_keyid *id, struct sp_cert ***certs);

#endif
