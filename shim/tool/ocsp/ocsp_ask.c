/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/shown.h"
#include "base/text.h"
#include "tool/fetch/fetch.h"
#include "tool/ocsp/ocsp.h"

/* So many responders of one certificate are asked. */
#define MOST_RESPONDERS 4

/* The request, in DER and to free.  [RFC 8954] With a nonce. */
static unsigned char *request_of(struct shim_ocsp_exchange *exchange, size_t *length)
{
    OCSP_CERTID *id = OCSP_CERTID_dup(exchange->id);
    unsigned char *der = NULL;
    int size = -1;

    exchange->request = OCSP_REQUEST_new();
    if (exchange->request != NULL && id != NULL &&
        OCSP_request_add0_id(exchange->request, id) != NULL) {
        id = NULL;
        if (OCSP_request_add1_nonce(exchange->request, NULL, 16) == 1)
            size = i2d_OCSP_REQUEST(exchange->request, &der);
    }
    OCSP_CERTID_free(id);
    *length = size < 0 ? 0 : (size_t)size;
    return der;
}

/*
 * Ask the responder |url|.  An answer that is older than the one that is kept is somebody's
 * replay of it.
 */
static bool ask_one(struct shim_ocsp *ocsp, struct shim_ocsp_exchange *exchange, const char *url,
                    struct sp_revocation *found)
{
    struct shim_fetch fetch = { .url = url,
                                .settings = ocsp->settings,
                                .most = SHIM_LONGEST_OCSP,
                                .milliseconds = (long)(ocsp->end - shim_milliseconds()),
                                .header = "Content-Type: application/ocsp-request" };
    const int64_t before = found->this_update;
    struct shim_fetched got = { 0 };
    unsigned char *body = request_of(exchange, &fetch.body_length);
    const char *fault = NULL;
    char *why = NULL;
    bool done = false;

    fetch.body = body;
    if (body != NULL && shim_fetch(&fetch, &got, &why)) {
        struct sp_revocation answer = { 0 };

        done = shim_ocsp_read(exchange, got.bytes, got.length, &answer, &fault);
        if (done && answer.this_update < before) {
            fault = "its answer is older than the one before";
            done = false;
        }
        if (done) {
            sp_revocation_clear(found);
            *found = answer;
            if (answer.next_update != 0 && ocsp->keyring != NULL && !ocsp->keeps_nothing) {
                shim_ocsp_keep(ocsp->keyring, exchange->cert, got.bytes, got.length);
                shim_ocsp_keep_for_gates(ocsp->keyring, exchange, &answer);
            }
        } else if (fault != NULL) {
            char *shown = sp_shown(url);

            why = shown == NULL ? NULL : sp_format("%.200s: %s; ask the CA", shown, fault);
            OPENSSL_free(shown);
        }
    }
    if (!done) {
        OPENSSL_free(found->why);
        found->why = why;
    }
    OCSP_REQUEST_free(exchange->request);
    exchange->request = NULL;
    OPENSSL_free(got.bytes);
    OPENSSL_free(body);
    return done;
}

/* Ask one responder after another, until one answers or the time is up. */
static void ask(struct shim_ocsp *ocsp, struct shim_ocsp_exchange *exchange,
                struct sp_revocation *found)
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(exchange->cert);
    int count = urls == NULL ? 0 : sk_OPENSSL_STRING_num(urls);
    bool done = false;

    if (count > MOST_RESPONDERS)
        count = MOST_RESPONDERS;
    if (count > 0 && ocsp->end == 0)
        ocsp->end = shim_milliseconds() + ocsp->milliseconds;
    for (int i = 0; i < count && !done; i++)
        done = ask_one(ocsp, exchange, sk_OPENSSL_STRING_value(urls, i), found);
    X509_email_free(urls);
    ERR_clear_error();
}

/* Read the answer that is kept; false if there is none that can be used. */
static bool read_kept(const struct shim_ocsp *ocsp, const struct shim_ocsp_exchange *exchange,
                      struct sp_revocation *found)
{
    size_t length = 0;
    unsigned char *der = shim_ocsp_kept(ocsp->keyring, exchange->cert, &length);
    const char *why;
    bool done = der != NULL && shim_ocsp_read(exchange, der, length, found, &why);

    OPENSSL_free(der);
    return done;
}

/*
 * Does what is kept need no new answer?  A certificate that is on hold may be released; one that is
 * revoked stays so.
 */
static bool settles(const struct sp_revocation *kept, time_t now)
{
    if (kept->state == SP_REVOCATION_REVOKED)
        return kept->reason != OCSP_REVOKED_STATUS_CERTIFICATEHOLD || kept->next_update > now;
    return kept->state == SP_REVOCATION_NONE;
}

bool shim_ocsp_find(struct shim_ocsp *ocsp, X509 *cert, X509 *issuer, time_t now,
                    struct sp_revocation *found)
{
    struct shim_ocsp_exchange exchange = {
        .cert = cert, .issuer = issuer, .settings = ocsp->settings, .now = now
    };

    sp_revocation_clear(found);
    *found = (struct sp_revocation){ .reason = -1 };
    if (!ocsp->settings->asks_ocsp)
        return true;
    exchange.id = OCSP_cert_to_id(NULL, cert, issuer);
    if (exchange.id == NULL)
        return false;
    if ((!read_kept(ocsp, &exchange, found) || !settles(found, now)) && ocsp->milliseconds > 0)
        ask(ocsp, &exchange, found);
    OCSP_CERTID_free(exchange.id);
    return true;
}
