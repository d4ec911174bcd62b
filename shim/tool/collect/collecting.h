/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room collect: certificates out of mails whose signatures were verified.
 *
 * A mail is no upload.  Its signer's certificate becomes a contact of the origin "collected",
 * which is never an anchor, for the address of its From field; and so does the certificate
 * that the signer prefers for encryption.  Issuers below the CA that was provided are kept as
 * intermediates.  Of each mail all of this is stored, or nothing.
 */
#ifndef SHIM_COLLECTING_H
#define SHIM_COLLECTING_H

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <jansson.h>

#include "common/long_options.h"
#include "keyring/keyring.h"
#include "tool/directory/directory.h"
#include "tool/mail/mail.h"
#include "tool/run/operation.h"

/* The longest mail that is read, in bytes, and the most mails of one mbox. */
#define SHIM_LONGEST_MAIL (INT64_C(64) << 20)
#define SHIM_MOST_MAILS   100000

/* One run. */
struct shim_collecting {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* owned; open to be written, or with |dry_run| to be read */
    struct sp_upload *upload;   /* owned */
    time_t now;
    bool dry_run, local, json;

    struct shim_directory directory; /* of the addresses */

    size_t mails, collected, already, refused, not_signed;
    json_t *taken;    /* owned: the certificates that are stored at the end */
    json_t *left_out; /* owned: the mails that were refused */
    int named;        /* the code for the first mail that was named by itself and refused */
    int fault;        /* SHIM_OK, or why the run cannot go on; the reason is on stderr */
};

/* A mail and its name in messages. */
struct shim_mail_at {
    const char *path; /* borrowed */
    unsigned number;  /* its number in an mbox, from 1; 0: it is the whole file */
    bool alone;       /* it was named by itself: what is wrong with it decides the exit code */
};

/* mails.c: give each mail of |path|, a file, an mbox, a Maildir or "-", to |run|. */
void shim_mails_read(struct shim_collecting *run, const char *path);

/* collect_mail.c: collect from the mail in |file|, which is taken over. */
void shim_collect_mail(struct shim_collecting *run, const struct shim_mail_at *at, FILE *file);
/* The same for a mail that |operation| has verified. */
void shim_collect_verified(struct shim_collecting *run, const struct shim_mail_at *at,
                           struct shim_incoming *incoming, const struct shim_operation *operation);

/* preference.c: which certificate a signer prefers for encryption (RFC 8551, 2.5.3). */
enum shim_preference {
    SHIM_PREFERS_NONE,  /* it names none, or the signer's own */
    SHIM_PREFERS_OTHER, /* |*cert|, borrowed from |certs| */
    SHIM_PREFERS_ABSENT /* one that is not at hand, or that is not named clearly */
};
enum shim_preference shim_preference_read(const CMS_SignerInfo *info, const X509 *signer,
                                          const STACK_OF(X509) *certs, X509 **cert);

/* collect_address.c: is |word| an address, and no file of that name? */
bool shim_collect_is_address(const char *word);
/* Ask the directories about the address |word|. */
void shim_collect_address(struct shim_collecting *run, const char *word);

/* collect.c */

/* Tell that nothing is collected from the mail, for |why|; |code| is that of the fault. */
void shim_collect_refuse(struct shim_collecting *run, const struct shim_mail_at *at, int code,
                         const char *why);
/* Note a certificate that will be stored. */
void shim_collect_note(struct shim_collecting *run, const struct shim_mail_at *at, const X509 *cert,
                       const struct sp_facts *facts, enum sp_role role, const char *address);
/* Is anything collected?  If `collect = off`, the reason is on stderr. */
bool shim_collects(struct shim *shim);

/*
 * After |operation| has verified the message |name|: collect from it, and tell on standard
 * error.  Returns SHIM_OK, also if nothing is collected, or why the keyring cannot be written.
 */
int shim_collect_after(const struct shim_operation *operation, const char *name,
                       struct shim_incoming *incoming);

shim_command_fn shim_run_collect;

#endif
