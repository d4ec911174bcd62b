/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The CRLs of an upload.  They are verified when all certificates are known, and put in
 * their places before the certificates are stored: an upload that is interrupted leaves no
 * certificate without the CRL that came with it.  A CRL without its issuer's certificate
 * says nothing of others, so that one may be left behind.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"
#include "revocation/asked.h"
#include "tool/crls/crls.h"
#include "tool/hub/hub.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

/* Each is compared with those before it. */
#define MOST_CRLS 10000
#define TOO_MANY  "with it this upload has more than 10,000 CRLs; upload fewer at a time"
#define TOO_MUCH  "with it the CRLs of this upload are longer than 256 MB; upload it by itself"

struct shim_waiting_crl {
    char *path;         /* owned */
    unsigned number;    /* as in struct shim_part */
    unsigned char *der; /* owned; NULL once it is prepared, unless it goes to a hub */
    size_t length;
    struct shim_crl_stored what; /* owned */
    struct shim_waiting_crl *next;
};

bool shim_uploading_crl(struct shim_uploading *run, const struct shim_part *part)
{
    struct shim_waiting_crl **last = &run->crls;
    struct shim_waiting_crl *crl;

    run->has_last = false;
    if (run->crl_count == MOST_CRLS) {
        shim_uploading_unreadable(run, part, TOO_MANY);
        return true;
    }
    if (part->crl_length > SHIM_LONGEST_CRL - run->crl_bytes) {
        shim_uploading_unreadable(run, part, run->crl_bytes == 0 ? SHIM_CRL_TOO_LONG : TOO_MUCH);
        return true;
    }
    crl = OPENSSL_zalloc(sizeof(*crl));
    if (crl == NULL)
        return shim_uploading_no_memory(run);
    while (*last != NULL)
        last = &(*last)->next;
    *last = crl;
    run->crl_bytes += part->crl_length;
    run->crl_count++;
    crl->number = part->number;
    crl->length = part->crl_length;
    crl->path = OPENSSL_strdup(part->path);
    crl->der = OPENSSL_memdup(part->crl, part->crl_length);
    return (crl->path != NULL && crl->der != NULL) || shim_uploading_no_memory(run);
}

static void tell(const struct shim_waiting_crl *crl, const char *what, const char *text)
{
    const char *issuer = crl->what.issuer != NULL ? crl->what.issuer : "?";

    if (crl->number == 0)
        shim_error("%s%s: the CRL of %s: %s", what, crl->path, issuer, text);
    else
        shim_error("%s%s, part %u: the CRL of %s: %s", what, crl->path, crl->number, issuer, text);
}

/* Judge what is weak in it, and count it. */
static void judge(struct shim_uploading *run, struct shim_waiting_crl *crl)
{
    struct shim_crl_stored *what = &crl->what;

    if (what->verdict != NULL) {
        shim_uploading_at(run, crl->path, crl->number);
        if (!shim_uploading_judged(run, what->verdict))
            what->state = SHIM_CRL_REFUSED;
        what->verdict = NULL;
    }
    if (what->state == SHIM_CRL_REFUSED && what->why != NULL) {
        run->crls_refused++;
        tell(crl, "cannot store ", what->why);
    } else if (what->note != NULL) {
        tell(crl, "note: ", what->note);
    }
    run->crls_taken += what->state != SHIM_CRL_REFUSED;
    if (what->state == SHIM_CRL_REFUSED) {
        sp_crl_writer_free(what->writer);
        what->writer = NULL;
    }
}

