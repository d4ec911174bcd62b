/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Writing a CRL.  Its entries are kept in memory, about 30 bytes each, until their number is
 * known.  Then they are dealt out to pages.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/name_hash.h"
#include "base/text.h"
#include "revocation/crl_writer.h"

/* Pages have room for so much more, so that hardly ever one is too full. */
#define FILLED(bytes) ((bytes)*8 / 5)
/* So often other numbers of pages are tried.  Each time there are half as many more. */
#define MOST_TRIES   24
#define MOST_ENTRIES (16 << 20)
/* Bytes; more room is made by half of what there is. */
#define FIRST_ROOM 4096

struct sp_crl_issuer sp_crl_issuer_of(const unsigned char *key, X509 *cert)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(cert);

    return (struct sp_crl_issuer){
        .key = key,
        .name = X509_get_subject_name(cert),
        .ski = ski == NULL ? NULL : ASN1_STRING_get0_data(ski),
        .ski_length = ski == NULL ? 0 : (size_t)ASN1_STRING_length(ski),
        .cert = cert,
    };
}

static bool refuse(char **why, char *text)
{
    *why = text;
    return false;
}

static bool set_issuer(struct sp_crl_writer *writer, const struct sp_crl_issuer *issuer, char **why)
{
    struct sp_crl_header *header = &writer->header;
    const int length = i2d_X509(issuer->cert, &writer->cert);

    memcpy(header->key, issuer->key, sizeof(header->key));
    header->name = sp_name_hash(issuer->name);
    header->ski = sp_key_identifier_hash(issuer->ski, issuer->ski_length);
    if (length <= 0)
        return refuse(why, NULL);
    if (length > SP_CRL_LONGEST_CERT)
        return refuse(why, sp_format("the certificate of the CRL's issuer is longer than %d bytes; "
                                     "it cannot be stored",
                                     SP_CRL_LONGEST_CERT));
    header->cert_length = (uint64_t)length;
    return header->name != 0 ||
           refuse(why, sp_format("the name of the CRL's issuer cannot be read; it cannot be "
                                 "stored"));
}

static bool set_about(struct sp_crl_header *header, const struct sp_crl_about *about, char **why)
{
    const unsigned char *number = about->number;
    size_t length = number != NULL ? about->number_length : 0;

    for (; length > 1 && *number == 0; length--)
        number++;
    if (length > sizeof(header->number))
        return refuse(why, sp_format("the number of the CRL has more than %d octets; "
                                     "it cannot be stored",
                                     SP_CRL_LONGEST_NUMBER));
    if (length > 0)
        memcpy(header->number, number, length);
    header->number_length = length;
    header->this_update = about->this_update;
    header->next_update = about->next_update;
    header->scope = about->scope;
    header->part = about->part;
    memcpy(header->points, about->points, sizeof(header->points));
    if (about->others != NULL)
        memcpy(header->others, about->others, sizeof(header->others));
    memcpy(header->content, about->content, sizeof(header->content));
    return true;
}

struct sp_crl_writer *sp_crl_writer_new(const char *keyring, const struct sp_crl_issuer *issuer,
                                        const struct sp_crl_about *about, char **why)
{
    struct sp_crl_writer *writer = OPENSSL_zalloc(sizeof(*writer));

    *why = NULL;
    if (writer == NULL)
        return NULL;
    writer->keyring = OPENSSL_strdup(keyring);
    writer->size = FIRST_ROOM;
    writer->entries = OPENSSL_malloc(writer->size);
    if (writer->keyring != NULL && writer->entries != NULL && set_issuer(writer, issuer, why) &&
        set_about(&writer->header, about, why) &&
        RAND_bytes((unsigned char *)&writer->header.seed, sizeof(writer->header.seed)) == 1)
        return writer;
    sp_crl_writer_free(writer);
    return NULL;
}

void sp_crl_writer_free(struct sp_crl_writer *writer)
{
    if (writer == NULL)
        return;
    OPENSSL_free(writer->keyring);
    OPENSSL_free(writer->cert);
    OPENSSL_free(writer->entries);
    OPENSSL_free(writer);
}

static bool make_room(struct sp_crl_writer *writer, size_t length)
{
    const size_t size = writer->size + writer->size / 2;
    unsigned char *more;

    if (writer->used + length <= writer->size)
        return true;
    more = OPENSSL_realloc(writer->entries, size);
    if (more == NULL)
        return false;
    writer->entries = more;
    writer->size = size;
    return true;
}

bool sp_crl_writer_add(struct sp_crl_writer *writer, const struct sp_crl_entry *entry, char **why)
{
    const struct sp_crl_serial serial = sp_crl_serial(entry->serial, entry->length);
    struct sp_crl_entry kept = *entry;

    *why = NULL;
    if (entry->reason == CRL_REASON_REMOVE_FROM_CRL)
        return refuse(why, sp_format("the CRL has an entry that revokes nothing (removeFromCRL), "
                                     "as deltas alone have; upload the complete CRL"));
    if (entry->reason != SP_CRL_GOOD &&
        (entry->reason < 0 || entry->reason > CRL_REASON_AA_COMPROMISE))
        kept.reason = CRL_REASON_NONE;
    if (serial.length > SP_CRL_LONGEST_SERIAL)
        return refuse(why, sp_format("the CRL names a serial number of more than %d octets; "
                                     "it cannot be stored",
                                     SP_CRL_LONGEST_SERIAL));
    if (writer->header.count >= MOST_ENTRIES)
        return refuse(
            why, sp_format("the CRL has more than %d entries; it cannot be stored", MOST_ENTRIES));
    if (!make_room(writer, SP_CRL_FIXED + SP_CRL_FIXED_ISSUER + serial.length))
        return false;
    writer->used += sp_crl_put_entry(writer->entries + writer->used, &kept);
    writer->header.count++;
    return true;
}

