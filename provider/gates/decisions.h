/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What follows from a verdict: it is raised, logged and reported.  And what the gates
 * do only for the command that started this program (policy/command.h).
 */
#ifndef SP_DECISIONS_H
#define SP_DECISIONS_H

#include "register/register.h"
#include "rules/rules.h"

/* Does the policy refuse nothing, and only report? */
bool sp_observing(void);
/*
 * Raise, log and report |verdict| on |cert|, which may be NULL; true if the operation
 * goes on.
 */
bool sp_conclude(const char *operation, const smimepolicy_verdict *verdict, struct sp_cert *cert,
                 bool observed);
/*
 * Judge one certificate; NULL if out of memory.  |no_mail|: it is used raw, and no
 * certificate of its key is for mail.
 */
smimepolicy_verdict *sp_judge_cert(const struct sp_cert *cert, smimepolicy_use use, bool no_mail);

/* Raise, log and report that the policy is locked; returns false. */
bool sp_gate_refused_locked(const char *operation);
/* Raise that memory ran out; returns false. */
bool sp_gate_no_memory(void);
/* Raise that this operation was refused before; returns false. */
bool sp_gate_refused_before(void);

/*
 * The rest is for the command alone, and does nothing in other programs.
 */

/* Judge the content cipher that it names.  False, and raised, if it must not be used. */
bool sp_command_allows_cipher(void);
/* Compare the sender that it names with all signers.  False, and raised, if memory ran out. */
bool sp_command_compare_sender(void);
/* Note a signer whose chain is in order, and report "vouched FINGERPRINT". */
void sp_command_note_signer(struct sp_cert *cert, const STACK_OF(X509) *chain);
/*
 * A signature of |signer| is about to be verified: judge its signing time in |attributes|,
 * which are NULL if it has none, and compare the sender.  Report "allowed", and "verified
 * FINGERPRINT TEXT" for a person.  False, and raised, if it is refused or cannot be reported.
 */
bool sp_command_verifies(const struct sp_cert *signer, const unsigned char *attributes,
                         size_t length);
void sp_command_forget_signers(void);
/*
 * After a refusal: judge every other certificate that this process has parsed for
 * |use|, and report those.
 *
 * To sign, these are the certificates that a private key was compared with: `openssl`
 * compares all of them before the first signature.  Encryption compares none.  There
 * they are all but those of issuers and of the keyring: `openssl` parses all
 * recipients before it encrypts, and nothing else but what -certfile names, which it
 * does not use.
 */
void sp_command_report_rest(smimepolicy_use use);
/*
 * Report that the first of |owners| is used, or a key without a certificate.  False,
 * and raised, if it cannot be reported.
 */
bool sp_command_report_allowed(smimepolicy_use use, const struct sp_owners *owners);
/* The same of what decrypts, with what is noted about it. */
bool sp_command_report_decryption(const struct sp_owners *owners);

#endif