bool shim_uploading_crls(struct shim_uploading *run)
{
    struct shim_crl_stored **prepared = OPENSSL_zalloc((run->crl_count + 1) * sizeof(*prepared));
    struct shim_crl_target target = { .path = run->shim->keyring_path,
                                      .keyring = run->keyring,
                                      .upload = run->upload,
                                      .settings = run->settings,
                                      .now = run->now,
                                      .prepared = prepared };
    size_t count = 0;
    int code = prepared == NULL ? shim_no_memory() : SHIM_OK;

    for (struct shim_waiting_crl *crl = run->crls; code == SHIM_OK && crl != NULL;
         crl = crl->next) {
        code = shim_crl_prepare(&target, crl->der, crl->length, &crl->what);
        if (!shim_hub_is_set(run->shim, run->local)) {
            OPENSSL_free(crl->der);
            crl->der = NULL;
        }
        if (code == SHIM_OK) {
            judge(run, crl);
            prepared[count++] = &crl->what;
        }
    }
    OPENSSL_free(prepared);
    if (code != SHIM_OK && run->outcome.fault == SHIM_OK)
        run->outcome.fault = code;
    return code == SHIM_OK;
}

/* Would a later one of this upload take its place? */
static bool is_replaced(const struct shim_waiting_crl *crl)
{
    for (const struct shim_waiting_crl *later = crl->next; later != NULL; later = later->next)
        if (crl->what.writer != NULL && later->what.writer != NULL &&
            strcmp(crl->what.place, later->what.place) == 0)
            return true;
    return false;
}

int shim_uploading_put(struct shim_uploading *run)
{
    struct shim_hub_crls crls = { .each =
                                      OPENSSL_zalloc((run->crl_count + 1) * sizeof(*crls.each)) };
    int code = crls.each == NULL ? shim_no_memory() : SHIM_OK;

    for (struct shim_waiting_crl *crl = run->crls; crls.each != NULL && crl != NULL;
         crl = crl->next)
        if (crl->what.state != SHIM_CRL_REFUSED)
            crls.each[crls.count++] =
                (struct shim_hub_crl){ .der = crl->der, .length = crl->length, .what = &crl->what };
    if (code == SHIM_OK)
        code = shim_hub_put(run->shim, run->keyring, run->upload, &crls, run->local);
    OPENSSL_free(crls.each);
    return code;
}

int shim_uploading_crls_store(struct shim_uploading *run)
{
    int code = SHIM_OK;

    for (struct shim_waiting_crl *crl = run->crls; code == SHIM_OK && crl != NULL; crl = crl->next)
        if (!is_replaced(crl))
            code = shim_crl_commit(&crl->what);
    return code;
}

static const char *state_of(const struct shim_waiting_crl *crl)
{
    return crl->what.state == SHIM_CRL_STORED    ? "stored"
           : crl->what.state == SHIM_CRL_ALREADY ? "already"
                                                 : "refused";
}

static void print_one(const struct shim_uploading *run, const struct shim_waiting_crl *crl)
{
    char *next = sp_format_time((time_t)crl->what.facts.next_update);

    shim_print(stdout, "%s CRL: %s (%zu revoked, the next one is due on %s)\n",
               crl->what.state == SHIM_CRL_ALREADY ? "already there"
               : run->dry_run                      ? "would be stored"
                                                   : "stored",
               crl->what.issuer, crl->what.count, next != NULL ? next : "?");
    OPENSSL_free(next);
}

static json_t *one_json(const struct shim_waiting_crl *crl)
{
    const struct sp_crl_facts *facts = &crl->what.facts;
    bool known = facts->this_update != 0;
    char *last = known ? sp_format_time((time_t)facts->this_update) : NULL;
    char *next = facts->next_update != 0 ? sp_format_time((time_t)facts->next_update) : NULL;
    char *number = shim_crl_number_text(&facts->number);
    json_t *object =
        json_pack("{s:o, s:i, s:o, s:s?, s:s?, s:s?, s:b, s:I, s:s, s:o}", "file",
                  sp_json_text(crl->path), "part", (int)crl->number, "issuer",
                  crl->what.issuer != NULL ? sp_json_text(crl->what.issuer) : json_null(), "number",
                  number, "this_update", last, "next_update", next, "delta", facts->base.given,
                  "entries", (json_int_t)crl->what.count, "state", state_of(crl), "why",
                  crl->what.why != NULL ? sp_json_text(crl->what.why) : json_null());

    OPENSSL_free(last);
    OPENSSL_free(next);
    OPENSSL_free(number);
    return object;
}

