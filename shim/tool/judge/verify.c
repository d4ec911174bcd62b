/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "tool/judge/judge.h"
#include "choice/stored_issuers.h"
#include "common/memory_file.h"
#include "tool/certs/certs.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/ocsp_answers.h"

/*
 * May the message be split?  Not with options by which stock reads it in another
 * form, or reads its content elsewhere.
 */
static bool may_split(const struct shim_args *args)
{
    static const char *const whole[] = { "binary", "asciicrlf", "crlfeol", "content" };

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (shim_args_has(args, whole[i]))
            return false;
    return true;
}

static int unfit(const struct shim_operation *operation, const char *why)
{
    if (operation->manner->reports_faults)
        shim_error("cannot verify: %s", why);
    return SHIM_INPUT;
}

/* Add the certificates of the mail's sender: its message may have come without. */
static bool add_senders(const struct shim_mail *mail, struct sp_keyring *keyring,
                        STACK_OF(X509) *certs)
{
    char *why;

    for (size_t i = 0; i < mail->sender.from_count; i++) {
        const struct sp_query query = { .index = SP_BY_ADDRESS, .text = mail->sender.from[i] };

        if (!sp_stored_certs(keyring, &query, certs, &why)) {
            (void)shim_keyring_fault(why);
            return false;
        }
    }
    return true;
}

/* The stored certificates of the mail's sender, and of the one on the command line. */
static STACK_OF(X509) *known_senders(const struct shim_verification *verification,
                                     struct sp_keyring *keyring)
{
    STACK_OF(X509) *certs = sk_X509_new_null();

    if (certs != NULL && add_senders(&verification->incoming.mail, keyring, certs) &&
        add_senders(&verification->given, keyring, certs))
        return certs;
    sk_X509_pop_free(certs, X509_free);
    return NULL;
}

static int complete_signers(struct shim_verification *verification,
                            struct shim_operation *operation, struct shim_incoming_from *from)
{
    struct shim_selection *selection = &operation->selection;
    struct shim_incoming *incoming = &verification->incoming;
    STACK_OF(X509) *senders = known_senders(verification, selection->keyring);
    int code = senders == NULL ? SHIM_SYSTEM : SHIM_OK;

    if (code == SHIM_OK && sk_X509_num(senders) > 0) {
        /* The certificate of one signer may be in -certfile, that of another in the keyring. */
        if (from->along != NULL &&
            X509_add_certs(senders, from->along, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_PREPEND) != 1)
            code = shim_no_memory();
        from->along = senders;
        sk_X509_pop_free(incoming->certs, X509_free);
        incoming->certs = NULL;
        if (!shim_signatures_read(incoming, from))
            code = shim_no_memory();
    }
    /* Stock looks for signers in the very certificates that we have read, here and with -certfile.
     */
    if (code == SHIM_OK && incoming->count > 0)
        code = shim_issuers_keep(selection, senders);
    sk_X509_pop_free(senders, X509_free);
    return code;
}

static int read_message(struct shim_verification *verification, struct shim_operation *operation)
{
    const struct shim_args *args = operation->args;
    const struct shim_manner *manner = operation->manner;
    const struct shim_secret none = { 0 };
    struct shim_loaded along = { 0 };
    struct shim_incoming_from from = { .path = shim_args_value(args, "in"),
                                       .form = shim_form_of(args),
                                       .quiet = !manner->reports_faults,
                                       .may_split = manner->finds_part && may_split(args),
                                       .nointern = shim_args_has(args, "nointern"),
                                       .content_named = shim_args_has(args, "content"),
                                       .covered = manner->finds_part ? &operation->selection.covered
                                                                     : NULL };
    const char *certfile = operation->request->certfile;
    int code = SHIM_OK;

    if (shim_request_reads_stdin(operation->request))
        return unfit(operation, "standard input is for the message alone: give passphrases, "
                                "certificates and keys in files");
    /*
     * Stock looks for signers in it first: if we could not read it, it might verify with
     * a certificate that we did not judge.
     */
    if (certfile != NULL && shim_load(certfile, WANT_CERTS, &none, &along) != LOADED)
        code = unfit(operation, "-certfile cannot be read beforehand: give a regular file of "
                                "certificates that needs no passphrase");
    else if (certfile != NULL)
        code = shim_issuers_keep(&operation->selection, along.certs);
    from.along = along.certs;
    if (code == SHIM_OK)
        code = shim_incoming_read(&verification->incoming, &from);
    if (code == SHIM_OK && manner->judges_signers && verification->incoming.count == 0 &&
        verification->incoming.cms != NULL && operation->selection.keyring != NULL)
        code = complete_signers(verification, operation, &from);
    shim_loaded_clear(&along);
    return code;
}

