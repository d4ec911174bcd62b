/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room gates: the places where an operation asks the rules: signing, encryption, key
 * agreement, purposes and email trust.
 *
 * This header: from a key to its certificates, and from them to a verdict.
 */
#ifndef SP_KEY_VERDICT_H
#define SP_KEY_VERDICT_H

#include <stdbool.h>

#include "gates/decisions.h"
#include "gates/slots.h"

/* What shows that an operation belongs to a mail. */
enum sp_evidence {
    SP_EVIDENCE_ATTRIBUTES, /* signed attributes: it belongs to a mail */
    /*
     * attributes of a time stamp: mail, unless the certificate is for time stamps; a key
     * without a known certificate passes
     */
    SP_EVIDENCE_STAMP,
    SP_EVIDENCE_NONE, /* nothing is known; a key without a known certificate passes */
    /*
     * a raw signature or RSA encryption: as SP_EVIDENCE_NONE, and the setting `raw_keys`
     * is asked if the certificate is not for mail
     */
    SP_EVIDENCE_RAW,
    /* a key that came over the wire: as SP_EVIDENCE_NONE, whatever the settings say */
    SP_EVIDENCE_TLS
};

/*
 * May |key| be encrypted to?
 *
 * The decision is logged.  If the answer is yes the error queue is left as it was;
 * if it is no, a reason is raised for each fault.
 */
bool sp_gate_encrypts(const void *key, const struct sp_slot *slot, enum sp_evidence evidence);

/* What a gate sees of a signature that is to be made. */
struct sp_signing {
    enum sp_evidence evidence;
    const unsigned char *data; /* all that is signed; NULL if it is not known yet */
    size_t length;
    int digest; /* its NID; NID_undef: it is not judged */
};
/* May |key| make this signature, with this digest?  Logs and raises as sp_gate_encrypts(). */
bool sp_gate_signs(const void *key, const struct sp_slot *slot, const struct sp_signing *signing);
/* Note that |key| signs |data|.  The signature was allowed before the data were known. */
void sp_gate_signs_data(const void *key, const unsigned char *data, size_t length);

/*
 * With `unverified_signers = refuse`: was the certificate of |key| ever checked as
 * that of an S/MIME signer, or does `raw_keys` let it pass?  With other settings the
 * answer is yes.
 */
bool sp_gate_verifies(const void *key, const struct sp_slot *slot, enum sp_evidence evidence);
/* Can sp_gate_verifies() answer no under the settings? */
bool sp_gate_watches_verification(void);
/*
 * May a signature with this digest be verified?  It is one of mail if the
 * certificate of |key| was checked as that of an S/MIME signer; others pass.
 */
bool sp_gate_verifies_with(int digest, const void *key, const struct sp_slot *slot);
/*
 * In a program of the command: is this a signature of mail that may be verified?  See
 * sp_command_verifies().
 */
bool sp_gate_verifies_mail(const void *key, const struct sp_slot *slot,
                           const unsigned char *attributes, size_t length);

/*
 * Report that |key| decrypts, which is always allowed.  False, and raised, if it
 * cannot be reported.  It does nothing unless smime-policy has started this program
 * to decrypt.
 */
bool sp_gate_decrypts(const void *key, const struct sp_slot *slot);

#endif