void shim_uploading_crls_print(const struct shim_uploading *run)
{
    for (const struct shim_waiting_crl *crl = run->crls; crl != NULL; crl = crl->next)
        if (crl->what.state != SHIM_CRL_REFUSED)
            print_one(run, crl);
}

json_t *shim_uploading_crls_json(const struct shim_uploading *run)
{
    json_t *list = json_array();

    for (const struct shim_waiting_crl *crl = run->crls; crl != NULL; crl = crl->next)
        json_array_append_new(list, one_json(crl));
    return list;
}

void shim_uploading_crls_free(struct shim_uploading *run)
{
    while (run->crls != NULL) {
        struct shim_waiting_crl *next = run->crls->next;

        shim_crl_stored_clear(&run->crls->what);
        OPENSSL_free(run->crls->path);
        OPENSSL_free(run->crls->der);
        OPENSSL_free(run->crls);
        run->crls = next;
    }
}

/*
 * The certificates of an upload that a CRL of the same upload revokes.  Each certificate is judged
 * when it is read, and by the CRLs that are stored then.
 */
static bool says_revoked(const smimepolicy_verdict *verdict)
{
    const smimepolicy_finding *finding;

    for (size_t i = 0; (finding = smimepolicy_verdict_get0_finding(verdict, i)) != NULL; i++)
        if (strcmp(smimepolicy_finding_rule(finding), "revoked") == 0)
            return true;
    return false;
}

static bool is_told(const struct shim_uploading *run, const unsigned char *fingerprint)
{
    for (size_t i = 0; i < run->told.count; i++)
        if (memcmp(run->told.each[i], fingerprint, SP_SHA256_LENGTH) == 0)
            return true;
    return false;
}

bool shim_uploading_note_revoked(struct shim_uploading *run, const X509 *cert,
                                 const smimepolicy_verdict *verdict)
{
    unsigned char fingerprint[EVP_MAX_MD_SIZE];

    return verdict == NULL || !says_revoked(verdict) ||
           (X509_digest(cert, EVP_sha256(), fingerprint, NULL) == 1 &&
            shim_picks_add(&run->told, fingerprint)) ||
           shim_uploading_no_memory(run);
}

/* Report that |cert| is revoked, unless it was reported before. */
static bool tell_revoked(struct shim_uploading *run, const X509 *cert,
                         const unsigned char *fingerprint)
{
    struct sp_facts *facts = is_told(run, fingerprint) ? NULL : sp_facts_new(cert);
    const struct sp_asked asked = { facts, sp_x509_is_signed_by, cert };
    smimepolicy_verdict *verdict;

    if (facts == NULL)
        return is_told(run, fingerprint) || shim_uploading_no_memory(run);
    verdict = sp_revocation_judge(shim_crls(run->shim), &asked, SMIMEPOLICY_UPLOAD, run->now, NULL,
                                  run->settings);
    sp_facts_free(facts);
    if (verdict != NULL && !says_revoked(verdict)) {
        smimepolicy_verdict_free(verdict);
        return true;
    }
    shim_uploading_at(run, NULL, 0);
    return shim_uploading_judged(run, verdict);
}

int shim_uploading_tell_revoked(struct shim_uploading *run)
{
    struct shim_records records = { .cursor = sp_upload_all(run->upload) };
    bool done = true;

    while (done && shim_records_next(&records)) {
        X509 *cert = sp_record_cert(&records.record);

        done = cert != NULL ? tell_revoked(run, cert, records.record.fingerprint)
                            : shim_uploading_no_memory(run);
        X509_free(cert);
    }
    shim_records_end(&records);
    if (records.failed)
        return shim_keyring_failed(run->keyring);
    return done ? SHIM_OK : run->outcome.fault;
}
