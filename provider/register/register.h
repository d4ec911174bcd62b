/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that this process has parsed, and which key is whose.
 */
#ifndef SP_REGISTER_H
#define SP_REGISTER_H

#include <stdbool.h>
#include <stddef.h>

#include "cert.h"

/*
 * Start to watch certificates, or stop when the last instance of the provider
 * goes.  Not thread-safe among themselves: the caller serializes them.
 *
 * @param with_digests  somebody will ask for the SHA-256 of certificates
 */
bool sp_register_start(const struct sp_sha256 *sha, bool with_digests);
/* False if other threads may still use what was recorded: then it is kept. */
bool sp_register_stop(void);
/* Hash with |sha| from now on; it must live until the register stops. */
void sp_register_set_sha256(const struct sp_sha256 *sha);
const struct sp_sha256 *sp_register_sha256(void);
bool sp_register_has_digests(void);

/*
 * Something could not be recorded for lack of memory.  From then on a key of
 * no known certificate proves nothing.
 */
void sp_register_failed(void);
bool sp_register_has_failed(void);

/* Has any certificate been born since the start? */
bool sp_register_saw_birth(void);

/*
 * What this thread parses until it says otherwise is looked at by us alone: no
 * other thread, which could not judge it yet, comes upon it before it is settled.
 */
void sp_register_set_aside(bool aside);

/* The entry of |cert|, settled if this is its parsing thread; a reference, or NULL. */
struct sp_cert *sp_register_of_x509(const X509 *cert);

/*
 * Around what libcrypto calls by itself, which it may do while another thread stops
 * the register: false then.  A stop that comes before sp_register_leave() keeps what
 * is there instead of freeing it.
 */
bool sp_register_enter(void);
void sp_register_leave(void);

/* Events of this thread: certificates parsed before it are settled. */
void sp_thread_event(void);

/*
 * What KEYMGMT tells.  |key| is the backend's key object; it is only compared,
 * never looked into, except by |export_key| during the call.
 */
void sp_keys_loaded(const void *key, bool has_private, OSSL_FUNC_keymgmt_export_fn *export_key);
void sp_keys_generated(const void *key);
void sp_keys_matched(const void *a, const void *b, OSSL_FUNC_keymgmt_export_fn *export_key);
void sp_keys_freed(const void *key);
/* |key| turned out not to be the one of |cert|. */
void sp_keys_disown(const void *key, const struct sp_cert *cert);
void sp_keys_close(void);
void sp_keys_open(void);

bool sp_keys_was_generated(const void *key);
bool sp_keys_was_loaded(const void *key);

/* How a key was traced to certificates. */
enum sp_via {
    SP_VIA_NONE,        /* it belongs to none that is known */
    SP_VIA_FIRST,       /* to one that was parsed before we could watch */
    SP_VIA_MATCH,       /* X509_check_private_key() said so, for this signature or the last */
    SP_VIA_OWN_KEY,     /* it is the certificate's own key object */
    SP_VIA_FINGERPRINT, /* it is equal to the certificate's key */
    SP_VIA_KEYRING      /* the same of one that was uploaded, and not parsed by the program */
};

struct sp_owners {
    enum sp_via via;
    struct sp_cert **certs; /* owned, a reference each */
    size_t count;
};

/*
 * The certificates that |key| belongs to.
 *
 * @param what  the SHA-256 of what it is to sign; NULL: that is not known, or it is not to sign
 *
 * False if out of memory: then nothing is known.
 */
bool sp_owners_find(struct sp_owners *owners, const void *key,
                    OSSL_FUNC_keymgmt_export_fn *export_key, const unsigned char *what);
/*
 * Every certificate of a key that is equal to |key|, whichever of them a program
 * compared it with.  False if that cannot be told.
 */
bool sp_owners_find_equal(struct sp_owners *owners, const void *key,
                          OSSL_FUNC_keymgmt_export_fn *export_key);
void sp_owners_free(struct sp_owners *owners);
/*
 * Was |cert|, or another object with the same encoding, checked as the
 * certificate of an S/MIME signer?  A verification checks the trust store's
 * copy of a signer that is its own anchor.
 */
bool sp_register_was_verified(const struct sp_cert *cert);
/*
 * A gate has decided on a signature of |key|, for or against |owners|, which are those that
 * sp_owners_find() found for |what|, and are freed.  The next comparison is one for the next.
 */
void sp_keys_signed(const void *key, struct sp_owners *owners, bool allowed,
                    const unsigned char *what);

/* Does it depend on what |key| signs next, for whom it does? */
bool sp_keys_depends(const void *key);
/* The signature of |key| that was allowed last is one of |what|. */
void sp_keys_note_signed(const void *key, const unsigned char *what);

#endif
