/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The inside of struct sp_facts; for the rules alone.
 */
#ifndef SP_FACTS_H
#define SP_FACTS_H

#include <stdint.h>

#include <openssl/x509v3.h>

#include "base/name_hash.h"
#include "rules/revocation.h"

/* The state of an extension.  The content of a duplicate or broken one is not read. */
enum sp_extension { SP_EXT_ABSENT, SP_EXT_READ, SP_EXT_DUPLICATE, SP_EXT_BROKEN };

/* Bits of the Key Usage extension, numbered as in RFC 5280, 4.2.1.3. */
enum {
    SP_KU_DIGITAL_SIGNATURE = 1 << 0,
    SP_KU_NON_REPUDIATION = 1 << 1,
    SP_KU_KEY_ENCIPHERMENT = 1 << 2,
    SP_KU_KEY_AGREEMENT = 1 << 4,
    SP_KU_CERT_SIGN = 1 << 5,
    SP_KU_CRL_SIGN = 1 << 6,
    SP_KU_COUNT = 9
};

enum sp_key_kind {
    SP_KEY_BROKEN, /* an RSA or EC key that cannot be read */
    SP_KEY_RSA,
    SP_KEY_RSA_PSS,
    SP_KEY_EC,          /* on a named curve */
    SP_KEY_EC_EXPLICIT, /* with parameters written out */
    SP_KEY_OTHER
};

struct sp_public_key {
    enum sp_key_kind kind;
    int bits;      /* of the RSA modulus or the curve's order */
    char name[80]; /* of the curve or the algorithm; "" for RSA, which no rule refuses */
};

struct sp_moment {
    bool known;      /* false: it cannot be read as a time */
    int64_t seconds; /* since the epoch */
    struct tm tm;
};

/* The number of GeneralName types. */
#define SP_NAME_TYPES (GEN_RID + 1)

struct sp_facts {
    char *subject; /* owned; RFC 2253 */
    char *serial;  /* owned; "0x1f" */
    /* owned: the content octets of the serial number; NULL if it has none that can be encoded */
    unsigned char *serial_octets;
    size_t serial_length;
    /* hashes of the names and key identifiers, see base/name_hash.h */
    uint64_t subject_hash, issuer_hash;
    uint64_t key_id, issuer_key_id;
    uint64_t points[SP_MOST_POINTS];                       /* where its CRLs are, for all reasons */
    struct sp_delegation delegations[SP_MOST_DELEGATIONS]; /* who else signs its CRLs */
    struct sp_moment not_before;
    struct sp_moment not_after;
    struct sp_public_key key;
    int digest; /* NID of the digest in the certificate's own signature */

    enum sp_extension san;
    char **addresses; /* owned, as one block; folded; the last is NULL */
    size_t address_count;
    char *bad_address; /* owned, escaped: the first address that is not valid */
    /* how many names of each type, without the valid addresses */
    unsigned name_types[SP_NAME_TYPES];

    enum sp_extension usage;
    unsigned usage_bits;

    enum sp_extension extended;
    EXTENDED_KEY_USAGE *purposes; /* owned */

    enum sp_extension basic;
    bool ca;          /* CA:TRUE, in an extension that can be read */
    bool self_issued; /* its subject is its issuer; read only for a |ca| with an address */
};

/* The parts of sp_facts_new(); each returns false only if out of memory. */
bool sp_read_names(struct sp_facts *facts, const X509 *cert);
void sp_read_public_key(struct sp_public_key *key, const X509 *cert);
int sp_read_digest(const X509 *cert);

/*
 * Find the extension |nid| and parse it as |item|, for the caller to free.  NULL
 * unless |*state| is SP_EXT_READ.  A value followed by more bytes is broken.
 */
void *sp_read_extension(const X509 *cert, int nid, const ASN1_ITEM *item, enum sp_extension *state);

bool sp_facts_has_purpose(const struct sp_facts *facts, int nid);
/* CA:TRUE, with a Subject Alternative Name that holds an rfc822Name, or that cannot be read. */
bool sp_facts_is_named_ca(const struct sp_facts *facts);

#endif