/* Read how the sender is to be compared. */
static int read_sender(struct shim_verification *verification, const struct shim_args *args)
{
    const struct shim_given *given = shim_args_last(args, ROLE_SENDER);

    verification->no_sender = shim_args_last(args, ROLE_NO_SENDER) != NULL;
    if (given == NULL)
        return SHIM_OK;
    if (verification->no_sender)
        return shim_usage("-sender and -no-sender exclude each other");
    if (!shim_mail_from(given->value, &verification->given))
        return shim_no_memory();
    verification->sender = &verification->given;
    return verification->given.sender.from_count == 1
               ? SHIM_OK
               : shim_usage("-sender %s is not one address", given->value);
}

/* Under a stock name: is a mail from another sender refused? */
static bool refuses_sender(const struct shim_operation *operation)
{
    const smimepolicy_settings *settings = operation->shim->settings;
    bool asked = shim_args_last(operation->args, ROLE_SENDER) != NULL;

    return (settings->refuse_other_senders || asked) && settings->mode != SP_MODE_OBSERVE;
}

bool shim_verification_refuses_digests(const smimepolicy_settings *settings)
{
    return settings->beyond[SP_WEAK_DIGEST] == SMIMEPOLICY_DENY &&
           settings->mode != SP_MODE_OBSERVE;
}

/* Under a stock name: log the findings, or refuse if the settings say so. */
static int review_quietly(struct shim_verification *verification, struct shim_operation *operation,
                          struct shim_outcome *outcome)
{
    struct shim_outcome logged = { .settings = operation->shim->settings, .silent = true };
    bool refuses = refuses_sender(operation);

    operation->withheld = refuses && verification->incoming.count == 0;
    verification->incoming.mail.sender.needed = operation->shim->settings->refuse_other_senders;
    if (shim_verification_refuses_digests(operation->shim->settings))
        shim_review_digests(&verification->incoming, outcome);
    shim_review_sender(&verification->incoming, verification->sender, verification->no_sender,
                       refuses ? outcome : &logged);
    /* Report all faults of the signers.  With -noverify they are not judged. */
    if (outcome->denied && !shim_args_has(operation->args, "noverify"))
        shim_review_certificates(&verification->incoming, operation, outcome);
    shim_outcome_clear(&logged);
    if (outcome->fault != SHIM_OK)
        return outcome->fault;
    return outcome->denied ? SHIM_REFUSED : SHIM_OK;
}

/*
 * Take from the keyring the intermediates that complete the chains, as the provider of stock does
 * too, and what vouches.
 */
static int ask_keyring(struct shim_incoming *incoming, struct sp_keyring *keyring)
{
    char *why;

    incoming->keyring = keyring;
    if (keyring == NULL)
        return SHIM_OK;
    if (incoming->count > 0 && !sp_stored_intermediates(keyring, incoming->certs, &why))
        return shim_keyring_fault(why);
    return shim_issuers_find(incoming, keyring) ? SHIM_OK : SHIM_SYSTEM;
}

/*
 * Does the file |named|, of which |path| is a copy, hold a certificate?  Stock's
 * message would name the copy.
 */
static int check_anchors(const char *named, const char *path)
{
    X509_STORE *store = X509_STORE_new();
    int code = SHIM_OK;

    if (store == NULL)
        return shim_no_memory();
    if (X509_STORE_load_file(store, path) != 1) {
        shim_error("cannot read a certificate from -CAfile %s: give one in PEM", named);
        code = SHIM_INPUT;
    }
    ERR_clear_error();
    X509_STORE_free(store);
    return code;
}

/*
 * Write -CAfile and the anchors of the keyring into one file, so that stock builds its
 * chains from the certificates that we have used.  If the keyring alone vouches, and does, what
 * -CAfile names is left out: a chain that ended in it would be refused.
 */
static int keep_anchors(struct shim_incoming *incoming, struct shim_operation *operation)
{
    struct shim_selection *selection = &operation->selection;
    const STACK_OF(X509) *anchors = incoming->anchors;
    const char *named = shim_args_value(operation->args, "CAfile");
    const bool counts =
        operation->shim->settings->trust != SP_TRUST_KEYRING || sk_X509_num(anchors) <= 0;
    char *bytes = NULL;
    size_t len = 0;
    int code = named == NULL ? SHIM_OK : shim_input_whole(named, &bytes, &len);

    if (code == SHIM_OK && (named != NULL || sk_X509_num(anchors) > 0)) {
        selection->anchors_path = shim_certs_file(anchors, bytes != NULL ? bytes : "",
                                                  counts ? len : 0, &selection->anchors);
        code = selection->anchors_path == NULL ? SHIM_SYSTEM : SHIM_OK;
    }
    OPENSSL_free(bytes);
    if (code == SHIM_OK)
        incoming->store = shim_chain_store(operation->args, selection->anchors_path, anchors);
    if (code == SHIM_OK && named != NULL && incoming->store == NULL)
        code = check_anchors(named, selection->anchors_path);
    selection->anchors_vouch = sk_X509_num(anchors) > 0;
    return code;
}

