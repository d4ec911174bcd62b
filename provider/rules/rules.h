/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room rules: facts are read from a certificate once, and every rule judges them
 * without touching an X509.  The provider and the command use them.
 */
#ifndef SP_RULES_H
#define SP_RULES_H

#include <stdbool.h>
#include <time.h>

#include <jansson.h>

#include "base/sha256.h"
#include "settings/settings.h"

/*
 * The facts of one certificate that the rules need.  They refer to no X509, so any
 * thread may read them.
 */
struct sp_facts;

/*
 * Read the facts of |cert|.
 *
 * It calls nothing that caches into the X509, decodes no public key and fetches no
 * algorithm.  So it is safe inside callbacks of a provider, and on an X509 that a
 * program is still building.  A part that cannot be parsed is noted as a fact, and
 * refused when judged.
 *
 * NULL only if out of memory.  The OpenSSL error queue is left as it was.
 */
struct sp_facts *sp_facts_new(const X509 *cert);
/*
 * The facts without those of sp_facts_kinship(), where nobody asks for the issuer or
 * for CRLs.  Who asks a CRL all the same is refused.
 */
struct sp_facts *sp_facts_without_kinship(const X509 *cert);
void sp_facts_free(struct sp_facts *facts);
/*
 * |name| as in RFC 2253, but with letters as they are, on one line.  A new string,
 * to free with OPENSSL_free(); NULL if out of memory.
 */
char *sp_name_text(const X509_NAME *name);

/* Which rules are left out of a judgement. */
enum sp_scope {
    SP_WITH_VALIDITY,   /* every rule of the use */
    SP_WITHOUT_VALIDITY /* all but `expired`, `not-yet-valid` and `expires-soon` */
};

/* Judge |facts|; |settings| NULL for defaults.  NULL only if out of memory. */
smimepolicy_verdict *sp_judge(const struct sp_facts *facts, smimepolicy_use use, time_t at,
                              enum sp_scope scope, const smimepolicy_settings *settings);

/* As smimepolicy_evaluate(), without asking for the revocation. */
smimepolicy_verdict *sp_evaluate(const smimepolicy_settings *settings, const X509 *cert,
                                 const EVP_PKEY *key, smimepolicy_use use, time_t at);

/*
 * The keys that the rule `key-algorithm` allows, as OpenSSL names them: whatever a
 * certificate of another key is used for, it is refused.
 */
#define SP_KEYS_OF_MAIL "RSA:RSA-PSS:EC"
/* Is the key of |cert|, in its encoding, one of these? */
bool sp_has_key_of_mail(const X509 *cert);
/*
 * Is it a certificate for mail?  It is if it has an rfc822Name or E-mail Protection,
 * and if these cannot be read.
 */
bool sp_is_for_mail(const struct sp_facts *facts);
/*
 * Judge a raw signature or RSA encryption with a key whose certificates are all not
 * for mail.  `raw_keys = pass` lets it go on, with a note; a refusal names that
 * setting.  NULL only if out of memory.
 */
smimepolicy_verdict *sp_judge_raw(const struct sp_facts *facts, smimepolicy_use use, time_t at,
                                  const smimepolicy_settings *settings);
/*
 * Would `raw_keys = pass` help?  Not with `unknown_keys = refuse`, where everything
 * is mail, as in the command.
 */
bool sp_raw_keys_would_help(const smimepolicy_settings *settings);

/*
 * Judge the validity, at |at|, of a certificate that is sent along with a
 * signature.  A certificate in a signer's chain must be valid; others give a
 * warning.  NULL only if out of memory.
 */
enum sp_along {
    SP_ALONG_BESIDE, /* named, and in no signer's chain */
    SP_ALONG_CHAIN,  /* named, and in the chain of a signer */
    SP_ALONG_STORED  /* in the chain of a signer, and from the keyring */
};
smimepolicy_verdict *sp_judge_along(const struct sp_facts *facts, time_t at, enum sp_along place);

/*
 * Judge an issuer of a signer: its validity, and whether it is a CA.  A program may
 * have parsed it without sending it along, so |settings| say whether a fault refuses.
 * NULL only if out of memory.
 */
smimepolicy_verdict *sp_judge_signer_issuer(const struct sp_facts *issuer, time_t at,
                                            const smimepolicy_settings *settings);

