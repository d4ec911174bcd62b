/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <time.h>

#include <openssl/objects.h>

#include "tool/judge/judge.h"
#include "base/compat.h"
#include "common/shim.h"
#include "keyring/contact.h"
#include "rules/rules.h"
#include "tool/certs/certs.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/keyring_at.h"
#include "tool/run/ciphers.h"

/* The judging of one command line. */
struct judging {
    const struct shim_operation *operation;
    const smimepolicy_settings *settings;
    time_t now;
    /* with -nocerts: the signers' certificates are sent only if -certfile has them */
    bool leaves_signers;
    const struct shim_request *request;
    struct shim_selection *selection;
    struct shim_outcome *outcome;
    struct shim_secret secret;
    STACK_OF(X509) *signers; /* owned: those that are known */
    bool all_signers;        /* they are all known */
};

/* Stock takes -passin for keys alone, and asks for that of a certificate at the terminal. */
static void tell_unopened(const char *uri, const char *operation)
{
    shim_error(
        "openssl does not open %s: it takes -passin for keys alone, and lacks the ciphers of "
        "old PKCS#12 files; 'smime-policy upload' stores what is in it, and %s",
        uri,
        strcmp(operation, "sign") == 0      ? "--from then names the signer"
        : strcmp(operation, "encrypt") == 0 ? "--to then names the recipient"
                                            : "'smime-policy decrypt' then finds it");
}

/*
 * Was a certificate loaded?  Some are left to stock, and the provider judges what
 * stock loads: a file with a passphrase that we may not ask for, a file that can be
 * read only once, and what the keyring has.
 */
static bool is_loaded(struct judging *judging, enum shim_load state, const char *uri,
                      const struct shim_loaded *loaded)
{
    if (state == LOADED)
        return true;
    if (state == LOAD_LOCKED || state == LOAD_ONCE || !judging->operation->manner->reports_faults ||
        strncmp(uri, "smimepolicy:", strlen("smimepolicy:")) == 0)
        return false;
    if (shim_is_pkcs12(uri))
        tell_unopened(uri, judging->request->operation);
    else
        shim_error("cannot read a certificate from %s: %s; give one in PEM, DER or PKCS#12%s", uri,
                   loaded->why != NULL ? loaded->why : "it holds none",
                   strcmp(judging->request->operation, "encrypt") == 0 ? "; -in names the message"
                                                                       : "");
    judging->outcome->fault = SHIM_INPUT;
    return false;
}

/*
 * Load certificate and key as far as the rules need them.  If the key cannot be
 * loaded, stock reports it.
 */
static enum shim_load load_pair(const struct judging *judging, const char *uri, const char *key_uri,
                                struct shim_loaded *cert, struct shim_loaded *key)
{
    /* The issuers of a signer are told by its decoded key too. */
    enum shim_load state =
        shim_load(uri, judging->request->certfile == NULL ? WANT_FACTS : WANT_FIRST_CERT,
                  &judging->secret, cert);

    if (state != LOADED || key_uri == NULL ||
        shim_key_is_own(key_uri, sk_X509_value(cert->certs, 0)))
        return state;
    (void)shim_load(key_uri, WANT_KEY, &judging->secret, key);
    shim_loaded_clear(cert);
    return shim_load(uri, WANT_FIRST_CERT, &judging->secret, cert);
}

/*
 * Judge the certificate in |uri|, with the key in |key_uri| unless that is NULL.  A
 * signer is kept.
 */
static void judge_cert(struct judging *judging, const char *uri, const char *key_uri,
                       smimepolicy_use use)
{
    struct shim_loaded cert;
    struct shim_loaded key = { 0 };
    enum shim_load state = load_pair(judging, uri, key_uri, &cert, &key);

    judging->outcome->file = uri;
    if (is_loaded(judging, state, uri, &cert)) {
        X509 *first = sk_X509_value(cert.certs, 0);

        shim_outcome_add(judging->outcome, shim_evaluate(judging->operation->shim, first, key.key,
                                                         use, judging->now));
        if (use == SMIMEPOLICY_SIGN)
            judging->all_signers = shim_certs_push(judging->signers, first) && judging->all_signers;
    } else {
        judging->all_signers = false;
        judging->operation->shim->left_to_provider = true;
    }
    judging->outcome->file = NULL;
    shim_loaded_clear(&cert);
    shim_loaded_clear(&key);
}

/*
 * Could the certificates of -certfile be loaded?  The provider does not see them, so
 * what cannot be judged here is not sent.
 */
