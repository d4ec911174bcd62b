/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Storing a CRL that its issuer has signed.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "base/sha256.h"
#include "base/text.h"
#include "revocation/asked.h"
#include "tool/crls/crl_storing.h"
#include "tool/keyring/keyring_at.h"

void shim_crl_stored_clear(struct shim_crl_stored *what)
{
    sp_crl_writer_free(what->writer);
    smimepolicy_verdict_free(what->verdict);
    OPENSSL_free(what->issuer);
    OPENSSL_free(what->why);
    OPENSSL_free(what->note);
    OPENSSL_free(what->place);
    *what = (struct shim_crl_stored){ 0 };
}

static int refuse(struct shim_crl_storing *storing, char *why)
{
    storing->what->state = SHIM_CRL_REFUSED;
    storing->what->why = why;
    return why != NULL ? SHIM_OK : shim_no_memory();
}

static struct sp_crl_about about_of(const struct shim_crl_storing *storing)
{
    const struct sp_crl_facts *facts = &storing->crl.facts;
    struct sp_crl_about about = {
        .this_update = facts->this_update,
        .next_update = facts->next_update,
        .number = facts->number.given ? facts->number.bytes : NULL,
        .number_length = facts->number.length,
        .scope = storing->crl.scope,
        .part = storing->crl.part,
        .others = facts->indirect ? storing->others : NULL,
    };

    memcpy(about.points, storing->crl.points, sizeof(about.points));
    memcpy(about.content, storing->what->content, sizeof(about.content));
    return about;
}

/* What was prepared before in the same upload for the same place, the last of it; or NULL. */
static const struct shim_crl_stored *prepared_before(const struct shim_crl_storing *storing)
{
    struct shim_crl_stored *const *prepared = storing->target->prepared;
    const struct shim_crl_stored *found = NULL;

    for (; prepared != NULL && *prepared != NULL; prepared++)
        if ((*prepared)->state == SHIM_CRL_STORED &&
            strcmp((*prepared)->place, storing->what->place) == 0)
            found = *prepared;
    return found;
}

/* What it is compared with: what was prepared before, else what is stored. */
static bool find_before(const struct shim_crl_storing *storing, struct sp_crl_before *before)
{
    const struct shim_crl_stored *prepared = storing->prepared;
    const struct sp_crl_about *about = &storing->stored.about;

    if (prepared != NULL) {
        *before = (struct sp_crl_before){ prepared->facts.this_update, prepared->facts.next_update,
                                          prepared->facts.number };
    } else if (storing->has_stored) {
        *before = (struct sp_crl_before){ about->this_update, about->next_update,
                                          shim_crl_number_of(about) };
    }
    return prepared != NULL || storing->has_stored;
}

/* Read what is stored of the same issuer, scope and part.  One that is damaged is replaced. */
static int read_stored(struct shim_crl_storing *storing)
{
    const struct sp_crl_issuer issuer = sp_crl_issuer_of(storing->key.hash, storing->issuer);
    const struct sp_crl_about about = about_of(storing);
    char *why = NULL;
    int found = sp_crl_file_read(storing->target->path, &issuer, &about, &storing->stored, &why);
    int code = SHIM_OK;

    if (found < 0 && why == NULL)
        code = shim_no_memory();
    else if (found < 0)
        storing->what->note = sp_format("%s; it is replaced", why);
    storing->has_stored = found == 1;
    OPENSSL_free(why);
    return code;
}

/* |data|: struct shim_crl_storing. */
static bool count_entry(const struct sp_crl_entry *entry, void *data)
{
    struct shim_crl_storing *storing = data;

    (void)entry;
    storing->crl.count++;
    return true;
}

/* Is nothing known of other issuers that was not known when the stored one was? */
static bool has_same_others(const struct shim_crl_storing *storing)
{
    return !storing->crl.facts.indirect || !storing->has_stored ||
           memcmp(storing->stored.others, storing->others, sizeof(storing->others)) == 0;
}

