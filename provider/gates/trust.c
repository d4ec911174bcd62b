/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Email trust: which certificates of a trust store may vouch for a sender.
 */
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "compat.h"
#include "decision_log.h"
#include "hooks.h"
#include "policy.h"
#include "reasons.h"
#include "register.h"

typedef int trust_fn(X509_TRUST *, sp_trust_x509 *, int);

static trust_fn check_trust;
static trust_fn *original; /* NULL until replaced */
static char *name;         /* an owned copy: the table's own dies when it is written */

static X509_TRUST *find(void)
{
    int index = X509_TRUST_get_by_id(X509_TRUST_EMAIL);

    return index >= 0 ? X509_TRUST_get0(index) : NULL;
}

static bool set(trust_fn *check)
{
    return X509_TRUST_add(X509_TRUST_EMAIL, 0, check, name, NID_email_protect, NULL) == 1;
}

bool sp_trust_replace(void)
{
    const X509_TRUST *now = find();

    if (now == NULL || (name = OPENSSL_strdup(X509_TRUST_get0_name(now))) == NULL)
        return false;
    original = now->check_trust;
    return set(check_trust);
}

void sp_trust_restore(void)
{
    const X509_TRUST *now = find();

    if (name != NULL && now != NULL && now->check_trust == check_trust)
        (void)set(original);
    OPENSSL_free(name);
    name = NULL;
}

static int reject(const X509 *x509)
{
    struct sp_cert *cert = sp_register_of_x509(x509);
    smimepolicy_verdict *verdict =
        sp_refuse(SP_DISTRUST_DEFAULT, cert != NULL ? sp_cert_facts(cert) : NULL,
                  SMIMEPOLICY_VERIFY, "the chain ends in a certificate that was not provided",
                  "an anchor of the program's own", "an anchor that was uploaded to the keyring",
                  "provide the sender's certificate or its issuing CA");
    const struct sp_decision decision = { .operation = "verify",
                                          .refused = true,
                                          .denied = true,
                                          .verdict = verdict,
                                          .certificate = cert != NULL && sp_cert_facts(cert) != NULL
                                                             ? cert->digest
                                                             : NULL };

    if (verdict != NULL)
        sp_raise_verdict(verdict);
    sp_decision_log(sp_policy(), &decision);
    smimepolicy_verdict_free(verdict);
    sp_cert_unref(cert);
    return X509_TRUST_REJECTED;
}

/*
 * The original comes first: it knows what a BEGIN TRUSTED CERTIFICATE rejects.
 * With `trust = keyring` only what was uploaded vouches for anybody; nothing
 * can be uploaded yet, and an empty keyring trusts nobody.
 */
static int check_trust(X509_TRUST *trust, sp_trust_x509 *x509, int flags)
{
    int answer = original(trust, x509, flags);

    if (answer != X509_TRUST_TRUSTED)
        return answer;
    if (sp_policy_locked() != NULL) {
        SP_RAISE(SP_REASON_LOCKED, "refused: verify: %s", sp_policy_locked());
        return X509_TRUST_REJECTED;
    }
    return sp_policy()->trust == SP_TRUST_KEYRING ? reject(x509) : answer;
}