/* The refusals of `certificate-required` and `distrust-default` where no certificate is judged. */
/* The key's certificate was parsed |too_early|, before OpenSSL was initialised, or is not known. */
smimepolicy_verdict *sp_refuse_unknown_key(smimepolicy_use use, bool too_early);
/* The key's certificate is still being parsed or built. */
smimepolicy_verdict *sp_refuse_incomplete(smimepolicy_use use);
/* The keyring has no certificate of |address| for |use|. */
smimepolicy_verdict *sp_refuse_not_stored(smimepolicy_use use, const char *address);
/* |signer|, or NULL, was not verified; |names_raw_keys|: the setting may be the way out. */
smimepolicy_verdict *sp_refuse_unverified(const struct sp_facts *signer, bool names_raw_keys);
/* Nobody provided |signer| or its CA: libcrypto says |found|, or the keyring cannot tell. */
enum sp_unprovided { SP_BY_LIBCRYPTO, SP_BY_NO_KEYRING, SP_BY_BROKEN_KEYRING };
smimepolicy_verdict *sp_refuse_unprovided(const struct sp_facts *signer, enum sp_unprovided how,
                                          const char *found);
/* The refusal of a private key of no certificate that is given or stored. */
smimepolicy_verdict *sp_refuse_lone_key(void);
/* The refusal where nothing in the keyring vouches for |address|. */
smimepolicy_verdict *sp_refuse_untrusted(const char *address);
/* The refusal of a request without the certificates that it needs; |found|: the option at fault. */
enum sp_request_fault {
    SP_NO_SIGNER,
    SP_NO_RECIPIENT,
    SP_NOBODY_IN_MAIL, /* of the mail's own header */
    SP_SHARED_SECRET,  /* beside recipients or instead of them: |found| */
    SP_SHARED_KEY      /* instead of recipients */
};
smimepolicy_verdict *sp_refuse_request(enum sp_request_fault fault, const char *found);
/* The refusal of a -certfile |name| that cannot be read beforehand: only |once|, or locked. */
smimepolicy_verdict *sp_refuse_certfile(const char *name, bool once);

/* CA:TRUE in Basic Constraints that can be read.  Nothing else makes a certificate an issuer. */
bool sp_facts_is_ca(const struct sp_facts *facts);
/*
 * Is it a person's own CA certificate, as `openssl req -x509` makes it?  That is a
 * self-issued CA with an address (a Subject Alternative Name that cannot be read
 * counts as one) that may do more than issue.  It is an anchor for its own addresses
 * alone, unless it was uploaded as a ca.
 */
bool sp_facts_is_person_ca(const struct sp_facts *facts);
/* May it issue and nothing else, as public roots?  If this cannot be read the answer is no. */
bool sp_facts_only_issues(const struct sp_facts *facts);
/*
 * The `distrust-default` verdict on |issuer|, which vouches for another certificate
 * and may not.  |signer| is that certificate, or |issuer| if it is not known.  NULL
 * only if out of memory.
 */
smimepolicy_verdict *sp_refuse_issuer(const struct sp_facts *issuer, const struct sp_facts *signer);
/*
 * As sp_refuse_issuer(), on an anchor whose extensions cannot be read: libcrypto
 * would not check it further.
 */
smimepolicy_verdict *sp_refuse_unreadable(const struct sp_facts *anchor);
/*
 * The same on a signer for whom nobody provided an anchor; NULL: it is not known which.
 * |settings| say whether what is named on the command line counts.
 */
smimepolicy_verdict *sp_refuse_stranger(const struct sp_facts *signer,
                                        const smimepolicy_settings *settings);
/* What libcrypto finds wrong on the way of a signer to an anchor. */
struct sp_chain_fault {
    const struct sp_facts *at; /* the certificate that is at fault; NULL: there is no anchor */
    const char *why;           /* in libcrypto's words */
};
/*
 * The `distrust-default` verdict on |signer|, with a denial for each fault.  Without
 * faults it is empty.
 */
smimepolicy_verdict *sp_judge_chain(const struct sp_facts *signer,
                                    const struct sp_chain_fault *faults, size_t count,
                                    const smimepolicy_settings *settings);
/*
 * The `distrust-default` verdict on |made|, which |issuer| is about to issue and may not;
 * |why| in libcrypto's words.
 */
smimepolicy_verdict *sp_refuse_issuing(const struct sp_facts *made, const struct sp_facts *issuer,
                                       const char *why);
/* Is it for time stamps and nothing else?  [RFC 3161, 2.3] What it then signs need not be mail. */
bool sp_may_stamp(const struct sp_facts *facts);

