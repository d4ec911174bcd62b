/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room keyring: certificates and private keys that were uploaded, in whatever storage
 * keeps them (keyring/storage.h).
 *
 * A keyring is used by one thread, and not across fork().  No call leaves a lock
 * behind, so that others may write between two calls.
 */
#ifndef SP_KEYRING_H
#define SP_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/key_id.h"
#include "keyring/keyring_place.h"
#include "base/sha256.h"
#include "rules/rules.h"

struct sp_keyring;

enum sp_access {
    SP_KEYRING_READ,
    SP_KEYRING_WRITE /* it is made if it does not exist */
};

/*
 * Open the keyring in the directory |path|.
 *
 * @param why  set on failure to one line that names the file, the fault and the
 *             remedy, to free with OPENSSL_free(); NULL if out of memory
 * @return NULL also if it does not exist and is only to be read, and if others than
 *         its owner could write it
 */
struct sp_keyring *sp_keyring_open(const char *path, enum sp_access access, char **why);
void sp_keyring_close(struct sp_keyring *keyring);
/*
 * Do all directories on |path| belong to the superuser or to this process?
 *
 * @param why  set if not, as for sp_keyring_open()
 */
bool sp_keyring_is_own(const char *path, char **why);
/* Does a keyring exist in |path|, sound or not? */
bool sp_keyring_exists(const char *path);
/* May this process read the private keys in |path|?  True also if there are none. */
bool sp_keyring_keys_readable(const char *path);
/* Why the last call on |keyring| failed, as for sp_keyring_open().  Valid until the next call. */
const char *sp_keyring_why(const struct sp_keyring *keyring);

/* One stored certificate. */
struct sp_record {
    int64_t id; /* grows with each certificate; that of a removed one may be used again */
    unsigned char fingerprint[SP_SHA256_LENGTH]; /* of the certificate's DER */
    unsigned char key[SP_SHA256_LENGTH];         /* the id of its key, see base/key_id.h */
    enum sp_role role;
    enum sp_origin origin;
    int64_t uploaded; /* since when it is of this origin: seconds since the epoch */
    /* owned: the certificate, and behind it the trust settings of a TRUSTED CERTIFICATE */
    unsigned char *der;
    size_t der_length;
};

/* The certificate of |record|, for the caller to free; NULL if it cannot be parsed. */
X509 *sp_record_cert(const struct sp_record *record);
/* The same, much faster, for reading many: its key need not be decoded. */
X509 *sp_record_cert_without_key(const struct sp_record *record);
void sp_record_clear(struct sp_record *record);
/*
 * As d2i_X509(), but much faster, for reading many certificates: the key is not
 * decoded, so X509_get0_pubkey() of the result is NULL.
 */
X509 *sp_cert_without_key(const unsigned char **der, long length);

enum sp_index {
    SP_ALL,
    SP_BY_FINGERPRINT, /* |hash| */
    SP_BY_KEY,         /* |hash|: struct sp_keyid */
    SP_BY_ADDRESS,     /* |text|, with its domain as A-labels; in any case of letters */
    SP_BY_SUBJECT,     /* |name|; a few others may be found, too: compare */
    /*
     * |text|: the first hexadecimal digits of a fingerprint.  Give at least 8: with
     * fewer every certificate is read.
     */
    SP_BY_PREFIX,
    /*
     * |hash| of |length| bytes: a serial number or Subject Key Identifier; finds
     * identities alone, and perhaps others: compare
     */
    SP_BY_RECIPIENT,
    /*
     * The private keys that wait for their certificate.  Of each record |der| is the
     * PKCS#10 request for it, and |fingerprint| the id of the key.
     */
    SP_WAITING
};

#define SP_ROLE_BIT(role) (1U << (role))

struct sp_query {
    enum sp_index index;
    unsigned roles; /* of SP_ROLE_BIT(); 0 means every role */
    bool by_hand;   /* only what a person has uploaded or made */
    const unsigned char *hash;
    size_t length;
    const char *text;
    const X509_NAME *name;
};

