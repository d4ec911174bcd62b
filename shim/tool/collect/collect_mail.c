/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Collecting from one mail.
 */
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "tool/collect/collecting.h"
#include "tool/judge/judge.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

/* Why a mail is left out, and the code of that. */
struct fault {
    int code;  /* SHIM_OK: there is none, or |run->fault| is set */
    char *why; /* owned */
};

static struct fault fault_of(int code, const char *why)
{
    return (struct fault){ code, OPENSSL_strdup(why) };
}

/* The first denial. */
static struct fault fault_of_outcome(struct shim_collecting *run,
                                     const struct shim_outcome *outcome)
{
    if (outcome->fault != SHIM_OK)
        run->fault = outcome->fault;
    if (outcome->fault != SHIM_OK || !outcome->denied)
        return (struct fault){ 0 };
    return fault_of(SHIM_REFUSED, outcome->kept != NULL ? outcome->kept : "out of memory");
}

/* Does the header name a signature?  Then it is a fault that there is none. */
static bool claims_signature(const struct shim_incoming *incoming)
{
    BUF_MEM *header;
    struct shim_field field;
    char *type = NULL, *boundary = NULL;
    size_t at = 0;
    bool claims = incoming->mail.boundary != NULL;

    rewind(incoming->input);
    header = claims ? NULL : shim_input_header(incoming->input);
    while (header != NULL && shim_fields_next(header->data, header->length, &at, &field)) {
        if (!shim_field_is(&field, "Content-Type") || !shim_content_type(&field, &type, &boundary))
            continue;
        claims = type != NULL && (strcmp(type, "multipart/signed") == 0 ||
                                  strcmp(type, "application/pkcs7-mime") == 0 ||
                                  strcmp(type, "application/x-pkcs7-mime") == 0);
        OPENSSL_free(type);
        OPENSSL_free(boundary);
        break;
    }
    BUF_MEM_free(header);
    return claims;
}

/* A mail without a signature is no fault, unless it was named by itself. */
static struct fault not_signed(struct shim_collecting *run, const struct shim_mail_at *at,
                               const char *why)
{
    if (at->alone)
        return fault_of(SHIM_INPUT, why);
    run->not_signed++;
    return (struct fault){ 0 };
}

/* What can be told of the message before it is verified; |*go_on|: nothing. */
static struct fault look_at(struct shim_collecting *run, const struct shim_mail_at *at,
                            const struct shim_incoming *incoming, bool *go_on)
{
    *go_on = false;
    if (incoming->too_many)
        return fault_of(SHIM_INPUT, "it has more than 1,000 signatures or 2,000 certificates; "
                                    "upload its sender's certificate");
    if (incoming->cms == NULL && claims_signature(incoming))
        return fault_of(SHIM_INPUT, "it cannot be read as S/MIME; it may be cut or damaged: "
                                    "fetch it anew");
    if (incoming->cms == NULL)
        return not_signed(run, at, "it is not signed; give a mail that its sender has signed");
    if (OBJ_obj2nid(CMS_get0_type(incoming->cms)) != NID_pkcs7_signed)
        return not_signed(run, at,
                          "it is not signed outside: decrypt it, and collect from what comes out");
    if (sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(incoming->cms)) <= 0)
        return not_signed(run, at,
                          "it has no signature; upload the certificates in it, if you "
                          "trust them");
    if (incoming->count == 0)
        return fault_of(SHIM_INPUT, "it does not hold its signer's certificate; ask the sender "
                                    "for one that does");
    *go_on = true;
    return (struct fault){ 0 };
}

/* Is the private key of |cert| in the keyring?  False with |run->fault| set if that failed. */
static bool is_own(struct shim_collecting *run, const X509 *cert)
{
    bool own;

    if (!shim_key_is_kept(run->keyring, cert, &own))
        run->fault = shim_keyring_failed(run->keyring);
    return own;
}

static bool has_ca(const struct shim_chain *chain)
{
    return sk_X509_num(chain->certs) > 1;
}

/* Judge one certificate of the mail as a contact to be. */
static void judge(struct shim_collecting *run, const struct shim_incoming *incoming,
                  const struct shim_signature *of, struct shim_outcome *outcome)
{
    const struct sp_collected collected = { .sender = &incoming->mail.sender,
                                            .has_ca = has_ca(&of->chain),
                                            .is_own = is_own(run, of->cert) };

    shim_outcome_add(outcome,
                     sp_judge_collected(of->facts, &collected, run->now, run->shim->settings));
}

