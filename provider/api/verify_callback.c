/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The public verification callback, and the settings that are attached to a store.
 *
 * Globals: the ex_data index and the library number of our reasons.  Both are
 * written once, under CRYPTO_ONCE.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "keyring/contact.h"
#include "keyring/forks.h"
#include "keyring/keyring.h"
#include "revocation/asked.h"
#include "rules/verdict.h"

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static int store_index = -1;
static int error_library;

/* The error queue refers to this table until the process ends. */
static ERR_STRING_DATA reasons[SP_RULE_COUNT + 1];
static ERR_STRING_DATA library_name[] = { { 0, "smimepolicy" }, { 0, NULL } };

static void free_settings(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long argl,
                          void *argp)
{
    (void)parent, (void)all, (void)index, (void)argl, (void)argp;
    smimepolicy_settings_free(data);
}

static void set_up(void)
{
    store_index =
        CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE, 0, NULL, NULL, NULL, free_settings);
    error_library = ERR_get_next_error_library();
    for (int i = 0; i < SP_RULE_COUNT; i++)
        reasons[i] =
            (ERR_STRING_DATA){ ERR_PACK(0, 0, (unsigned long)i + 1), sp_rule_reason((size_t)i) };
    library_name[0].error = ERR_PACK(error_library, 0, 0);
    ERR_load_strings(0, library_name);
    ERR_load_strings(error_library, reasons);
    sp_keyring_expect_forks();
}

int smimepolicy_store_set1_settings(X509_STORE *store, const smimepolicy_settings *settings)
{
    smimepolicy_settings *copy;
    smimepolicy_settings *old;

    if (!CRYPTO_THREAD_run_once(&once, set_up) || store_index < 0)
        return 0;
    copy = settings == NULL ? smimepolicy_settings_new() : sp_settings_dup(settings);
    if (copy == NULL)
        return 0;
    old = X509_STORE_get_ex_data(store, store_index);
    if (X509_STORE_set_ex_data(store, store_index, copy)) {
        smimepolicy_settings_free(old);
        return 1;
    }
    smimepolicy_settings_free(copy);
    return 0;
}

/*
 * The settings of the store.  Without any, defaults in |*own|, which the caller
 * frees.  NULL if out of memory.
 */
static const smimepolicy_settings *settings_for(X509_STORE_CTX *ctx, smimepolicy_settings **own)
{
    X509_STORE *store = X509_STORE_CTX_get0_store(ctx);
    const smimepolicy_settings *settings =
        store == NULL ? NULL : X509_STORE_get_ex_data(store, store_index);

    *own = settings == NULL ? smimepolicy_settings_new() : NULL;
    return settings == NULL ? *own : settings;
}

/* Raise each denial; true if there was one.  In observe mode only distrust-default is raised. */
static bool raise_denials(const smimepolicy_verdict *verdict, bool observe)
{
    bool refused = false;

    for (size_t i = 0; i < verdict->count; i++) {
        const smimepolicy_finding *finding = &verdict->findings[i];
        char *line;

        if (finding->severity != SMIMEPOLICY_DENY ||
            (observe && finding->rule != SP_RULE_DISTRUST_DEFAULT))
            continue;
        refused = true;
        line = smimepolicy_finding_text(verdict, finding);
        ERR_raise_data(error_library, (int)finding->rule + 1, "%s",
                       line == NULL ? finding->fault : line);
        OPENSSL_free(line);
    }
    return refused;
}

/* Does |cert| need nobody who vouches for it?  If the keyring cannot be read the answer is no. */
static bool vouches_for_itself(const smimepolicy_settings *settings, const X509 *cert)
{
    char *why;
    const struct sp_standing standing = sp_keyring_standing_by(settings, cert, &why);

    OPENSSL_free(why);
    return sp_vouches_for_itself(standing);
}

/*
 * May |cert| vouch for another?  If the keyring cannot be read, or memory runs out, the answer
 * is no.
 */
static bool may_issue(const smimepolicy_settings *settings, const X509 *cert, bool is_anchor)
{
    struct sp_facts *facts = sp_facts_new(cert);
    struct sp_standing standing = { 0 };
    char *why = NULL;
    bool may = false;

    if (facts != NULL && is_anchor && sp_facts_is_ca(facts))
        standing = sp_keyring_standing_by(settings, cert, &why);
    if (facts != NULL && why == NULL)
        may = sp_may_issue(facts, standing, is_anchor);
    OPENSSL_free(why);
    sp_facts_free(facts);
    return may;
}

