/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "path.h"

struct shim_path {
    const STACK_OF(X509) *pool;
    const smimepolicy_settings *settings;
    time_t now;
    bool *used; /* owned, one for each of |pool|: on the way, or a signer's own */
};

struct shim_path *shim_path_new(const STACK_OF(X509) *pool, const smimepolicy_settings *settings,
                                time_t now)
{
    struct shim_path *path = OPENSSL_zalloc(sizeof(*path));

    if (path == NULL)
        return NULL;
    path->pool = pool;
    path->settings = settings;
    path->now = now;
    path->used = OPENSSL_zalloc((size_t)sk_X509_num(pool) * sizeof(*path->used) + 1);
    if (path->used == NULL) {
        OPENSSL_free(path);
        return NULL;
    }
    return path;
}

void shim_path_free(struct shim_path *path)
{
    if (path == NULL)
        return;
    OPENSSL_free(path->used);
    OPENSSL_free(path);
}

/* An issuer need not satisfy the rules for clients: of its findings only those on time count. */
static const smimepolicy_finding *out_of_date(const smimepolicy_verdict *verdict)
{
    for (size_t i = 0; i < smimepolicy_verdict_count(verdict); i++) {
        const smimepolicy_finding *finding = smimepolicy_verdict_get0_finding(verdict, i);
        const char *rule = smimepolicy_finding_rule(finding);

        if (strcmp(rule, "expired") == 0 || strcmp(rule, "not-yet-valid") == 0)
            return finding;
    }
    return NULL;
}

/* Is it valid now?  If not, and |prefix| is given, say so. */
static bool judge_validity(const struct shim_path *path, const X509 *cert, const char *prefix)
{
    smimepolicy_verdict *verdict =
        smimepolicy_evaluate(path->settings, cert, NULL, SMIMEPOLICY_SIGN, path->now);
    const smimepolicy_finding *finding = verdict == NULL ? NULL : out_of_date(verdict);
    bool valid = verdict != NULL && finding == NULL;

    if (finding != NULL && prefix != NULL)
        fprintf(stderr, "%s: %s [%s] (%s, serial %s); replace it in -certfile or leave it out\n",
                prefix, smimepolicy_finding_get0_fault(finding), smimepolicy_finding_rule(finding),
                smimepolicy_verdict_get0_subject(verdict),
                smimepolicy_verdict_get0_serial(verdict));
    smimepolicy_verdict_free(verdict);
    return valid;
}

/* The place in the pool of an issuer of |cert|, a valid one before any other; or -1. */
static int find_issuer(const struct shim_path *path, X509 *cert)
{
    int found = -1;

    for (int i = 0; i < sk_X509_num(path->pool); i++) {
        X509 *issuer = sk_X509_value(path->pool, i);

        if (path->used[i] || X509_cmp(issuer, cert) == 0 ||
            X509_check_issued(issuer, cert) != X509_V_OK)
            continue;
        if (judge_validity(path, issuer, NULL))
            return i;
        if (found < 0)
            found = i;
    }
    return found;
}

static void mark(struct shim_path *path, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(path->pool); i++)
        if (X509_cmp(sk_X509_value(path->pool, i), cert) == 0)
            path->used[i] = true;
}

bool shim_path_judge(struct shim_path *path, X509 *signer)
{
    bool valid = true;
    int next;

    mark(path, signer);
    /* A root ends the way: an older root of that name would pass for its issuer. */
    while (X509_check_issued(signer, signer) != X509_V_OK &&
           (next = find_issuer(path, signer)) >= 0) {
        signer = sk_X509_value(path->pool, next);
        mark(path, signer);
        if (!judge_validity(path, signer, "refused: sign: on the signer's path"))
            valid = false;
    }
    return valid;
}

void shim_path_warn(const struct shim_path *path)
{
    for (int i = 0; i < sk_X509_num(path->pool); i++)
        if (!path->used[i])
            (void)judge_validity(path, sk_X509_value(path->pool, i), "warning: sign: sent along");
}
