/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The entries of a CRL (RFC 5280, 5.3), one by one from its DER.
 */
#include <string.h>

#include <openssl/x509v3.h>

#include "tool/crls/crls.h"

#define BROKEN "one of its entries cannot be read; it may be damaged: fetch it anew"
#define CRITICAL                                                                                   \
    "one of its entries has a critical extension that is not known here, so that nobody may rely " \
    "on it (RFC 5280, 5.3); ask its issuer for a CRL without"
#define INDIRECT                                                                                   \
    "one of its entries names another issuer, as indirect CRLs do; fetch the CRL that the issuer " \
    "of the certificates has signed itself"
#define NO_MEMORY "out of memory"

/* The contents of the object identifiers of RFC 5280: id-ce 21 and 29. */
static const unsigned char reason_code[] = { 0x55, 0x1d, 0x15 };
static const unsigned char certificate_issuer[] = { 0x55, 0x1d, 0x1d };

static bool is_equal(struct shim_bytes bytes, const unsigned char *to, size_t length)
{
    return bytes.length == length && memcmp(bytes.at, to, length) == 0;
}

/* The value of an ENUMERATED of RFC 5280, 5.3.1; false if it is none. */
static bool read_reason(struct shim_bytes value, int *reason)
{
    struct shim_bytes number;

    if (shim_der_next(&value, &number) != V_ASN1_ENUMERATED || value.length > 0 ||
        number.length != 1)
        return false;
    *reason = number.at[0];
    return true;
}

static const char *read_extension(struct shim_bytes extension, struct sp_crl_entry *entry)
{
    struct shim_bytes object, value, critical = { NULL, 0 };
    int tag;

    if (shim_der_next(&extension, &object) != V_ASN1_OBJECT)
        return BROKEN;
    tag = shim_der_next(&extension, &value);
    if (tag == V_ASN1_BOOLEAN) {
        critical = value;
        tag = shim_der_next(&extension, &value);
    }
    if (tag != V_ASN1_OCTET_STRING || extension.length > 0 || critical.length > 1)
        return BROKEN;
    if (is_equal(object, certificate_issuer, sizeof(certificate_issuer)))
        return INDIRECT;
    if (is_equal(object, reason_code, sizeof(reason_code)))
        return entry->reason == -1 && read_reason(value, &entry->reason) ? NULL : BROKEN;
    return critical.length == 1 && critical.at[0] != 0 ? CRITICAL : NULL;
}

/* Two times, one of each type, whose contents are set again for each entry. */
struct times {
    ASN1_TIME *utc, *generalized; /* owned */
};

static bool read_moment(struct times *times, int tag, struct shim_bytes content, int64_t *at)
{
    ASN1_TIME *time = tag == V_ASN1_UTCTIME           ? times->utc
                      : tag == V_ASN1_GENERALIZEDTIME ? times->generalized
                                                      : NULL;
    struct tm tm;

    if (time == NULL || content.length > 32 ||
        ASN1_STRING_set(time, content.at, (int)content.length) != 1 ||
        ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *at = timegm(&tm);
    return true;
}

static const char *read_entry(struct times *times, struct shim_bytes from,
                              struct sp_crl_entry *entry)
{
    struct shim_bytes serial, moment, extensions, extension;
    const char *fault = NULL;
    int tag;

    *entry = (struct sp_crl_entry){ .reason = -1 };
    if (shim_der_next(&from, &serial) != V_ASN1_INTEGER || serial.length == 0 ||
        serial.length > SP_CRL_LONGEST_SERIAL)
        return BROKEN;
    entry->serial = serial.at;
    entry->length = serial.length;
    tag = shim_der_next(&from, &moment);
    if (!read_moment(times, tag, moment, &entry->at))
        return BROKEN;
    if (from.length == 0)
        return NULL;
    if (shim_der_next(&from, &extensions) != V_ASN1_SEQUENCE || from.length > 0)
        return BROKEN;
    while (fault == NULL && extensions.length > 0)
        fault = shim_der_next(&extensions, &extension) == V_ASN1_SEQUENCE
                    ? read_extension(extension, entry)
                    : BROKEN;
    return fault;
}

const char *shim_crl_entries_each(const struct shim_crl *crl, sp_crl_entry_fn *tell, void *data,
                                  bool *stopped)
{
    struct times times = { ASN1_STRING_type_new(V_ASN1_UTCTIME),
                           ASN1_STRING_type_new(V_ASN1_GENERALIZEDTIME) };
    struct shim_bytes left = crl->frame.entries, content;
    struct sp_crl_entry entry;
    const char *fault = times.utc == NULL || times.generalized == NULL ? NO_MEMORY : NULL;

    *stopped = false;
    while (fault == NULL && !*stopped && left.length > 0) {
        fault = shim_der_next(&left, &content) == V_ASN1_SEQUENCE
                    ? read_entry(&times, content, &entry)
                    : BROKEN;
        *stopped = fault == NULL && !tell(&entry, data);
    }
    ASN1_STRING_free(times.utc);
    ASN1_STRING_free(times.generalized);
    return fault;
}
