/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room mail: headers, addresses and multiparts of a mail, and the message that came
 * in.
 *
 * Everything is read strictly: a header, a list of addresses or a multipart in which
 * two readers could find different things is refused.
 */
#ifndef SHIM_MAIL_H
#define SHIM_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <openssl/buffer.h>
#include <openssl/pem.h> /* before cms.h, which declares its PEM functions only then */
#include <openssl/cms.h>

#include "rules/rules.h"
#include "tool/certs/certs.h"

/* addresses.c: the addresses in a header field (RFC 5322, 3.4). */

/* The addresses of one or several fields.  Zero-initialise it. */
struct shim_addresses {
    char **each; /* owned, with its strings: without display names, domains as A-labels */
    size_t count;
    enum sp_unreadable unreadable; /* SP_LIST_…: |each| is not complete, or not right */
    bool failed;                   /* out of memory */
};

/* From and Sender fields have mailboxes alone; To and Cc fields may have groups, too. */
enum shim_list { SHIM_MAILBOXES, SHIM_WITH_GROUPS };

/* Add the addresses in |raw|, the body of a field with |len| bytes, folded as it came. */
void shim_addresses_parse(struct shim_addresses *list, enum shim_list kind, const char *raw,
                          size_t len);
void shim_addresses_clear(struct shim_addresses *list);

/* The most addresses that such a list may have. */
#define SHIM_MOST_ADDRESSES 1000

/*
 * encoded.c: encoded words (RFC 2047) in a list of addresses.  Would a reader that
 * decodes the |len| bytes of a field before parsing them find other addresses than the
 * |count| in it?  Only if an encoded word holds a character of the syntax, and there is
 * another "@".
 *
 * @param hides  the answer
 * @return false if out of memory
 */
bool shim_encoded_hides(const char *raw, size_t len, size_t count, bool *hides);

/* fields.c: the fields of a header (RFC 5322, 2.2). */

/* The longest header, in bytes.  No mail has a longer one. */
#define SHIM_MAX_HEADER (1 << 20)

struct shim_field {
    const char *name; /* as spelled, without the colon */
    size_t name_len;
    const char *body; /* folded as it came, without the last line end */
    size_t len;
};

/* Is |name| the name of this field?  Case does not matter. */
bool shim_field_is(const struct shim_field *field, const char *name);

/*
 * Why the |len| bytes of a header cannot be read; the empty line is included if
 * there is one.  Every reader of a header calls this first.
 */
enum sp_unreadable shim_fields_check(const char *header, size_t len);

/*
 * Read the next field at |*at|, which begins as 0; false at the end.  The header
 * must have passed shim_fields_check().  The first line of an mbox, "From " without
 * a colon, is a field named "From ".
 */
bool shim_fields_next(const char *header, size_t len, size_t *at, struct shim_field *field);

/* The length of the header that |text| begins with, and of its empty line; 0 if it has none. */
size_t shim_header_length(const char *text, size_t len);

/* The fields that the rules need. */
struct shim_mail {
    struct sp_sender sender; /* the sender */
    /*
     * owned: the boundary of a multipart/signed; NULL for other content, or if readers
     * might find different ones
     */
    char *boundary;

    /* The addresses of all fields of a name; none if one of these cannot be read. */
    struct shim_addresses from, senders; /* of From and Sender: |sender| refers to them */
    struct shim_addresses to;            /* of To and Cc: the recipients */
    struct shim_addresses bcc;           /* of Bcc */
    bool has_bcc, has_resent_bcc;
};

/*
 * Read the |len| bytes of a header, which include its empty line if it has one.
 * |header| may be NULL if |len| is 0.
 *
 * @return false if out of memory; call shim_mail_clear() in any case
 */
bool shim_mail_read(const char *header, size_t len, struct shim_mail *mail);
/* As shim_mail_read(), for addresses that a person gave: one From field with |list|. */
bool shim_mail_from(const char *list, struct shim_mail *mail);
void shim_mail_clear(struct shim_mail *mail);

/*
 * input.c: open the message |path| (NULL or "-": standard input) as a regular file at
 * its beginning.  It is copied if it can be read only once.
 *
 * @param quiet  do not report what cannot be opened: stock does
 * @param input  for the caller to close, if it is not NULL
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_input_open(const char *path, bool quiet, FILE **input);

/*
 * Read all of the file |path| into |*bytes|, to free with OPENSSL_free().
 *
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_input_whole(const char *path, char **bytes, size_t *len);

/*
 * As shim_input_whole(), for a regular file that is open at its beginning; |name| is
 * for messages.
 */
int shim_input_bytes(FILE *file, const char *name, char **bytes, size_t *len);

