/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The addresses in Subject Alternative Name, read from its DER alone.  Printed text
 * misleads: a dNSName may print as "foo.example, email:victim@example.org".
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "rules/facts.h"

/*
 * Source: RFC 5280, 4.2.1.6 (an IA5String that is a Mailbox).  We also refuse
 * control characters and NUL.
 */
static bool is_address(const ASN1_IA5STRING *value)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(value);
    int len = ASN1_STRING_length(value);
    int at = 0;

    for (int i = 0; i < len; i++) {
        if (bytes[i] < 0x20 || bytes[i] > 0x7e)
            return false;
        if (bytes[i] == '@')
            at = i;
    }
    return at > 0 && at < len - 1;
}

/* RFC 8550, 3: domains are compared without case.  Local parts are, too, as people expect it. */
static void copy_folded(char *out, const ASN1_IA5STRING *value)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(value);
    int len = ASN1_STRING_length(value);

    for (int i = 0; i < len; i++)
        out[i] = sp_fold((char)bytes[i]);
    out[len] = '\0';
}

/* Count the names first, so that pointers and characters fit into one block. */
static size_t count_names(struct sp_facts *facts, const GENERAL_NAMES *names)
{
    size_t room = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_EMAIL && is_address(name->d.rfc822Name)) {
            facts->address_count++;
            room += (size_t)ASN1_STRING_length(name->d.rfc822Name) + 1;
        } else if (name->type >= 0 && name->type < SP_NAME_TYPES) {
            facts->name_types[name->type]++;
        }
    }
    return room;
}

static bool store_addresses(struct sp_facts *facts, const GENERAL_NAMES *names, size_t room)
{
    size_t count = 0;
    char *out;

    facts->addresses = OPENSSL_malloc((facts->address_count + 1) * sizeof(char *) + room);
    if (facts->addresses == NULL)
        return false;
    out = (char *)(facts->addresses + facts->address_count + 1);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_EMAIL || !is_address(name->d.rfc822Name))
            continue;
        copy_folded(out, name->d.rfc822Name);
        facts->addresses[count++] = out;
        out += strlen(out) + 1;
    }
    facts->addresses[count] = NULL;
    return true;
}

static bool store_bad_address(struct sp_facts *facts, const GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_EMAIL)
            continue;
        facts->bad_address = sp_escape(ASN1_STRING_get0_data(name->d.rfc822Name),
                                       (size_t)ASN1_STRING_length(name->d.rfc822Name));
        return facts->bad_address != NULL;
    }
    return true;
}

bool sp_read_names(struct sp_facts *facts, const X509 *cert)
{
    GENERAL_NAMES *names =
        sp_read_extension(cert, NID_subject_alt_name, ASN1_ITEM_rptr(GENERAL_NAMES), &facts->san);
    size_t room = count_names(facts, names);
    bool stored = facts->address_count > 0 ? store_addresses(facts, names, room)
                                           : store_bad_address(facts, names);

    GENERAL_NAMES_free(names);
    return stored;
}
