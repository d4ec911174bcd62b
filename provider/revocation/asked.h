/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Is a certificate revoked?  The stored CRLs are asked, and nothing else: no network, no
 * database.
 *
 * A question reads two pages of a file, whatever the number of its entries.  Nothing is
 * kept between two questions, so a CRL that another process stores is known at once, and
 * threads and forks need not be thought of.
 */
#ifndef SP_REVOCATION_ASKED_H
#define SP_REVOCATION_ASKED_H

#include "rules/revocation.h"

/*
 * Has the certificate that is asked about been signed with the key of the certificate
 * |issuer|, a DER?  1: yes; 0: no; -1: that cannot be told.  Called only if the key
 * identifiers do not decide.
 */
typedef int sp_has_signed_fn(const unsigned char *issuer, size_t length, const void *data);

/* The certificate that is asked about. */
struct sp_asked {
    const struct sp_facts *facts;
    sp_has_signed_fn *has_signed; /* NULL: it can never be told */
    const void *data;             /* borrowed, for |has_signed| */
};
/* The same answer, by the key of |issuer|; it caches into both.  Errors may be left in the queue.
 */
int sp_is_signed_by(X509 *cert, X509 *issuer);
/* The answer of sp_has_signed_fn() for an X509, which is |data|, and is only copied. */
int sp_x509_is_signed_by(const unsigned char *issuer, size_t length, const void *data);

/*
 * Find what the CRLs in |keyring| say of |asked|.
 *
 * Every CRL of its issuer's name is asked.  One whose issuer has the key identifier that
 * the certificate names counts.  Of all others the signature of the certificate decides; if
 * that cannot be told, they count against the certificate and not for it.
 *
 * @param keyring  NULL: nothing is stored
 * @param at  when the certificate is used: is an answer fresh then?
 * @param wants  SP_WANTS_ANSWER: SP_REVOCATION_NONE or STALE is of interest; else UNKNOWN stands
 *               for them, which spares a signature.  SP_WANTS_OCSP: what responders have answered
 *               counts, too
 * @param found  to clear with sp_revocation_clear(), whatever is returned
 * @return false only if out of memory
 */
enum { SP_WANTS_ANSWER = 1, SP_WANTS_OCSP = 2 };
bool sp_revocation_find(const char *keyring, const struct sp_asked *asked, time_t at,
                        unsigned wants, struct sp_revocation *found);

/*
 * For the command alone, which may use the network: sp_revocation_find_for() asks |also|, too,
 * unless a CRL names the certificate or is damaged.  It gets the certificate, if that is the
 * data of sp_x509_is_signed_by(), and may put another answer into |found|; false if memory runs
 * out.  It is set once, before certificates are judged; no module sets it.  Then the answers that
 * are kept for gates do not count: |also| knows more of them.
 */
typedef bool sp_ask_also_fn(const X509 *cert, struct sp_revocation *found);
void sp_revocation_ask_also(sp_ask_also_fn *also);

/* The same, as far as |settings| ask for it; NONE if they do not. */
bool sp_revocation_find_for(const char *keyring, const struct sp_asked *asked, time_t at,
                            const smimepolicy_settings *settings, struct sp_revocation *found);

/* Find the revocation, and judge it with sp_judge_revocation().  NULL only if out of memory. */
smimepolicy_verdict *sp_revocation_judge(const char *keyring, const struct sp_asked *asked,
                                         smimepolicy_use use, time_t at,
                                         const struct sp_signing_time *signed_at,
                                         const smimepolicy_settings *settings);
/*
 * Find the revocation of an issuer, and judge it with sp_judge_issuer_revocation().  |is_anchor|
 * is asked with |data|, if its answer matters.  NULL only if out of memory.
 */
typedef bool sp_is_anchor_fn(const void *data);
smimepolicy_verdict *sp_revocation_judge_issuer(const char *keyring, const struct sp_asked *asked,
                                                sp_is_anchor_fn *is_anchor, const void *data,
                                                smimepolicy_use use, time_t at,
                                                const smimepolicy_settings *settings);
/*
 * Find the revocation of any other certificate, judge it with sp_judge_revocation(), and add the
 * findings to |verdict|, which is taken over.  NULL if it is NULL, or if memory runs out.
 */
smimepolicy_verdict *sp_revocation_add(smimepolicy_verdict *verdict, const char *keyring,
                                       const struct sp_asked *asked, time_t at,
                                       const struct sp_signing_time *signed_at,
                                       const smimepolicy_settings *settings);

#endif
