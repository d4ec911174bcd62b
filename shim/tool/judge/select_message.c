/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Selecting the private key for an encrypted message.
 */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h> /* before cms.h, which declares its PEM functions only then */
#include <openssl/cms.h>

#include "rules/rules.h"
#include "tool/certs/certs.h"
#include "tool/judge/judge.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"
#include "tool/keyring/crl_answers.h"

/* The name of a recipient in a message: issuer and serial number, or key identifier. */
struct name {
    ASN1_OCTET_STRING *ski;
    X509_NAME *issuer;
    ASN1_INTEGER *serial;
};

/* Receives each recipient name; returns false to stop. */
typedef bool name_fn(const struct name *name, void *arg);

static bool each_name(CMS_RecipientInfo *info, name_fn *take, void *arg)
{
    STACK_OF(CMS_RecipientEncryptedKey) *keys;
    struct name name = { 0 };
    bool more = true;

    switch (CMS_RecipientInfo_type(info)) {
    case CMS_RECIPINFO_TRANS:
        return CMS_RecipientInfo_ktri_get0_signer_id(info, &name.ski, &name.issuer, &name.serial) !=
                   1 ||
               take(&name, arg);
    case CMS_RECIPINFO_AGREE:
        keys = CMS_RecipientInfo_kari_get0_reks(info);
        for (int i = 0; more && i < sk_CMS_RecipientEncryptedKey_num(keys); i++) {
            memset(&name, 0, sizeof(name));
            more = CMS_RecipientEncryptedKey_get0_id(sk_CMS_RecipientEncryptedKey_value(keys, i),
                                                     &name.ski, NULL, NULL, &name.issuer,
                                                     &name.serial) != 1 ||
                   take(&name, arg);
        }
        return more;
    default:
        return true;
    }
}

static bool is_named(const struct name *name, const X509 *cert)
{
    ASN1_OCTET_STRING *ski;
    bool same;

    if (name->serial != NULL)
        return ASN1_INTEGER_cmp(name->serial, X509_get0_serialNumber(cert)) == 0 &&
               X509_NAME_cmp(name->issuer, X509_get_issuer_name(cert)) == 0;
    ski = X509_get_ext_d2i(cert, NID_subject_key_identifier, NULL, NULL);
    same = ski != NULL && ASN1_OCTET_STRING_cmp(ski, name->ski) == 0;
    ASN1_OCTET_STRING_free(ski);
    return same;
}

/* The search for an identity among the recipients. */
struct search {
    struct shim_selection *selection;
    struct shim_outcome *outcome;
    const struct shim *shim; /* borrowed */
    int code;
};

static bool goes_on(const struct search *search)
{
    return search->code == SHIM_OK && search->selection->recipient_count == 0;
}

static void end_records(struct search *search, struct shim_records *records)
{
    if (search->code == SHIM_OK && records->failed)
        search->code = shim_keyring_failed(search->selection->keyring);
    shim_records_end(records);
}

/* Take |cert|.  |named|: the message names it; else stock gets its key alone and tries it. */
static void take(struct search *search, X509 *cert, const struct sp_record *record, bool named)
{
    struct shim_selection *selection = search->selection;
    char *key = shim_select_key(selection, record);

    if (key == NULL)
        search->code = SHIM_SYSTEM;
    else if (!shim_select_take(&selection->recipients, &selection->recipient_count, cert, record,
                               key))
        search->code = shim_no_memory();
    else {
        if (!named) {
            OPENSSL_free(selection->recipients[0].uri);
            selection->recipients[0].uri = NULL;
        }
        shim_outcome_add(search->outcome,
                         shim_evaluate(search->shim, cert, NULL, SMIMEPOLICY_DECRYPT, time(NULL)));
    }
    OPENSSL_free(key);
}

static bool look_up(const struct name *name, void *arg)
{
    struct search *search = arg;
    const ASN1_STRING *id = name->serial != NULL ? name->serial : name->ski;
    const struct sp_query query = { .index = SP_BY_RECIPIENT,
                                    .hash = ASN1_STRING_get0_data(id),
                                    .length = (size_t)ASN1_STRING_length(id),
                                    .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) };
    struct shim_records records = { .cursor = sp_keyring_find(search->selection->keyring, &query) };

    while (goes_on(search) && shim_records_next(&records)) {
        X509 *cert = sp_record_cert(&records.record);

        if (cert != NULL && is_named(name, cert))
            take(search, cert, &records.record, true);
        X509_free(cert);
    }
    end_records(search, &records);
    return goes_on(search);
}

/* Identities whose key could not be tried. */
struct untried {
    size_t count;
    struct sp_record one; /* owned: one of them */
};

/* Take the identity of |record|, which the message does not name. */
static void take_unnamed(struct search *search, const struct sp_record *record)
{
    X509 *cert = sp_record_cert(record);

    if (cert != NULL)
        take(search, cert, record, false);
    else
        search->code = shim_no_memory();
    X509_free(cert);
}

static void try_one(struct search *search, CMS_ContentInfo *cms, const char *pass,
                    struct sp_record *record, struct untried *untried)
{
    enum shim_trial trial = shim_trial(search->selection->keyring, record, cms, pass);

    if (trial == TRIAL_BROKEN)
        search->code = shim_keyring_failed(search->selection->keyring);
    else if (trial == TRIAL_OPENS)
        take_unnamed(search, record);
    /* Certificates with the same key count as one. */
    if (trial == TRIAL_LOCKED &&
        (untried->count == 0 || memcmp(untried->one.key, record->key, SP_SHA256_LENGTH) != 0)) {
        sp_record_clear(&untried->one);
        untried->one = *record;
        untried->count++;
        *record = (struct sp_record){ 0 };
    }
}

