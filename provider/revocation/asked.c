/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "revocation/asked.h"

#include <errno.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/name_hash.h"
#include "base/text.h"
#include "revocation/crl_open.h"

/* So many keys of one name, and parts of a CRL, are asked. */
#define MOST_FILES 256

struct question {
    const struct sp_crl_folder *folder;
    struct sp_kinship kin;
    sp_has_signed_fn *has_signed;
    const void *data;
    time_t at;
    bool wants_answer; /* is it of interest whether an answer covers the certificate? */
    struct sp_revocation *found;
    size_t files;
    bool failed; /* memory ran out */
};

/* Does what is stored speak louder, the later it stands here? */
static int weight(enum sp_revocation_state state)
{
    static const enum sp_revocation_state order[] = { SP_REVOCATION_UNKNOWN, SP_REVOCATION_STALE,
                                                      SP_REVOCATION_NONE, SP_REVOCATION_DAMAGED,
                                                      SP_REVOCATION_REVOKED };
    int i = 0;

    while (order[i] != state)
        i++;
    return i;
}

/* Keep |answer|, which is taken over, if it says more than what was found so far. */
static void keep(struct question *question, struct sp_revocation *answer)
{
    if (weight(answer->state) > weight(question->found->state)) {
        sp_revocation_clear(question->found);
        *question->found = *answer;
    } else {
        sp_revocation_clear(answer);
    }
}

/* |why| is taken over; NULL: out of memory. */
static void keep_damage(struct question *question, char *why)
{
    struct sp_revocation damaged = { .state = SP_REVOCATION_DAMAGED, .why = why };

    question->failed = question->failed || why == NULL;
    keep(question, &damaged);
}

/* Has the key of |file| issued the certificate?  1: yes; 0: no; -1: that cannot be told. */
static int is_issuer(const struct question *question, const struct sp_crl_opened *file)
{
    unsigned char *cert;
    int is = -1;

    if (file->header.ski != 0 && file->header.ski == question->kin.issuer_key_id)
        return 1;
    if (question->has_signed == NULL)
        return -1;
    if (sp_crl_read_cert(file, &cert) && cert != NULL)
        is = question->has_signed(cert, (size_t)file->header.cert_length, question->data);
    OPENSSL_free(cert);
    return is;
}

/* Is every certificate of this kind, with whatever reason, in the CRL? */
static bool is_in_scope(const struct sp_kinship *kin, const struct sp_crl_header *header)
{
    const uint64_t scope = header->scope & ~(uint64_t)SP_CRL_PART;

    /* No file can name such a serial number. */
    if (kin->serial_length > SP_CRL_LONGEST_SERIAL)
        return false;
    /* [RFC 5280, 6.3.3 (b)(2)] A part is of the certificates that name its distribution point. */
    if ((header->scope & SP_CRL_PART) != 0 && !sp_share_point(kin->points, header->points))
        return false;
    if (scope == SP_CRL_USERS)
        return !kin->is_ca;
    if (scope == SP_CRL_CAS)
        return kin->is_ca;
    return scope == 0;
}

static bool is_named(const unsigned char page[SP_CRL_PAGE], struct sp_crl_serial serial,
                     struct sp_crl_entry *entry)
{
    size_t offset = 0;

    while (sp_crl_get_entry(page, &offset, entry))
        if (entry->length == serial.length &&
            memcmp(entry->serial, serial.octets, serial.length) == 0)
            return true;
    return false;
}

static void answer_by(struct question *question, const struct sp_crl_opened *file,
                      const struct sp_crl_entry *entry)
{
    const struct sp_crl_header *header = &file->header;
    struct sp_revocation answer = { .reason = -1,
                                    .this_update = header->this_update,
                                    .next_update = header->next_update,
                                    .by = SP_BY_CRL };

    if (entry != NULL && is_issuer(question, file) != 0) {
        answer.state = SP_REVOCATION_REVOKED;
        answer.at = entry->at;
        answer.reason = entry->reason;
    } else if (entry == NULL && question->wants_answer && is_in_scope(&question->kin, header) &&
               is_issuer(question, file) == 1) {
        answer.state =
            header->next_update >= question->at ? SP_REVOCATION_NONE : SP_REVOCATION_STALE;
    }
    keep(question, &answer);
}

static bool ask_file(const char *name, void *data)
{
    struct question *question = data;
    const struct sp_crl_serial serial =
        sp_crl_serial(question->kin.serial, question->kin.serial_length);
    unsigned char page[SP_CRL_PAGE];
    struct sp_crl_opened file;
    struct sp_crl_entry entry;
    enum sp_crl_there there;
    char *why = NULL;

    if (++question->files > MOST_FILES) {
        why = sp_crl_path(question->folder->keyring, question->folder->name, "");
        keep_damage(question, why == NULL ? NULL
                                          : sp_format("%s holds more than %d CRLs; remove those of "
                                                      "keys that issue no more",
                                                      why, MOST_FILES));
        OPENSSL_free(why);
        return false;
    }
    there = sp_crl_open(&file, question->folder, name, &why);
    if (there == SP_CRL_FAULT)
        keep_damage(question, why);
    if (there != SP_CRL_THERE)
        return true;
    if (!sp_crl_read_page(&file, sp_crl_page_of(serial, file.header.seed, file.header.pages),
                          page)) {
        (void)sp_crl_damaged(sp_crl_path(question->folder->keyring, question->folder->name, name),
                             &why);
        keep_damage(question, why);
    } else {
        answer_by(question, &file, is_named(page, serial, &entry) ? &entry : NULL);
    }
    sp_crl_close(&file);
    return question->found->state != SP_REVOCATION_REVOKED;
}