/*
 * Does |key|, as the key of |cert|, surely pass the rules on private keys?  If it
 * returns false, ask the rules about the decoded key.
 */
bool sp_key_is_own(const PKCS8_PRIV_KEY_INFO *key, const X509 *cert);

/* What smimepolicy_verdict_json() prints; NULL if out of memory. */
json_t *sp_verdict_json(const smimepolicy_verdict *verdict);
/* The same of one finding alone. */
json_t *sp_finding_json(const smimepolicy_finding *finding);
/*
 * smimepolicy_finding_text() without its first words, "refused: verify: ", for a line that says
 * them in another way.
 */
char *sp_finding_reason(const smimepolicy_verdict *verdict, const smimepolicy_finding *finding);

/* The role of a stored certificate.  The numbers are stored in the keyring. */
enum sp_role {
    SP_ROLE_NONE = 0,
    SP_ROLE_IDENTITY = 1, /* of the user, with its private key: signs and decrypts */
    /* of somebody else: is encrypted to, and vouches for its own signatures */
    SP_ROLE_CONTACT = 2,
    SP_ROLE_CA = 3,          /* of an issuer: vouches for signatures of others */
    SP_ROLE_INTERMEDIATE = 4 /* of an issuer that came with a mail: completes chains alone */
};
#define SP_ROLE_COUNT 5 /* of enum sp_role */
/* "identity", "contact", "ca" or "intermediate"; NULL for none. */
const char *sp_role_name(enum sp_role role);
/* The role of that name, or SP_ROLE_NONE. */
enum sp_role sp_role_named(const char *name);

/* Where a stored certificate came from.  The numbers are stored in the keyring. */
enum sp_origin {
    SP_ORIGIN_UPLOADED = 1,  /* a person uploaded it */
    SP_ORIGIN_COLLECTED = 2, /* it came with a mail */
    SP_ORIGIN_DIRECTORY = 3, /* it was found in a directory */
    SP_ORIGIN_MADE = 4,      /* a person had it made here */
    SP_ORIGIN_HUB = 5,       /* it came from the hub */
    SP_ORIGIN_HUB_ANCHOR = 6 /* the same, and the setting `hub_anchors` takes it as uploaded */
};
/* "uploaded", "collected", "directory", "made", "hub" or "hub-anchor"; NULL for none. */
const char *sp_origin_name(enum sp_origin origin);
/* Find the origin of that name; false if there is none. */
bool sp_origin_named(const char *name, enum sp_origin *origin);

/*
 * Was it a person's hand that put it into the keyring, or into the hub for a host that takes
 * anchors from there?  Not for an origin that is not known.
 */
bool sp_origin_is_by_hand(enum sp_origin origin);

/* What the keyring says of a certificate.  All zero: it is not stored. */
struct sp_standing {
    enum sp_role role;
    enum sp_origin origin;
};
/*
 * The origin to keep a certificate with that came from the hub, where it has the standing
 * |there|: SP_ORIGIN_HUB_ANCHOR if `hub_anchors` admits it, and only if a person put it there.
 */
enum sp_origin sp_origin_from_hub(struct sp_standing there,
                                  const unsigned char fingerprint[SP_SHA256_LENGTH],
                                  const smimepolicy_settings *settings);
/*
 * Is it stored in a way that makes it no anchor, whoever names it?  That is what no person
 * has put into the keyring, and an intermediate.
 */
bool sp_is_never_anchor(struct sp_standing standing);
/*
 * The role by the content, of what comes without a private key.
 * SP_ROLE_NONE: a CA with an address that another CA issued may be a person's or a
 * CA's.  It becomes a ca if its chain leads to one; else the upload is refused.
 */
enum sp_role sp_role_of(const struct sp_facts *facts);
/* The role that a certificate is to have, and who decided that. */
struct sp_assigned_role {
    enum sp_role role; /* that of sp_role_of(), or another one */
    enum sp_role_source {
        SP_ROLE_FROM_CONTENT,
        SP_ROLE_FROM_CHAIN, /* the content leaves it open, and its chain leads to a ca */
        SP_ROLE_FROM_USER   /* the user has named it, or it is stored in this role */
    } source;
    bool has_key; /* its private key is at hand or stored */
};
/*
 * Judge the upload of a certificate.  If its role was a decision, a note names it,
 * the reason and how to change it.  NULL only if out of memory.
 */
smimepolicy_verdict *sp_judge_upload(const struct sp_facts *facts,
                                     const struct sp_assigned_role *as, time_t at,
                                     const smimepolicy_settings *settings);