struct sp_cursor;

/*
 * Find certificates, in the order in which they were stored.
 *
 * @return to free with sp_cursor_free(), before the keyring is closed; NULL if
 *         that failed
 */
struct sp_cursor *sp_keyring_find(struct sp_keyring *keyring, const struct sp_query *query);
/*
 * Get the next certificate.  1: |record| has it, for the caller to clear; 0: no
 * more; -1: it failed.
 */
int sp_cursor_next(struct sp_cursor *cursor, struct sp_record *record);
void sp_cursor_free(struct sp_cursor *cursor);

/*
 * The role and origin of the certificate with this fingerprint.  All zero if it is not
 * stored; also, with |*failed| set to true, if that cannot be found out.
 */
struct sp_standing sp_keyring_standing(struct sp_keyring *keyring,
                                       const unsigned char fingerprint[SP_SHA256_LENGTH],
                                       bool *failed);
/* Its role alone.  Who vouches depends on the origin, too. */
enum sp_role sp_keyring_role(struct sp_keyring *keyring,
                             const unsigned char fingerprint[SP_SHA256_LENGTH], bool *failed);
/*
 * As sp_keyring_standing(), for the keyring in |path|, which is opened for this
 * question.  NULL: there is none, and it says nothing.
 *
 * @param why  set as for sp_keyring_open() if it cannot be found out; else NULL
 */
struct sp_standing sp_keyring_standing_in(const char *path, const X509 *cert, char **why);
/*
 * As sp_keyring_standing_in(), for the keyring of |settings|.  One that does not exist says
 * nothing.  With `trust = keyring` it is a fault: nobody else vouches then.
 */
struct sp_standing sp_keyring_standing_by(const smimepolicy_settings *settings, const X509 *cert,
                                          char **why);
/* Count the certificates of each role; false if that failed. */
bool sp_keyring_count(struct sp_keyring *keyring, int64_t counts[SP_ROLE_COUNT]);

/* A stored private key: either |pkcs8| or |uri|. */
struct sp_private_key {
    unsigned char *pkcs8; /* owned: EncryptedPrivateKeyInfo, or PrivateKeyInfo (RFC 5958) */
    size_t length;
    bool encrypted; /* |pkcs8| is encrypted under a passphrase */
    char *uri;      /* owned: the URI of a key that is elsewhere */
    /*
     * owned: the DER of the PKCS#10 request for its certificate, which the key waits for;
     * NULL: its certificate is there.  Only sp_upload_add_key() looks at it.
     */
    unsigned char *request;
    size_t request_length;
    int64_t requested; /* when it was made, in seconds since the epoch; 0: now */
};

/*
 * Get the private key with the id |key|.  1: |private_key| has it, for the caller to
 * clear; 0: there is none; -1: it failed.
 */
int sp_keyring_key(struct sp_keyring *keyring, const unsigned char key[SP_SHA256_LENGTH],
                   struct sp_private_key *private_key);
void sp_private_key_clear(struct sp_private_key *private_key);
/*
 * Keep the private key with the id |key| as the PKCS#8 |now|, if it is still kept as the
 * PKCS#8 |was|, whose bytes are overwritten.  1: done; 0: it was changed or removed
 * meanwhile; -1: it failed.  Unless it returns 1 the keyring is unchanged.
 */
int sp_keyring_change_key(struct sp_keyring *keyring, const unsigned char key[SP_SHA256_LENGTH],
                          const struct sp_private_key *was, const struct sp_private_key *now);

/*
 * An upload.  It is collected beside the keyring, and then stored whole or not at
 * all.  Other processes need not wait before sp_upload_commit().
 */
struct sp_upload;

struct sp_upload *sp_upload_begin(struct sp_keyring *keyring);