static bool is_known(struct judging *judging, enum shim_load state, const struct shim_loaded *along)
{
    const char *name = judging->request->certfile;

    if (state == LOAD_ONCE || state == LOAD_LOCKED) {
        shim_outcome_add(judging->outcome, sp_refuse_certfile(name, state == LOAD_ONCE));
    } else if (state != LOADED) {
        shim_error("cannot read a certificate from -certfile %s: %s; give a file in PEM, DER or "
                   "PKCS#12",
                   name, along->why != NULL ? along->why : "it holds none");
        judging->outcome->fault = SHIM_INPUT;
    }
    return state == LOADED;
}

/*
 * Put the certificates to send into the selection: each once, and no signer's, as
 * stock fails at the second copy.
 */
static void send_along(struct judging *judging, const STACK_OF(X509) *certs,
                       const STACK_OF(X509) *signers)
{
    struct shim_selection *selection = judging->selection;
    STACK_OF(X509) *each = sk_X509_new_null();
    bool done = each != NULL;

    for (int i = 0; done && i < sk_X509_num(certs); i++)
        done = shim_certs_hold(signers, sk_X509_value(certs, i)) ||
               shim_certs_push(each, sk_X509_value(certs, i));
    selection->nothing_along = done && sk_X509_num(each) == 0;
    if (!done)
        judging->outcome->fault = shim_no_memory();
    else if (!selection->nothing_along && shim_issuers_keep(selection, each) != SHIM_OK)
        judging->outcome->fault = SHIM_SYSTEM;
    sk_X509_pop_free(each, X509_free);
}

/* Judge -certfile, and give stock the certificates that were judged. */
static void judge_sent_along(struct judging *judging)
{
    struct shim_loaded along;
    enum shim_load state =
        shim_load(judging->request->certfile, WANT_CERTS, &judging->secret, &along);

    if (is_known(judging, state, &along)) {
        shim_sent_judge(judging->operation->shim, along.certs, judging->signers,
                        judging->all_signers, judging->now, judging->outcome);
        send_along(judging, along.certs, judging->leaves_signers ? NULL : judging->signers);
    }
    shim_loaded_clear(&along);
}

/* Was the keyring asked?  Its findings were reported then. */
static bool asks_keyring(const struct judging *judging)
{
    return json_array_size(judging->selection->choices) > 0;
}

/*
 * Without -md it is the key's own, which the provider sees.  With signed attributes the provider
 * sees -md too, and logs it.  Stock signs receipts with the key's own digest whatever -md says.
 */
static void judge_digest(struct judging *judging)
{
    const struct shim_request *request = judging->request;
    smimepolicy_verdict *verdict;

    if (strcmp(request->operation, "sign_receipt") == 0)
        return;
    verdict =
        sp_judge_digest(sp_digest_find(request->digest), NULL, SMIMEPOLICY_SIGN, judging->settings);
    if (shim_args_has(judging->operation->args, "noattr"))
        shim_outcome_hold(judging->outcome, verdict);
    else
        shim_outcome_add(judging->outcome, verdict);
}

static void judge_signing(struct judging *judging)
{
    const struct shim_request *request = judging->request;
    const struct shim_selection *selection = judging->selection;

    judging->signers = sk_X509_new_null();
    judging->all_signers = judging->signers != NULL;
    for (size_t i = 0; i < request->signer_count; i++)
        judge_cert(judging, request->signers[i].cert, request->signers[i].key, SMIMEPOLICY_SIGN);
    for (size_t i = 0; i < selection->signer_count; i++)
        judging->all_signers =
            shim_certs_push(judging->signers, selection->signers[i].cert) && judging->all_signers;
    if (request->signer_count == 0 && !asks_keyring(judging))
        shim_outcome_add(judging->outcome, sp_refuse_request(SP_NO_SIGNER, NULL));
    judge_digest(judging);
    if (request->certfile != NULL)
        judge_sent_along(judging);
    /* A signer that is not known may be the sender. */
    if (judging->operation->manner->judges_sender && judging->all_signers)
        shim_outgoing_judge(judging->operation, judging->signers, judging->outcome);
    sk_X509_pop_free(judging->signers, X509_free);
}

/* The content cipher: that of the command line, else stock's default. */
static int cipher_of(const struct judging *judging)
{
    const char *name = judging->request->cipher;
    int nid = NID_undef;

    if (name != NULL) {
        (void)shim_cipher_find(name, &nid);
        return nid;
    }
    return judging->operation->manner->own_defaults || sp_stock_takes_aes() ? NID_aes_256_cbc
                                                                            : NID_des_ede3_cbc;
}