/* NULL if certificates may be taken out of a mail with so many |signers|; else why not. */
const char *sp_collecting_fault(size_t signers);
/* The note that |facts|, exported as an identity, came without its key and is kept as a contact. */
smimepolicy_verdict *sp_note_lone_identity(const struct sp_facts *facts);
/* A certificate that came with a mail whose signature was verified, or from a directory. */
struct sp_sender;
struct sp_collected {
    const struct sp_sender *sender; /* of the mail; NULL: it is from a directory */
    bool has_ca;                    /* its chain ends in a ca that was provided */
    bool is_own;                    /* its private key is in the keyring */
    const char *address;            /* that a directory was asked about */
};
/*
 * Judge whether it may be stored as a contact, collected: it satisfies the rules of an
 * upload and is valid now; the From field of the mail holds one address, which is one of
 * its own; a ca that was provided vouches for it.  NULL only if out of memory.
 */
smimepolicy_verdict *sp_judge_collected(const struct sp_facts *facts,
                                        const struct sp_collected *collected, time_t at,
                                        const smimepolicy_settings *settings);
/*
 * The same of what a directory gave for |found->address|, which has to be one of its own.
 * As it is fetched to be encrypted to, it has to satisfy the rules of that use, too.
 */
smimepolicy_verdict *sp_judge_from_directory(const struct sp_facts *facts,
                                             const struct sp_collected *found, time_t at,
                                             const smimepolicy_settings *settings);

/*
 * May it vouch for the certificate of another?  |standing| is what the keyring says of
 * it.  |is_anchor|: it ends the chain, and nobody vouches for it.
 */
bool sp_may_issue(const struct sp_facts *facts, struct sp_standing standing, bool is_anchor);
/*
 * May |ca|, which vouches for others, issue certificates for the mail of |address|?  NULL if it
 * may, else why not.  It caches into |ca|, so that is no X509 of a program.
 */
const char *sp_issuer_limit(X509 *ca, const char *address);
/*
 * The rule `keyring-stale`, of a keyring that is the copy of a hub and was last in touch with
 * it at |contact| (0: never).
 */
bool sp_age_is_asked(smimepolicy_use use, const smimepolicy_settings *settings);
bool sp_is_stale(time_t contact, time_t now, const smimepolicy_settings *settings);
/* The verdict on it, of |facts|, which may be NULL.  NULL only if out of memory. */
smimepolicy_verdict *sp_judge_age(const struct sp_facts *facts, smimepolicy_use use, time_t contact,
                                  time_t now, const smimepolicy_settings *settings);
/* Is a certificate of this standing an anchor for its own addresses? */
bool sp_vouches_for_itself(struct sp_standing standing);
/*
 * May a certificate of a trust store end its chain, if only the keyring vouches and
 * says |standing| of it?  |is_last|: no other certificate can vouch for it.
 */
enum sp_vouching {
    SP_VOUCHES,
    SP_VOUCHES_FOR_ITSELF, /* for itself alone; the chain may go on to one that vouches */
    SP_VOUCHES_NOT,
    SP_VOUCHED_FOR_LATER /* not by itself; the chain may go on to one that vouches */
};
enum sp_vouching sp_vouches(const struct sp_facts *facts, struct sp_standing standing,
                            bool is_last);
/*
 * The `distrust-default` verdict if only the keyring vouches, or if |anchor|, at the end
 * of |signer|'s chain, is never an anchor.  NULL only if out of memory.
 */
smimepolicy_verdict *sp_judge_anchor(const struct sp_facts *signer, const struct sp_facts *anchor,
                                     struct sp_standing standing, bool is_signer);

/* The state of a stored certificate: is it good for anything? */
enum sp_stored_state {
    SP_STORED_USABLE,
    SP_STORED_EXPIRED,       /* it was usable until it expired */
    SP_STORED_NOT_YET_VALID, /* it will be usable later */
    SP_STORED_UNUSABLE,      /* at any date: its verdicts say why */
    SP_STORED_REVOKED        /* it would be usable if its issuer had not revoked it */
};
/* "usable", "expired", "not-yet-valid", "unusable" or "revoked". */
const char *sp_stored_state_name(enum sp_stored_state state);
/* Find the state of that name; false if there is none. */
bool sp_stored_state_named(const char *name, enum sp_stored_state *state);

#define SP_USE_COUNT 5 /* of enum smimepolicy_use */

