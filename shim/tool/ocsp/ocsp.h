/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room ocsp: asking the responder of an issuer whether a certificate is revoked (RFC 6960).
 *
 * Answers are kept in the folder ocsp/ of the keyring, as the responder has signed them, and
 * verified again whenever they are read.
 */
#ifndef SHIM_OCSP_H
#define SHIM_OCSP_H

#include <openssl/ocsp.h>

#include "rules/revocation.h"
#include "settings/settings.h"

/* The longest answer: one with three certificates of a responder has 6 KB. */
#define SHIM_LONGEST_OCSP (64 << 10)

/* All questions of one command.  Zero-initialise it. */
struct shim_ocsp {
    const smimepolicy_settings *settings; /* borrowed */
    const char *keyring;                  /* borrowed: its path; NULL: answers are not kept */
    bool keeps_nothing;                   /* nothing is written */
    int64_t milliseconds; /* for all of them, from the first one on; 0: no responder is asked */
    int64_t end;          /* of shim_milliseconds(); 0: none was asked yet */
};

/*
 * Find what OCSP says of |cert|: the answer that is kept, or a new one.  Only with
 * `ocsp = on`, and only if the certificate names a responder.
 *
 * @param found  by OCSP; UNKNOWN if there is no answer.  |why| may then be set to the reason
 *               and the way out
 * @return false only if out of memory
 */
bool shim_ocsp_find(struct shim_ocsp *ocsp, X509 *cert, X509 *issuer, time_t now,
                    struct sp_revocation *found);

/* What both sides of an exchange know. */
struct shim_ocsp_exchange {
    X509 *cert, *issuer; /* borrowed */
    const smimepolicy_settings *settings;
    time_t now;
    OCSP_CERTID *id;       /* owned */
    OCSP_REQUEST *request; /* owned; NULL: the answer was kept */
};

/*
 * ocsp_answer.c: verify the answer |der| to |exchange|.
 *
 * @param found  set by a valid answer
 * @param why    set to the fault, a static string, if it is none
 */
bool shim_ocsp_read(const struct shim_ocsp_exchange *exchange, const unsigned char *der,
                    size_t length, struct sp_revocation *found, const char **why);

/* Seconds since the epoch; 0: there is none, or it is no time. */
int64_t shim_ocsp_time(const ASN1_GENERALIZEDTIME *at);

/* ocsp_kept.c: the answer for |cert|, to free, or NULL. */
unsigned char *shim_ocsp_kept(const char *keyring, const X509 *cert, size_t *length);
/* Keep it, if that is possible; what is not kept is asked again. */
void shim_ocsp_keep(const char *keyring, const X509 *cert, const unsigned char *der, size_t length);
/*
 * Keep what an answer that was verified says for gates, which parse none and verify none.  As
 * above, if that is possible.
 */
void shim_ocsp_keep_for_gates(const char *keyring, const struct shim_ocsp_exchange *exchange,
                              const struct sp_revocation *answer);
/*
 * Remove the answers that no longer count at the time |now|.
 *
 * @return false with |*why| set if that failed
 */
bool shim_ocsp_sweep(const char *keyring, time_t now, char **why);

#endif