/* The first issuer in |chain| that may not vouch for the certificate below it, or NULL. */
static X509 *find_no_issuer(const STACK_OF(X509) *chain, const smimepolicy_settings *settings)
{
    int last = sk_X509_num(chain) - 1;

    for (int i = 1; i <= last; i++)
        if (!may_issue(settings, sk_X509_value(chain, i), i == last))
            return sk_X509_value(chain, i);
    return NULL;
}

/* The errors by which libcrypto says that the chain ends at no certificate of the store. */
static bool is_stranger(int error)
{
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return true;
    default:
        return false;
    }
}

static smimepolicy_verdict *refuse_issuer(const struct sp_facts *signer, const X509 *issuer)
{
    struct sp_facts *facts = sp_facts_new(issuer);
    smimepolicy_verdict *verdict = NULL;

    if (facts != NULL)
        verdict = sp_refuse_issuer(facts, signer);
    sp_facts_free(facts);
    return verdict;
}

/* Judge whether the end of the chain was uploaded. */
static smimepolicy_verdict *judge_anchor(const struct sp_facts *signer, const STACK_OF(X509) *chain,
                                         const smimepolicy_settings *settings)
{
    int last = sk_X509_num(chain) - 1;
    const X509 *anchor = sk_X509_value(chain, last);
    struct sp_facts *facts = sp_facts_new(anchor);
    smimepolicy_verdict *verdict = NULL;
    struct sp_standing standing;
    char *why;

    if (settings->keyring == NULL)
        verdict = sp_refuse_unprovided(signer, SP_BY_NO_KEYRING, NULL);
    else if (facts != NULL) {
        standing = sp_keyring_standing_by(settings, anchor, &why);
        verdict = why != NULL ? sp_refuse_unprovided(signer, SP_BY_BROKEN_KEYRING, why)
                              : sp_judge_anchor(signer, facts, standing, last == 0);
        OPENSSL_free(why);
    }
    sp_facts_free(facts);
    return verdict;
}

/* May the end of the chain be no anchor, whoever named it?  Also if the keyring cannot tell. */
static bool is_never_anchor(const STACK_OF(X509) *chain, const smimepolicy_settings *settings)
{
    const X509 *anchor = sk_X509_value(chain, sk_X509_num(chain) - 1);
    char *why = NULL;
    bool never = sp_is_never_anchor(sp_keyring_standing_by(settings, anchor, &why)) || why != NULL;

    OPENSSL_free(why);
    return never;
}

/*
 * Judge who vouches for |signer|.  NULL if nothing is wrong, and if out of memory;
 * |*complete| is false in the second case.
 */
static smimepolicy_verdict *judge_trust(const struct sp_facts *signer, X509_STORE_CTX *ctx,
                                        const smimepolicy_settings *settings, bool *complete)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    /* A program that asks without a chain has verified none. */
    int error = sk_X509_num(chain) > 0 ? X509_STORE_CTX_get_error(ctx)
                                       : X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    const bool stranger = is_stranger(error);
    const X509 *no_issuer = find_no_issuer(chain, settings);
    X509 *cert = X509_STORE_CTX_get0_cert(ctx);
    smimepolicy_verdict *verdict;

    /*
     * libcrypto accepts a certificate whose extensions it cannot read without asking for
     * its purpose.
     */
    if ((X509_get_extension_flags(cert) & EXFLAG_INVALID) != 0)
        verdict = sp_refuse_unreadable(signer);
    else if (settings->trust == SP_TRUST_KEYRING && sp_age_is_asked(SMIMEPOLICY_VERIFY, settings) &&
             sp_is_stale(sp_keyring_contact(settings->keyring), time(NULL), settings))
        verdict = sp_judge_age(signer, SMIMEPOLICY_VERIFY, sp_keyring_contact(settings->keyring),
                               time(NULL), settings);
    else if (!stranger && (no_issuer != NULL || settings->trust == SP_TRUST_KEYRING) &&
             vouches_for_itself(settings, cert))
        return NULL;
    else if (!stranger && is_never_anchor(chain, settings))
        verdict = judge_anchor(signer, chain, settings);
    else if (no_issuer != NULL)
        verdict = refuse_issuer(signer, no_issuer);
    else if (stranger)
        verdict =
            sp_refuse_unprovided(signer, SP_BY_LIBCRYPTO, X509_verify_cert_error_string(error));
    else if (settings->trust == SP_TRUST_KEYRING)
        verdict = judge_anchor(signer, chain, settings);
    else
        return NULL;
    *complete = verdict != NULL;
    return verdict;
}