static void judge_encryption(struct judging *judging)
{
    const struct shim_request *request = judging->request;
    int wrap;

    shim_outcome_add(judging->outcome,
                     sp_judge_cipher(cipher_of(judging), false, judging->settings));
    /* Stock refuses a name that libcrypto does not know. */
    if (request->wrap != NULL && shim_cipher_find(request->wrap, &wrap))
        shim_outcome_add(judging->outcome, sp_judge_cipher(wrap, true, judging->settings));
    for (size_t i = 0; i < request->recipient_count; i++)
        judge_cert(judging, request->recipients[i], NULL, SMIMEPOLICY_ENCRYPT);
    if (request->originator != NULL)
        judge_cert(judging, request->originator, request->inkey, SMIMEPOLICY_ENCRYPT);
    if (request->shared_secret != NULL)
        shim_outcome_add(judging->outcome,
                         sp_refuse_request(SP_SHARED_SECRET, request->shared_secret));
    else if (request->recipient_count == 0 && !asks_keyring(judging))
        shim_outcome_add(judging->outcome,
                         sp_refuse_request(judging->selection->input != NULL ? SP_NOBODY_IN_MAIL
                                                                             : SP_NO_RECIPIENT,
                                           NULL));
}

static void judge_operation(struct judging *judging)
{
    const struct shim_request *request = judging->request;

    if (shim_operation_signs(request->operation)) {
        judge_signing(judging);
    } else if (strcmp(request->operation, "encrypt") == 0) {
        judge_encryption(judging);
    } else if (strcmp(request->operation, "EncryptedData_encrypt") == 0) {
        shim_outcome_add(judging->outcome, sp_refuse_request(SP_SHARED_KEY, NULL));
    } else if (strcmp(request->operation, "decrypt") == 0) {
        for (size_t i = 0; i < request->recipient_count; i++)
            judge_cert(judging, request->recipients[i], NULL, SMIMEPOLICY_DECRYPT);
    }
}

/* The rule `keyring-stale`. */
static void judge_age(const struct shim_operation *operation, struct shim_outcome *outcome)
{
    static const smimepolicy_use uses[] = { SMIMEPOLICY_SIGN, SMIMEPOLICY_ENCRYPT,
                                            SMIMEPOLICY_VERIFY };
    struct shim *shim = operation->shim;
    time_t contact;

    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        if (strcmp(operation->request->operation, smimepolicy_use_name(uses[i])) != 0 ||
            !sp_age_is_asked(uses[i], shim->settings))
            continue;
        outcome->fault = shim_keyring_find(shim);
        if (outcome->fault != SHIM_OK)
            return;
        contact = sp_keyring_contact(shim->keyring_path);
        if (sp_is_stale(contact, time(NULL), shim->settings))
            shim_outcome_add(outcome,
                             sp_judge_age(NULL, uses[i], contact, time(NULL), shim->settings));
    }
}

int shim_judge_request(struct shim_operation *operation, struct shim_outcome *outcome)
{
    struct shim *shim = operation->shim;
    const struct shim_request *request = operation->request;
    struct judging judging = { .operation = operation,
                               .settings = shim->settings,
                               .now = time(NULL),
                               .leaves_signers = shim_args_has(operation->args, "nocerts"),
                               .request = request,
                               .selection = &operation->selection,
                               .outcome = outcome };
    int code;

    if (request->operation == NULL || request->help)
        return SHIM_OK;
    code = shim_secret_read(&judging.secret, request->passin, !operation->manner->reports_faults);
    if (code != SHIM_OK)
        return code;
    judge_operation(&judging);
    if (outcome->fault == SHIM_OK)
        judge_age(operation, outcome);
    shim_secret_clear(&judging.secret);
    if (outcome->fault != SHIM_OK)
        return outcome->fault;
    if (!outcome->denied)
        return SHIM_OK;
    if (shim->settings->mode != SP_MODE_OBSERVE)
        return SHIM_REFUSED;
    if (operation->manner->for_people)
        shim_error("going ahead all the same: mode = observe");
    return SHIM_OK;
}

/* Without a passphrase, as stock has none. */
static bool is_unopened(const char *uri)
{
    struct shim_loaded loaded;
    enum shim_load state = shim_load(uri, WANT_FIRST_CERT, &(struct shim_secret){ 0 }, &loaded);

    shim_loaded_clear(&loaded);
    return state == LOAD_LOCKED && shim_is_pkcs12(uri);
}

bool shim_judge_unopened(const struct shim_operation *operation)
{
    const struct shim_request *request = operation->request;
    const char *uri = NULL;

    for (size_t i = 0; i < request->signer_count && uri == NULL; i++)
        if (is_unopened(request->signers[i].cert))
            uri = request->signers[i].cert;
    for (size_t i = 0; i < request->recipient_count && uri == NULL; i++)
        if (is_unopened(request->recipients[i]))
            uri = request->recipients[i];
    if (uri != NULL)
        tell_unopened(uri, request->operation);
    return uri != NULL;
}

void shim_judge_trust(const struct shim_stock_result *result, struct shim_outcome *outcome)
{
    if (result->distrusted && result->code != 0)
        shim_outcome_add(outcome, sp_refuse_stranger(NULL, outcome->settings));
}
