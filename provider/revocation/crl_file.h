/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room revocation: what issuers have revoked, as files of the keyring.  They are made of
 * CRLs whose signature was verified, and read by gates in any program.
 *
 * This header: writing, listing and checking, which the tool alone does.  Asking is
 * revocation/asked.h.
 *
 * A file is KEYRING/crls/NAME/KEY.crl: a folder for each issuer's name, by its hash, and
 * in it a file for each key that the name has signed CRLs with.  A CRL of limited scope
 * has a file of its own, KEY-SCOPE.crl or KEY-SCOPE-PART.crl.  A file is replaced by
 * rename, so a reader finds the old one or the new one, and there is no index that could
 * contradict it.
 *
 * A mark lies in the folder of a ca that is revoked itself, and has the form of a CRL.  Its only
 * entry is that of the ca.  So a gate that builds no path finds it where it looks anyhow.
 */
#ifndef SP_CRL_FILE_H
#define SP_CRL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "base/name_hash.h"
#include "base/sha256.h"

/* Whose CRL it is. */
struct sp_crl_issuer {
    const unsigned char *key; /* SP_SHA256_LENGTH bytes: the id of its key, see base/key_id.h */
    const X509_NAME *name;
    const unsigned char *ski; /* the Subject Key Identifier; NULL: it has none */
    size_t ski_length;
    const X509 *cert; /* with the key that has signed the CRL */
};
/* The issuer with the certificate |cert|; |key| is the id of its key.  All is borrowed. */
struct sp_crl_issuer sp_crl_issuer_of(const unsigned char *key, X509 *cert);

/* What a CRL covers.  [RFC 5280, 5.2.5] Without a bit it is all that its issuer has issued. */
enum {
    SP_CRL_USERS = 1,      /* onlyContainsUserCerts */
    SP_CRL_CAS = 2,        /* onlyContainsCACerts */
    SP_CRL_ATTRIBUTES = 4, /* onlyContainsAttributeCerts */
    SP_CRL_REASONS = 8,    /* onlySomeReasons: it never says that a certificate is not revoked */
    SP_CRL_PART = 16,      /* of one distribution point: it covers who names that */
    SP_CRL_ISSUER = 64,    /* no CRL, but a mark: what has this issuer is below a revoked ca */
    SP_CRL_OCSP = 128,     /* no CRL, but what responders have answered, see sp_ocsp_keep() */
    SP_CRL_INDIRECT = 32   /* indirectCRL: also of certificates that name its issuer as cRLIssuer */
};
/* The longest number, serial number and certificate of an issuer that a file can hold. */
#define SP_CRL_LONGEST_NUMBER 32
#define SP_CRL_LONGEST_SERIAL 255
#define SP_CRL_LONGEST_CERT   (64 << 10)

/*
 * [RFC 5280, 6.3.3 (f)] The issuers whose certificates an indirect CRL may be about are below the
 * same ca as its own issuer.  So many can be kept; of another one that cannot be told.
 */
#define SP_CRL_MOST_OTHERS 384
/*
 * An issuer in that list, by the hashes of its name and of its key identifier: is it below the
 * same ca?
 */
uint64_t sp_crl_other(uint64_t name, uint64_t key_id, bool is_below);

struct sp_crl_about {
    int64_t this_update, next_update; /* seconds since the epoch */
    const unsigned char *number;      /* the octets of CRLNumber; NULL: it has none */
    size_t number_length;
    unsigned scope;
    uint64_t part; /* with SP_CRL_PART: which, such as a hash of the distribution point */
    uint64_t points[SP_MOST_POINTS]; /* with SP_CRL_PART: the URIs of that point */
    /* borrowed: with SP_CRL_INDIRECT: SP_CRL_MOST_OTHERS of sp_crl_other(); 0 ends them */
    const uint64_t *others;
    /* the SHA-256 of the CRL's DER: equal ones are the same CRL */
    unsigned char content[SP_SHA256_LENGTH];
};

/* In an SP_CRL_OCSP file, as |reason|: it is not revoked, and |at| is until when that counts. */
#define SP_CRL_GOOD 100