/* An issuer in a chain that is asked about. */
struct asked_issuer {
    const X509 *cert;
    const smimepolicy_settings *settings;
    bool ends_chain;
};

static int issuer_has_signed(const unsigned char *issuer, size_t length, const void *data)
{
    return sp_x509_is_signed_by(issuer, length, ((const struct asked_issuer *)data)->cert);
}

static bool is_anchor(const void *data)
{
    const struct asked_issuer *issuer = data;
    char *why = NULL;
    struct sp_standing standing = { 0 };

    if (!issuer->ends_chain)
        standing = sp_keyring_standing_by(issuer->settings, issuer->cert, &why);
    OPENSSL_free(why);
    return issuer->ends_chain || (standing.role == SP_ROLE_CA && !sp_is_never_anchor(standing));
}

static smimepolicy_verdict *judge_issuer(const X509 *cert, bool ends_chain,
                                         const smimepolicy_settings *settings)
{
    const struct asked_issuer issuer = { cert, settings, ends_chain };
    struct sp_facts *facts = sp_facts_new(cert);
    const struct sp_asked asked = { facts, issuer_has_signed, &issuer };
    smimepolicy_verdict *verdict = NULL;

    if (facts != NULL)
        verdict = sp_revocation_judge_issuer(settings->keyring, &asked, is_anchor, &issuer,
                                             SMIMEPOLICY_VERIFY, time(NULL), settings);
    sp_facts_free(facts);
    return verdict;
}

/*
 * Raise which issuers in the chain are revoked; true if there is one, or if memory ran out.  A
 * signer that vouches for itself needs no issuer.
 */
static bool is_any_issuer_revoked(X509_STORE_CTX *ctx, const smimepolicy_settings *settings)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    const int last = sk_X509_num(chain) - 1;
    bool refused = false;

    for (int i = 1; i <= last; i++) {
        smimepolicy_verdict *verdict = judge_issuer(sk_X509_value(chain, i), i == last, settings);

        if (verdict == NULL || (!smimepolicy_verdict_allowed(verdict) &&
                                !vouches_for_itself(settings, sk_X509_value(chain, 0)) &&
                                raise_denials(verdict, settings->mode == SP_MODE_OBSERVE)))
            refused = true;
        smimepolicy_verdict_free(verdict);
    }
    return refused;
}

static bool signer_passes(X509_STORE_CTX *ctx, const smimepolicy_settings *settings)
{
    const X509 *signer = X509_STORE_CTX_get0_cert(ctx);
    bool observe = settings->mode == SP_MODE_OBSERVE;
    bool complete = true;
    struct sp_facts *facts = sp_facts_new(signer);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, signer };
    smimepolicy_verdict *own = NULL;
    smimepolicy_verdict *trust = NULL;
    bool refused;

    if (facts != NULL) {
        /* The program has checked the validity itself.  Revocation is asked as of now. */
        own = sp_judge(facts, SMIMEPOLICY_VERIFY, 0, SP_WITHOUT_VALIDITY, settings);
        own = sp_revocation_add(own, settings->keyring, &asked, time(NULL), NULL, settings);
        trust = judge_trust(facts, ctx, settings, &complete);
    }
    refused = own == NULL || !complete;
    if (own != NULL && raise_denials(own, observe))
        refused = true;
    if (trust != NULL && raise_denials(trust, observe))
        refused = true;
    refused = refused || is_any_issuer_revoked(ctx, settings);
    smimepolicy_verdict_free(own);
    smimepolicy_verdict_free(trust);
    sp_facts_free(facts);
    return !refused;
}

/*
 * libcrypto calls this for the leaf last, when the chain is complete and trusted.
 * If libcrypto has found an error before, the verification ends there: then our
 * reasons are added to its own.
 */
int smimepolicy_verify_cb(int ok, X509_STORE_CTX *ctx)
{
    /* True also if an earlier callback has let the error pass. */
    bool stranger = is_stranger(X509_STORE_CTX_get_error(ctx));
    smimepolicy_settings *own = NULL;
    const smimepolicy_settings *settings = NULL;
    bool passes = false;

    if (X509_STORE_CTX_get_error_depth(ctx) != 0 && !stranger)
        return ok;
    if (CRYPTO_THREAD_run_once(&once, set_up) && store_index >= 0)
        settings = settings_for(ctx, &own);
    if (settings != NULL)
        passes = signer_passes(ctx, settings);
    smimepolicy_settings_free(own);
    if (ok && !passes) {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
        ok = 0;
    }
    return ok;
}
