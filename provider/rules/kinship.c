/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What ties a certificate to its issuer: names, key identifiers, and the serial number.
 */
#include <openssl/asn1t.h>
#include <openssl/crypto.h>

#include "base/name_hash.h"
#include "rules/facts.h"

/* An identifier that cannot be read, or occurs twice, tells nothing. */
static void read_key_ids(struct sp_facts *facts, const X509 *cert)
{
    enum sp_extension state;
    ASN1_OCTET_STRING *own = sp_read_extension(cert, NID_subject_key_identifier,
                                               ASN1_ITEM_rptr(ASN1_OCTET_STRING), &state);
    AUTHORITY_KEYID *issuer = sp_read_extension(cert, NID_authority_key_identifier,
                                                ASN1_ITEM_rptr(AUTHORITY_KEYID), &state);

    if (own != NULL)
        facts->key_id =
            sp_key_identifier_hash(ASN1_STRING_get0_data(own), (size_t)ASN1_STRING_length(own));
    if (issuer != NULL && issuer->keyid != NULL)
        facts->issuer_key_id = sp_key_identifier_hash(ASN1_STRING_get0_data(issuer->keyid),
                                                      (size_t)ASN1_STRING_length(issuer->keyid));
    ASN1_OCTET_STRING_free(own);
    AUTHORITY_KEYID_free(issuer);
}

/* Keep the content octets of the INTEGER: a CRL names it by these.  False if out of memory. */
static bool read_serial(struct sp_facts *facts, const X509 *cert)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    unsigned char *der = NULL;
    const int length = i2d_ASN1_INTEGER(serial, &der);
    const unsigned char *content = der;
    long content_length = 0;
    int tag, class;

    if (length > 0 &&
        (ASN1_get_object(&content, &content_length, &tag, &class, length) & 0x80) == 0) {
        facts->serial_octets = OPENSSL_memdup(content, (size_t)content_length);
        facts->serial_length = (size_t)content_length;
    }
    OPENSSL_free(der);
    return facts->serial_octets != NULL;
}

bool sp_read_kinship(struct sp_facts *facts, const X509 *cert)
{
    facts->subject_hash = sp_name_hash(X509_get_subject_name(cert));
    facts->issuer_hash = sp_name_hash(X509_get_issuer_name(cert));
    read_key_ids(facts, cert);
    return read_serial(facts, cert);
}

struct sp_kinship sp_facts_kinship(const struct sp_facts *facts)
{
    return (struct sp_kinship){ .subject = facts->subject_hash,
                                .issuer = facts->issuer_hash,
                                .key_id = facts->key_id,
                                .issuer_key_id = facts->issuer_key_id,
                                .serial = facts->serial_octets,
                                .serial_length = facts->serial_length,
                                .is_ca = facts->ca };
}
