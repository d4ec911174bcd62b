/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that one private key was compared with, to sign.
 *
 * Each signature is made for what was compared since the one before.  Where
 * nothing was, it is made once more for whom the last one was made: programs
 * sign a message that they have signed again when they write it.  If the key
 * was refused before, the comparison of then may be meant as well; unless the
 * very same bytes are signed again, which is the same signature.
 *
 * Not locked: the owner of the key does that.
 */
#ifndef SP_COMPARED_H
#define SP_COMPARED_H

#include "register/cert.h"

/* Owned, with a reference each. */
struct sp_certs {
    struct sp_cert **certs;
    size_t count;
};

struct sp_compared {
    struct sp_certs fresh;   /* since the last signature */
    struct sp_certs allowed; /* whose the last one was that was allowed */
    struct sp_certs refused; /* among which the last one was that was refused */
    bool has_last;
    unsigned char last[SP_SHA256_LENGTH]; /* of what was signed with |allowed| */
};

/* False if out of memory. */
bool sp_compared_add(struct sp_compared *compared, struct sp_cert *cert);
/*
 * Whom a signature of |what| may be made for, added to |found|, which is empty; |what|
 * is the SHA-256 of what is signed, or NULL.  False if out of memory.
 */
bool sp_compared_find(const struct sp_compared *compared, const unsigned char *what,
                      struct sp_certs *found);
/* Does it depend on what is signed, for whom a signature is? */
bool sp_compared_depends(const struct sp_compared *compared);
/* What was signed with those that were allowed last: known only now. */
void sp_compared_note(struct sp_compared *compared, const unsigned char *what);
/*
 * The signature of |what| was decided on: for or against all of |judged|.  They are
 * taken over; |judged| is then what nobody needs any more, to be freed without a lock.
 */
void sp_compared_conclude(struct sp_compared *compared, struct sp_certs *judged, bool allowed,
                          const unsigned char *what);
void sp_compared_clear(struct sp_compared *compared);
void sp_certs_clear(struct sp_certs *certs);

#endif