/* The certificate that the signer prefers for encryption, if it is another one that is there. */
static bool find_encrypter(struct shim_incoming *incoming, const struct shim_mail_at *at,
                           struct shim_signature *encrypter)
{
    const CMS_SignerInfo *info = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(incoming->cms), 0);
    enum shim_preference prefers =
        shim_preference_read(info, incoming->signatures[0].cert, incoming->certs, &encrypter->cert);

    if (prefers == SHIM_PREFERS_ABSENT)
        shim_error("note: %s: the certificate that its signer prefers for encryption is not in it",
                   at->path);
    if (prefers != SHIM_PREFERS_OTHER)
        return true;
    encrypter->time = incoming->signatures[0].time;
    encrypter->facts = sp_facts_new(encrypter->cert);
    return encrypter->facts != NULL;
}

static void judge_encrypter(struct shim_collecting *run, struct shim_incoming *incoming,
                            const struct shim_operation *operation,
                            struct shim_signature *encrypter, struct shim_outcome *outcome)
{
    shim_outcome_add(outcome,
                     shim_add_revocation(run->shim,
                                         sp_judge(encrypter->facts, SMIMEPOLICY_ENCRYPT, run->now,
                                                  SP_WITH_VALIDITY, run->shim->settings),
                                         encrypter->cert, encrypter->facts, run->now, NULL));
    shim_review_encrypter(incoming, operation, encrypter, run->now, outcome);
    judge(run, incoming, encrypter, outcome);
}

/* Add |cert|; false with |run->fault| set if that failed. */
static bool add(struct shim_collecting *run, const struct shim_mail_at *at, const X509 *cert,
                const struct sp_facts *facts, enum sp_role role, const char *address)
{
    enum sp_role stored_as;
    enum sp_added added;

    sp_upload_only_for(run->upload, address);
    added = sp_upload_add(run->upload, cert, facts, role, false, &stored_as);
    if (added == SP_ADD_FAILED)
        run->fault = shim_keyring_failed(run->keyring);
    else if (added == SP_ADD_NEW)
        shim_collect_note(run, at, cert, facts, role, address);
    else if (role == SP_ROLE_CONTACT)
        run->already++;
    return added != SP_ADD_FAILED;
}

/* Add the issuers between |of| and the end of its chain that are valid now. */
static bool add_issuers(struct shim_collecting *run, const struct shim_mail_at *at,
                        const struct shim_signature *of)
{
    bool done = true;

    for (int i = 1; done && i < sk_X509_num(of->chain.certs) - 1; i++) {
        const X509 *issuer = sk_X509_value(of->chain.certs, i);
        struct sp_facts *facts = sp_facts_new(issuer);
        smimepolicy_verdict *verdict =
            facts == NULL ? NULL : sp_judge_along(facts, run->now, SP_ALONG_CHAIN);

        if (verdict == NULL)
            run->fault = shim_no_memory();
        done = verdict != NULL && (!smimepolicy_verdict_allowed(verdict) ||
                                   add(run, at, issuer, facts, SP_ROLE_INTERMEDIATE, NULL));
        smimepolicy_verdict_free(verdict);
        sp_facts_free(facts);
    }
    return done;
}

static void add_all(struct shim_collecting *run, const struct shim_mail_at *at,
                    const struct shim_incoming *incoming, const struct shim_signature *encrypter)
{
    const struct shim_signature *signer = &incoming->signatures[0];
    const char *address = incoming->mail.sender.from[0];

    sp_upload_origin(run->upload, SP_ORIGIN_COLLECTED);
    if (add(run, at, signer->cert, signer->facts, SP_ROLE_CONTACT, address) &&
        add_issuers(run, at, signer) && encrypter->cert != NULL &&
        add(run, at, encrypter->cert, encrypter->facts, SP_ROLE_CONTACT, address))
        (void)add_issuers(run, at, encrypter);
}

/* Was the signer's certificate put into the keyring by hand?  Then a mail adds nothing. */
static bool is_by_hand(struct shim_collecting *run, const X509 *cert)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    struct sp_standing standing;
    bool failed = true;

    if (X509_digest(cert, EVP_sha256(), fingerprint, NULL) != 1)
        return false;
    standing = sp_keyring_standing(run->keyring, fingerprint, &failed);
    if (failed)
        run->fault = shim_keyring_failed(run->keyring);
    return sp_origin_is_by_hand(standing.origin);
}

