/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "revocation/asked.h"

#include <errno.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>

#include "base/name_hash.h"
#include "base/text.h"
#include "revocation/crl_open.h"

/* So many keys of one name, and parts of a CRL, are asked. */
#define MOST_FILES 256

struct question {
    const struct sp_crl_folder *folder;
    uint64_t by; /* the name of the CRL's issuer: the certificate's own one, or a cRLIssuer of it */
    struct sp_kinship kin;
    sp_has_signed_fn *has_signed;
    const void *data;
    time_t at;
    unsigned wants; /* as sp_revocation_find() has it */
    struct sp_revocation *found;
    size_t files;
    bool failed; /* memory ran out */
};

/* An answer of a larger weight goes before one of a smaller. */
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
    answer->above = question->found->above;
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

/*
 * May |file| be about the certificate?  Its key has issued it; or the certificate names it as
 * cRLIssuer, and the issuers of both are below the same ca.  1: yes; 0: no; -1: that cannot be
 * told.
 */
static int is_issuer(const struct question *question, const struct sp_crl_opened *file)
{
    unsigned char *cert;
    int is = -1;

    if (question->by != question->kin.issuer)
        return sp_crl_is_about(&file->header, question->kin.issuer, question->kin.issuer_key_id);
    if (file->header.ski != 0 && file->header.ski == question->kin.issuer_key_id)
        return 1;
    if (question->has_signed == NULL)
        return -1;
    if (sp_crl_read_cert(file, &cert) && cert != NULL)
        is = question->has_signed(cert, (size_t)file->header.cert_length, question->data);
    OPENSSL_free(cert);
    return is;
}

/* [RFC 5280, 6.3.3 (b)] Does the certificate name the distribution point of the CRL, with whatever
 * reason?  A CRL that is no part is of every point of its issuer. */
static bool names_point(const struct question *question, const struct sp_crl_header *header)
{
    const struct sp_kinship *kin = &question->kin;
    const bool is_part = (header->scope & SP_CRL_PART) != 0;

    if (question->by == kin->issuer)
        return !is_part || sp_share_point(kin->points, header->points);
    for (size_t i = 0; i < SP_MOST_DELEGATIONS; i++)
        if (kin->delegations[i].issuer == question->by && kin->delegations[i].all_reasons &&
            (!is_part || sp_share_point(kin->delegations[i].points, header->points)))
            return true;
    return false;
}

/* Is every certificate of this kind, with whatever reason, in the CRL? */
static bool is_in_scope(const struct question *question, const struct sp_crl_header *header)
{
    const uint64_t scope = header->scope & ~(uint64_t)(SP_CRL_PART | SP_CRL_INDIRECT);
    const struct sp_kinship *kin = &question->kin;

    /* No file can name such a serial number. */
    if (kin->serial_length > SP_CRL_LONGEST_SERIAL || !names_point(question, header))
        return false;
    if (scope == SP_CRL_USERS)
        return !kin->is_ca;
    if (scope == SP_CRL_CAS)
        return kin->is_ca;
    return scope == 0;
}

static bool is_named(const unsigned char page[SP_CRL_PAGE], struct sp_crl_serial serial,
                     uint64_t issuer, struct sp_crl_entry *entry)
{
    size_t offset = 0;

    while (sp_crl_get_entry(page, &offset, entry))
        if (entry->length == serial.length && entry->issuer == issuer &&
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
                                    .next_update = header->next_update };

    if (entry != NULL && is_issuer(question, file) != 0) {
        answer.state = SP_REVOCATION_REVOKED;
        answer.at = entry->at;
        answer.reason = entry->reason;
    } else if ((question->wants & SP_WANTS_ANSWER) != 0 && is_in_scope(question, header) &&
               is_issuer(question, file) == 1) {
        answer.state =
            header->next_update >= question->at ? SP_REVOCATION_NONE : SP_REVOCATION_STALE;
    }
    keep(question, &answer);
}

/* [crl_file.h] Note what a mark says: is the key of |file| the issuer of the certificate? */
static void take_mark(struct question *question, const struct sp_crl_opened *file,
                      const unsigned char page[SP_CRL_PAGE])
{
    struct sp_crl_entry entry;
    size_t offset = 0;

    if (sp_crl_get_entry(page, &offset, &entry) && is_issuer(question, file) != 0)
        question->found->above = (struct sp_revoked_above){ true, entry.at, entry.reason };
}

