/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a writer; for this room alone.
 */
#ifndef SP_CRL_WRITER_H
#define SP_CRL_WRITER_H

#include "revocation/crl_form.h"

struct sp_crl_writer {
    char *keyring; /* owned */
    struct sp_crl_header header;
    unsigned char *cert; /* owned */
    /* owned: the entries, as on a page, one behind the other */
    unsigned char *entries;
    size_t used, size;
};

/*
 * Deal the entries out to pages.  Where those of each page end, owned by the caller; NULL with
 * |*why| set if that failed.
 */
size_t *sp_crl_deal(struct sp_crl_writer *writer, char **why);
/* Write it all to |fd|, which is closed, and surely to the disk; false with errno set. */
bool sp_crl_write(const struct sp_crl_writer *writer, const size_t *ends, int fd);

#endif
