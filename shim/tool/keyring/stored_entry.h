/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room keyring of the command: entries of the keyring, found by address or
 * fingerprint and chosen by the rules.
 *
 * This header: a stored certificate with its facts and verdicts, for the commands
 * that print it.
 */
#ifndef SHIM_STORED_ENTRY_H
#define SHIM_STORED_ENTRY_H

#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "common/shim.h"
#include "keyring/keyring.h"
#include "rules/revocation.h"

struct shim_entry {
    struct sp_record record;          /* owned */
    X509 *cert;                       /* owned; it may be without its key */
    struct sp_facts *facts;           /* owned */
    struct sp_revocation revocation;  /* owned: what the CRLs say of it */
    struct sp_stored_verdicts stored; /* owned */
    bool waits; /* it is a private key that waits: |cert| is what its request asks for */
};

/*
 * Judge |record|, which is taken over and cleared, at the time |at|.
 *
 * @return SHIM_OK, or SHIM_SYSTEM with the reason on stderr; clear |entry| in any
 *         case
 */
int shim_entry_read(struct shim_entry *entry, struct sp_record *record, time_t at,
                    const struct shim *shim);
void shim_entry_clear(struct shim_entry *entry);

/*
 * Call |take| for every certificate that |query| finds, until it returns anything but
 * SHIM_OK.
 */
typedef int shim_entry_fn(const struct shim_entry *entry, void *data);
int shim_entry_each(struct shim *shim, struct sp_keyring *keyring, const struct sp_query *query,
                    time_t at, shim_entry_fn *take, void *data);

/* Call |take| for every private key that waits for its certificate, until it returns another code.
 */
int shim_waiting_each(struct sp_keyring *keyring, shim_entry_fn *take, void *data);

/* The subject, in printable ASCII; "(no subject)" if it is empty.  Borrowed. */
const char *shim_entry_subject(const struct shim_entry *entry);
/* Text for people and programs, in printable ASCII.  Owned by the caller; NULL if out of memory. */
char *shim_entry_addresses(const struct shim_entry *entry); /* ", " between them; or "" */
char *shim_entry_uses(const struct shim_entry *entry);      /* "sign, encrypt", "vouches" or "" */
char *shim_entry_rules(const struct shim_entry *entry);     /* why it is unusable; or "" */
char *shim_entry_serial(const struct shim_entry *entry);    /* "0x1f" */
char *shim_moment_text(const ASN1_TIME *at);                /* RFC 3339 in UTC */
/* "uploaded", "collected", …; borrowed. */
const char *shim_entry_origin(const struct shim_entry *entry);
/*
 * The addresses that it is found by, with ", " between them, if these need not be all that it
 * has; else |*text| is NULL.  False with the reason on stderr.
 */
bool shim_entry_found_by(struct sp_keyring *keyring, const struct shim_entry *entry, char **text);
/* "usable" and the like, or "waiting".  Borrowed. */
const char *shim_entry_state(const struct shim_entry *entry);
/* "contact 0123456789abcdef bob@example.org (CN=Bob)" */
char *shim_entry_line(const struct shim_entry *entry);

/* What every command tells of a certificate, see docs/use/json.md; NULL if out of memory. */
json_t *shim_entry_json(const struct shim_entry *entry);
json_t *shim_addresses_json(const struct sp_facts *facts);
/* The same as text, with ", " between them; or "".  To free; NULL if out of memory. */
char *shim_addresses_text(const struct sp_facts *facts);

/*
 * Entries as PEM, with the lines of text before each by which `upload --as exported`
 * keeps it as it was.
 */

/* TRUSTED CERTIFICATE where it says whom it is trusted for; false if that failed. */
bool shim_pem_write_cert(FILE *to, const struct shim_entry *entry);
/* The same PEM as a new string, to free with OPENSSL_free(). */
char *shim_pem_text(const struct shim_entry *entry);
/*
 * Write the lines of text, the certificate, and |key| unless it is NULL.  |found_by|: of
 * shim_entry_found_by().
 */
bool shim_pem_write_entry(FILE *to, const struct shim_entry *entry, const char *found_by,
                          const struct sp_private_key *key);

/*
 * Selectors: a word of the command line that names certificates by an address, a
 * fingerprint, or its first digits.
 */

/* Zero-initialise it. */
struct shim_picks {
    unsigned char (*each)[SP_SHA256_LENGTH]; /* owned: fingerprints, each once */
    size_t count;
};
void shim_picks_clear(struct shim_picks *picks);
bool shim_picks_add(struct shim_picks *picks, const unsigned char fingerprint[SP_SHA256_LENGTH]);

/*
 * Add the certificates that |word| names.
 *
 * @param found  set to their number
 * @return SHIM_OK; SHIM_USAGE if it is no selector or ambiguous; SHIM_INPUT if there
 *         is none; SHIM_SYSTEM; with the reason on stderr
 */
int shim_pick(struct shim *shim, struct sp_keyring *keyring, const char *word,
              struct shim_picks *picks, size_t *found);
/* The same for each of |words|, which end with NULL. */
int shim_pick_all(struct shim *shim, struct sp_keyring *keyring, char *const *words,
                  struct shim_picks *picks);

/*
 * The address |word| as it is looked up: in lower case, its domain as A-labels.
 * NULL with the fault on stderr.
 */
char *shim_address_folded(const char *word);

/* Call |take| for each of |picks|; one that is no longer stored is skipped. */
int shim_picks_each(struct shim *shim, struct sp_keyring *keyring, const struct shim_picks *picks,
                    time_t at, shim_entry_fn *take, void *data);

#endif