/* What a responder has answered: revoked, or good until |entry->at|. */
static void take_ocsp(struct question *question, const struct sp_crl_opened *file,
                      const struct sp_crl_entry *entry)
{
    struct sp_revocation answer = { .reason = -1 };
    const int is = is_issuer(question, file);

    if (entry->reason == SP_CRL_GOOD && is == 1 && entry->at >= question->at) {
        answer.state = SP_REVOCATION_NONE;
        answer.next_update = entry->at;
    } else if (entry->reason != SP_CRL_GOOD && is != 0) {
        answer.state = SP_REVOCATION_REVOKED;
        answer.at = entry->at;
        answer.reason = entry->reason;
    }
    keep(question, &answer);
}

/* Look for the certificate on its page.  |file| is one of |question->folder|. */
static void ask_page(struct question *question, const struct sp_crl_opened *file, const char *name)
{
    const struct sp_crl_serial serial =
        sp_crl_serial(question->kin.serial, question->kin.serial_length);
    const bool indirect = (file->header.scope & SP_CRL_INDIRECT) != 0;
    const bool is_mark = (file->header.scope & SP_CRL_ISSUER) != 0;
    const bool is_ocsp = (file->header.scope & SP_CRL_OCSP) != 0;
    const uint64_t issuer = indirect ? question->kin.issuer : 0;
    const uint64_t number = is_mark ? 1 : sp_crl_page_of(serial, issuer, &file->header);
    unsigned char page[SP_CRL_PAGE];
    struct sp_crl_entry entry;
    char *why = NULL;

    if (!indirect && question->by != question->kin.issuer)
        return;
    if (is_ocsp && (question->wants & SP_WANTS_OCSP) == 0)
        return;
    if (!sp_crl_read_page(file, number, page)) {
        (void)sp_crl_damaged(sp_crl_path(question->folder->keyring, question->folder->name, name),
                             &why);
        keep_damage(question, why);
    } else if (is_mark) {
        take_mark(question, file, page);
    } else {
        const bool named = is_named(page, serial, issuer, &entry);

        if (!is_ocsp)
            answer_by(question, file, named ? &entry : NULL);
        else if (named)
            take_ocsp(question, file, &entry);
    }
}

static bool ask_file(const char *name, void *data)
{
    struct question *question = data;
    struct sp_crl_opened file;
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
    ask_page(question, &file, name);
    sp_crl_close(&file);
    return question->found->state != SP_REVOCATION_REVOKED;
}

static void ask_folder(struct question *question, const struct sp_crl_folder *crls, uint64_t by)
{
    char name[SP_CRL_FOLDER_NAME];
    struct sp_crl_folder folder;
    char *why = NULL;
    enum sp_crl_there there;

    question->by = by;
    sp_crl_folder_name(by, name);
    there = sp_crl_open_folder(&folder, crls, name, &why);
    if (there == SP_CRL_FAULT)
        keep_damage(question, why);
    if (there != SP_CRL_THERE)
        return;
    question->folder = &folder;
    if (!sp_crl_names(&folder, ".crl", ask_file, question)) {
        char *path = sp_crl_path(folder.keyring, folder.name, "");

        keep_damage(question,
                    path == NULL ? NULL : sp_format("%s: %s; correct that", path, strerror(errno)));
        OPENSSL_free(path);
    }
    question->folder = NULL;
    sp_crl_close_folder(&folder);
}

/* The CRLs of its own issuer, and those of the issuers that it names for that. */
static void ask_folders(struct question *question, const struct sp_crl_folder *crls)
{
    const struct sp_delegation *delegations = question->kin.delegations;

    ask_folder(question, crls, question->kin.issuer);
    for (size_t i = 0; i < SP_MOST_DELEGATIONS && delegations[i].issuer != 0; i++)
        if (delegations[i].issuer != question->kin.issuer &&
            (i == 0 || delegations[i].issuer != delegations[i - 1].issuer))
            ask_folder(question, crls, delegations[i].issuer);
}

bool sp_revocation_find(const char *keyring, const struct sp_asked *asked, time_t at,
                        unsigned wants, struct sp_revocation *found)
{
    struct question question = { .kin = sp_facts_kinship(asked->facts),
                                 .has_signed = asked->has_signed,
                                 .data = asked->data,
                                 .at = at,
                                 .wants = wants,
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
            ask_folders(&question, &crls);
        sp_crl_close_folder(&crls);
    }
    return !question.failed;
}
