/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The rules, for the provider and the command.  Facts are read from a
 * certificate once and judged as often as needed: judging touches no X509.
 */
#ifndef SP_RULES_H
#define SP_RULES_H

#include <stdbool.h>
#include <time.h>

#include "settings/settings.h"

/*
 * What the rules need to know of one certificate.  Self-contained: it refers
 * to no X509 and may be read from any thread.
 */
struct sp_facts;

/*
 * Read the facts of |cert|.  Calls nothing that caches into the X509, decodes
 * no public key and fetches no algorithm, so that it is safe inside the
 * callbacks of a provider and on an X509 that a program is still building.
 * What cannot be parsed is a fact too, and refused when judged.
 *
 * NULL only if out of memory.  The OpenSSL error queue is left as it was.
 */
struct sp_facts *sp_facts_new(const X509 *cert);
void sp_facts_free(struct sp_facts *facts);
/* |name| in the form of RFC 2253, letters as they are, in one line; to be freed, NULL: out of
 * memory. */
char *sp_name_text(const X509_NAME *name);

/* The order in which several rules may be left out of a judgement. */
enum sp_scope {
    SP_WITH_VALIDITY,   /* everything the use asks for */
    SP_WITHOUT_VALIDITY /* all but `expired`, `not-yet-valid` and `expires-soon` */
};

/* Judge |facts|; |settings| NULL for defaults.  NULL only if out of memory. */
smimepolicy_verdict *sp_judge(const struct sp_facts *facts, smimepolicy_use use, time_t at,
                              enum sp_scope scope, const smimepolicy_settings *settings);

/*
 * Is it a certificate for mail?  It is one if it has an rfc822Name or E-mail
 * Protection, or if whether it has cannot be read.
 */
bool sp_is_for_mail(const struct sp_facts *facts);
/*
 * Judge a raw signature or RSA encryption with a key of which no certificate is
 * one for mail: `raw_keys = pass` lets it go on, with a note, and a refusal
 * names that setting.  NULL only if out of memory.
 */
smimepolicy_verdict *sp_judge_raw(const struct sp_facts *facts, smimepolicy_use use, time_t at,
                                  const smimepolicy_settings *settings);
/* Not where all is mail, as in the command, and so unknown keys are refused. */
bool sp_raw_keys_would_help(const smimepolicy_settings *settings);

/*
 * Judge the validity at |at| of a certificate that is sent along with a
 * signature.  One that leads from a signer to its root must be valid; others are
 * warned of.  NULL only if out of memory.
 */
enum sp_along {
    SP_ALONG_BESIDE, /* named, and on no signer's path */
    SP_ALONG_PATH,   /* named, and on the path */
    SP_ALONG_STORED  /* on the path, and from the keyring */
};
smimepolicy_verdict *sp_judge_along(const struct sp_facts *facts, time_t at, enum sp_along place);

/*
 * A verdict with the single denial |rule|, for refusals that are about no
 * certificate or about several: `certificate-required` (a key of no known
 * certificate), `distrust-default` (an anchor that nobody provided) and
 * `private-key-match` (a key without its certificate).
 * |facts| may be NULL.  |fault|, |found|, |required|, |remedy| are copied.
 */
enum sp_single { SP_CERTIFICATE_REQUIRED, SP_DISTRUST_DEFAULT, SP_PRIVATE_KEY_MATCH };
smimepolicy_verdict *sp_refuse(enum sp_single rule, const struct sp_facts *facts,
                               smimepolicy_use use, const char *fault, const char *found,
                               const char *required, const char *remedy);

/* CA:TRUE in Basic Constraints that can be read.  Nothing else makes an issuer. */
bool sp_facts_is_ca(const struct sp_facts *facts);
/*
 * A person's own, as `openssl req -x509` makes it: a self-issued CA with an
 * address (a Subject Alternative Name that cannot be read counts as one) that
 * may do more than issue.  It is an anchor for its own addresses alone, unless
 * it was uploaded as a ca.
 */
