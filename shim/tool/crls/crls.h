/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room crls: CRLs on their way into the keyring, and what is told of those in it.
 */
#ifndef SHIM_CRLS_H
#define SHIM_CRLS_H

#include "common/shim.h"
#include "keyring/keyring.h"
#include "revocation/crl_file.h"
#include "rules/crls/crl_rules.h"
#include "tool/certs/certs.h"

/* crl_read.c: what a CRL says, read without its entries. */
struct shim_crl {
    struct shim_crl_frame frame;
    X509_CRL *head; /* owned: the CRL without its entries */
    struct sp_crl_facts facts;
    unsigned scope; /* as in struct sp_crl_about */
    uint64_t part;
    uint64_t points[SP_MOST_POINTS];
    size_t count; /* of its entries */
};

/*
 * Read the CRL |der|, which is not changed and has to last as long as |crl|.
 *
 * @param crl  to clear with shim_crl_clear(), whatever is returned
 * @return NULL; or the fault and the way out, a static string
 */
const char *shim_crl_read(struct shim_crl *crl, const unsigned char *der, size_t length);
void shim_crl_clear(struct shim_crl *crl);
/* Has the key of |issuer| signed it? */
bool shim_crl_is_signed_by(const struct shim_crl *crl, X509 *issuer);
/*
 * Give each entry to |tell|, in the order of the CRL.  The reason of an entry that a delta
 * takes away is CRL_REASON_REMOVE_FROM_CRL.
 *
 * @return NULL; or the fault and the way out, a static string; NULL with |*stopped| set if
 *         |tell| has returned false
 */
const char *shim_crl_entries_each(const struct shim_crl *crl, sp_crl_entry_fn *tell, void *data,
                                  bool *stopped);

/*
 * crl_issuer.c: find the stored certificate with whose key |crl| is signed; or one that is
 * about to be stored by |upload|, unless that is NULL.
 *
 * @param issuer  set to it, to free; NULL if it is refused
 * @param why     set then to the fault and the way out, to free
 * @return SHIM_OK, or SHIM_SYSTEM with the reason on stderr
 */
int shim_crl_issuer(struct sp_keyring *keyring, struct sp_upload *upload,
                    const struct shim_crl *crl, X509 **issuer, char **why);

/*
 * crl_marks.c: mark the cas and intermediates that are revoked, or below one that is, so that
 * their issuers need not be looked for at a gate; and take away the marks that no longer hold.
 *
 * @param tells  a stored CRL that cannot be read, so that a mark stays as it is, is a failure, too
 * @return SHIM_OK, or SHIM_SYSTEM with the reason on stderr
 */
int shim_crls_mark(const char *path, struct sp_keyring *keyring, time_t now, bool tells);

/* The number of a stored CRL; one that is longer than any is taken for none. */
struct sp_crl_number shim_crl_number_of(const struct sp_crl_about *about);
/* The number of a CRL as OpenSSL prints it, "0x1f", to free; NULL if it has none. */
char *shim_crl_number_text(const struct sp_crl_number *number);

/*
 * stored_crls.c: the name of a CRL on a hub: of what key and issuer's name (sp_name_hash()), scope
 * and part; a delta has another one than the complete CRL.  False if out of memory.
 */
bool shim_crl_name(const unsigned char key[SP_SHA256_LENGTH], uint64_t issuer, unsigned scope,
                   uint64_t part, bool delta, unsigned char name[SP_SHA256_LENGTH]);
/* The CRL |name| that the hub has or had, as the copy knows it; NULL: it knows none. */
const struct sp_hub_crl *shim_crl_on_hub(const struct sp_hub *hub,
                                         const unsigned char name[SP_SHA256_LENGTH]);
/* Is |file| what the hub has?  False also if out of memory, which shim_memory_sufficed() knows. */
bool shim_crl_is_of_hub(const struct sp_hub *hub, const struct sp_crl_file *file);

/* crl_store.c: what became of one CRL. */
struct shim_crl_stored {
    enum shim_crl_state { SHIM_CRL_STORED, SHIM_CRL_ALREADY, SHIM_CRL_REFUSED } state;
    char *issuer;                        /* owned: its name; NULL: it cannot be read */
    unsigned char key[SP_SHA256_LENGTH]; /* unless it is refused: the id of its issuer's key */
    struct sp_crl_facts facts;           /* unless |issuer| is NULL */
    bool delta;                          /* it was merged with the CRL that it continues */
    bool older;                          /* REFUSED: a newer one is stored */
    size_t count;                        /* of entries that are stored */
    char *why;                           /* owned: REFUSED: the fault and the way out; or NULL */
    char *note;                          /* owned: what is to be told of it; or NULL */
    smimepolicy_verdict *verdict;        /* owned: on its digest, if that is a weak one */
    struct sp_crl_writer *writer;        /* owned: it is not in its place yet */
    char *place;                         /* owned: its issuer, key, scope and part */
    unsigned char content[SP_SHA256_LENGTH]; /* SHA-256 of its DER */
    /* unless it is refused: its name on a hub as a complete CRL, and as a delta */
    unsigned char names[2][SP_SHA256_LENGTH];
};
/* "FAULT; REMEDY" of a digest that is denied; NULL if it is not, or memory ran out. */
char *shim_crl_denial(const struct shim_crl_stored *what, const smimepolicy_settings *settings);
void shim_crl_stored_clear(struct shim_crl_stored *what);

struct shim_crl_target {
    const char *path;           /* borrowed: the keyring */
    struct sp_keyring *keyring; /* borrowed */
    struct sp_upload *upload;   /* borrowed: what is stored with it; or NULL */
    const smimepolicy_settings *settings;
    time_t now;
    /* borrowed: what was prepared before and is not in its place yet; ends with NULL */
    struct shim_crl_stored *const *prepared;
};
/*
 * Verify a CRL with its issuer's certificate, compare it with the stored one, and merge a
 * delta with it.  Nothing is stored before shim_crl_commit().
 *
 * @param der   is not changed
 * @param what  zeroed; to clear, whatever is returned
 * @return SHIM_OK, also if it is refused; or SHIM_SYSTEM with the reason on stderr
 */
int shim_crl_prepare(const struct shim_crl_target *target, const unsigned char *der, size_t length,
                     struct shim_crl_stored *what);
/* Put it in its place, if there is something to store.  SHIM_OK or SHIM_SYSTEM, as above. */
int shim_crl_commit(struct shim_crl_stored *what);

#endif
