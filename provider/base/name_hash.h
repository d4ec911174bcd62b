/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Hashes by which the certificates of one issuer are found.
 */
#ifndef SP_NAME_HASH_H
#define SP_NAME_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509v3.h>

/*
 * FNV-1a: whoever can choose names that meet can choose equal names, too.
 */
#define SP_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t sp_hash_bytes(uint64_t hash, const void *bytes, size_t length);

/*
 * A hash of |name|, equal for names that X509_NAME_cmp() finds equal, in whatever type
 * of string and whatever case they are written.  0: it cannot be read, or memory ran out.
 * Nothing is cached and nothing is fetched; errors may be left in the queue.
 */
uint64_t sp_name_hash(const X509_NAME *name);
/* The same of a key identifier; 0 for none. */
uint64_t sp_key_identifier_hash(const unsigned char *id, size_t length);

/* So many URIs of distribution points are known of a certificate, and of a CRL. */
#define SP_MOST_POINTS 8
/*
 * Add the hashes of the URIs in |names|, octet by octet, to |points|, which ends with 0 where it
 * is not full.  Those that have no room are left out.
 */
void sp_add_points(uint64_t points[SP_MOST_POINTS], const GENERAL_NAMES *names);
/* Is one hash in both? */
bool sp_share_point(const uint64_t one[SP_MOST_POINTS], const uint64_t other[SP_MOST_POINTS]);

#endif