enum sp_added {
    SP_ADD_FAILED = -1,
    SP_ADD_NEW,
    SP_ADD_AGAIN, /* it was added to this upload before */
    SP_ADD_STORED /* it is in the keyring already */
};
/*
 * Add |cert| in |role|.  A contact whose private key is in the keyring becomes an
 * identity: it is a renewed certificate, or the one that the key waits for.  What is stored
 * and of no person's hand gets the role and the origin of an upload by hand, and counts as
 * new.
 *
 * @param overrides  |role| wins over a stored role and over a stored key
 * @param stored_as  set to the role that the certificate has or will have
 */
enum sp_added sp_upload_add(struct sp_upload *upload, const X509 *cert,
                            const struct sp_facts *facts, enum sp_role role, bool overrides,
                            enum sp_role *stored_as);
/* Certificates and keys added from now on get |when| as their time of upload; 0: now. */
void sp_upload_at(struct sp_upload *upload, int64_t when);
/* Certificates added from now on have |origin|; before the first call: uploaded. */
void sp_upload_origin(struct sp_upload *upload, enum sp_origin origin);
/*
 * The next certificate added is found by |addresses| alone, of those that it has; ", " is
 * between them.  Found by others before, it stays so.  |addresses| is borrowed until then;
 * NULL: by each of them.
 */
void sp_upload_only_for(struct sp_upload *upload, const char *addresses);
/*
 * Find the certificates with |key| of this upload, including those that are stored
 * already; as sp_keyring_find().
 */
struct sp_cursor *sp_upload_find(struct sp_upload *upload,
                                 const unsigned char key[SP_SHA256_LENGTH]);
/* Find certificates with the role ca in this upload.  Their subject may be |name|: compare. */
struct sp_cursor *sp_upload_find_cas(struct sp_upload *upload, const X509_NAME *name);
/* Find every certificate of this upload. */
struct sp_cursor *sp_upload_all(struct sp_upload *upload);
/*
 * Add a private key; |private_key| is taken over and cleared.  Every contact
 * with that key becomes an identity.  With a request it waits for its certificate.
 */
bool sp_upload_add_key(struct sp_upload *upload, const unsigned char key[SP_SHA256_LENGTH],
                       struct sp_private_key *private_key);
/* Store the upload.  If it returns false the keyring is unchanged. */
bool sp_upload_commit(struct sp_upload *upload);
/* Free it.  An upload that was not committed is forgotten. */
void sp_upload_free(struct sp_upload *upload);

/*
 * Remove certificates.  A private key goes with the last certificate of an identity or
 * ca that has this key.  A key that waits for its certificate is named by its own id.  If
 * it fails, nothing is removed.
 */
bool sp_keyring_remove(struct sp_keyring *keyring,
                       const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count);

/*
 * A hub: another keyring, elsewhere, of which this one has a copy beside what is its own.  What
 * is of the hub is a *member*.  docs/develop/hub.md explains it.
 */
struct sp_hub {
    char *realm, *epoch; /* owned; NULL: there is no copy */
    char *anchors;       /* owned: the setting `hub_anchors` by which origins were chosen */
    int64_t revision;    /* how far the copy reaches; 0: it is not whole yet */
    int64_t certificates;
    unsigned char digest[SP_SHA256_LENGTH]; /* the sums of all members, XORed */
    struct sp_hub_crl *crls;                /* owned: the CRLs of the hub, sorted by their names */
    size_t crl_count;
    /* Since then a certificate was stored that may have signed a CRL, which was refused. */
    bool crls_again;
};
/* A CRL of the hub.  It is stored as it is, so it consists of bytes alone. */
struct sp_hub_crl {
    unsigned char name[SP_SHA256_LENGTH];    /* which: of what key, name, scope and part */
    unsigned char content[SP_SHA256_LENGTH]; /* the SHA-256 of its DER */
    unsigned char state;                     /* of SP_HUB_CRL_*; what is 0 is no CRL */
    /* What is not newer is refused: number and thisUpdate of one that was stored, big-endian. */
    struct sp_hub_floor {
        unsigned char number_length;
        unsigned char number[20];
        unsigned char this_update[8];
    } floor;
};
enum {
    SP_HUB_CRL_STORED = 1,  /* it was verified, and this or a newer one is stored */
    SP_HUB_CRL_REFUSED = 2, /* it was not: its issuer is not stored as a ca, or it is too old */
    SP_HUB_CRL_GONE = 3     /* the hub has it no more */
};
struct sp_member {
    unsigned char fingerprint[SP_SHA256_LENGTH];
    unsigned char sum[SP_SHA256_LENGTH]; /* of its row in the hub */
    struct sp_standing there;            /* what the hub says of it */
    bool own; /* it is this keyring's own, too: the hub changes nothing */
};
void sp_hub_clear(struct sp_hub *hub);
/* How far the copy of the hub reaches, for the caller to clear; false if that failed. */
bool sp_keyring_hub(struct sp_keyring *keyring, struct sp_hub *hub);
/*
 * Get the first members behind |after| in the order of their fingerprints, at most |room|;
 * |after| NULL: from the first.  Their number; -1: it failed.
 */