static bool have_keys_of_mail(const STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (!sp_has_key_of_mail(sk_X509_value(certs, i)))
            return false;
    return true;
}

bool shim_review_saw_keys_of_mail(const struct shim_incoming *incoming)
{
    STACK_OF(X509) *near =
        incoming->store == NULL ? NULL : X509_STORE_get1_all_certs(incoming->store);
    bool alike = near != NULL && have_keys_of_mail(near) && have_keys_of_mail(incoming->certs);

    for (size_t i = 0; alike && i < incoming->count; i++)
        alike = have_keys_of_mail(incoming->signatures[i].chain.certs);
    sk_X509_pop_free(near, X509_free);
    return alike;
}

/* The stock names take every signature, as stock does. */
static bool wants_any_signer(const struct shim_operation *operation)
{
    return shim_args_last(operation->args, ROLE_ANY_SIGNER) != NULL ||
           (operation->manner == &shim_manner_verb && operation->shim->settings->any_signer);
}

static int review(struct shim_verification *verification, struct shim_operation *operation,
                  struct shim_outcome *outcome)
{
    bool observe = operation->shim->settings->mode == SP_MODE_OBSERVE;
    time_t now = time(NULL);
    int code;

    operation->withheld = verification->incoming.count == 0;
    code = ask_keyring(&verification->incoming, operation->selection.keyring);
    if (code == SHIM_OK)
        code = keep_anchors(&verification->incoming, operation);
    if (code != SHIM_OK)
        return code;
    shim_ocsp_issuers(verification->incoming.certs);
    if (wants_any_signer(operation))
        code = shim_any_signer(&verification->incoming, operation, now);
    if (code != SHIM_OK)
        return code;
    operation->times_judged = shim_review_signers(&verification->incoming, operation, now, outcome);
    operation->mail_keys_only = shim_review_saw_keys_of_mail(&verification->incoming);
    shim_review_digests(&verification->incoming, outcome);
    shim_review_sender(&verification->incoming, verification->sender, verification->no_sender,
                       outcome);
    if (outcome->fault != SHIM_OK)
        return outcome->fault;
    /* A denied signer is not loosened, even in observe mode. */
    operation->times_judged = operation->times_judged && !outcome->denied;
    if (outcome->denied && observe)
        shim_error("going ahead all the same: mode = observe");
    return outcome->denied && !observe ? SHIM_REFUSED : SHIM_OK;
}

int shim_verify_here(struct shim_incoming *incoming, struct shim *shim, struct sp_keyring *keyring,
                     time_t now, struct shim_outcome *outcome)
{
    const struct shim_args none = { 0 };
    const struct shim_operation operation = { .shim = shim, .args = &none };
    int code = ask_keyring(incoming, keyring);

    if (code == SHIM_OK && (incoming->store = shim_store_of(incoming->anchors)) == NULL)
        code = SHIM_SYSTEM;
    if (code != SHIM_OK)
        return code;
    (void)shim_review_signers(incoming, &operation, now, outcome);
    shim_review_digests(incoming, outcome);
    shim_review_sender(incoming, NULL, false, outcome);
    shim_signers_test(incoming, &none);
    return outcome->fault;
}

/* Give stock the very bytes that we have read. */
static int hand_on(struct shim_verification *verification, struct shim_operation *operation)
{
    struct shim_incoming *incoming = &verification->incoming;

    operation->takes_input = true;
    operation->input_is_der = incoming->signature != NULL;
    operation->input = fileno(operation->input_is_der ? incoming->signature : incoming->input);
    if (incoming->content == NULL)
        return SHIM_OK;
    operation->content = fileno(incoming->content);
    verification->content = shim_fd_path(operation->content);
    operation->content_path = verification->content;
    return verification->content == NULL ? SHIM_SYSTEM : SHIM_OK;
}

int shim_verification_prepare(struct shim_verification *verification,
                              struct shim_operation *operation, struct shim_outcome *outcome)
{
    int code;

    memset(verification, 0, sizeof(*verification));
    code = read_sender(verification, operation->args);
    if (code == SHIM_OK)
        code = read_message(verification, operation);
    /*
     * Stock reports a message that it cannot open either.  If only we cannot open it, it
     * does not pass.
     */
    if (code == SHIM_INPUT && !operation->manner->reports_faults &&
        !verification->incoming.too_many) {
        operation->withheld = refuses_sender(operation);
        return SHIM_OK;
    }
    if (code == SHIM_OK)
        code = operation->manner->judges_signers ? review(verification, operation, outcome)
                                                 : review_quietly(verification, operation, outcome);
    return code == SHIM_OK ? hand_on(verification, operation) : code;
}

void shim_verification_clear(struct shim_verification *verification)
{
    shim_ocsp_issuers(NULL);
    shim_incoming_clear(&verification->incoming);
    shim_mail_clear(&verification->given);
    OPENSSL_free(verification->content);
    memset(verification, 0, sizeof(*verification));
}
