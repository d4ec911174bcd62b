/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading everything in a file that may be uploaded, part by part: PEM, DER, PKCS#7,
 * PKCS#12, and folders of such files.
 */
#ifndef SHIM_PARTS_H
#define SHIM_PARTS_H

#include <sys/types.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "common/passphrase.h"
#include "keyring/keyring.h"
#include "tool/certs/pbe.h"

/* The lines that `export` writes before a certificate, for `upload --as exported`. */
#define SHIM_LINE_ROLE     "smime-policy-role: "
#define SHIM_LINE_UPLOADED "smime-policy-uploaded: "
#define SHIM_LINE_KEY      "smime-policy-key: "
struct shim_exported {
    char *role, *uploaded, *key_uri; /* owned; NULL where there is no such line */
};

/* One part: a certificate, a key, what could not be read, or a note. */
struct shim_part {
    const char *path; /* borrowed: the file */
    unsigned number;  /* its number in the file, from 1; 0: it is the whole file */
    X509 *cert;       /* borrowed; up-ref to keep */
    EVP_PKEY *key;    /* borrowed; up-ref to keep */
    const char *pass; /* borrowed: what |key| was encrypted under; NULL: it was not */
    const struct sp_private_key *locked;  /* borrowed: a key that stays encrypted, as exported */
    const struct shim_exported *exported; /* borrowed: how |cert| was kept; NULL: not told */
    const char *why;                      /* borrowed: why it could not be read, and the way out */
    const char *note;                     /* borrowed: what is to be told of a part that was read */
};

/*
 * The limit of a certificate, key or bundle: libcrypto holds several copies in
 * memory.  A PEM file may have any number of them.
 */
#define SHIM_LONGEST_PART (16L << 20)
#define SHIM_TOO_LONG                                                                              \
    "it is longer than 16 MB, and no certificate, key or PKCS#12 is; give certificates in PEM, "   \
    "one by one"

#define SHIM_WRONG_PASSPHRASE "the passphrase is wrong; give the one that it was exported with"
#define SHIM_NO_CERTIFICATE                                                                        \
    "it is no certificate that can be read; it may be cut or damaged: fetch it anew"
#define SHIM_NO_KEY "it is no private key that can be read; it may be cut or damaged: fetch it anew"

/* Receives each part; returns false to stop. */
typedef bool shim_part_fn(const struct shim_part *part, void *arg);

struct shim_reading_parts {
    shim_part_fn *each;
    void *arg;
    bool exported; /* what `export` wrote: its lines are read, and locked keys stay locked */
    struct shim_passphrase pass; /* the one for every part, or the last one given */
};

/*
 * Give every part of the file or folder |path| ("-": standard input) to |each|.  A
 * file without a part counts as one that could not be read.
 *
 * @return false if |each| has stopped
 */
bool shim_parts_read(struct shim_reading_parts *reading, const char *path);

/* The files of this room share these. */
struct shim_file_parts {
    struct shim_reading_parts *reading;
    const char *path;
    unsigned number;
    struct shim_legacy legacy;
    struct shim_exported exported; /* of the certificate that comes next */
};
bool shim_part_cert(struct shim_file_parts *file, X509 *cert);
bool shim_part_key(struct shim_file_parts *file, EVP_PKEY *key, const char *pass);
bool shim_part_locked(struct shim_file_parts *file, const struct sp_private_key *key);
/* A key of PKCS#8, as it lies open. */
bool shim_part_plain_key(struct shim_file_parts *file, const PKCS8_PRIV_KEY_INFO *plain,
                         const char *pass);
/*
 * Give a part that could not be read; |why| NULL: out of memory.  It clears the
 * error queue, which is not for users.
 */
bool shim_part_broken(struct shim_file_parts *file, const char *why);
bool shim_part_note(struct shim_file_parts *file, const char *note);
/* The passphrase of this part: the known one, else asked for; NULL with the reason on stderr. */
const char *shim_part_pass(struct shim_file_parts *file);

bool shim_parts_pem(struct shim_file_parts *file, BIO *bio);
bool shim_parts_der(struct shim_file_parts *file, const unsigned char *der, long length);
bool shim_parts_pkcs12(struct shim_file_parts *file, PKCS12 *p12);
/* Give the certificates of a PKCS#7 or another CMS message. */
bool shim_parts_cms(struct shim_file_parts *file, CMS_ContentInfo *cms);
/* Give the key of an EncryptedPrivateKeyInfo. */
bool shim_parts_encrypted_key(struct shim_file_parts *file, const unsigned char *der, long length);

#endif
