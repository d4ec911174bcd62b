/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that one private key was compared with, to sign.
 *
 * A signature is made for the certificates compared since the last signature.  If
 * there are none, it is for those of the last one, as programs sign a message again
 * when they write it.  If the key was refused before, the refused certificates may
 * be meant as well, unless the same bytes are signed again, which is the same
 * signature.
 *
 * Not locked: the owner of the key does that.
 */
#ifndef SP_COMPARED_H
#define SP_COMPARED_H

#include "base/sha256.h"
#include "register/cert.h"

struct sp_compared {
    struct sp_certs fresh;   /* compared since the last signature */
    struct sp_certs allowed; /* those of the last signature that was allowed */
    struct sp_certs refused; /* those of the last signature that was refused */
    unsigned char *last;     /* owned: what was signed with |allowed|; NULL if it is not known */
    size_t last_length;
};

/* What is longer is not remembered: it is never the same signature again. */
#define SP_LONGEST_REMEMBERED 1024

/* Add |cert|; false if out of memory. */
bool sp_compared_add(struct sp_compared *compared, struct sp_cert *cert);
/*
 * Add to |found|, which is empty, the certificates that a signature of |what| may be
 * for.  |what| is what is signed, or NULL if it is not known.  False if out of memory.
 */
bool sp_compared_find(const struct sp_compared *compared, const struct sp_piece *what,
                      struct sp_certs *found);
/* Do the certificates of a signature depend on what is signed? */
bool sp_compared_depends(const struct sp_compared *compared);
/* Note what was signed with those that were allowed last, which is known only now. */
void sp_compared_note(struct sp_compared *compared, const struct sp_piece *what);
/*
 * Note the decision on a signature of |what|, for or against all of |judged|.  They
 * are taken over.  |judged| is then a list to be freed by the caller, without a
 * lock.
 */
void sp_compared_conclude(struct sp_compared *compared, struct sp_certs *judged, bool allowed,
                          const struct sp_piece *what);
void sp_compared_clear(struct sp_compared *compared);

#endif