bool sp_facts_is_person_ca(const struct sp_facts *facts);
/* Made to issue and for nothing else: public roots look so.  What cannot be read shows nothing. */
bool sp_facts_only_issues(const struct sp_facts *facts);
/*
 * The `distrust-default` verdict on |issuer|, which vouches for another and may
 * not.  |signer| is the certificate it vouches for, or |issuer| itself where
 * that is not known.  NULL only if out of memory.
 */
smimepolicy_verdict *sp_refuse_issuer(const struct sp_facts *issuer, const struct sp_facts *signer);
/* The same on an anchor that libcrypto would check no further, as it cannot read its extensions. */
smimepolicy_verdict *sp_refuse_unreadable(const struct sp_facts *anchor);
/* The same on a signer for whom nobody provided an anchor; NULL: it is not known which. */
smimepolicy_verdict *sp_refuse_stranger(const struct sp_facts *signer);
/* What libcrypto finds wrong on the way of a signer to an anchor. */
struct sp_chain_fault {
    const struct sp_facts *at; /* the certificate that is at fault; NULL: there is no anchor */
    const char *why;           /* in libcrypto's words */
};
/* The `distrust-default` verdict on |signer|, each fault on its own; without one nothing is said.
 */
smimepolicy_verdict *sp_judge_chain(const struct sp_facts *signer,
                                    const struct sp_chain_fault *faults, size_t count);
/* Is it for time stamps and nothing else?  [RFC 3161, 2.3] What it then signs need not be mail. */
bool sp_may_stamp(const struct sp_facts *facts);

/*
 * Does |key| surely pass the rules on private keys, as the one of |cert|?
 * False says nothing: then they have to be asked about the decoded key.
 */
bool sp_key_is_own(const PKCS8_PRIV_KEY_INFO *key, const X509 *cert);

/* What an uploaded certificate is kept for.  The numbers are stored. */
enum sp_role {
    SP_ROLE_NONE = 0,
    SP_ROLE_IDENTITY = 1, /* one's own, with its private key: signs and decrypts */
    SP_ROLE_CONTACT = 2,  /* somebody else's: is encrypted to, and vouches for its own signatures */
    SP_ROLE_CA = 3        /* an issuer, which vouches for the signatures of others */
};
/* "identity", "contact" or "ca"; NULL for none. */
const char *sp_role_name(enum sp_role role);
/* SP_ROLE_NONE if |name| is none of them. */
enum sp_role sp_role_named(const char *name);
/*
 * The role that the content gives, and a private key that comes with it.
 * SP_ROLE_NONE: a CA with an address that another one issued may be a person's
 * or a CA's.  A path to a ca makes it a ca; else the upload is refused.
 */
enum sp_role sp_role_of(const struct sp_facts *facts, bool has_key);
/* What a certificate is to be kept as, and who said so. */
struct sp_assigned_role {
    enum sp_role role; /* as sp_role_of() says, or another one */
    enum sp_role_source {
        SP_ROLE_FROM_CONTENT,
        SP_ROLE_FROM_CHAIN, /* the content left it open, and its path leads to a ca */
        SP_ROLE_FROM_USER   /* or it is stored so already */
    } source;
    bool has_key; /* its private key is at hand or stored */
};
/*
 * Judge the upload of a certificate.  Where its role was a decision, a note
 * says which one, why, and the other way.  NULL only if out of memory.
 */
smimepolicy_verdict *sp_judge_upload(const struct sp_facts *facts,
                                     const struct sp_assigned_role *as, time_t at,
                                     const smimepolicy_settings *settings);
/*
 * May it vouch for the certificate of another, if the keyring keeps it as
 * |role| (or not at all)?  |is_anchor|: it ends the chain, nobody vouches for it.
 */
bool sp_may_issue(const struct sp_facts *facts, enum sp_role role, bool is_anchor);
/* Is a certificate that is kept as |role| an anchor for its own addresses? */
bool sp_vouches_for_itself(enum sp_role role);
/*
 * Does a certificate of a trust store end the chain that it belongs to, where
 * only the keyring vouches and keeps it as |role|?  |is_last|: no other one can
 * vouch for it.
 */
