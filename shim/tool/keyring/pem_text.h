/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and keys of the keyring as PEM, and the lines of text before
 * each by which `upload --as exported` keeps it as it was.
 */
#ifndef SHIM_PEM_TEXT_H
#define SHIM_PEM_TEXT_H

#include <stdio.h>

#include "tool/keyring/stored_entry.h"

/* TRUSTED CERTIFICATE where it says whom it is trusted for; false if that failed. */
bool shim_pem_write_cert(FILE *to, const struct shim_entry *entry);
/* The same PEM as a new string, to free with OPENSSL_free(). */
char *shim_pem_text(const struct shim_entry *entry);
/* Write the lines of text, the certificate, and |key| unless it is NULL. */
bool shim_pem_write_entry(FILE *to, const struct shim_entry *entry,
                          const struct sp_private_key *key);

#endif
