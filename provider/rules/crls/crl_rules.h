/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room crls of the rules: the rules on a CRL that shall be stored (RFC 5280, 5 and 6.3).
 */
#ifndef SP_CRL_RULES_H
#define SP_CRL_RULES_H

#include <stdint.h>

#include "rules/rules.h"

/* A number of CRLs: big-endian, without leading zeros. */
struct sp_crl_number {
    bool given;
    unsigned char bytes[20]; /* [RFC 5280, 5.2.3] no longer one is allowed */
    size_t length;
};

/* What a CRL says of itself.  Times are seconds since the epoch. */
struct sp_crl_facts {
    int64_t this_update, next_update; /* 0: there is no |next_update| */
    struct sp_crl_number number;
    struct sp_crl_number base;                  /* of a delta: the number that it builds upon */
    bool users_only, cas_only, attributes_only; /* its scope */
    bool some_reasons; /* of those that were revoked for some reasons alone */
    bool indirect;     /* it may name certificates of other issuers */
    bool partition;    /* it has a distribution point: others of the issuer may say more */
    bool has_uri;      /* the point has a URI, which certificates can name */
    bool has_critical; /* a critical extension, of it or of an entry, is not known */
};

/* What is stored of the same issuer and scope. */
struct sp_crl_before {
    int64_t this_update, next_update;
    struct sp_crl_number number;
};

enum sp_crl_age {
    SP_CRL_NEWER, /* it is stored */
    SP_CRL_SAME,  /* it is there already */
    SP_CRL_OLDER  /* it is refused: the number of what is stored only goes up */
};
/* Compare |crl| with what is stored; |before| NULL: nothing is. */
enum sp_crl_age sp_crl_age(const struct sp_crl_facts *crl, const struct sp_crl_before *before);

/*
 * Why |crl| may not be stored, with the way out; NULL: it may.  A delta is compared with
 * |before| too, which it builds upon.  A new string, to free with OPENSSL_free().
 *
 * @param failed  set to true if memory ran out
 */
char *sp_refuse_crl(const struct sp_crl_facts *crl, const struct sp_crl_before *before, time_t at,
                    bool *failed);
/* What is to be told of a CRL that may be stored, or NULL; as above. */
char *sp_note_crl(const struct sp_crl_facts *crl, time_t at, bool *failed);

/* May |issuer| sign CRLs?  CA:TRUE, and cRLSign if it has a Key Usage.  NULL, or why not. */
const char *sp_refuse_crl_issuer(const struct sp_facts *issuer);
/* Why a CRL without an issuer is refused, and what to do. */
enum sp_crl_no_issuer {
    SP_CRL_ISSUER_ABSENT,    /* no certificate has its name */
    SP_CRL_ISSUER_OTHER,     /* one has, and its key has not signed the CRL */
    SP_CRL_ISSUER_UNVOUCHED, /* an intermediate has signed it, and no ca vouches for that */
    SP_CRL_ISSUER_REVOKED    /* of an indirect CRL: a stored CRL names its issuer */
};
const char *sp_refuse_crl_without_issuer(enum sp_crl_no_issuer how);

#endif