/* A new temporary file, unlinked; NULL with errno set. */
FILE *shim_input_spool(void);

/* Copy the rest of |from| to |to|, which is then at its beginning.  False with errno set. */
bool shim_input_copy(FILE *from, FILE *to);

/*
 * Read the header of the mail in |file|, with its empty line, to free with
 * BUF_MEM_free().  |file| must be at its beginning, and is then at the body.  A
 * header that is too long is cut behind the limit.  NULL if it cannot be read, with
 * errno set unless out of memory.
 */
BUF_MEM *shim_input_header(FILE *file);

/* content.c: what the header of a part says about its content (RFC 2045, RFC 2183). */

enum shim_encoding {
    SHIM_PLAIN, /* 7bit, 8bit, binary, or no encoding is named */
    SHIM_BASE64,
    SHIM_ENCODED /* another encoding */
};

struct shim_mime {
    /* the index of its parent; the whole mail is the first part, and its own parent */
    size_t parent;
    size_t children;   /* how many parts it has; 0 unless it is a multipart that was taken apart */
    unsigned number;   /* its number in its parent, from 1; 0: it is the whole mail */
    unsigned depth;    /* how many multiparts it is in */
    char *path;        /* owned: "1.2" for the second part of the first; NULL: the whole mail */
    const char *start; /* the beginning of its header */
    const char *body;
    const char *end; /* where the next boundary begins */
    /* the length of the body, without the line end that belongs to the next boundary */
    size_t len;
    char *type;     /* owned: in lower case; "text/plain" if none is named */
    char *boundary; /* owned: the boundary of a multipart; NULL if readers might differ */
    enum shim_encoding encoding;
    bool named_p7; /* it has a file name that ends as those of S/MIME do */
};

/*
 * Read the body of a Content-Type field.  |*type| is in lower case, such as
 * "text/plain"; NULL if it cannot be read, or if anything but parameters follows.
 * |*boundary| is that of a multipart; NULL for another type, or if readers might take
 * it differently (comments, escapes, the pieces and encodings of RFC 2231, two
 * boundaries).  Both to free with OPENSSL_free().
 *
 * @return false if out of memory
 */
bool shim_content_type(const struct shim_field *field, char **type, char **boundary);

/*
 * Read type, boundary, encoding and name of |part|, whose header has |len| bytes.
 * |*fault| is set if readers might take them differently.
 *
 * @return false if out of memory
 */
bool shim_content_read(struct shim_mime *part, size_t len, const char **fault);

/* tree.c: the parts of a mail (RFC 2046).  Nothing recurses. */

/* The limits of a mail that is taken apart. */
#define SHIM_MOST_PARTS  1000
#define SHIM_MOST_LEVELS 10

struct shim_tree {
    struct shim_mime *parts; /* owned, with their contents; in the order of the mail */
    size_t count;
    const char *fault; /* why the mail is not taken apart, as in "it …"; NULL: it is */
};

/*
 * Take the |len| bytes of |mail| apart.  The parts of a multipart/signed and
 * attached mails are not taken apart.
 *
 * @param tree  refers to |mail|; to free with shim_tree_clear(), whatever is
 *              returned
 * @return false if out of memory
 */
bool shim_tree_read(const char *mail, size_t len, struct shim_tree *tree);
void shim_tree_clear(struct shim_tree *tree);

enum shim_line { LINE_CONTENT, LINE_BOUNDARY, LINE_CLOSING, LINE_UNCLEAR };

/*
 * Is the line at |line|, in text that ends at |end|, a boundary?  It is unclear if it
 * only begins like one.  |*next| is set behind the line of a boundary.
 */
enum shim_line shim_boundary_line(const char *line, const char *end, const char *boundary,
                                  const char **next);

/*
 * part.c: the S/MIME part of a mail that stock cannot read as it came: a mailing list or
 * gateway has put it into a multipart, or has changed its name or encoding.
 */

/* Which part of a mail was signed or encrypted.  All owned; NULL if not known. */
struct shim_covered {
    char *path;  /* "2", or "1.2" of a multipart in a multipart; NULL: the whole body */
    char *type;  /* "multipart/signed" */
    char *where; /* "part 2 of 3 of a multipart/mixed"; NULL: the whole body */
};

/*
 * Find the part in |*message|, and replace |*message|, which is closed, by a message
 * made of the part: in a form that stock reads, with unchanged content.
 *
 * @param boundary  replaced by that of a multipart/signed, or by NULL
 * @param verb      "verify" or "decrypt"
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_part_find(FILE **message, char **boundary, struct shim_covered *covered, const char *verb);

/*
 * Can stock read the message in |file| as it is?  "No" may be wrong.  The position
 * in |file| is undefined afterwards.
 */