enum sp_vouching {
    SP_VOUCHES,
    SP_VOUCHES_FOR_ITSELF, /* and for no other; the chain may go on to one that does */
    SP_VOUCHES_NOT,
    SP_VOUCHED_FOR_LATER /* it does not; the chain may go on to one that does */
};
enum sp_vouching sp_vouches(const struct sp_facts *facts, enum sp_role role, bool is_last);
/*
 * The `distrust-default` verdict where only the keyring vouches: |anchor|, at
 * the end of the chain of |signer|, is kept there as |role|.  NULL only if out
 * of memory.
 */
smimepolicy_verdict *sp_judge_anchor(const struct sp_facts *signer, const struct sp_facts *anchor,
                                     enum sp_role role, bool is_signer);

/* What a stored certificate is good for. */
enum sp_stored_state {
    SP_STORED_USABLE,
    SP_STORED_EXPIRED,       /* usable until then */
    SP_STORED_NOT_YET_VALID, /* usable from then on */
    SP_STORED_UNUSABLE       /* whatever the date: its verdicts say why */
};
/* "usable", "expired", "not-yet-valid" or "unusable". */
const char *sp_stored_state_name(enum sp_stored_state state);
/* False if |name| is none of them. */
bool sp_stored_state_named(const char *name, enum sp_stored_state *state);

#define SP_USE_COUNT 5 /* of enum smimepolicy_use */

struct sp_stored_verdicts {
    enum sp_stored_state state;
    unsigned uses; /* bit |use| is set: it may be used for that now */
    bool vouches;  /* for the certificates of others, now */
    /* Owned; for each use that its role asks for, the others NULL.  Of a ca: its upload and,
       under verify, its validity. */
    smimepolicy_verdict *verdicts[SP_USE_COUNT];
};
/*
 * Judge a certificate that is kept as |role| for every use of that role.
 *
 * @param stored  to clear with sp_stored_verdicts_clear()
 * @return false only if out of memory
 */
bool sp_judge_stored(const struct sp_facts *facts, enum sp_role role, time_t at,
                     const smimepolicy_settings *settings, struct sp_stored_verdicts *stored);
void sp_stored_verdicts_clear(struct sp_stored_verdicts *stored);

/* One of several certificates that an operation may take. */
struct sp_candidate {
    const struct sp_facts *facts;
    smimepolicy_verdict *verdict; /* set by sp_choose(): for the caller to free */
};
/*
 * Judge every candidate for |use|, and choose: of those that may be used the
 * one that is valid longest; where none may, of all.  An earlier candidate
 * wins over an equal one.
 *
 * @param chosen  set to the place of the best; |count| if there is no candidate
 * @return false only if out of memory
 */
bool sp_choose(struct sp_candidate *candidates, size_t count, smimepolicy_use use, time_t at,
               const smimepolicy_settings *settings, size_t *chosen);

/* RFC 2253; "" if it is empty. */
const char *sp_facts_subject(const struct sp_facts *facts);
/* "0x1f" */
const char *sp_facts_serial(const struct sp_facts *facts);
/*
 * The same for all of them: |order| is set to the places of the |count|
 * candidates, the best first.
 */
bool sp_rank(struct sp_candidate *candidates, size_t count, smimepolicy_use use, time_t at,
             const smimepolicy_settings *settings, size_t *order);

/* The certificate's addresses, folded to lower case; NULL past the last. */
const char *sp_facts_address(const struct sp_facts *facts, size_t index);

/*
 * The rules about a message.  What they need to know of it was read by the
 * caller; each verdict is NULL only if out of memory.
 */

/*
 * Judge |cipher|, the NID of what the content is about to be encrypted with, or
 * with |wraps_keys| the content's key.
 */
smimepolicy_verdict *sp_judge_cipher(int cipher, bool wraps_keys,
                                     const smimepolicy_settings *settings);

/* The NID of the digest that libcrypto knows by |name|, or NID_undef; |name| may be NULL. */
int sp_digest_find(const char *name);
/* Would sp_judge_digest() find anything?  For those who have to find a signer first. */
bool sp_digest_asks(int digest, const smimepolicy_settings *settings);
/*
 * Judge |digest|, the NID of what a message is, or is about to be, signed with;
 * |signer| by whom, or NULL.
 */
