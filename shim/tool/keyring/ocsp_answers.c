/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/json_text.h"
#include "choice/stored_issuers.h"
#include "common/print.h"
#include "revocation/asked.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/ocsp_answers.h"
#include "tool/ocsp/ocsp.h"

/*
 * The questions of the one command that this process runs.  Written by shim_ocsp_begin(),
 * shim_ocsp_look() and below.
 */
static struct {
    const struct shim *shim; /* borrowed */
    struct shim_ocsp ocsp;
    const STACK_OF(X509) *issuers; /* borrowed; NULL: only the stored ones */
    char *told;                    /* owned: the fault that was told last */
    bool silent;                   /* faults are not printed */
    json_t *unanswered;            /* owned: those that were not, or NULL */
} asking;

static bool names_responder(X509 *cert)
{
    STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(cert);
    const bool does = sk_OPENSSL_STRING_num(urls) > 0;

    X509_email_free(urls);
    return does;
}

/* May there be an answer?  If no responder is asked, only where one is kept. */
static bool may_answer(X509 *cert)
{
    size_t length;
    unsigned char *kept =
        asking.ocsp.milliseconds > 0 ? NULL : shim_ocsp_kept(shim_crls(asking.shim), cert, &length);
    const bool may = asking.ocsp.milliseconds > 0 || kept != NULL;

    OPENSSL_free(kept);
    return may && names_responder(cert) && !sp_is_root(cert);
}

/* The issuer that the keyring has, to free; NULL if it has none, or cannot be read. */
static X509 *stored_issuer(X509 *cert, time_t now)
{
    const char *place = shim_crls(asking.shim);
    char *why = NULL;
    struct sp_keyring *keyring =
        place == NULL ? NULL : sp_keyring_open(place, SP_KEYRING_READ, &why);
    STACK_OF(X509) *path = sk_X509_new_null();
    X509 *issuer = NULL;

    /* What is wrong with the keyring says who else reads it. */
    if (keyring != NULL && path != NULL) {
        OPENSSL_free(why);
        if (sp_stored_path(keyring, cert, now, path, &why))
            issuer = sk_X509_shift(path);
    }
    OPENSSL_free(why);
    sk_X509_pop_free(path, X509_free);
    sp_keyring_close(keyring);
    return issuer;
}

static X509 *issuer_of(X509 *cert, time_t now)
{
    X509 *issuer = asking.issuers == NULL ? NULL : sp_issuer_among(asking.issuers, cert, now);

    if (issuer != NULL)
        return X509_up_ref(issuer) == 1 ? issuer : NULL;
    return stored_issuer(cert, now);
}

/* Tell why there is no answer, once. */
static void tell(const char *why)
{
    if (asking.told != NULL && strcmp(asking.told, why) == 0)
        return;
    if (asking.silent && asking.unanswered == NULL)
        asking.unanswered = json_array();
    if (asking.silent)
        json_array_append_new(asking.unanswered, sp_json_text(why));
    else
        shim_print(stderr, "note: no answer by OCSP: %s\n", why);
    OPENSSL_free(asking.told);
    asking.told = OPENSSL_strdup(why);
}

/* Does |answer| say more than what the CRLs say?  They are not damaged, and do not name it. */
static bool says_more(const struct sp_revocation *answer, const struct sp_revocation *found)
{
    return answer->state == SP_REVOCATION_REVOKED ||
           (answer->state == SP_REVOCATION_NONE && found->state != SP_REVOCATION_NONE);
}

static bool ask(X509 *cert, X509 *issuer, time_t now, struct sp_revocation *found)
{
    struct sp_revocation answer = { .reason = -1 };
    bool done;

    asking.ocsp.keyring = shim_crls(asking.shim);
    done = shim_ocsp_find(&asking.ocsp, cert, issuer, now, &answer);

    if (answer.why != NULL)
        tell(answer.why);
    OPENSSL_free(answer.why);
    answer.why = NULL;
    if (says_more(&answer, found)) {
        sp_revocation_clear(found);
        *found = answer;
    }
    return done;
}

/*
 * Ask about the certificate, of which the CRLs say |found|.  The answers of OCSP are those of now,
 * whenever the certificate is used.
 */
static bool ask_also(const X509 *asked, struct sp_revocation *found)
{
    const time_t now = time(NULL);
    X509 *cert = X509_dup(asked), *issuer = NULL;
    bool done = cert != NULL;

    ERR_set_mark();
    if (done && may_answer(cert))
        issuer = issuer_of(cert, now);
    if (issuer != NULL)
        done = ask(cert, issuer, now, found);
    ERR_pop_to_mark();
    X509_free(issuer);
    X509_free(cert);
    return done;
}

static bool begin(struct shim *shim, bool keeps, int64_t milliseconds)
{
    if (!shim->settings->asks_ocsp || !sp_revocation_is_asked(shim->settings))
        return false;
    asking.shim = shim;
    asking.ocsp = (struct shim_ocsp){ .settings = shim->settings,
                                      .keeps_nothing = !keeps,
                                      .milliseconds = milliseconds };
    sp_revocation_ask_also(ask_also);
    return true;
}

int shim_ocsp_begin(struct shim *shim, bool keeps, int64_t milliseconds)
{
    return begin(shim, keeps, milliseconds) ? shim_crls_find(shim) : SHIM_OK;
}

void shim_ocsp_look(struct shim *shim)
{
    if (asking.shim == NULL)
        (void)begin(shim, false, 0);
}

void shim_ocsp_prints(bool prints)
{
    asking.silent = !prints;
}

json_t *shim_ocsp_unanswered(void)
{
    return json_incref(asking.unanswered);
}

void shim_ocsp_issuers(const STACK_OF(X509) *certs)
{
    asking.issuers = certs;
}
