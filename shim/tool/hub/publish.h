/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows that go to the hub, in one transaction.
 */
#ifndef SHIM_PUBLISH_H
#define SHIM_PUBLISH_H

#include "base/text.h"
#include "tool/hub/talk.h"

/* One row of smime_policy.incoming.  All borrowed; NULL and -1 are NULL there. */
struct shim_publish_row {
    const char *what;           /* "certificate", "removal", "key", "crl" or "crl-removal" */
    const unsigned char *name;  /* fingerprint, the id of a key, or shim_crl_name() */
    const unsigned char *base;  /* the sum of the row that we know */
    const unsigned char *bytes; /* DER of a certificate, or PKCS#8 */
    size_t length;
    int role, origin;
    int64_t uploaded;
    const char *addresses;
    int narrowed;
    const unsigned char *key_of;
    const char *uri;
    const unsigned char *content; /* of a CRL: SHA-256 of its DER */
    const unsigned char *pieces;  /* of a CRL: SHIM_PIECES bytes, by which its pieces are found */
};
#define SHIM_PIECES 16

/* Zero-initialise it; clear it in any case. */
struct shim_publish {
    struct shim_hub *hub; /* borrowed */
    struct sp_text text;  /* the rows that were not sent yet */
    int64_t rows;
    bool copies; /* the rows are being sent */
};

/* Begin the transaction; false with the reason on stderr, as for the others. */
bool shim_publish_begin(struct shim_publish *publish, struct shim_hub *hub);
/*
 * Send the content of a CRL, before the first row.  Nobody waits for that: the row that names
 * |pieces| is small.
 */
bool shim_publish_pieces(struct shim_publish *publish, const unsigned char pieces[SHIM_PIECES],
                         const unsigned char *der, size_t length);
bool shim_publish_row(struct shim_publish *publish, const struct shim_publish_row *row);
/* Publish and commit.  |*revision|: 0 if there was no row. */
bool shim_publish_end(struct shim_publish *publish, int64_t *revision);
void shim_publish_clear(struct shim_publish *publish);

/* The sum of a certificate's row, as smime_policy.sum_of(); false if out of memory. */
bool shim_publish_sum(const struct shim_publish_row *row, unsigned char sum[SP_SHA256_LENGTH]);

/*
 * Send the certificate of |record|, unless the hub has it so.  |facts|: those of the certificate;
 * NULL: they are read.  |found_by|: the only addresses that it is found by; NULL: all.  |*same| is
 * set if the hub has it.
 */
bool shim_publish_cert(struct shim_publish *publish, struct sp_keyring *keyring,
                       const struct sp_record *record, const struct sp_facts *facts,
                       const char *found_by, bool *same);
/* Send a private key; false also for one that is open. */
bool shim_publish_key(struct shim_publish *publish, const unsigned char *id,
                      const struct sp_private_key *key);

/* A change that goes to the hub. */
struct shim_hub_change {
    struct shim *shim; /* borrowed, as the next four */
    struct sp_keyring *keyring;
    struct sp_upload *upload; /* NULL: a removal */
    const unsigned char (*fingerprints)[SP_SHA256_LENGTH];
    const struct shim_hub_crls *crls; /* to add; or NULL */
    size_t count;                     /* of |fingerprints| */
    const struct sp_crl_file *files;  /* borrowed: CRLs to remove */
    size_t file_count;
    bool with_key, has_keys;
    struct shim_publish publish;
};

#define SHIM_HUB_UNCHANGED                                                                         \
    "nothing was changed, on the hub or here; --local changes this host's keyring alone"

/* One transaction on the hub, and then the copy.  A SHIM code. */
int shim_hub_write(struct shim_hub_change *change);
/* Send what of CRLs changes, before all other rows. */
int shim_hub_send_crls(struct shim_hub_change *change);

#endif