/*
 * Try the stored keys on a message that names no known certificate: ours may be a
 * renewed certificate with the same key, or have another key identifier.
 */
static void try_keys(struct search *search, CMS_ContentInfo *cms, const char *passin)
{
    const struct sp_query query = { .index = SP_ALL, .roles = SP_ROLE_BIT(SP_ROLE_IDENTITY) };
    struct shim_records records = { .cursor = NULL };
    struct shim_secret secret = { 0 };
    struct untried untried = { 0 };

    search->code = shim_secret_read(&secret, passin, false);
    if (search->code != SHIM_OK)
        return;
    records.cursor = sp_keyring_find(search->selection->keyring, &query);
    while (goes_on(search) && shim_records_next(&records))
        try_one(search, cms, secret.pass, &records.record, &untried);
    end_records(search, &records);
    if (goes_on(search) && untried.count == 1) {
        take_unnamed(search, &untried.one);
    } else if (goes_on(search) && untried.count > 1) {
        shim_error("the message names none of the certificates in the keyring, and the keys of %zu "
                   "identities are locked, so that they were not tried; give the passphrase with "
                   "-passin, or name the identity with -recip and -inkey",
                   untried.count);
        search->code = SHIM_CRYPTO;
    }
    sp_record_clear(&untried.one);
    shim_secret_clear(&secret);
}

static int search(struct shim_operation *operation, struct shim_outcome *outcome,
                  CMS_ContentInfo *cms)
{
    STACK_OF(CMS_RecipientInfo) *infos = CMS_get0_RecipientInfos(cms);
    struct search search = { .selection = &operation->selection,
                             .outcome = outcome,
                             .shim = operation->shim };
    bool more = true;

    if (infos == NULL) {
        shim_error("the message is not encrypted to certificates; see whether it is signed only");
        return SHIM_INPUT;
    }
    if (operation->selection.keyring == NULL) {
        shim_error("there is no keyring %s to find the key in; upload the certificate and private "
                   "key that the message is meant for, or name them with -recip and -inkey",
                   operation->shim->keyring_path);
        return SHIM_CRYPTO;
    }
    for (int i = 0; more && i < sk_CMS_RecipientInfo_num(infos); i++)
        more = each_name(sk_CMS_RecipientInfo_value(infos, i), look_up, &search);
    if (search.code == SHIM_OK && operation->selection.recipient_count == 0)
        try_keys(&search, cms, operation->request->passin);
    if (search.code == SHIM_OK && operation->selection.recipient_count == 0) {
        shim_error("the message is encrypted to none of the identities in the keyring %s; upload "
                   "the certificate and private key that it is meant for",
                   operation->selection.path);
        return SHIM_CRYPTO;
    }
    return search.code;
}

/* Does the command line name a key or another secret?  Then that is used. */
static bool names_key(const struct shim_operation *operation)
{
    const struct shim_request *request = operation->request;

    return request->recipient_count > 0 || request->inkey != NULL ||
           request->shared_secret != NULL || request->help;
}

/* Read the message in |selection|'s input, perhaps a part of a mail that stock cannot read. */
static int read_message(struct shim_selection *selection, const char *form, CMS_ContentInfo **cms)
{
    char *boundary = NULL;
    int code = SHIM_OK;

    *cms = shim_read_cms(selection->input, form);
    if (*cms == NULL && form == NULL) {
        code = shim_part_find(&selection->input, &boundary, &selection->covered, "decrypt");
        OPENSSL_free(boundary);
        if (code == SHIM_OK)
            *cms = shim_read_cms(selection->input, form);
    }
    if (code != SHIM_OK || *cms != NULL)
        return code;
    shim_error("the message cannot be read: it is neither S/MIME nor, with -inform, DER or PEM");
    return SHIM_INPUT;
}

/* Can stock read the file as it is?  Then we need not. */
static bool is_left_to_stock(const struct shim_operation *operation)
{
    const char *in = shim_args_value(operation->args, "in");
    struct stat is;

    return names_key(operation) && in != NULL && stat(in, &is) == 0 && S_ISREG(is.st_mode) &&
           shim_part_is_plain(operation->selection.input);
}

static int take_message(struct shim_operation *operation, struct shim_outcome *outcome)
{
    struct shim_selection *selection = &operation->selection;
    CMS_ContentInfo *cms = NULL;
    int code;

    if (is_left_to_stock(operation)) {
        fclose(selection->input);
        selection->input = NULL;
        return SHIM_OK;
    }
    code = read_message(selection, shim_form_of(operation->args), &cms);
    if (code == SHIM_OK && !names_key(operation))
        code = search(operation, outcome, cms);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    operation->takes_input = true;
    operation->input = fileno(selection->input);
    return code;
}

/*
 * Is the message left unread?  So with a named key, if nothing is run, if its form
 * is named too, or if a key is read from standard input.
 */
static bool is_not_read(const struct shim_operation *operation)
{
    return operation->request->help ||
           (names_key(operation) && (operation->explain || shim_form_of(operation->args) != NULL ||
                                     shim_request_reads_stdin(operation->request)));
}

int shim_select_by_message(struct shim_operation *operation, struct shim_outcome *outcome)
{
    struct shim_selection *selection = &operation->selection;
    int code;

    if (is_not_read(operation))
        return SHIM_OK;
    code = shim_input_open(shim_args_value(operation->args, "in"), false, &selection->input);
    return code == SHIM_OK ? take_message(operation, outcome) : code;
}