bool sp_crl_writer_entries(const struct sp_crl_writer *writer, sp_crl_entry_fn *tell, void *data)
{
    struct sp_crl_entry entry;

    for (size_t at = 0; at < writer->used;) {
        at += sp_crl_read_entry(writer->entries + at, &entry);
        if (!tell(&entry, data))
            return false;
    }
    return true;
}

/* The page of the entry at |from|; |*length| is set to its length. */
static uint64_t page_at(const struct sp_crl_header *header, const unsigned char *from,
                        size_t *length)
{
    struct sp_crl_entry entry;

    *length = sp_crl_read_entry(from, &entry);
    return sp_crl_page_of((struct sp_crl_serial){ entry.serial, entry.length }, entry.issuer,
                          header);
}

/* Does each page have room for its entries?  |fill| gets the bytes of each. */
static bool fits(const struct sp_crl_writer *writer, size_t *fill)
{
    size_t length;

    memset(fill, 0, (size_t)writer->header.pages * sizeof(*fill));
    for (size_t at = 0; at < writer->used; at += length) {
        size_t *page = &fill[page_at(&writer->header, writer->entries + at, &length) - 1];

        *page += length;
        if (*page > SP_CRL_ROOM)
            return false;
    }
    return true;
}

/* Find out how many pages are needed.  The bytes on each, owned by the caller; NULL: failed. */
static size_t *plan(struct sp_crl_writer *writer, char **why)
{
    uint64_t pages = FILLED(writer->used) / SP_CRL_ROOM + 1;
    size_t *fill = NULL;

    for (int i = 0; i < MOST_TRIES && pages <= MOST_ENTRIES; i++, pages += pages / 2 + 1) {
        OPENSSL_free(fill);
        fill = OPENSSL_malloc((size_t)pages * sizeof(*fill));
        if (fill == NULL)
            return NULL;
        writer->header.pages = pages;
        if (fits(writer, fill))
            return fill;
    }
    OPENSSL_free(fill);
    (void)refuse(why, sp_format("the CRL names one serial number too often; it cannot be stored"));
    return NULL;
}

/* Sort the entries by their pages.  |fill| becomes where the entries of each page end. */
static bool deal(struct sp_crl_writer *writer, size_t *fill)
{
    unsigned char *dealt = OPENSSL_malloc(writer->used + 1);
    size_t start = 0, length;

    if (dealt == NULL)
        return false;
    for (uint64_t i = 0; i < writer->header.pages; i++) {
        const size_t bytes = fill[i];

        fill[i] = start;
        start += bytes;
    }
    for (size_t at = 0; at < writer->used; at += length) {
        size_t *end = &fill[page_at(&writer->header, writer->entries + at, &length) - 1];

        memcpy(dealt + *end, writer->entries + at, length);
        *end += length;
    }
    OPENSSL_free(writer->entries);
    writer->entries = dealt;
    writer->size = writer->used + 1;
    return true;
}

static bool write_pages(const struct sp_crl_writer *writer, const size_t *ends, FILE *to)
{
    const uint64_t identity = sp_crl_identity(&writer->header);
    unsigned char page[SP_CRL_PAGE];
    size_t start = 0;

    sp_crl_put_header(page, &writer->header);
    (void)fwrite(page, sizeof(page), 1, to);
    for (uint64_t i = 0; i < writer->header.pages && ferror(to) == 0; i++) {
        sp_crl_put_page(page, writer->entries + start, ends[i] - start);
        sp_crl_seal(page, identity, i + 1);
        start = ends[i];
        (void)fwrite(page, sizeof(page), 1, to);
    }
    (void)fwrite(writer->cert, (size_t)writer->header.cert_length, 1, to);
    return fflush(to) == 0 && ferror(to) == 0 && fchmod(fileno(to), 0644) == 0 &&
           fsync(fileno(to)) == 0;
}

size_t *sp_crl_deal(struct sp_crl_writer *writer, char **why)
{
    size_t *ends = plan(writer, why);

    if (ends != NULL && deal(writer, ends)) {
        writer->header.cert_sum = sp_crl_sum(sp_crl_identity(&writer->header), writer->cert,
                                             (size_t)writer->header.cert_length);
        return ends;
    }
    OPENSSL_free(ends);
    return NULL;
}

bool sp_crl_write(const struct sp_crl_writer *writer, const size_t *ends, int fd)
{
    FILE *to = fdopen(fd, "w");
    const bool done = to != NULL && write_pages(writer, ends, to);
    const int reason = errno;
    const bool closed = (to != NULL ? fclose(to) : close(fd)) == 0;

    if (!done)
        errno = reason;
    return done && closed;
}
