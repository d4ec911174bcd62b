/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room register: the certificates that this process has parsed, and which key
 * belongs to which of them.
 */
#ifndef SP_REGISTER_H
#define SP_REGISTER_H

#include <stdbool.h>
#include <stddef.h>

#include "register/cert.h"
#include "register/state.h"
#include "register/threads.h"

/*
 * Start to watch certificates; stop when the last instance of the provider goes.
 * The caller serializes these calls.
 *
 * @param with_digests  the SHA-256 of certificates will be asked for
 */
bool sp_register_start(const struct sp_sha256 *sha, bool with_digests);
/* Stop.  False if other threads may still use what was recorded: then it is not freed. */
bool sp_register_stop(void);
/*
 * While |aside| is true, certificates that this thread parses are hidden from other
 * threads until they are settled: another thread could not judge them yet.
 */
void sp_register_set_aside(bool aside);

/* The entry of |cert|: a reference, or NULL.  It is settled here if this thread has parsed it. */
struct sp_cert *sp_register_of_x509(const X509 *cert);

/*
 * KEYMGMT reports these.  |key| is the backend's key object: only its address is
 * compared, and only |export_key| reads it, during the call.
 */
void sp_keys_loaded(const void *key, bool has_private, OSSL_FUNC_keymgmt_export_fn *export_key);
void sp_keys_generated(const void *key);
void sp_keys_matched(const void *a, const void *b, OSSL_FUNC_keymgmt_export_fn *export_key);
void sp_keys_freed(const void *key);

bool sp_keys_was_generated(const void *key);
bool sp_keys_was_loaded(const void *key);

/* How the certificates of a key were found. */
enum sp_via {
    SP_VIA_NONE,        /* it belongs to no known certificate */
    SP_VIA_FIRST,       /* it belongs to one that was parsed before we could watch */
    SP_VIA_MATCH,       /* X509_check_private_key() compared them, for this signature or the last */
    SP_VIA_OWN_KEY,     /* it is the certificate's own key object */
    SP_VIA_FINGERPRINT, /* it is equal to the certificate's key */
    /* it is equal to the key of an uploaded certificate, which the program has not parsed */
    SP_VIA_KEYRING
};

struct sp_owners {
    enum sp_via via;
    struct sp_cert **certs; /* owned, a reference each */
    size_t count;
};

/*
 * Find the certificates that |key| belongs to.
 *
 * @param what  what it is to sign; NULL: not known, or it is not to sign
 * @return false if out of memory: then nothing is known
 */
bool sp_owners_find(struct sp_owners *owners, const void *key,
                    OSSL_FUNC_keymgmt_export_fn *export_key, const struct sp_piece *what);
/*
 * Find every certificate whose key is equal to |key|, whichever of them the program
 * has compared it with.  False if that cannot be told.
 */
bool sp_owners_find_equal(struct sp_owners *owners, const void *key,
                          OSSL_FUNC_keymgmt_export_fn *export_key);
void sp_owners_free(struct sp_owners *owners);
/*
 * Was |cert|, or another object with the same encoding, checked as the certificate
 * of an S/MIME signer?  The other object matters because a verification checks the
 * trust store's copy of a signer that is its own anchor.
 */
bool sp_register_was_verified(const struct sp_cert *cert);
/*
 * Note a gate's decision on a signature of |key|, for or against |owners|, which are
 * freed.  They are those that sp_owners_find() found for |what|.  Comparisons from
 * now on count for the next signature.
 */
void sp_keys_signed(const void *key, struct sp_owners *owners, bool allowed,
                    const struct sp_piece *what);

/* Do the certificates of the next signature of |key| depend on what is signed? */
bool sp_keys_depends(const void *key);
/* Note that the last allowed signature of |key| is one of |what|. */
void sp_keys_note_signed(const void *key, const struct sp_piece *what);

#endif