struct sp_stored_verdicts {
    enum sp_stored_state state;
    unsigned uses; /* bit |use| is set: it may be used for that now */
    bool vouches;  /* it may vouch for the certificates of others now */
    /*
     * Owned: one for each use of its role, else NULL.  For a ca: UPLOAD, and under
     * VERIFY its validity.
     */
    smimepolicy_verdict *verdicts[SP_USE_COUNT];
};
struct sp_revocation; /* rules/revocation.h */
/*
 * Judge a certificate stored in |role| for every use of that role.
 *
 * @param revocation  what is known of it; NULL: nothing is asked
 * @param stored  to free with sp_stored_verdicts_clear()
 * @return false only if out of memory
 */
bool sp_judge_stored(const struct sp_facts *facts, enum sp_role role, time_t at,
                     const smimepolicy_settings *settings, const struct sp_revocation *revocation,
                     struct sp_stored_verdicts *stored);
void sp_stored_verdicts_clear(struct sp_stored_verdicts *stored);

/* One of several certificates that an operation may take. */
struct sp_candidate {
    const struct sp_facts *facts;
    const struct sp_revocation *revocation; /* borrowed: what is known of it; NULL: nothing */
    smimepolicy_verdict *verdict;           /* set by sp_rank(): for the caller to free */
};
/*
 * Judge every candidate for |use|, and sort them: those that may be used come first,
 * and of these the one that is valid longest.  Equal ones stay as they are.
 *
 * @param order  gets the indices of the |count| candidates, the best first
 * @return false only if out of memory
 */
bool sp_rank(struct sp_candidate *candidates, size_t count, smimepolicy_use use, time_t at,
             const smimepolicy_settings *settings, size_t *order);
/* "of 3 certificates CN=Bob, serial 0x2, is used"; to free; NULL if out of memory. */
char *sp_chosen_text(const smimepolicy_verdict *verdict, size_t count);
/* "not CN=Bob, serial 0x1: another one is valid for longer"; the same. */
char *sp_passed_over_text(const smimepolicy_verdict *verdict);
/* The end of sp_passed_over_text() alone: why another certificate was chosen. */
char *sp_passed_over_reason(const smimepolicy_verdict *verdict);

/* The subject as in RFC 2253; "" if it is empty. */
const char *sp_facts_subject(const struct sp_facts *facts);
/* "0x1f" */
const char *sp_facts_serial(const struct sp_facts *facts);
/* The certificate's addresses in lower case; NULL past the last. */
const char *sp_facts_address(const struct sp_facts *facts, size_t index);

/*
 * The rules about a message.  The caller has read what they need to know.  Each
 * verdict is NULL only if out of memory.
 */

/* The NID of the cipher that libcrypto knows by |name|, which may be its OID, or NID_undef. */
int sp_cipher_find(const char *name);
/*
 * Judge the encryption of a message with |cipher|, a NID.  |wraps_keys|: it encrypts
 * the content's key, else the content.
 */
smimepolicy_verdict *sp_judge_cipher(int cipher, bool wraps_keys,
                                     const smimepolicy_settings *settings);

/* The NID of the digest that libcrypto knows by |name|, or NID_undef; |name| may be NULL. */
int sp_digest_find(const char *name);
/* Would sp_judge_digest() find anything?  This spares looking for a signer. */
bool sp_digest_asks(int digest, const smimepolicy_settings *settings);
/*
 * Judge |digest|, the NID of the digest that a message is or will be signed with.
 * |signer| signs it, or NULL.
 */
smimepolicy_verdict *sp_judge_digest(int digest, const struct sp_facts *signer, smimepolicy_use use,
                                     const smimepolicy_settings *settings);

/* The NID of the digest in the signature |algorithm|, or NID_undef. */
int sp_algorithm_digest(const X509_ALGOR *algorithm);
/* Judge that of a CRL, which |issuer| has signed. */
smimepolicy_verdict *sp_judge_crl_digest(int digest, const struct sp_facts *issuer,
                                         const smimepolicy_settings *settings);

/* The signing-time attribute of one signature.  It is the signer's own claim. */
struct sp_signing_time {
    enum { SP_TIME_ABSENT, SP_TIME_READ, SP_TIME_BROKEN } state;
    time_t at; /* valid with SP_TIME_READ */
};
/* Read |attribute|, or NULL.  [RFC 5652, 11.3] There is |is_only| one, with one value. */
struct sp_signing_time sp_signing_time_read(X509_ATTRIBUTE *attribute, bool is_only);
/* Read it from signed attributes, a DER SET that libcrypto has written. */
struct sp_signing_time sp_signing_time_find(const unsigned char *attributes, size_t length);
/*
 * Was |signer| valid at the signing time it claims, and each of |issuers|, the rest
 * of its chain, then or |now|?  Denies under `signer-validity`.  If the signing time
 * is past, a note reports both times.
 */
