/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/err.h>
#include <openssl/objects.h>

#include "rules/rules.h"
#include "tool/certs/certs.h"
#include "tool/ocsp/ocsp.h"

/* Seconds that the clock of the responder may go ahead. */
#define SKEW 300

int64_t shim_ocsp_time(const ASN1_GENERALIZEDTIME *at)
{
    struct tm tm;

    return at != NULL && ASN1_TIME_to_tm(at, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static OCSP_BASICRESP *parse(const unsigned char *der, size_t length, const char **why)
{
    const unsigned char *at = der;
    OCSP_RESPONSE *response =
        length > SHIM_LONGEST_OCSP ? NULL : d2i_OCSP_RESPONSE(NULL, &at, (long)length);
    OCSP_BASICRESP *basic = NULL;

    if (response == NULL || at != der + length)
        *why = "it answers with something that is no OCSP";
    else if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        *why = "it does not answer this question";
    else if ((basic = OCSP_response_get1_basic(response)) == NULL)
        *why = "it answers in a form that is not known";
    OCSP_RESPONSE_free(response);
    return basic;
}

/* [RFC 6960, 4.4.1] A responder that makes its answers in advance has no nonce in them. */
static bool has_nonce(const struct shim_ocsp_exchange *exchange, OCSP_BASICRESP *basic,
                      const char **why)
{
    if (exchange->request == NULL)
        return true;
    switch (OCSP_check_nonce(exchange->request, basic)) {
    case 1:  /* it is ours */
    case -1: /* the answer has none */
        return true;
    default:
        *why = "its answer is to another question (the nonce is wrong)";
        return false;
    }
}

/*
 * The issuer alone is an anchor, as it was at the time |at|.  So who has signed is the issuer, or
 * below it; libcrypto then wants the certificate id to name that issuer, and of a responder with a
 * certificate of its own that the issuer has issued it for OCSP Signing.
 */
static bool is_signed(const struct shim_ocsp_exchange *exchange, OCSP_BASICRESP *basic, time_t at,
                      const char **why)
{
    STACK_OF(X509) *issuers = sk_X509_new_null();
    bool is_known = issuers != NULL && sk_X509_push(issuers, exchange->issuer) > 0;
    X509_STORE *store = is_known ? shim_store_of(issuers) : NULL;
    int digest = NID_undef;
    bool done = false;

    if (store != NULL)
        X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), at);
    (void)OBJ_find_sigid_algs(OBJ_obj2nid(OCSP_resp_get0_tbs_sigalg(basic)->algorithm), &digest,
                              NULL);
    if (sp_digest_asks(digest, exchange->settings))
        *why = "its answer is signed with a weak digest";
    else if (store == NULL)
        *why = NULL;
    /* Without NOEXPLICIT a root that somebody trusts for OCSP could answer for all issuers. */
    else if (OCSP_basic_verify(basic, issuers, store, OCSP_NOEXPLICIT) == 1)
        done = true;
    else
        *why = "its answer is not signed by the issuer, or by whom the issuer has named for that";
    sk_X509_free(issuers);
    X509_STORE_free(store);
    return done;
}

/* Is the moment of the answer one that counts?  One that is kept may be past, and is STALE then. */
static bool is_current(const struct shim_ocsp_exchange *exchange, const struct sp_revocation *found,
                       const char **why)
{
    *why = NULL;
    if (found->this_update == 0 || found->this_update > exchange->now + SKEW)
        *why = "its answer is from the future; look at the clock of this host";
    else if (found->next_update != 0 && found->next_update < found->this_update)
        *why = "its answer ends before it begins";
    else if (exchange->request != NULL &&
             (found->next_update == 0 ? found->this_update : found->next_update) + SKEW <
                 exchange->now)
        *why = "its answer is out of date";
    return *why == NULL;
}

bool shim_ocsp_read(const struct shim_ocsp_exchange *exchange, const unsigned char *der,
                    size_t length, struct sp_revocation *found, const char **why)
{
    OCSP_BASICRESP *basic = parse(der, length, why);
    ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *to = NULL;
    struct sp_revocation answer = { .reason = -1 };
    int status = V_OCSP_CERTSTATUS_UNKNOWN;
    bool done = false;

    if (basic != NULL && OCSP_resp_find_status(basic, exchange->id, &status, &answer.reason,
                                               &revoked, &from, &to) != 1) {
        *why = "its answer is about another certificate";
    } else if (basic != NULL) {
        answer.this_update = shim_ocsp_time(from);
        answer.next_update = shim_ocsp_time(to);
        answer.at = shim_ocsp_time(revoked);
        done =
            is_current(exchange, &answer, why) && has_nonce(exchange, basic, why) &&
            is_signed(exchange, basic,
                      exchange->request != NULL ? exchange->now : (time_t)answer.this_update, why);
    }
    if (done && status == V_OCSP_CERTSTATUS_REVOKED)
        answer.state = SP_REVOCATION_REVOKED;
    else if (done && status == V_OCSP_CERTSTATUS_GOOD)
        answer.state =
            exchange->request == NULL && answer.next_update + SKEW < (int64_t)exchange->now
                ? SP_REVOCATION_STALE
                : SP_REVOCATION_NONE;
    if (done)
        *found = answer;
    OCSP_BASICRESP_free(basic);
    ERR_clear_error();
    return done;
}
