/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room mail: headers, addresses and multiparts of a mail, and the message that came
 * in.
 *
 * This header: the fields (RFC 5322) that the rules need.
 */
#ifndef SHIM_MAIL_H
#define SHIM_MAIL_H

#include "rules/rules.h"

struct shim_mail {
    struct sp_sender sender; /* the sender */
    /*
     * owned: the boundary of a multipart/signed; NULL for other content, or if readers
     * might find different ones
     */
    char *boundary;

    /* The recipients: the addresses of all To and Cc fields; none if a list cannot be read. */
    char **recipients; /* owned */
    size_t recipient_count;
    enum sp_unreadable recipients_unreadable;
    bool has_bcc;

    char **from_addresses; /* owned: |sender| refers to it */
    char *sender_address;  /* owned: |sender| refers to it */
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

#endif
