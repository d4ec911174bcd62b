/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy new: makes a private key, and a certificate or a request for one.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "rules/rules.h"
#include "tool/certs/certs.h"
#include "tool/new/new.h"

#define DEFAULT_KEY "rsa:3072"
#define SAME_KEY    "same"

static int failed(const char *what)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    shim_error("cannot make %s: %s", what, why != NULL ? why : "OpenSSL failed");
    ERR_clear_error();
    return SHIM_CRYPTO;
}

static bool keeps_key(const struct shim_new *run)
{
    return run->kind != NULL && strcmp(run->kind, SAME_KEY) == 0;
}

static bool is_self_signed(const X509 *cert)
{
    return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

/* Who issues it: as the options say, or as what is renewed was. */
static int find_issuer(struct shim_new *run)
{
    bool as_before = run->renew && !run->self_signed && run->request == NULL &&
                     run->issued_by == NULL && !is_self_signed(run->before);

    return run->issued_by != NULL || as_before ? shim_new_issuer(run) : SHIM_OK;
}

/* The kind that was asked for, else that of the key before, else the default. */
static const char *kind_of(const struct shim_new *run)
{
    const EVP_PKEY *before = run->before == NULL ? NULL : X509_get0_pubkey(run->before);
    const char *kind = run->kind;

    if (kind == NULL && before != NULL)
        kind = shim_key_kind_of(before);
    return kind != NULL ? kind : DEFAULT_KEY;
}

static int make(struct shim_new *run)
{
    const struct shim_making making = { .name = run->name,
                                        .each = run->names.each,
                                        .count = run->names.count,
                                        .is_ca = run->ca != NULL,
                                        .from = run->from,
                                        .to = run->to };

    if (run->key == NULL)
        run->key = shim_key_make(kind_of(run));
    if (run->key == NULL)
        return failed("the private key");
    run->cert =
        shim_cert_make(&making, run->key, run->issuer, run->issuer != NULL ? run->sign : run->key);
    if (run->cert == NULL)
        return failed("the certificate");
    if (run->request != NULL) {
        run->asked = shim_request_make(run->cert, run->key);
        if (run->asked == NULL)
            return failed("the request");
    }
    run->made = sp_facts_new(run->cert);
    return run->made != NULL ? SHIM_OK : shim_no_memory();
}

/* The issuer has to be valid, and libcrypto has to accept what it issues: by its limits. */
static void judge_issuer(struct shim_new *run)
{
    struct sp_facts *issuer = sp_facts_new(run->issuer);
    STACK_OF(X509) *anchors = sk_X509_new_null();
    struct shim_chain chain = { 0 };
    X509_STORE *store;

    if (issuer == NULL || anchors == NULL || sk_X509_push(anchors, run->issuer) <= 0) {
        shim_outcome_add(&run->outcome, NULL);
    } else {
        store = shim_store_of(anchors);
        shim_chain_find(&chain, store, run->cert, NULL, NULL);
        shim_outcome_add(&run->outcome, sp_judge_along(issuer, run->now, SP_ALONG_CHAIN));
        if (chain.certs == NULL)
            shim_outcome_add(
                &run->outcome,
                sp_refuse_issuing(run->made, issuer,
                                  chain.count > 0
                                      ? X509_verify_cert_error_string(chain.faults[0].error)
                                      : "its signature cannot be checked"));
        shim_chain_clear(&chain);
        X509_STORE_free(store);
    }
    sk_X509_free(anchors);
    sp_facts_free(issuer);
}

/* Report |verdict|, which is taken over, if it refuses. */
static void add_denial(struct shim_new *run, smimepolicy_verdict *verdict)
{
    if (verdict != NULL && smimepolicy_verdict_allowed(verdict))
        smimepolicy_verdict_free(verdict);
    else
        shim_outcome_add(&run->outcome, verdict);
}

/* Judge it as an upload, and for signing and encrypting, as it is to be used at once. */
static int judge(struct shim_new *run)
{
    static const smimepolicy_use uses[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_ENCRYPT };
    bool ca = run->ca != NULL;
    const struct sp_assigned_role as = { .role = ca ? SP_ROLE_CA : SP_ROLE_IDENTITY,
                                         .source = SP_ROLE_FROM_USER,
                                         .has_key = !ca };
    const smimepolicy_settings *settings = run->shim->settings;

    /* That a CA is exempt from the other rules is no news to who makes one. */
    if (ca)
        add_denial(run, sp_judge_upload(run->made, &as, run->now, settings));
    else
        shim_outcome_add(&run->outcome, sp_judge_upload(run->made, &as, run->now, settings));
    for (size_t i = 0; !ca && !run->outcome.denied && i < sizeof(uses) / sizeof(uses[0]); i++)
        add_denial(run, sp_judge(run->made, uses[i], run->now, SP_WITH_VALIDITY, settings));
    if (run->issuer != NULL)
        judge_issuer(run);
    if (run->outcome.fault != SHIM_OK)
        return run->outcome.fault;
    return run->outcome.denied ? SHIM_REFUSED : SHIM_OK;
}

static int take_steps(struct shim_new *run)
{
    int code = shim_load_settings(run->shim);

    run->outcome.settings = run->shim->settings;
    if (code == SHIM_OK && run->renew)
        code = shim_new_renewed(run);
    if (code == SHIM_OK)
        code = shim_new_names(run);
    if (code == SHIM_OK)
        code = find_issuer(run);
    if (code == SHIM_OK)
        code = shim_new_span(run);
    if (code == SHIM_OK && keeps_key(run))
        code = shim_new_same_key(run);
    if (code == SHIM_OK)
        code = make(run);
    if (code == SHIM_OK)
        code = judge(run);
    return code == SHIM_OK ? shim_new_store(run) : code;
}

static int check(const struct shim_new *run)
{
    int ways = run->self_signed + (run->request != NULL) + (run->issued_by != NULL);
    bool same = keeps_key(run);

    if (run->operands[0] == NULL)
        return shim_usage(run->ca != NULL ? "new: no domain given: which addresses may the CA "
                                            "issue for?"
                                          : "new: no address given");
    if (ways > 1)
        return shim_usage("new: --self-signed, --request and --issuer exclude each other");
    if (run->ca != NULL && (ways > 0 || run->renew || run->given_name != NULL))
        return shim_usage("new: --ca makes a CA that signs itself, of that name; leave "
                          "--self-signed, --request, --issuer, --renew and --name out");
    if (run->renew && run->operands[1] != NULL)
        return shim_usage("new: --renew takes one address");
    if (same && !run->renew)
        return shim_usage("new: --key same keeps the key of what is renewed; give --renew too");
    if (run->kind != NULL && !same && !shim_key_kind_known(run->kind))
        return shim_usage("new: --key %s: no such kind; there are rsa:2048, rsa:3072, rsa:4096, "
                          "ec:P-256, ec:P-384 and ec:P-521",
                          run->kind);
    if (same && run->passout != NULL)
        return shim_usage("new: with --key same the key keeps its passphrase; leave --passout out");
    return SHIM_OK;
}

static void end(struct shim_new *run)
{
    shim_addresses_clear(&run->names);
    OPENSSL_free(run->name);
    X509_free(run->before);
    X509_free(run->issuer);
    X509_free(run->cert);
    EVP_PKEY_free(run->sign);
    EVP_PKEY_free(run->key);
    X509_REQ_free(run->asked);
    sp_facts_free(run->made);
    shim_outcome_clear(&run->outcome);
}

int shim_run_new(struct shim *shim, const struct shim_long *line)
{
    struct shim_new run = { .shim = shim,
                            .operands = line->operands,
                            .request = shim_long_value(line, "request", 0),
                            .issued_by = shim_long_value(line, "issuer", 0),
                            .ca = shim_long_value(line, "ca", 0),
                            .given_name = shim_long_value(line, "name", 0),
                            .days = shim_long_value(line, "days", 0),
                            .kind = shim_long_value(line, "key", 0),
                            .passin = shim_long_value(line, "passin", 0),
                            .passout = shim_long_value(line, "passout", 0),
                            .self_signed = shim_long_has(line, "self-signed"),
                            .renew = shim_long_has(line, "renew"),
                            .local = shim_long_has(line, "local"),
                            .json = shim_long_has(line, "json"),
                            .now = time(NULL),
                            .outcome = { .alone = true } };
    int code = check(&run);

    if (code != SHIM_OK)
        return code;
    if (run.json)
        run.outcome.json = json_array();
    code = shim_new_report(&run, take_steps(&run));
    end(&run);
    return code;
}
