/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The header fields of a mail (RFC 5322), as far as the rules ask for them.
 */
#ifndef SHIM_MAIL_H
#define SHIM_MAIL_H

#include "rules/rules.h"

struct shim_mail {
    struct sp_sender sender; /* who it is from */
    char *boundary;          /* owned: of a multipart/signed; NULL for any other content, or where
                                two readers might find different ones */

    /* Whom it is to, of all To and Cc fields; none of them where one cannot be read. */
    char **recipients; /* owned */
    size_t recipient_count;
    enum sp_unreadable recipients_unreadable;
    bool has_bcc;

    char **from_addresses; /* owned: behind |sender| */
    char *sender_address;  /* owned: behind |sender| */
};

/*
 * Read the |len| bytes of a header, its empty line included if it has one;
 * |header| may be NULL where there are none.
 *
 * @return false if out of memory; shim_mail_clear() is needed all the same
 */
bool shim_mail_read(const char *header, size_t len, struct shim_mail *mail);
/* The same for an address that a person gave: one From field with the addresses in |list|. */
bool shim_mail_from(const char *list, struct shim_mail *mail);
void shim_mail_clear(struct shim_mail *mail);

#endif
