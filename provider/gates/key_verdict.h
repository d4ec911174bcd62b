/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where a gate asks: from the key to its certificates, from them to a verdict.
 */
#ifndef SP_KEY_VERDICT_H
#define SP_KEY_VERDICT_H

#include <stdbool.h>

#include "gates/slots.h"
#include "rules/rules.h"

/* What shows that an operation is one on mail. */
enum sp_evidence {
    SP_EVIDENCE_ATTRIBUTES, /* signed attributes: it is mail */
    SP_EVIDENCE_STAMP,      /* those of a time stamp: mail in disguise, unless the certificate is
                               for time stamps; a key of no certificate passes */
    SP_EVIDENCE_NONE,       /* it may be anything, a key of no certificate passes */
    SP_EVIDENCE_RAW,        /* a raw signature or RSA encryption: as above, and the setting
                               `raw_keys` is asked about a certificate that is none for mail */
    SP_EVIDENCE_TLS         /* a key that came over the wire: as above, whatever the settings */
};

/*
 * May |key| be encrypted to?
 *
 * Logs the decision.  Leaves the error queue as it was if the answer is yes,
 * and has raised a reason for each fault if it is no.
 */
bool sp_gate_allows(smimepolicy_use use, const void *key, const struct sp_slot *slot,
                    enum sp_evidence evidence);

/* What a gate sees of a signature that is to be made. */
struct sp_signing {
    enum sp_evidence evidence;
    const unsigned char *data; /* all that is signed; NULL where it is not there yet */
    size_t length;
    int digest; /* its NID; NID_undef where it is not judged */
};
/* May |key| sign this, with that digest?  As above. */
bool sp_gate_signs(const void *key, const struct sp_slot *slot, const struct sp_signing *signing);
/* |key| signs |data|, which was allowed before they were there. */
void sp_gate_signs_data(const void *key, const unsigned char *data, size_t length);

/*
 * With `unverified_signers = refuse`: was the certificate of |key| ever checked
 * as the one of an S/MIME signer, or does `raw_keys` let it pass?  Without it: yes.
 */
bool sp_gate_verifies(const void *key, const struct sp_slot *slot, enum sp_evidence evidence);
/* Is there anything to ask sp_gate_verifies()? */
bool sp_gate_watches_verification(void);
/*
 * May a signature with that digest be verified?  Asked about a mail, which it is if the
 * certificate of |key| was checked as the one of an S/MIME signer.
 */
bool sp_gate_verifies_with(int digest, const void *key, const struct sp_slot *slot);

/* Raises and logs that the policy is locked, and returns false. */
bool sp_gate_refused_locked(const char *operation);
/* Raises that memory ran out, and returns false. */
bool sp_gate_no_memory(void);
/* Raises that this operation was refused already, and returns false. */
bool sp_gate_refused_before(void);

#endif
