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

#include "register/cert.h"
#include "register/state.h"
#include "register/threads.h"

/*
 * Start to watch certificates, or stop when the last instance of the provider
 * goes.  Not thread-safe among themselves: the caller serializes them.
 *
 * @param with_digests  somebody will ask for the SHA-256 of certificates
 */
bool sp_register_start(const struct sp_sha256 *sha, bool with_digests);
/* False if other threads may still use what was recorded: then it is kept. */
bool sp_register_stop(void);
/*
 * What this thread parses until it says otherwise is looked at by us alone: no
 * other thread, which could not judge it yet, comes upon it before it is settled.
 */
void sp_register_set_aside(bool aside);

/* The entry of |cert|, settled if this is its parsing thread; a reference, or NULL. */
struct sp_cert *sp_register_of_x509(const X509 *cert);

/*
 * What KEYMGMT tells.  |key| is the backend's key object; it is only compared,
 * never looked into, except by |export_key| during the call.
 */
void sp_keys_loaded(const void *key, bool has_private, OSSL_FUNC_keymgmt_export_fn *export_key);
void sp_keys_generated(const void *key);
void sp_keys_matched(const void *a, const void *b, OSSL_FUNC_keymgmt_export_fn *export_key);
void sp_keys_freed(const void *key);

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
