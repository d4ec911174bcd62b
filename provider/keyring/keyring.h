/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The keyring: certificates and private keys that were uploaded.
 *
 * A directory with two SQLite databases: `certificates.db`, which every user
 * may read, and `keys.db`, which its owner alone may.  docs/keyring.md explains
 * the choices.
 *
 * A keyring is used by one thread, and not across fork(): open one where it is
 * needed, which is cheap.  No call leaves a lock on the files behind, so that
 * others may write between two calls.
 */
#ifndef SP_KEYRING_H
#define SP_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/key_id.h"
#include "base/sha256.h"
#include "rules/rules.h"

struct sp_keyring;

enum sp_access {
    SP_KEYRING_READ,
    SP_KEYRING_WRITE /* makes it if it is not there */
};

/*
 * Open the keyring in the directory |path|.
 *
 * @param why  set on failure to one line that names the file, the fault and
 *             the way out, to free with OPENSSL_free(); NULL if out of memory
 * @return NULL also if there is none and it is only to be read, and if others
 *         than its owner could write it
 */
struct sp_keyring *sp_keyring_open(const char *path, enum sp_access access, char **why);
void sp_keyring_close(struct sp_keyring *keyring);
/*
 * Where the user of this process has the keyring, by the environment; a
 * set-user-ID program has none.  To be freed; NULL if nothing says where, or
 * out of memory.
 */
char *sp_keyring_default(void);
/*
 * Does |path| lead through directories of the superuser and of this process alone?
 *
 * @param why  set if not, as for sp_keyring_open()
 */
bool sp_keyring_is_own(const char *path, char **why);
/* Is there a keyring in |path|, in whatever state? */
bool sp_keyring_exists(const char *path);
/* Why the last call on it failed, as above; lives until the next call. */
const char *sp_keyring_why(const struct sp_keyring *keyring);

/* One certificate as it is kept. */
struct sp_record {
    int64_t id; /* counts up as certificates are stored; may be given again */
    unsigned char fingerprint[SP_SHA256_LENGTH]; /* of the certificate's DER */
    unsigned char key[SP_SHA256_LENGTH];         /* names its key, see key_id.h */
    enum sp_role role;
    int64_t uploaded;   /* seconds since the epoch */
    unsigned char *der; /* owned; behind the certificate what a TRUSTED CERTIFICATE says of it */
    size_t der_length;
};

/* The certificate of |record|: new, NULL if it cannot be parsed. */
X509 *sp_record_cert(const struct sp_record *record);
void sp_record_clear(struct sp_record *record);
/*
 * As d2i_X509(), many times faster, for whoever reads many certificates to
 * judge or to store them: X509_get0_pubkey() of the result gives NULL.
 */
X509 *sp_cert_without_key(const unsigned char **der, long length);

enum sp_index {
    SP_ALL,
    SP_BY_FINGERPRINT, /* |hash| */
    SP_BY_KEY,         /* |hash|: struct sp_keyid */
    SP_BY_ADDRESS,     /* |text|, its domain as A-labels; case does not matter */
    SP_BY_SUBJECT,     /* |name|: few others may come along, compare */
    SP_BY_RECIPIENT    /* |hash| of |length|: a serial number or Subject Key Identifier; identities
                          alone, others may come along, compare */
};

#define SP_ROLE_BIT(role) (1U << (role))

