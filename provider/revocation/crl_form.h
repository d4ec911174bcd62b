/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The form of a stored CRL; for this room alone.
 *
 * A file consists of pages.  The first is the header.  Then come those with the entries,
 * and behind the last the certificate of the issuer.  Which page an entry is on follows
 * from a hash of its serial number, so one page answers a question.  There are so many
 * pages that none is too full.
 *
 * Each page ends with a checksum of it, of its number and of what the header says, so a
 * page of another file or of an older one is noticed.  It guards against damage.  Nothing
 * guards against whoever may write the keyring.
 *
 * Pages are read, not mapped: a read costs no more, and where a mapped file is cut the
 * process ends with SIGBUS.
 */
#ifndef SP_CRL_FORM_H
#define SP_CRL_FORM_H

#include "revocation/crl_file.h"

#define SP_CRL_PAGE 4096
/* What of a page entries can fill. */
#define SP_CRL_ROOM (SP_CRL_PAGE - 2 - 8)
/* Before the octets of a serial: their number, the reason, and the date. */
#define SP_CRL_FIXED (1 + 1 + 8)
/* Behind the date, in an indirect CRL: the hash of the issuer's name. */
#define SP_CRL_FIXED_ISSUER 8

struct sp_crl_header {
    unsigned char key[SP_SHA256_LENGTH];
    unsigned char content[SP_SHA256_LENGTH];
    unsigned char number[SP_CRL_LONGEST_NUMBER];
    uint64_t number_length;
    uint64_t name, ski; /* hashes; |ski| is 0 if the issuer has none */
    int64_t this_update, next_update;
    uint64_t scope, part;
    uint64_t points[SP_MOST_POINTS];     /* of its distribution point */
    uint64_t count;                      /* of the entries */
    uint64_t pages;                      /* with entries */
    uint64_t seed;                       /* of the hash of serials */
    uint64_t cert_length;                /* of the issuer's certificate */
    uint64_t cert_sum;                   /* its checksum */
    uint64_t others[SP_CRL_MOST_OTHERS]; /* only set if |scope| has SP_CRL_INDIRECT */
};

/* The octets of a serial number without those that say nothing. */
struct sp_crl_serial {
    const unsigned char *octets;
    size_t length;
};
struct sp_crl_serial sp_crl_serial(const unsigned char *octets, size_t length);
/* The page of |serial|, from 1.  |issuer| is as in struct sp_crl_entry. */
uint64_t sp_crl_page_of(struct sp_crl_serial serial, uint64_t issuer,
                        const struct sp_crl_header *header);
/* May an indirect CRL be about certificates of this issuer?  1: yes; 0: no; -1: unknown. */
int sp_crl_is_about(const struct sp_crl_header *header, uint64_t name, uint64_t key_id);

uint64_t sp_crl_sum(uint64_t start, const void *bytes, size_t length);
/* What the checksums of all pages of a file start with. */
uint64_t sp_crl_identity(const struct sp_crl_header *header);
/* Write the checksum of page |number| into it; or compare it. */
void sp_crl_seal(unsigned char page[SP_CRL_PAGE], uint64_t identity, uint64_t number);
bool sp_crl_is_sealed(const unsigned char page[SP_CRL_PAGE], uint64_t identity, uint64_t number);

/* Fill the page with |header|, and seal it. */
void sp_crl_put_header(unsigned char page[SP_CRL_PAGE], const struct sp_crl_header *header);
/* Read it; false if it is damaged, or of another form. */
bool sp_crl_get_header(const unsigned char page[SP_CRL_PAGE], struct sp_crl_header *header);

/*
 * Write |entry|, SP_CRL_FIXED bytes, SP_CRL_FIXED_ISSUER if it has an issuer, and its octets.  It
 * returns their number.
 */
size_t sp_crl_put_entry(unsigned char *to, const struct sp_crl_entry *entry);
/* Read what it has written; the serial is borrowed.  It returns the number of bytes. */
size_t sp_crl_read_entry(const unsigned char *from, struct sp_crl_entry *entry);
/* Fill |page| with |used| bytes of entries, at most SP_CRL_ROOM. */
void sp_crl_put_page(unsigned char page[SP_CRL_PAGE], const unsigned char *entries, size_t used);
/*
 * The entry at |*offset| of a page that was found to be sealed; |*offset|, 0 at first, is moved
 * behind it.  False: there is no other one.
 */
bool sp_crl_get_entry(const unsigned char page[SP_CRL_PAGE], size_t *offset,
                      struct sp_crl_entry *entry);

/* The name of the file: KEY.crl, KEY-SCOPE.crl or KEY-SCOPE-PART.crl, in hexadecimal. */
#define SP_CRL_FILE_NAME (SP_FINGERPRINT_TEXT + 1 + 16 + 1 + 16 + 4)
void sp_crl_file_name(const unsigned char key[SP_SHA256_LENGTH], uint64_t scope, uint64_t part,
                      char name[SP_CRL_FILE_NAME]);
/* The name of the folder of an issuer's name. */
#define SP_CRL_FOLDER_NAME (16 + 1)
void sp_crl_folder_name(uint64_t hash, char name[SP_CRL_FOLDER_NAME]);

#endif