/* Compare it with what is stored, and take its entries. */
static int settle(struct shim_crl_storing *storing)
{
    const struct sp_crl_facts *facts = &storing->crl.facts;
    struct shim_crl_stored *what = storing->what;
    struct sp_crl_before before;
    struct sp_crl_issuer issuer;
    struct sp_crl_about about;
    const struct sp_crl_before *known = find_before(storing, &before) ? &before : NULL;
    bool failed;
    char *text = sp_refuse_crl(facts, known, storing->target->now, &failed);

    what->older = sp_crl_age(facts, known) == SP_CRL_OLDER;
    if (text != NULL || failed)
        return refuse(storing, text);
    if (((storing->has_stored &&
          memcmp(storing->stored.about.content, what->content, sizeof(what->content)) == 0) ||
         sp_crl_age(facts, known) == SP_CRL_SAME) &&
        has_same_others(storing)) {
        what->state = SHIM_CRL_ALREADY;
        what->count = (size_t)storing->stored.count;
        return SHIM_OK;
    }
    what->delta = facts->base.given;
    /* Each that is prepared is in memory with all entries. */
    if (what->delta && storing->prepared != NULL && storing->prepared->delta)
        return refuse(storing, sp_format("it is a delta that follows another one in the same "
                                         "upload; upload it once more when that is stored"));
    text = sp_note_crl(facts, storing->target->now, &failed);
    if (failed)
        return shim_no_memory();
    if (what->note == NULL)
        what->note = text;
    else
        OPENSSL_free(text);
    what->state = SHIM_CRL_STORED;
    issuer = sp_crl_issuer_of(storing->key.hash, storing->issuer);
    about = about_of(storing);
    return shim_crl_write(storing, &issuer, &about);
}

/* Its digest is judged as that of a certificate. */
static int judge_digest(struct shim_crl_storing *storing)
{
    const X509_ALGOR *algorithm;
    struct sp_facts *issuer = sp_facts_new(storing->issuer);
    smimepolicy_verdict *verdict = NULL;

    X509_CRL_get0_signature(storing->crl.head, NULL, &algorithm);
    if (issuer != NULL)
        verdict =
            sp_judge_crl_digest(sp_algorithm_digest(algorithm), issuer, storing->target->settings);
    sp_facts_free(issuer);
    if (verdict == NULL)
        return shim_no_memory();
    if (smimepolicy_verdict_get0_finding(verdict, 0) == NULL)
        smimepolicy_verdict_free(verdict);
    else
        storing->what->verdict = verdict;
    return SHIM_OK;
}

/* Note what is known once its issuer is. */
static int identify(struct shim_crl_storing *storing)
{
    struct shim_crl_stored *what = storing->what;
    char name[SP_FINGERPRINT_TEXT];

    storing->key = sp_keyid_of_cert(NULL, storing->issuer);
    if (!storing->key.known)
        return storing->key.failed
                   ? shim_no_memory()
                   : refuse(storing, sp_format("the key of its issuer cannot be read; upload the "
                                               "issuer's certificate anew"));
    memcpy(what->key, storing->key.hash, sizeof(what->key));
    sp_fingerprint_text(what->key, name);
    what->place = sp_format("%s %s %x %llx", name, what->issuer, storing->crl.scope,
                            (unsigned long long)storing->crl.part);
    for (int delta = 0; what->place != NULL && delta <= 1; delta++)
        if (!shim_crl_name(what->key, sp_name_hash(X509_get_subject_name(storing->issuer)),
                           storing->crl.scope, storing->crl.part, delta == 1, what->names[delta]))
            return shim_no_memory();
    return what->place == NULL ? shim_no_memory() : SHIM_OK;
}