struct sp_query {
    enum sp_index index;
    unsigned roles; /* of SP_ROLE_BIT(); 0: every role */
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
/* 1: |record| is the next one, for the caller to clear; 0: there is no more; -1: it failed. */
int sp_cursor_next(struct sp_cursor *cursor, struct sp_record *record);
void sp_cursor_free(struct sp_cursor *cursor);

/*
 * The same for those whose fingerprint begins with |digits|, in hexadecimal; at
 * least 8 of them, or every certificate is looked at.
 */
struct sp_cursor *sp_keyring_find_prefix(struct sp_keyring *keyring, const char *digits);

/*
 * The role of the certificate with this fingerprint; SP_ROLE_NONE if it is not
 * there, and with |*failed| set to true if that could not be found out.
 */
enum sp_role sp_keyring_role(struct sp_keyring *keyring,
                             const unsigned char fingerprint[SP_SHA256_LENGTH], bool *failed);
/*
 * The same for the keyring in |path|, which is opened for the question.
 *
 * @param why  set where it could not be found out, as for sp_keyring_open();
 *             else NULL
 */
enum sp_role sp_keyring_role_in(const char *path, const X509 *cert, char **why);
/* How many certificates there are of each role; false if that failed. */
bool sp_keyring_count(struct sp_keyring *keyring, int64_t counts[SP_ROLE_CA + 1]);

/* A private key as it is kept: one of |pkcs8| and |uri|. */
struct sp_private_key {
    unsigned char *pkcs8; /* owned: EncryptedPrivateKeyInfo, or PrivateKeyInfo (RFC 5958) */
    size_t length;
    bool encrypted; /* |pkcs8| is encrypted under a passphrase */
    char *uri;      /* owned: where the key is */
};

/* 1: |private_key| is it, for the caller to clear; 0: there is none; -1: it failed. */
int sp_keyring_key(struct sp_keyring *keyring, const unsigned char key[SP_SHA256_LENGTH],
                   struct sp_private_key *private_key);
void sp_private_key_clear(struct sp_private_key *private_key);

/*
 * An upload: collected beside the keyring, then stored whole or not at all.
 * Until sp_upload_commit() nobody else is kept waiting.
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
 * Add |cert|, to be kept as |role|.  A contact whose private key is in the
 * keyring becomes an identity: it is a renewed certificate.
 *
 * @param overrides  |role| stands whatever it is stored as, and whosever key it has
 * @param kept       set to the role that it has, or will have
 */
enum sp_added sp_upload_add(struct sp_upload *upload, const X509 *cert,
                            const struct sp_facts *facts, enum sp_role role, bool overrides,
                            enum sp_role *stored_as);
/* What is added from now on was uploaded at |when|; 0: now. */
void sp_upload_at(struct sp_upload *upload, int64_t when);
/* The certificates of this upload that have |key|, stored before or not; as sp_keyring_find(). */
struct sp_cursor *sp_upload_find(struct sp_upload *upload,
                                 const unsigned char key[SP_SHA256_LENGTH]);
/* The certificates of this upload that are kept as a ca and may bear the subject |name|. */
struct sp_cursor *sp_upload_find_cas(struct sp_upload *upload, const X509_NAME *name);
/* Every certificate of this upload. */
struct sp_cursor *sp_upload_all(struct sp_upload *upload);
/*
 * Add a private key; |private_key| is taken over and cleared.  Every contact
 * with that key becomes an identity.
 */
bool sp_upload_add_key(struct sp_upload *upload, const unsigned char key[SP_SHA256_LENGTH],
                       struct sp_private_key *private_key);
/* Store it all.  False: the keyring is as it was. */
bool sp_upload_commit(struct sp_upload *upload);
/* Forget it, unless it was stored. */
void sp_upload_free(struct sp_upload *upload);

/*
 * Remove certificates; the keys of those that were identities go with the last
 * certificate of a key.  All of them or, if it fails, none.
 */
bool sp_keyring_remove(struct sp_keyring *keyring,
                       const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count);

/* Is told of one fault, a line without a line feed. */
typedef void sp_tell_fn(const char *line, void *data);

struct sp_checked {
    int64_t certificates, keys, faults;
    bool without_keys; /* the private keys are not ours to read */
};
/*
 * Check both databases, and every entry against what its DER says.
 *
 * @return false if it could not be carried through
 */
bool sp_keyring_check(struct sp_keyring *keyring, sp_tell_fn *tell, void *data,
                      struct sp_checked *checked);

/*
 * Copy the keyring as it is now into a new directory |path|, which is a keyring
 * too.  It appears whole or not at all.
 */
bool sp_keyring_backup(struct sp_keyring *keyring, const char *path);

#endif
