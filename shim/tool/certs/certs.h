/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room certs: certificates and keys in files: PEM, DER, PKCS#7 and PKCS#12.
 */
#ifndef SHIM_CERTS_H
#define SHIM_CERTS_H

#include <fts.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>
#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "common/passphrase.h"
#include "keyring/keyring.h"
#include "stock/options.h"

/* load.c: loading certificates and keys as the openssl program does. */

/* A passphrase that is known without asking a person and without reading stdin. */
struct shim_secret {
    char *pass; /* owned; NULL if there is none, or stock alone may read it: stdin, fd:N */
};

/*
 * Read |source| ("pass:…", "env:…", "file:…"; NULL for none).
 *
 * @param quiet  what cannot be read is no fault here: stock reports it
 * @return SHIM_OK, or another code with the reason on stderr
 */
int shim_secret_read(struct shim_secret *secret, const char *source, bool quiet);
void shim_secret_clear(struct shim_secret *secret);

enum shim_load {
    LOADED,
    LOAD_NOTHING, /* it can be read, but holds nothing wanted */
    LOAD_LOCKED,  /* it needs a passphrase, and ours is missing or wrong */
    LOAD_ONCE,    /* a pipe or terminal, which can be read only once */
    LOAD_FAILED   /* unreadable */
};

/* What a file or URI holds. */
struct shim_loaded {
    STACK_OF(X509) *certs; /* owned */
    EVP_PKEY *key;         /* owned; the first key, private or public */
    char *why;             /* owned: the fault, for LOAD_FAILED */
};

enum shim_want {
    WANT_FIRST_CERT, /* as stock takes -signer, -recip and operands */
    WANT_FACTS,      /* as WANT_FIRST_CERT, without decoding its public key */
    WANT_CERTS,      /* as stock takes -certfile */
    WANT_KEY         /* as stock takes -inkey */
};

/*
 * Load |uri|.
 *
 * @param loaded  to free with shim_loaded_clear(), whatever is returned
 */
enum shim_load shim_load(const char *uri, enum shim_want want, const struct shim_secret *secret,
                         struct shim_loaded *loaded);
void shim_loaded_clear(struct shim_loaded *loaded);

/* The path in |uri|, if the file store would open one; else NULL. */
const char *shim_load_path(const char *uri);

bool shim_is_pkcs12(const char *uri);

/*
 * Does |uri| surely hold the private key of |cert|?  False means that it is not
 * known: see sp_key_is_own().
 */
bool shim_key_is_own(const char *uri, const X509 *cert);

/* chain.c: the chain from a signer to a provided anchor, at whatever time. */

/* Is |cert|, or a copy of it, one of |certs|? */
bool shim_certs_hold(const STACK_OF(X509) *certs, const X509 *cert);

/*
 * A store with the anchors for senders: those that |args| name, with |file|, the
 * copy of -CAfile that stock gets, or NULL; and |anchors|, those of the keyring,
 * NULL without a keyring.  Returns NULL if they cannot be read, or if |args| have
 * options for the chain that are not followed here.
 */
X509_STORE *shim_chain_store(const struct shim_args *args, const char *file,
                             const STACK_OF(X509) *anchors);

/* More faults than people read. */
#define SHIM_MOST_FAULTS 16

/* The chain of a signer to an anchor.  Zero-initialise it. */
struct shim_chain {
    STACK_OF(X509) *certs; /* owned, as its elements; the signer first; NULL: there is no chain */
    struct shim_chain_error {
        int error; /* libcrypto's error */
        X509 *at;  /* owned: the certificate at fault; NULL: there is no anchor */
    } faults[SHIM_MOST_FAULTS];
    size_t count;  /* of faults; 0 without |certs|: the chain is not known */
    bool encrypts; /* of a recipient, not of a signer; clearing keeps it */
};
void shim_chain_clear(struct shim_chain *chain);

/*
 * Verify |signer| as stock would with the options |args|, but without validity,
 * which the caller judges.
 *
 * @param store      of shim_chain_store(); NULL: the chain is not known
 * @param untrusted  certificates that may be in the chain, or NULL
 * @param args       NULL: none
 */
void shim_chain_find(struct shim_chain *chain, X509_STORE *store, X509 *signer,
                     STACK_OF(X509) *untrusted, const struct shim_args *args);
/*
 * As shim_chain_find(), for a certificate that vouches for itself: only its own copy
 * in |store| counts.
 */
void shim_chain_to_itself(struct shim_chain *chain, X509_STORE *store, X509 *signer,
                          const struct shim_args *args);
/* A store with |anchors|, each of which vouches by itself; NULL if out of memory. */
X509_STORE *shim_store_of(const STACK_OF(X509) *anchors);

