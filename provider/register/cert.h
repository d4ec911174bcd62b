/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * One certificate that this process has parsed.
 *
 * A provider sees keys, never certificates.  libcrypto tells of the birth of
 * every X509, but before its content is there, and of its death, but after the
 * content is gone.  So an entry starts empty, with a reference on the X509
 * (the pin) held by the thread that saw the birth, and is settled later: its
 * facts are read, the pin is dropped, and from then on the X509 is never
 * looked at again.
 */
#ifndef SP_CERT_H
#define SP_CERT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/key_id.h"
#include "rules/rules.h"

struct sp_cert {
    atomic_uint refs;
    /* Guarded by the lock of the entry's own address. */
    X509 *x509;            /* borrowed; NULL after its death */
    bool aside;            /* parsed by ourselves: not known before it is settled; set at birth */
    bool pinned;           /* a thread holds a reference: |x509| cannot die */
    const void *own_key;   /* the key object that its parse decoded, or NULL */
    struct sp_keyid id;    /* of the key in it: as it was when that was decoded until it is
                              settled, then of its content */
    unsigned char *hashed; /* owned: the RSA key's bits that |id| was made of; maybe NULL */
    size_t hashed_length;
    struct sp_facts *facts; /* owned; NULL until settled, never changes after */
    /* Valid with |facts|, if the register was started with digests. */
    unsigned char digest[SP_SHA256_LENGTH];
    /* Set by the purpose check on an incoming signer, from any thread. */
    atomic_bool was_verified;
    /* Guarded by the lock of the fingerprint that it is filed under. */
    bool filed;
    unsigned char filed_under[SP_SHA256_LENGTH];
    struct sp_cert *next_filed;
    /* Guarded by the lock of the entry's own address: all entries of a shard. */
    struct sp_cert *next, *previous;
};

/* A new entry for |x509| with one reference; NULL if out of memory. */
struct sp_cert *sp_cert_new(X509 *x509);
struct sp_cert *sp_cert_ref(struct sp_cert *cert);
/* Take a reference unless the last one is already gone. */
bool sp_cert_try_ref(struct sp_cert *cert);
void sp_cert_unref(struct sp_cert *cert);

/*
 * Record the facts if the certificate is complete and nobody has done so yet.
 * Only on proof that its parse is over: an event of the parsing thread, or the
 * arrival of its own key object at a gate.
 *
 * @return true if it has facts now
 */
bool sp_cert_settle(struct sp_cert *cert);

/*
 * Take the first key that was decoded after its birth for its own; false if it has one.
 *
 * A name of the key object costs more than the rest of the parse, and most
 * certificates of a chain are never used, so it is left to the first use.
 *
 * @param proved  set if the certificate's name is that of the key object, so that
 *                there is nothing to compare
 */
bool sp_cert_set_own_key(struct sp_cert *cert, const void *key,
                         OSSL_FUNC_keymgmt_export_fn *export_key, bool *proved);

/* Is the name of its supposed own key another than that of the key in it? */
bool sp_cert_has_other_key(struct sp_cert *cert, const struct sp_keyid *id);

/* Note the end of the parsing thread's pin, or of the X509. */
void sp_cert_unpinned(struct sp_cert *cert);
void sp_cert_died(struct sp_cert *cert);
/* A parse into an X509 that is there already ends its old entry and begins a new one. */
bool sp_cert_is_dead(const struct sp_cert *cert);

/* Facts of a settled entry: read-only, as long as the reference. */
const struct sp_facts *sp_cert_facts(const struct sp_cert *cert);

/* Every entry of the process, at the very end. */
void sp_cert_drop_all(void);

#endif