struct sp_crl_entry {
    /*
     * The content octets of the INTEGER, as in DER.  Octets that say nothing, such as
     * leading zeros, do not matter.
     */
    const unsigned char *serial;
    size_t length;
    int64_t at; /* the revocation date */
    int reason; /* CRLReason; -1: none is given; or SP_CRL_GOOD */
    /* In an indirect CRL: the hash of the name of the certificate's issuer; else 0. */
    uint64_t issuer;
};
/* It returns false to stop. */
typedef bool sp_crl_entry_fn(const struct sp_crl_entry *entry, void *data);

/*
 * Write the CRL of |issuer| into the keyring.  Nothing is on the disk before
 * sp_crl_writer_commit().
 *
 * @param why  set on failure, here and below, to one line that names the file, the fault
 *             and the way out; NULL: out of memory
 * @return to free with sp_crl_writer_free()
 */
struct sp_crl_writer;
struct sp_crl_writer *sp_crl_writer_new(const char *keyring, const struct sp_crl_issuer *issuer,
                                        const struct sp_crl_about *about, char **why);
/* Add an entry, in any order; its serial is copied.  False with |*why| set. */
bool sp_crl_writer_add(struct sp_crl_writer *writer, const struct sp_crl_entry *entry, char **why);
/* Tell |tell| of each entry that was added, before they are committed; false if it was stopped. */
bool sp_crl_writer_entries(const struct sp_crl_writer *writer, sp_crl_entry_fn *tell, void *data);
/*
 * Put the file in its place, and surely on the disk.  If it returns false the file that was
 * there is unchanged.
 */
bool sp_crl_writer_commit(struct sp_crl_writer *writer, char **why);
void sp_crl_writer_free(struct sp_crl_writer *writer);

/*
 * Keep what a responder of |issuer| has answered, beside the CRLs, for gates.  The answer was
 * verified; an older one about that serial number is replaced.
 *
 * @param answer  with SP_CRL_GOOD, or revoked; |length| with a |reason| of SP_CRL_UNKNOWN: forget
 *                what was answered
 * @return false with |*why| set if it is not kept
 */
#define SP_CRL_UNKNOWN 101
bool sp_ocsp_keep(const char *keyring, const struct sp_crl_issuer *issuer,
                  const struct sp_crl_entry *answer, int64_t now, char **why);

/* A stored CRL. */
struct sp_crl_file {
    char *path; /* owned */
    unsigned char key[SP_SHA256_LENGTH];
    uint64_t name;             /* the hash of the issuer's name */
    struct sp_crl_about about; /* |about.number| and |about.others| are borrowed from here */
    unsigned char number[SP_CRL_LONGEST_NUMBER];
    uint64_t others[SP_CRL_MOST_OTHERS];
    uint64_t count;      /* of its entries */
    unsigned char *cert; /* owned: the DER of the issuer's certificate */
    size_t cert_length;
    char *damage; /* owned: why it cannot be read; then only |path| is valid */
};
/*
 * Tell |tell| of each stored CRL, sorted by path.  |tell| returns false to stop.
 *
 * @return false with |*why| set if they cannot be listed; a keyring without CRLs has none
 */
typedef bool sp_crl_told_fn(const struct sp_crl_file *file, void *data);
bool sp_crl_files_each(const char *keyring, sp_crl_told_fn *tell, void *data, char **why);
/*
 * Read the stored CRL of |issuer| with the scope and part of |about|: 1: |file| has it; 0: there
 * is none; -1: it cannot be read.  |file| is to be cleared with sp_crl_file_clear() in each case.
 */
int sp_crl_file_read(const char *keyring, const struct sp_crl_issuer *issuer,
                     const struct sp_crl_about *about, struct sp_crl_file *file, char **why);
/* Tell |tell| of each entry of the file |path|; false with |*why| set if it cannot be read. */
bool sp_crl_file_entries(const char *path, sp_crl_entry_fn *tell, void *data, char **why);
/* Read every page of the file |path|, as a check; false with |*why| set. */
bool sp_crl_file_check(const char *path, char **why);
/* Remove the file |path|, and the folder of its issuer's name if that is empty then. */
bool sp_crl_file_remove(const char *path, char **why);
void sp_crl_file_clear(struct sp_crl_file *file);

#endif
