/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The entries of a CRL (RFC 5280, 5.3), one by one from its DER.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/name_hash.h"
#include "tool/crls/crls.h"

/* The longest certificateIssuer of an entry: a name with a few others beside it. */
#define LONGEST_ISSUER 8192

#define BROKEN "one of its entries cannot be read; it may be damaged: fetch it anew"
#define CRITICAL                                                                                   \
    "one of its entries has a critical extension that is not known here, so that nobody may rely " \
    "on it (RFC 5280, 5.3); ask its issuer for a CRL without"
#define NOT_INDIRECT                                                                               \
    "one of its entries names another issuer, and it does not say that it is an indirect CRL; "    \
    "ask "                                                                                         \
    "its issuer for one that does (RFC 5280, 5.2.5)"
#define NO_ISSUER                                                                                  \
    "one of its entries names another issuer by something that is not one name, or too long; ask " \
    "its issuer for one with the name of that issuer (RFC 5280, 5.3.3)"
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

/* The entries on their way. */
struct walk {
    bool indirect;
    uint64_t issuer; /* of an indirect CRL: the hash of the issuer of the present entry */
    struct shim_bytes issuer_der; /* that it was read from */
    ASN1_TIME *utc, *generalized; /* owned: one of each type, set again for each entry */
};

/* The only directoryName of |names|, or NULL.  Names of other types do not matter. */
static const X509_NAME *only_name(const GENERAL_NAMES *names)
{
    const X509_NAME *found = NULL;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_DIRNAME)
            continue;
        if (found != NULL)
            return NULL;
        found = name->d.directoryName;
    }
    return found != NULL && X509_NAME_entry_count(found) > 0 ? found : NULL;
}

/* [RFC 5280, 5.3.3] It holds for this entry and for those behind it. */
static const char *read_issuer(struct walk *walk, struct shim_bytes value)
{
    const unsigned char *at = value.at;
    GENERAL_NAMES *names;
    const X509_NAME *name = NULL;

    if (!walk->indirect)
        return NOT_INDIRECT;
    if (is_equal(value, walk->issuer_der.at, walk->issuer_der.length))
        return NULL;
    names = value.length > LONGEST_ISSUER ? NULL : d2i_GENERAL_NAMES(NULL, &at, (long)value.length);
    if (names != NULL && at == value.at + value.length)
        name = only_name(names);
    walk->issuer = name == NULL ? 0 : sp_name_hash(name);
    walk->issuer_der = value;
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return walk->issuer == 0 ? NO_ISSUER : NULL;
}

/* |*has_issuer| is set if it is a certificateIssuer. */
static const char *read_extension(struct walk *walk, struct shim_bytes extension,
                                  struct sp_crl_entry *entry, bool *has_issuer)
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
    if (is_equal(object, certificate_issuer, sizeof(certificate_issuer))) {
        if (*has_issuer)
            return BROKEN;
        *has_issuer = true;
        return read_issuer(walk, value);
    }
    if (is_equal(object, reason_code, sizeof(reason_code)))
        return entry->reason == -1 && read_reason(value, &entry->reason) ? NULL : BROKEN;
    return critical.length == 1 && critical.at[0] != 0 ? CRITICAL : NULL;
}

static bool read_moment(const struct walk *walk, int tag, struct shim_bytes content, int64_t *at)
{
    ASN1_TIME *time = tag == V_ASN1_UTCTIME           ? walk->utc
                      : tag == V_ASN1_GENERALIZEDTIME ? walk->generalized
                                                      : NULL;
    struct tm tm;

    if (time == NULL || content.length > 32 ||
        ASN1_STRING_set(time, content.at, (int)content.length) != 1 ||
        ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *at = timegm(&tm);
    return true;
}

static const char *read_extensions(struct walk *walk, struct shim_bytes from,
                                   struct sp_crl_entry *entry)
{
    struct shim_bytes extensions, extension;
    const char *fault = NULL;
    bool has_issuer = false;

    if (shim_der_next(&from, &extensions) != V_ASN1_SEQUENCE || from.length > 0)
        return BROKEN;
    while (fault == NULL && extensions.length > 0)
        fault = shim_der_next(&extensions, &extension) == V_ASN1_SEQUENCE
                    ? read_extension(walk, extension, entry, &has_issuer)
                    : BROKEN;
    return fault;
}

static const char *read_entry(struct walk *walk, struct shim_bytes from, struct sp_crl_entry *entry)
{
    struct shim_bytes serial, moment;
    const char *fault = NULL;
    int tag;

    *entry = (struct sp_crl_entry){ .reason = -1 };
    if (shim_der_next(&from, &serial) != V_ASN1_INTEGER || serial.length == 0 ||
        serial.length > SP_CRL_LONGEST_SERIAL)
        return BROKEN;
    entry->serial = serial.at;
    entry->length = serial.length;
    tag = shim_der_next(&from, &moment);
    if (!read_moment(walk, tag, moment, &entry->at))
        return BROKEN;
    if (from.length > 0)
        fault = read_extensions(walk, from, entry);
    entry->issuer = walk->issuer;
    return fault;
}

const char *shim_crl_entries_each(const struct shim_crl *crl, sp_crl_entry_fn *tell, void *data,
                                  bool *stopped)
{
    struct walk walk = { .indirect = crl->facts.indirect,
                         .utc = ASN1_STRING_type_new(V_ASN1_UTCTIME),
                         .generalized = ASN1_STRING_type_new(V_ASN1_GENERALIZEDTIME) };
    struct shim_bytes left = crl->frame.entries, content;
    struct sp_crl_entry entry;
    const char *fault = walk.utc == NULL || walk.generalized == NULL ? NO_MEMORY : NULL;

    if (walk.indirect)
        walk.issuer = sp_name_hash(X509_CRL_get_issuer(crl->head));
    *stopped = false;
    while (fault == NULL && !*stopped && left.length > 0) {
        fault = shim_der_next(&left, &content) == V_ASN1_SEQUENCE
                    ? read_entry(&walk, content, &entry)
                    : BROKEN;
        *stopped = fault == NULL && !tell(&entry, data);
    }
    ASN1_STRING_free(walk.utc);
    ASN1_STRING_free(walk.generalized);
    return fault;
}