smimepolicy_verdict *sp_judge_signing_time(const struct sp_facts *signer,
                                           const struct sp_facts *const *issuers, size_t count,
                                           const struct sp_signing_time *time, time_t now);

/*
 * What a person is told of a signer who passed.  Each is a new string, to free with
 * OPENSSL_free(); NULL if out of memory.
 */
/* "alice@example.org (CN=Alice, serial 0x1f)" */
char *sp_signer_text(const struct sp_facts *signer);
/* ", through CN=Root", the last of |chain|; empty without a chain. */
char *sp_through_text(const STACK_OF(X509) *chain);
/* "verified: SIGNER, signed on TIME by the signer's clock, through CN=Root" */
char *sp_verified_text(const struct sp_facts *signer, const struct sp_signing_time *time,
                       const char *through);

/* Why a header, or the list of addresses in a field, cannot be read. */
enum sp_unreadable {
    SP_READABLE,
    SP_HEADER_NUL,
    SP_HEADER_CR,    /* a carriage return without line feed: a line's end to some readers only */
    SP_HEADER_EMPTY, /* it begins with an empty line, behind which some readers go on */
    SP_HEADER_LONG,  /* longer than the header of any mail */
    SP_HEADER_LINE,  /* a line that is no field */
    SP_HEADER_CUT,   /* a long line: a reader that cuts it may find a sender in a piece */
    SP_HEADER_END,   /* its empty line has another line end than the line before */
    SP_HEADER_TYPES, /* two Content-Type fields: readers take one or the other */
    SP_LIST_OTHER,   /* something that is no address */
    SP_LIST_GROUP,
    SP_LIST_ENCODED, /* encoded words with characters of which addresses are made */
    SP_LIST_DEEP,    /* nested comments */
    SP_LIST_MANY
};
/* The fault as text, such as "holds a NUL"; NULL for SP_READABLE. */
const char *sp_unreadable_text(enum sp_unreadable what);

/* Does a field of this name show that a header is that of a mail, not of a MIME part? */
bool sp_is_mail_field(const char *name, size_t len);

/*
 * The sender of a mail as its header names it.  Addresses have no display name, and
 * A-labels in the domain.
 */
struct sp_sender {
    /* of the whole header; if it cannot be read, nothing else is known */
    enum sp_unreadable header;
    bool is_mail; /* it has a field of a mail */
    bool needed;  /* it is a fault if no address can be compared */
    size_t from_fields;
    enum sp_unreadable list; /* of the From fields */
    char *const *from;       /* the addresses of all From fields */
    size_t from_count;
    const char *sender; /* of the Sender field; NULL unless it holds one address */
};
/* Is there an address to compare?  A MIME part without its mail has none. */
bool sp_has_sender(const struct sp_sender *sender);
/*
 * The address of the sender: that of the From field; if it holds several, the one
 * that the Sender field names; else NULL.
 */
const char *sp_sender_address(const struct sp_sender *sender);
/*
 * Judge the signer at |index| of |count| signers of a mail.  It is denied under
 * `sender-match` unless the mail comes from it; if the mail comes from another
 * signer, that is a note.  If nothing can be compared, or |sender| is NULL because
 * nothing shall be, a note says so.
 */
smimepolicy_verdict *sp_judge_sender(const struct sp_facts *const *signers, size_t count,
                                     size_t index, const struct sp_sender *sender);
/*
 * Judge a mail that |count| signers, at least 1, are about to sign: a warning under
 * `sender-match` if its reader will refuse it.
 */
smimepolicy_verdict *sp_judge_sender_to_sign(const struct sp_facts *const *signers, size_t count,
                                             const struct sp_sender *sender);

/*
 * The ids of all rules in the order of the documentation; NULL past the last.  The
 * provider's reason code is the index plus one.
 */
const char *sp_rule_id(size_t index);
/* A short text for the OpenSSL reason string, e.g. "certificate has expired [expired]". */
const char *sp_rule_reason(size_t index);
/* The index of the rule |id|, or -1. */
int sp_rule_index(const char *id);

#endif