bool shim_part_is_plain(FILE *file);

/*
 * Decode base64 with lines of any length, to free with OPENSSL_free(); NULL if out of
 * memory; |*made|, its length, is -1 if it is no base64.
 */
unsigned char *shim_decode_base64(const char *text, size_t len, int *made);

/* Print which parts were not covered; nothing if all were. */
void shim_covered_tell(const struct shim_covered *covered, const char *verb);
void shim_covered_clear(struct shim_covered *covered);

/* split.c: splitting a multipart/signed (RFC 1847), with memory that does not grow. */
enum shim_split {
    SPLIT_DONE,
    SPLIT_UNCLEAR, /* it has not two parts, or readers might find different ones */
    SPLIT_FAILED   /* it failed, with errno set */
};

/*
 * Write the first part to |content|, as it was signed (lines end with CR LF, RFC
 * 8551, 3.1.1), and the second to |signature|, whose size is limited.
 *
 * @param body      at the start of the body
 * @param boundary  the parameter of the content type
 */
enum shim_split shim_split(FILE *body, const char *boundary, FILE *content, BIO *signature);

/*
 * incoming.c: a signed message that came in, read before stock verifies it: who claims
 * to have signed it, when, and what its header says.  Nothing is verified here.
 */

/* One signature of the message. */
struct shim_signature {
    X509 *cert;             /* borrowed from the message */
    struct sp_facts *facts; /* owned */
    struct sp_signing_time time;
    int digest;              /* the NID of its digest */
    bool for_itself;         /* its certificate is stored and vouches for itself */
    struct shim_chain chain; /* owned: from its certificate to its anchor */
    bool refused;            /* a rule refuses it */
    bool tested, fits;       /* after a failure: was it tested, and does it fit the content? */
    char *why;               /* owned: with --any-signer, why it does not count; else NULL */
};

struct shim_incoming {
    struct shim_mail mail;
    struct shim_signature *signatures; /* owned */
    size_t count;
    struct shim_signature *left_out; /* owned: those that do not count, with --any-signer */
    size_t left_out_count;
    STACK_OF(X509) *certs; /* owned: the certificates of the message, then those in |along| */
    /* owned: the certificates that the keyring has for the signers; NULL: no keyring */
    STACK_OF(X509) *anchors;
    /* owned: what the chains may end in; NULL: stock alone can follow them */
    X509_STORE *store;

    struct sp_keyring *keyring; /* borrowed; NULL: there is none */

    FILE *input;     /* owned: the message, a regular file at its beginning */
    FILE *content;   /* owned: the signed part of a multipart/signed; else NULL */
    FILE *signature; /* owned: its signature in DER, or all of it after --any-signer; else NULL */

    CMS_ContentInfo *cms; /* owned: it has the signatures */
    bool too_many;        /* there are too many signatures to read */
};

struct shim_incoming_from {
    const char *path;   /* NULL: standard input */
    FILE *opened;       /* the message instead, at its beginning; taken over.  NULL: |path| */
    const char *form;   /* as -inform spells it; NULL: S/MIME */
    bool may_split;     /* no option needs the message in one piece */
    bool quiet;         /* stock reports what cannot be opened */
    bool nointern;      /* do not look for signers in the message */
    bool content_named; /* the command line names a file with the signed content */
    /* Set to the part of the mail that was signed; NULL: no part is looked for. */
    struct shim_covered *covered;
    STACK_OF(X509) *along; /* more certificates to look for signers in; NULL: none */
};

/*
 * Read the message.
 *
 * If it cannot be understood |incoming| has no signatures: stock reports it, and it
 * must not pass if stock does not.
 *
 * @param incoming  to free with shim_incoming_clear(), whatever is returned
 * @return SHIM_OK, SHIM_INPUT or SHIM_SYSTEM; the fault is on stderr
 */
int shim_incoming_read(struct shim_incoming *incoming, const struct shim_incoming_from *from);
void shim_incoming_clear(struct shim_incoming *incoming);

/*
 * Read the signatures of |incoming|, whose message was read.  If the certificate of
 * one is missing, none is read.
 *
 * @return false if out of memory
 */
bool shim_signatures_read(struct shim_incoming *incoming, const struct shim_incoming_from *from);

/* The form by -inform, of which stock reads the first letter.  NULL: S/MIME. */
const char *shim_form_of(const struct shim_args *args);

/* Rewind |input| and read a CMS message in one piece, as stock does; NULL if it cannot be read. */
CMS_ContentInfo *shim_read_cms(FILE *input, const char *form);

#endif