int sp_keyring_members(struct sp_keyring *keyring, const unsigned char *after,
                       struct sp_member *members, int room);
/* Get the member with |fingerprint|.  1: |*member| is it; 0: it is none; -1: it failed. */
int sp_keyring_member(struct sp_keyring *keyring, const unsigned char fingerprint[SP_SHA256_LENGTH],
                      struct sp_member *member);
/*
 * The next certificate added to |upload| is a member.  Unless it is this keyring's own it is
 * stored in its role and origin, whatever was stored before.  It becomes an identity only if
 * its private key is here and the hub says so, or its origin is by hand.  |member| is borrowed
 * until then.
 */
void sp_upload_member(struct sp_upload *upload, const struct sp_member *member);
/*
 * A member leaves, and its certificate with it, unless that is this keyring's own.  Its private
 * key is removed |with_key| alone; without, a certificate whose key is here stays.
 */
bool sp_upload_leave(struct sp_upload *upload, const unsigned char fingerprint[SP_SHA256_LENGTH],
                     bool with_key);
/* Give the certificate of a member another of the two origins of a hub. */
bool sp_upload_relabel(struct sp_upload *upload, const unsigned char fingerprint[SP_SHA256_LENGTH],
                       enum sp_origin origin);
/* After this upload the copy reaches as far as |hub|, which is borrowed until it is freed. */
void sp_upload_hub(struct sp_upload *upload, const struct sp_hub *hub);
/* What was in the keyring and is a member after this upload is the hub's from now on. */
void sp_upload_hand_over(struct sp_upload *upload);
/*
 * The addresses by which |record|, of this upload, will be found, with ", " between them.  A new
 * string; false if that failed.
 */
bool sp_upload_found_by(struct sp_upload *upload, const struct sp_record *record, char **addresses);
/* Receives a private key of an upload, which is borrowed; false ends it. */
typedef bool sp_key_fn(const unsigned char key[SP_SHA256_LENGTH],
                       const struct sp_private_key *private_key, void *data);
/* Call |each| for the private keys that were added; false if it has ended that. */
bool sp_upload_keys(struct sp_upload *upload, sp_key_fn *each, void *data);

/* Called after each step of a long work, for a person who waits. */
typedef void sp_step_fn(void);

/* Receives one fault: a line without a line feed. */
typedef void sp_tell_fn(const char *line, void *data);

/* Zero-initialise it. */
struct sp_checked {
    int64_t certificates, keys, faults;
    bool without_keys; /* do not check private keys: we may not read them */
    sp_step_fn *step;  /* called after each certificate; NULL: nobody waits */
};
/*
 * Check both databases, and compare every entry with its DER.
 *
 * @return false if the check could not be finished
 */
bool sp_keyring_check(struct sp_keyring *keyring, sp_tell_fn *tell, void *data,
                      struct sp_checked *checked);

/*
 * Make a backup: a copy of the keyring as it is now, with the CRLs beside it, in a new
 * directory |path|, which appears whole or not at all.
 *
 * @param step  called after each MB; NULL: nobody waits
 */
bool sp_keyring_backup(struct sp_keyring *keyring, const char *path, sp_step_fn *step);

#endif