/*
 * pbe.c: what is encrypted under a passphrase (RFC 8018, RFC 7292, RFC 7914), also with
 * the old ciphers of Windows, macOS and Firefox.
 *
 * The file itself sets the number of iterations for its key derivation, and libcrypto
 * accepts any: two thousand million take most of an hour.  This limit takes some
 * seconds.  It admits a backup of fifteen identities by NSS, with 600,000 for each.
 */
#define SHIM_MOST_ITERATIONS 10000000

#define SHIM_TOO_MANY_ITERATIONS                                                                   \
    "its passphrase takes more than 10,000,000 iterations of key derivation; write it anew with "  \
    "fewer"

/* Is the key derivation of |pbe| within the limit? */
bool shim_iterations_few(const X509_ALGOR *pbe);

/*
 * Count the iterations of |p12|, whose contents are |contents|: those of its MAC, of
 * the encryption of its contents, and of the bags in contents that are not
 * encrypted.  shim_iterations_of_bags() counts the bags of an opened content.
 * Beyond SHIM_MOST_ITERATIONS counting stops.
 */
int64_t shim_iterations_in(const PKCS12 *p12, const STACK_OF(PKCS7) *contents);
int64_t shim_iterations_of_bags(const STACK_OF(PKCS12_SAFEBAG) *bags);

/*
 * The legacy provider, which alone has RC2, RC4 and DES.  It is loaded for one file,
 * into a library context of its own, so that nothing else of the process uses it.
 */
struct shim_legacy {
    OSSL_LIB_CTX *context; /* owned; NULL until it is needed */
    OSSL_PROVIDER *standard, *legacy;
    char *cipher; /* owned: the first cipher that was needed */
    bool used;    /* something was decrypted with it */
};
void shim_legacy_clear(struct shim_legacy *legacy);

/* A passphrase.  For some algorithms an empty one is not the same as none. */
struct shim_pass {
    const char *text;
    int length;
};

/*
 * Find out where |pbe| can be decrypted.
 *
 * @param context  set to NULL for the default one
 * @param why      to free: why it cannot, and the remedy
 * @return false if it cannot
 */
bool shim_pbe_find(struct shim_legacy *legacy, const X509_ALGOR *pbe, OSSL_LIB_CTX **context,
                   char **why);

/* The cipher, to free with EVP_CIPHER_free(); NULL with |*why|. */
EVP_CIPHER *shim_pbe_cipher(struct shim_legacy *legacy, const char *name, OSSL_LIB_CTX **context,
                            char **why);

/* Decrypt |closed| into an |item|; NULL if the passphrase is wrong. */
void *shim_pbe_open(struct shim_legacy *legacy, const X509_ALGOR *pbe,
                    const ASN1_OCTET_STRING *closed, const ASN1_ITEM *item,
                    const struct shim_pass *pass, OSSL_LIB_CTX *context);

/* The name of |object|, or its number. */
void shim_object_text(const ASN1_OBJECT *object, char *text, int size);

/*
 * parts.c: everything in a file that may be uploaded, part by part: PEM, DER, PKCS#7,
 * PKCS#12, and folders of such files.
 */

/* The lines that `export` writes before a certificate, for `upload --as exported`. */
#define SHIM_LINE_ROLE     "smime-policy-role: "
#define SHIM_LINE_UPLOADED "smime-policy-uploaded: "
#define SHIM_LINE_KEY      "smime-policy-key: "
#define SHIM_LINE_ORIGIN   "smime-policy-origin: "
#define SHIM_LINE_ONLY_FOR "smime-policy-only-for: "
struct shim_exported {
    /* owned; NULL where there is no such line */
    char *role, *uploaded, *key_uri, *origin, *only_for;
};