static void ask_folder(struct question *question, const struct sp_crl_folder *crls)
{
    char name[SP_CRL_FOLDER_NAME];
    struct sp_crl_folder folder;
    char *why = NULL;
    enum sp_crl_there there;

    sp_crl_folder_name(question->kin.issuer, name);
    there = sp_crl_open_folder(&folder, crls, name, &why);
    if (there == SP_CRL_FAULT)
        keep_damage(question, why);
    if (there != SP_CRL_THERE)
        return;
    question->folder = &folder;
    if (sp_crl_names(&folder, ".crl", ask_file, question) < 0) {
        char *path = sp_crl_path(folder.keyring, folder.name, "");

        keep_damage(question,
                    path == NULL ? NULL : sp_format("%s: %s; correct that", path, strerror(errno)));
        OPENSSL_free(path);
    }
    question->folder = NULL;
    sp_crl_close_folder(&folder);
}

bool sp_revocation_find(const char *keyring, const struct sp_asked *asked, time_t at,
                        bool wants_answer, struct sp_revocation *found)
{
    struct question question = { .kin = sp_facts_kinship(asked->facts),
                                 .has_signed = asked->has_signed,
                                 .data = asked->data,
                                 .at = at,
                                 .wants_answer = wants_answer,
                                 .found = found };
    struct sp_crl_folder crls;
    enum sp_crl_there there;
    char *why = NULL;

    *found = (struct sp_revocation){ .reason = -1 };
    if (keyring == NULL)
        return true;
    there = sp_crl_open_crls(&crls, keyring, &why);
    if (there == SP_CRL_FAULT)
        keep_damage(&question, why);
    if (there == SP_CRL_THERE) {
        if (question.kin.issuer == 0 || question.kin.serial_length == 0)
            keep_damage(&question, sp_format("the name of the certificate's issuer cannot be read; "
                                             "use another certificate"));
        else
            ask_folder(&question, &crls);
        sp_crl_close_folder(&crls);
    }
    return !question.failed;
}

/* Written by sp_revocation_ask_also(), in the command. */
static sp_ask_also_fn *ask_also;

void sp_revocation_ask_also(sp_ask_also_fn *also)
{
    ask_also = also;
}

static bool find_elsewhere(const struct sp_asked *asked, struct sp_revocation *found)
{
    return ask_also == NULL || asked->has_signed != sp_x509_is_signed_by ||
           found->state == SP_REVOCATION_REVOKED || found->state == SP_REVOCATION_DAMAGED ||
           ask_also(asked->data, found);
}

bool sp_revocation_find_for(const char *keyring, const struct sp_asked *asked, time_t at,
                            const smimepolicy_settings *settings, struct sp_revocation *found)
{
    *found = (struct sp_revocation){ .state = SP_REVOCATION_NONE, .reason = -1 };
    return !sp_revocation_is_asked(settings) ||
           (sp_revocation_find(keyring, asked, at, sp_revocation_needs_answer(settings), found) &&
            find_elsewhere(asked, found));
}

smimepolicy_verdict *sp_revocation_judge_issuer(const char *keyring, const struct sp_asked *asked,
                                                sp_is_anchor_fn *is_anchor, const void *data,
                                                smimepolicy_use use, time_t at,
                                                const smimepolicy_settings *settings)
{
    smimepolicy_verdict *verdict = NULL;
    struct sp_revocation found = { .state = SP_REVOCATION_NONE, .reason = -1 };
    bool anchor;

    if (sp_is_own_issuer(asked->facts) ||
        sp_revocation_find_for(keyring, asked, at, settings, &found)) {
        anchor = found.state != SP_REVOCATION_REVOKED && sp_revocation_speaks(&found, settings) &&
                 is_anchor(data);
        verdict = sp_judge_issuer_revocation(asked->facts, &found, anchor, use, at, settings);
    }
    sp_revocation_clear(&found);
    return verdict;
}

smimepolicy_verdict *sp_revocation_add(smimepolicy_verdict *verdict, const char *keyring,
                                       const struct sp_asked *asked, time_t at,
                                       const struct sp_signing_time *signed_at,
                                       const smimepolicy_settings *settings)
{
    struct sp_revocation found;

    if (verdict == NULL)
        return NULL;
    if (!sp_revocation_find_for(keyring, asked, at, settings, &found))
        verdict = sp_verdict_join(verdict, NULL);
    else if (sp_revocation_speaks(&found, settings))
        verdict = sp_verdict_join(verdict, sp_judge_revocation(asked->facts, &found,
                                                               smimepolicy_verdict_use(verdict), at,
                                                               signed_at, settings));
    sp_revocation_clear(&found);
    return verdict;
}

/* libcrypto reports a key of another kind as an error. */
int sp_is_signed_by(X509 *cert, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    const int verified = key == NULL ? -1 : X509_verify(cert, key);

    if (verified >= 0 || key == NULL)
        return verified;
    return ERR_GET_REASON(ERR_peek_last_error()) == ASN1_R_WRONG_PUBLIC_KEY_TYPE ? 0 : -1;
}

int sp_x509_is_signed_by(const unsigned char *issuer, size_t length, const void *data)
{
    X509 *above, *cert;
    int is = -1;

    ERR_set_mark();
    above = d2i_X509(NULL, &issuer, (long)length);
    cert = X509_dup(data);
    if (above != NULL && cert != NULL)
        is = sp_is_signed_by(cert, above);
    X509_free(above);
    X509_free(cert);
    ERR_pop_to_mark();
    return is;
}