static int read_crl(struct shim_crl_storing *storing, const unsigned char *der, size_t length)
{
    const struct sp_piece pieces[] = { { der, length }, { NULL, 0 } };
    const char *fault = shim_crl_read(&storing->crl, der, length);

    if (storing->crl.head != NULL)
        storing->what->issuer = sp_name_text(X509_CRL_get_issuer(storing->crl.head));
    if (fault != NULL)
        return refuse(storing, sp_format("%s", fault));
    storing->what->facts = storing->crl.facts;
    return storing->what->issuer != NULL && sp_sha256(NULL, pieces, storing->what->content)
               ? SHIM_OK
               : shim_no_memory();
}

/*
 * [RFC 5280, 6.3.3 (f)] Who speaks for other issuers may not be revoked.  The CRL of an issuer of
 * its own certificates is taken: nobody else could say which of them are revoked.
 */
static int check_indirect(struct shim_crl_storing *storing)
{
    const struct shim_crl_target *target = storing->target;
    struct sp_facts *facts = sp_facts_new(storing->issuer);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, storing->issuer };
    struct sp_revocation found = { .reason = -1 };
    const bool done =
        facts != NULL && sp_revocation_find(target->path, &asked, target->now, 0, &found);
    const bool revoked = found.state == SP_REVOCATION_REVOKED || found.above.is;

    sp_revocation_clear(&found);
    sp_facts_free(facts);
    if (!done)
        return shim_no_memory();
    if (revoked)
        return refuse(storing,
                      sp_format("%s", sp_refuse_crl_without_issuer(SP_CRL_ISSUER_REVOKED)));
    return shim_crl_others(target, storing->issuer, storing->others);
}

/* All of it is read, its entries too, before anything is decided. */
static int read_entries(struct shim_crl_storing *storing)
{
    bool stopped;
    const char *fault = shim_crl_entries_each(&storing->crl, count_entry, storing, &stopped);

    return fault == NULL ? SHIM_OK : refuse(storing, sp_format("%s", fault));
}

char *shim_crl_denial(const struct shim_crl_stored *what, const smimepolicy_settings *settings)
{
    const smimepolicy_finding *finding;

    if (what->verdict == NULL || smimepolicy_verdict_allowed(what->verdict) ||
        settings->mode == SP_MODE_OBSERVE)
        return NULL;
    finding = smimepolicy_verdict_get0_finding(what->verdict, 0);
    return sp_format("%s; %s", smimepolicy_finding_get0_fault(finding),
                     smimepolicy_finding_get0_remedy(finding));
}

static bool goes_on(const struct shim_crl_storing *storing, int code)
{
    return code == SHIM_OK && storing->what->state != SHIM_CRL_REFUSED;
}

int shim_crl_prepare(const struct shim_crl_target *target, const unsigned char *der, size_t length,
                     struct shim_crl_stored *what)
{
    struct shim_crl_storing storing = { .target = target, .what = what };
    char *why = NULL;
    int code = read_crl(&storing, der, length);

    if (goes_on(&storing, code)) {
        code =
            shim_crl_issuer(target->keyring, target->upload, &storing.crl, &storing.issuer, &why);
        if (code == SHIM_OK && storing.issuer == NULL)
            code = refuse(&storing, why);
    }
    if (goes_on(&storing, code))
        code = identify(&storing);
    if (goes_on(&storing, code))
        code = read_entries(&storing);
    if (goes_on(&storing, code))
        code = judge_digest(&storing);
    if (goes_on(&storing, code) && storing.crl.facts.indirect)
        code = check_indirect(&storing);
    if (goes_on(&storing, code))
        code = read_stored(&storing);
    if (goes_on(&storing, code)) {
        storing.prepared = prepared_before(&storing);
        code = settle(&storing);
    }
    sp_crl_file_clear(&storing.stored);
    shim_crl_clear(&storing.crl);
    X509_free(storing.issuer);
    OPENSSL_free(storing.changes);
    return code;
}

int shim_crl_commit(struct shim_crl_stored *what)
{
    char *why = NULL;
    bool done = what->writer == NULL || sp_crl_writer_commit(what->writer, &why);

    sp_crl_writer_free(what->writer);
    what->writer = NULL;
    return done ? SHIM_OK : shim_keyring_fault(why);
}