smimepolicy_verdict *sp_judge_digest(int digest, const struct sp_facts *signer, smimepolicy_use use,
                                     const smimepolicy_settings *settings);

/* The signing-time attribute of one signature: the signer's own claim. */
struct sp_signing_time {
    enum { SP_TIME_ABSENT, SP_TIME_READ, SP_TIME_BROKEN } state;
    time_t at; /* with SP_TIME_READ */
};
/*
 * Was |signer| valid when it says it signed, and each of |issuers|, its way to
 * the anchor, then or |now|?  Denies under `signer-validity`; where time has
 * passed since, a note reports both clocks.
 */
smimepolicy_verdict *sp_judge_signing_time(const struct sp_facts *signer,
                                           const struct sp_facts *const *issuers, size_t count,
                                           const struct sp_signing_time *time, time_t now);

/* What keeps a header, or the list of addresses in one of its fields, from being read. */
enum sp_unreadable {
    SP_READABLE,
    SP_HEADER_NUL,
    SP_HEADER_CR,    /* with no line feed after it: a line's end to some, and none to others */
    SP_HEADER_EMPTY, /* an empty line first: some look on after it */
    SP_HEADER_LONG,  /* as none of a mail is */
    SP_HEADER_LINE,  /* a line that is no field */
    SP_HEADER_CUT,   /* a long line, in pieces of which somebody may find a sender */
    SP_HEADER_END,   /* its empty line ends otherwise than the one before */
    SP_HEADER_TYPES, /* of two Content-Type fields readers take one or the other */
    SP_LIST_OTHER,   /* anything that is no address */
    SP_LIST_GROUP,
    SP_LIST_ENCODED, /* encoded words that hold what an address is made of */
    SP_LIST_DEEP,    /* comments in comments */
    SP_LIST_MANY
};
/* "holds a NUL": what is said of the header or the field; NULL for SP_READABLE. */
const char *sp_unreadable_text(enum sp_unreadable what);

/* Does a field of this name make a header that of a mail, and not of a MIME entity alone? */
bool sp_is_mail_field(const char *name, size_t len);

/* Who a mail says it is from.  Addresses without display name, domains as A-labels. */
struct sp_sender {
    enum sp_unreadable header; /* of the header as a whole: then nothing else is known of it */
    bool is_mail;              /* has it a field of a mail? */
    bool needed;               /* is it a fault if no address can be compared? */
    size_t from_fields;
    enum sp_unreadable list; /* of the From fields */
    char *const *from;       /* the addresses of all From fields */
    size_t from_count;
    const char *sender; /* of the Sender field; NULL without one that holds one address */
};
/* Is there anything to compare?  A MIME entity, such as a signed part without its mail, has not. */
bool sp_has_sender(const struct sp_sender *sender);
/*
 * The address that sent the mail, of |sender|: the one in the one From field,
 * or of several in it that which the Sender field names; else NULL.
 */
const char *sp_sender_address(const struct sp_sender *sender);
/*
 * Judge the signer at |index| of the |count| that signed a mail: deny under
 * `sender-match` unless the mail comes from it.  Where it comes from another
 * of them, that is a note.  |sender| NULL where nothing shall be compared: a
 * note says so, as where there is nothing to compare.
 */
smimepolicy_verdict *sp_judge_sender(const struct sp_facts *const *signers, size_t count,
                                     size_t index, const struct sp_sender *sender);
/*
 * Judge a mail that the |count| are about to sign, 1 at least: a warning under
 * `sender-match` where whoever verifies it will refuse it.
 */
smimepolicy_verdict *sp_judge_sender_to_sign(const struct sp_facts *const *signers, size_t count,
                                             const struct sp_sender *sender);

/*
 * The ids of all rules, in the order of the documentation; NULL past the last.
 * Reason codes of the provider are the index into this list plus one.
 */
const char *sp_rule_id(size_t index);
/* A short text for the OpenSSL reason string, e.g. "certificate has expired [expired]". */
const char *sp_rule_reason(size_t index);
/* Index of |id|, or -1. */
int sp_rule_index(const char *id);

#endif
