/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A certificate that this process has parsed.
 *
 * A provider sees keys, not certificates.  libcrypto tells of the birth of every
 * X509 before its content is there, and of its death after the content is gone.  So
 * an entry starts empty.  The thread that saw the birth holds a reference to the
 * X509 (the pin).  Later the entry is settled: its facts are read, the pin is
 * dropped, and the X509 is never looked at again.
 */
#ifndef SP_CERT_H
#define SP_CERT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/key_id.h"
#include "rules/rules.h"

struct sp_cert {
    atomic_uint refs;
    /* Guarded by the lock of the entry's address. */
    X509 *x509; /* borrowed; NULL after its death */
    /* parsed by us: other threads do not find it before it is settled; set at birth */
    bool aside;
    bool pinned;         /* a thread holds a reference, so that |x509| cannot die */
    const void *own_key; /* the key object decoded by its parse, or NULL */
    /*
     * the id of its key: until it is settled as the key was when it was decoded, then of
     * the content
     */
    struct sp_keyid id;
    unsigned char *hashed; /* owned: the RSA key's bits of which |id| was made, or NULL */
    size_t hashed_length;
    struct sp_facts *facts;     /* owned; NULL until settled, never changes after */
    struct sp_lineage *lineage; /* owned; set with |facts|, if the register keeps it */
    /* Valid with |facts|, if the register was started with digests. */
    unsigned char digest[SP_SHA256_LENGTH];
    /* Set by the purpose check of an incoming signer, in any thread. */
    atomic_bool was_verified;
    /* Was a private key compared with it, to sign?  Was it reported?  Set in any thread. */
    atomic_bool was_compared, was_reported;
    /* Guarded by the lock of the fingerprint under which it is filed. */
    bool filed;
    unsigned char filed_under[SP_SHA256_LENGTH];
    struct sp_cert *next_filed;
    /* Guarded by the lock of the entry's address: the list of a shard's entries. */
    struct sp_cert *next, *previous;
};

/* A new entry for |x509| with one reference; NULL if out of memory. */
struct sp_cert *sp_cert_new(X509 *x509);
struct sp_cert *sp_cert_ref(struct sp_cert *cert);
/* Take a reference; false if the last one is gone already. */
bool sp_cert_try_ref(struct sp_cert *cert);
void sp_cert_unref(struct sp_cert *cert);

/*
 * Record the facts, if the certificate is complete and they are not recorded.  To be
 * called only if its parse is surely over: the parsing thread has gone on, or its
 * own key object has come to a gate.
 *
 * @return true if it has facts now
 */
bool sp_cert_settle(struct sp_cert *cert);

/*
 * Note the first key that was decoded after the birth as the certificate's own;
 * false if it has one.
 *
 * The id of the key object is costly, and most certificates of a chain are never
 * used, so it is compared at the first use.
 *
 * @param proved  set if the certificate's id was made of the key object, so that
 *                nothing has to be compared
 */
bool sp_cert_set_own_key(struct sp_cert *cert, const void *key,
                         OSSL_FUNC_keymgmt_export_fn *export_key, bool *proved);

/* Is |id|, that of the key object noted as its own, different from that of the key in it? */
bool sp_cert_has_other_key(struct sp_cert *cert, const struct sp_keyid *id);

/* Note that the parsing thread has dropped its pin, or that the X509 is gone. */
void sp_cert_unpinned(struct sp_cert *cert);
void sp_cert_died(struct sp_cert *cert);
/*
 * Has its X509 died?  A parse into an existing X509 ends the old entry, too, and
 * begins a new one.
 */
bool sp_cert_is_dead(const struct sp_cert *cert);

/* The facts of a settled entry: read-only, valid as long as the reference. */
const struct sp_facts *sp_cert_facts(const struct sp_cert *cert);

/* A list that owns a reference to each. */
struct sp_certs {
    struct sp_cert **certs;
    size_t count;
};
void sp_certs_clear(struct sp_certs *certs);
/*
 * Find the settled certificates, outside the keyring, whose X509 lives, and of which
 * |is_wanted| is true.  It is called with |arg|, under a lock.
 *
 * @return false if out of memory; |found| then has some of them
 */
bool sp_certs_find(struct sp_certs *found,
                   bool (*is_wanted)(const struct sp_cert *cert, const void *arg), const void *arg);

/* Drop every entry: the process ends. */
void sp_cert_drop_all(void);

#endif