static struct fault collect(struct shim_collecting *run, const struct shim_mail_at *at,
                            struct shim_incoming *incoming, const struct shim_operation *operation)
{
    struct shim_outcome outcome = { .settings = run->shim->settings,
                                    .keeps = true,
                                    .explains = true };
    struct shim_signature encrypter = { 0 };
    struct fault fault;

    if (is_by_hand(run, incoming->signatures[0].cert)) {
        run->already++;
        return (struct fault){ 0 };
    }
    judge(run, incoming, &incoming->signatures[0], &outcome);
    if (!find_encrypter(incoming, at, &encrypter))
        outcome.fault = shim_no_memory();
    else if (encrypter.cert != NULL)
        judge_encrypter(run, incoming, operation, &encrypter, &outcome);
    fault = fault_of_outcome(run, &outcome);
    if (fault.code == SHIM_OK && run->fault == SHIM_OK)
        add_all(run, at, incoming, &encrypter);
    sp_facts_free(encrypter.facts);
    shim_chain_clear(&encrypter.chain);
    shim_outcome_clear(&outcome);
    return fault;
}

/* Verify the message, and collect from it. */
static struct fault verify(struct shim_collecting *run, const struct shim_mail_at *at,
                           struct shim_incoming *incoming)
{
    const struct shim_args none = { 0 };
    const struct shim_operation operation = { .shim = run->shim, .args = &none };
    const struct shim_signature *signature = &incoming->signatures[0];
    const char *why = sp_collecting_fault(incoming->count);
    struct shim_outcome outcome = { .settings = run->shim->settings,
                                    .keeps = true,
                                    .explains = true };
    struct fault fault = { 0 };
    int code;

    if (why != NULL)
        return fault_of(SHIM_REFUSED, why);
    code = shim_verify_here(incoming, run->shim, run->keyring, run->now, &outcome);
    if (code != SHIM_OK)
        run->fault = code;
    else
        fault = fault_of_outcome(run, &outcome);
    shim_outcome_clear(&outcome);
    if (fault.code != SHIM_OK || run->fault != SHIM_OK)
        return fault;
    if (!signature->tested || !signature->fits)
        return fault_of(SHIM_CRYPTO,
                        "its signature does not fit the message; ask the sender to send it "
                        "again");
    return collect(run, at, incoming, &operation);
}

/* Tell the fault, which is freed. */
static void settle(struct shim_collecting *run, const struct shim_mail_at *at, struct fault fault)
{
    if (fault.code != SHIM_OK && fault.why == NULL)
        run->fault = shim_no_memory();
    else if (fault.code != SHIM_OK)
        shim_collect_refuse(run, at, fault.code, fault.why);
    OPENSSL_free(fault.why);
}

void shim_collect_mail(struct shim_collecting *run, const struct shim_mail_at *at, FILE *file)
{
    const struct shim_incoming_from from = { .opened = file, .may_split = true, .quiet = true };
    struct shim_incoming incoming;
    struct stat is;
    bool go_on = false;
    int code;

    run->mails++;
    if (fstat(fileno(file), &is) != 0 || is.st_size > SHIM_LONGEST_MAIL) {
        fclose(file);
        shim_collect_refuse(run, at, SHIM_INPUT,
                            "it is longer than 64 MB; upload its sender's certificate");
        return;
    }
    shim_errors_mute(true);
    code = shim_incoming_read(&incoming, &from);
    shim_errors_mute(false);
    if (code == SHIM_SYSTEM)
        run->fault = shim_no_memory();
    else
        settle(run, at, look_at(run, at, &incoming, &go_on));
    if (go_on)
        settle(run, at, verify(run, at, &incoming));
    shim_incoming_clear(&incoming);
}

void shim_collect_verified(struct shim_collecting *run, const struct shim_mail_at *at,
                           struct shim_incoming *incoming, const struct shim_operation *operation)
{
    const char *why = sp_collecting_fault(incoming->count);

    run->mails++;
    if (why != NULL)
        settle(run, at, fault_of(SHIM_REFUSED, why));
    else if (incoming->signatures[0].refused || incoming->signatures[0].chain.certs == NULL)
        settle(run, at,
               fault_of(SHIM_REFUSED, "the chain of its signer was not judged here; "
                                      "leave the options for chains out"));
    else
        settle(run, at, collect(run, at, incoming, operation));
}
