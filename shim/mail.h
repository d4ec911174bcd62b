/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The header fields of a mail (RFC 5322), as far as the rules ask for them.
 */
#ifndef SHIM_MAIL_H
#define SHIM_MAIL_H

#include "rules.h"

struct shim_mail {
    /*
     * Who it is from.  A From field that holds anything which is no address
     * counts without its addresses: what two readers may read differently is
     * not compared.
     */
    struct sp_sender sender;
    bool is_mail;   /* has it a From or Sender field at all? */
    char *boundary; /* owned: of a multipart/signed, NULL for any other content */

    /* Whom it is to, of all To and Cc fields; none of them where one cannot be read clearly. */
    char **recipients; /* owned */
    size_t recipient_count;
    bool recipients_unclear;
    bool has_bcc;

    char **from_addresses; /* owned: behind |sender| */
    char *sender_address;  /* owned: behind |sender| */
};

/*
 * Read the |len| bytes of a header, field lines up to the empty line; |header|
 * may be NULL where there are none.
 *
 * @return false if out of memory; shim_mail_clear() is needed all the same
 */
bool shim_mail_read(const char *header, size_t len, struct shim_mail *mail);
/* The same for an address that a person gave: one From field with the addresses in |list|. */
bool shim_mail_from(const char *list, struct shim_mail *mail);
void shim_mail_clear(struct shim_mail *mail);

#endif