/* One part: a certificate, a key, a CRL, what could not be read, or a note. */
struct shim_part {
    const char *path; /* borrowed: the file */
    unsigned number;  /* its number in the file, from 1; 0: it is the whole file */
    X509 *cert;       /* borrowed; up-ref to keep */
    EVP_PKEY *key;    /* borrowed; up-ref to keep */
    const char *pass; /* borrowed: what |key| was encrypted under; NULL: it was not */
    const struct sp_private_key *locked; /* borrowed: a key that stays encrypted, as exported */
    X509_REQ *request;                   /* borrowed: the request of the key that follows */
    const unsigned char *crl;            /* borrowed: the DER of a CRL, not parsed yet */
    size_t crl_length;
    const struct shim_exported *exported; /* borrowed: how it was kept; NULL: not told */
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

/*
 * The limit of a CRL: some seven million entries.  It is kept as DER, of which libcrypto
 * parses the little that is no entry.
 */
#define SHIM_LONGEST_CRL (256L << 20)
#define SHIM_CRL_TOO_LONG                                                                          \
    "it is longer than 256 MB, the limit of a CRL; ask its issuer for one that is divided by "     \
    "users and CAs"

/*
 * crl_frame.c: the outer form of a CRL, whose entries are found without being parsed.
 */
struct shim_bytes {
    const unsigned char *at; /* borrowed */
    size_t length;
};
struct shim_crl_frame {
    struct shim_bytes list;           /* the TBSCertList, which is signed */
    struct shim_bytes before, behind; /* of its content: what is before and behind the entries */
    struct shim_bytes entries;        /* the content of revokedCertificates; empty without */
    struct shim_bytes signature;      /* what follows the TBSCertList */
    bool same_algorithm;              /* it is the one in the TBSCertList */
};
/* Find it in |der|; false if it has another form. */
bool shim_crl_frame_find(const unsigned char *der, size_t length, struct shim_crl_frame *frame);
/* May a file that begins with |head| be a CRL in DER?  Old certificates may begin so, too. */
bool shim_may_be_crl(const unsigned char *head, size_t length);
/*
 * Take the element that |from| begins with off it; returns its tag of the universal class,
 * and -1 for another class or if it does not fit.
 */
int shim_der_next(struct shim_bytes *from, struct shim_bytes *content);

/* Receives each part; returns false to stop. */
typedef bool shim_part_fn(const struct shim_part *part, void *arg);

struct shim_reading_parts {
    shim_part_fn *each;
    void *arg;
    bool exported; /* what `export` wrote: its lines are read, and locked keys stay locked */
    bool crls;     /* CRLs are wanted, too */
    struct shim_passphrase pass; /* the one for every part, or the last one given */
    bool stopped;                /* |each| has returned false */
};

/*
 * Give each entry of the folder |path|, and of those in it, to |take|, sorted by name, until it
 * returns false.  False: out of memory.
 */
typedef bool shim_folder_fn(FTS *tree, FTSENT *entry, void *data);
bool shim_folder_each(const char *path, shim_folder_fn *take, void *data);

/*
 * Give every part of the file or folder |path| ("-": standard input) to |each|.  A
 * file without a part counts as one that could not be read.
 *
 * @return false if |each| has stopped
 */
bool shim_parts_read(struct shim_reading_parts *reading, const char *path);

/* The same for a file that is open at its start, under |name|.  |fd| stays open. */
bool shim_parts_read_open(struct shim_reading_parts *reading, const char *name, int fd);

/* Print why |part| of |path| could not be read, or its note, and add it to |list|. */
void shim_part_tell(const struct shim_part *part, const char *path, json_t *list);

/* The files of this room share what follows. */
struct shim_file_parts {
    struct shim_reading_parts *reading;
    const char *path;
    unsigned number;
    struct shim_legacy legacy;
    struct shim_exported exported; /* of the certificate that comes next */
    const char *under;             /* borrowed: what the key that comes next was encrypted under */
};

/* A block of PEM.  All owned. */
struct shim_block {
    char *name;
    char *header;
    unsigned char *data;
    long length;
};
void shim_block_clear(struct shim_block *block);

/* pem_file.c and encodings.c: the blocks of a PEM file. */
#define SHIM_NEEDS_PASSPHRASE "its private key needs a passphrase"

/* Decrypt a key in the traditional form, perhaps with an old cipher; false: it was refused. */
bool shim_block_open(struct shim_file_parts *file, struct shim_block *block);
/* Give what |block| holds; |failed|: memory ran out while it was read. */
void shim_parts_block(struct shim_file_parts *file, struct shim_block *block, bool failed);
/* Forget the lines that stood before a block. */
void shim_forget_exported(struct shim_exported *exported);

/* Give |part|, whose path and number are those of |file|, unless |each| has stopped. */
void shim_part_give(struct shim_file_parts *file, struct shim_part part);
/* A key of PKCS#8, as it lies open. */
void shim_part_plain_key(struct shim_file_parts *file, const PKCS8_PRIV_KEY_INFO *plain,
                         const char *pass);
/*
 * Give a part that could not be read.  shim_part_refuse() frees |why|; NULL: out of
 * memory.  Both clear the error queue, which is not for users.
 */
void shim_part_broken(struct shim_file_parts *file, const char *why);
void shim_part_refuse(struct shim_file_parts *file, char *why);
/* The passphrase of this part: the known one, else asked for; NULL with the reason on stderr. */
const char *shim_part_pass(struct shim_file_parts *file);

void shim_parts_pem(struct shim_file_parts *file, BIO *bio);
/* Always true: what cannot be read is given as a broken part. */
bool shim_parts_der(struct shim_file_parts *file, unsigned char *der, long length);
void shim_parts_pkcs12(struct shim_file_parts *file, PKCS12 *p12);

#endif
