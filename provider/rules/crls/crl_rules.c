/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>

#include "rules/crls/crl_rules.h"
#include "base/text.h"
#include "rules/facts.h"

static int compare(const struct sp_crl_number *a, const struct sp_crl_number *b)
{
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return memcmp(a->bytes, b->bytes, a->length);
}

static int compare_times(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

enum sp_crl_age sp_crl_age(const struct sp_crl_facts *crl, const struct sp_crl_before *before)
{
    int order = 1;

    if (before != NULL && crl->number.given && before->number.given)
        order = compare(&crl->number, &before->number);
    else if (before != NULL)
        order = compare_times(crl->this_update, before->this_update);
    if (order == 0)
        order = compare_times(crl->this_update, before->this_update);
    if (order < 0)
        return SP_CRL_OLDER;
    if (order > 0)
        return SP_CRL_NEWER;
    /* [RFC 5280, 5.2.3] CRLs of one number say the same; it may be promised for longer. */
    return crl->next_update > before->next_update ? SP_CRL_NEWER : SP_CRL_SAME;
}

/* A fault that depends on the CRL alone; NULL if there is none. */
static const char *fault_of(const struct sp_crl_facts *crl)
{
    if (crl->has_critical)
        return "it has a critical extension that is not known here, so that nobody may rely on it "
               "(RFC 5280, 5.2); ask its issuer for a CRL without";
    if (crl->attributes_only)
        return "it is about attribute certificates alone, of which mail has none; leave it out";
    if (crl->next_update == 0)
        return "it does not say when the next one is issued, as RFC 5280 demands; ask its issuer "
               "for one with nextUpdate";
    if (crl->next_update < crl->this_update)
        return "the next one is issued before it is; ask its issuer for one with other dates";
    return NULL;
}

/* [RFC 5280, 5.2.4] A delta continues a complete CRL from its base number on, and is newer. */
static const char *fault_of_delta(const struct sp_crl_facts *crl,
                                  const struct sp_crl_before *before)
{
    if (!crl->number.given)
        return "it is a delta without a number of its own; fetch the issuer's complete CRL";
    if (before == NULL || !before->number.given)
        return "it is a delta, and the complete CRL that it continues is not stored; upload that "
               "one before it";
    if (compare(&before->number, &crl->base) < 0)
        return "it is a delta that continues a later CRL than the one stored; fetch the issuer's "
               "complete CRL";
    return NULL;
}

char *sp_refuse_crl(const struct sp_crl_facts *crl, const struct sp_crl_before *before, time_t at,
                    bool *failed)
{
    const char *fault = fault_of(crl);
    char *moment = NULL;
    char *text = NULL;
    bool refused = true;

    if (fault != NULL) {
        text = sp_format("%s", fault);
    } else if (crl->this_update > at) {
        moment = sp_format_time((time_t)crl->this_update);
        if (moment != NULL)
            text = sp_format("it is issued on %s, which is in the future; set the clock, or wait",
                             moment);
    } else if (sp_crl_age(crl, before) == SP_CRL_OLDER) {
        moment = sp_format_time((time_t)before->this_update);
        if (moment != NULL)
            text = sp_format("a newer one of its issuer is stored, of %s; fetch the current one",
                             moment);
    } else {
        fault = crl->base.given ? fault_of_delta(crl, before) : NULL;
        refused = fault != NULL;
        text = refused ? sp_format("%s", fault) : NULL;
    }
    *failed = refused && text == NULL;
    OPENSSL_free(moment);
    return text;
}

char *sp_note_crl(const struct sp_crl_facts *crl, time_t at, bool *failed)
{
    char *moment = NULL;
    char *text = NULL;
    bool noted = true;

    if (crl->next_update < at) {
        moment = sp_format_time((time_t)crl->next_update);
        if (moment != NULL)
            text = sp_format("the next one was due on %s: what it revokes counts, and of all other "
                             "certificates it says nothing; fetch the current one",
                             moment);
    } else if (crl->partition && crl->has_uri && !crl->some_reasons) {
        text = sp_format("it covers the certificates that name its distribution point: what it "
                         "revokes counts, and of all other certificates it says nothing");
    } else if (crl->some_reasons || crl->partition) {
        text = sp_format("it covers a part of what its issuer revokes: what it revokes counts, and "
                         "of all other certificates it says nothing");
    } else if (crl->indirect) {
        text = sp_format("it is an indirect CRL: it covers the certificates that its issuer has "
                         "issued, and those that name it as their cRLIssuer and whose issuer leads "
                         "to the same ca");
    } else {
        noted = false;
    }
    *failed = noted && text == NULL;
    OPENSSL_free(moment);
    return text;
}

const char *sp_refuse_crl_issuer(const struct sp_facts *issuer)
{
    if (!sp_facts_is_ca(issuer))
        return "the certificate of its issuer is no CA's";
    if (issuer->usage == SP_EXT_BROKEN || issuer->usage == SP_EXT_DUPLICATE ||
        (issuer->usage == SP_EXT_READ && (issuer->usage_bits & SP_KU_CRL_SIGN) == 0))
        return "the Key Usage of its issuer lacks CRL Sign";
    return NULL;
}

const char *sp_refuse_crl_without_issuer(enum sp_crl_no_issuer how)
{
    switch (how) {
    case SP_CRL_ISSUER_OTHER:
        return "its signature does not fit the key of its issuer as stored: it is damaged, or of "
               "another key; fetch it anew, or upload the certificate of the key that has signed "
               "it";
    case SP_CRL_ISSUER_UNVOUCHED:
        return "no ca in the keyring vouches for its issuer, which came with a mail; upload that "
               "ca";
    case SP_CRL_ISSUER_REVOKED:
        return "it is an indirect CRL, and the certificate of its issuer is revoked; ask the "
               "issuer of the certificates who signs its CRLs now";
    default:
        return "its issuer is not stored as a ca; upload the certificate of that ca with it";
    }
}
