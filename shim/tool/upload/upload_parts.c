/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Judging and adding the certificates of an upload.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "rules/rules.h"
#include "choice/stored_issuers.h"
#include "tool/keyring/crl_answers.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

/* How many may wait for their role; the rest of a larger bundle is refused as ambiguous. */
#define UNDECIDED_MAX 1000
/* The longest chain: real ones are shorter. */
#define LONGEST 16

/* Add a certificate in |role|.  |facts| is taken over. */
static bool add(struct shim_uploading *run, const struct shim_part *part, struct sp_facts *facts,
                enum sp_role role)
{
    enum sp_role stored_as = SP_ROLE_NONE;
    enum sp_added added =
        sp_upload_add(run->upload, part->cert, facts, role, run->as != SP_ROLE_NONE, &stored_as);

    run->has_cas |= stored_as == SP_ROLE_CA && added != SP_ADD_FAILED;
    run->added += added == SP_ADD_NEW;
    run->stored_before += added == SP_ADD_STORED || added == SP_ADD_AGAIN;
    if (added == SP_ADD_NEW || added == SP_ADD_STORED)
        return shim_uploading_taken(run, part, facts, stored_as, added == SP_ADD_STORED);
    sp_facts_free(facts);
    return added == SP_ADD_AGAIN || shim_uploading_failed(run);
}

/*
 * Take a certificate, and |facts| over.  Its private key may come later: until then
 * it counts as a contact, for which the rules are the same.
 */
static bool take(struct shim_uploading *run, const struct shim_part *part, struct sp_facts *facts,
                 const struct sp_assigned_role *as)
{
    enum sp_role role = as->role == SP_ROLE_NONE ? SP_ROLE_CONTACT : as->role;
    smimepolicy_verdict *verdict =
        shim_add_revocation(run->shim, sp_judge_upload(facts, as, run->now, run->settings),
                            part->cert, facts, run->now, NULL);
    const bool noted = shim_uploading_note_revoked(run, part->cert, verdict);

    shim_uploading_at(run, part->path, part->number);
    /* Parsed again, because keys are compared with its decoded key. */
    if (run->first_client == NULL && role != SP_ROLE_CA)
        run->first_client = X509_dup(part->cert);
    if (shim_uploading_judged(run, verdict) && noted)
        return add(run, part, facts, role);
    sp_facts_free(facts);
    return noted;
}

/* Why the lines before the certificate cannot be obeyed; NULL: |*as| and |*uploaded| say how. */
static const char *read_exported(const struct shim_exported *exported, struct sp_assigned_role *as,
                                 time_t *uploaded, enum sp_origin *origin)
{
    struct tm tm = { 0 };
    const char *end;

    *uploaded = 0;
    if (exported->role != NULL) {
        *as = (struct sp_assigned_role){ .role = sp_role_named(exported->role),
                                         .source = SP_ROLE_FROM_USER };
        if (as->role == SP_ROLE_NONE)
            return "its role is none of identity, contact, ca and intermediate; mend the line "
                   "before it";
    }
    if (exported->uploaded != NULL) {
        end = strptime(exported->uploaded, "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (end == NULL || *end != '\0')
            return "the time of its upload cannot be read; mend the line before it";
        *uploaded = timegm(&tm);
    }
    if (exported->origin != NULL && !sp_origin_named(exported->origin, origin))
        return "its origin is none of uploaded, collected, directory, made, hub and hub-anchor; "
               "mend the line before it";
    return NULL;
}

/* The key waits for the certificate of the request before it. */
static bool take_request(struct shim_uploading *run, struct sp_private_key *stored)
{
    int length = i2d_X509_REQ(run->last_request, &stored->request);

    stored->request_length = length > 0 ? (size_t)length : 0;
    stored->requested = run->last_requested;
    X509_REQ_free(run->last_request);
    run->last_request = NULL;
    return length > 0 || shim_uploading_no_memory(run);
}

/* A key that stays as it was exported: of the certificate before it. */
static bool add_exported_key(struct shim_uploading *run, const struct shim_part *part,
                             const struct sp_private_key *exported)
{
    struct shim_waiting *key = shim_waiting_add(
        run, &run->keys, &(struct shim_part){ .path = part->path, .number = part->number });

    if (key == NULL)
        return false;
    memcpy(key->id, run->last_key, sizeof(key->id));
    run->has_last = false;
    key->stored.encrypted = exported->encrypted;
    key->stored.length = exported->length;
    if (exported->uri != NULL)
        key->stored.uri = OPENSSL_strdup(exported->uri);
    else
        key->stored.pkcs8 = OPENSSL_memdup(exported->pkcs8, exported->length);
    return (key->stored.uri != NULL || key->stored.pkcs8 != NULL ||
            shim_uploading_no_memory(run)) &&
           (run->last_request == NULL || take_request(run, &key->stored));
}

bool shim_uploading_request(struct shim_uploading *run, const struct shim_part *part)
{
    struct sp_keyid id = sp_keyid_of_spki(NULL, X509_REQ_get_X509_PUBKEY(part->request));
    struct sp_assigned_role as;
    enum sp_origin origin;
    const char *why = read_exported(part->exported, &as, &run->last_requested, &origin);

    if (!id.known)
        why = "the key of this request cannot be read; leave it out";
    if (why != NULL) {
        shim_uploading_unreadable(run, part, why);
        return true;
    }
    X509_REQ_free(run->last_request);
    run->last_request = X509_REQ_dup(part->request);
    run->has_last = true;
    memcpy(run->last_key, id.hash, sizeof(run->last_key));
    return run->last_request != NULL || shim_uploading_no_memory(run);
}

bool shim_uploading_locked(struct shim_uploading *run, const struct shim_part *part)
{
    if (run->has_last)
        return add_exported_key(run, part, part->locked);
    shim_uploading_unreadable(run, part,
                              "it is an encrypted private key that follows no certificate; put it "
                              "behind the one it belongs to");
    return true;
}

/* What follows the certificate in the file is its key; without one it is a contact. */
static bool note_exported(struct shim_uploading *run, const struct shim_part *part,
                          struct sp_assigned_role *as)
{
    struct sp_keyid id = sp_keyid_of_cert(NULL, part->cert);
    struct shim_waiting *identity;

    X509_REQ_free(run->last_request);
    run->last_request = NULL;
    run->has_last = id.known;
    if (id.known)
        memcpy(run->last_key, id.hash, sizeof(run->last_key));
    if (id.known && part->exported->key_uri != NULL &&
        !add_exported_key(run, part, &(struct sp_private_key){ .uri = part->exported->key_uri }))
        return false;
    if (as->role != SP_ROLE_IDENTITY)
        return true;
    as->role = SP_ROLE_CONTACT;
    identity = shim_waiting_add(run, &run->identities, part);
    if (identity == NULL)
        return false;
    identity->known = id.known;
    memcpy(identity->id, id.hash, sizeof(identity->id));
    return true;
}

/* Keep a certificate until it is known what vouches for it. */
static bool doubt(struct shim_uploading *run, const struct shim_part *part, enum sp_role content)
{
    struct shim_waiting *waiting;

    if (run->undecided_count == UNDECIDED_MAX)
        return shim_import_leave_out(run, part, content);
    run->undecided_count++;
    waiting = shim_waiting_add(run, &run->undecided, part);
    if (waiting == NULL)
        return false;
    waiting->doubted = true;
    waiting->content = content;
    return true;
}

bool shim_uploading_cert(struct shim_uploading *run, const struct shim_part *part)
{
    struct sp_facts *facts = sp_facts_new(part->cert);
    struct sp_assigned_role as = { .role = run->as, .source = SP_ROLE_FROM_USER };
    const char *why = NULL;
    enum sp_origin origin = SP_ORIGIN_UPLOADED;
    time_t uploaded = 0;
    bool done = true;

    if (facts == NULL)
        return shim_uploading_no_memory(run);
    if (run->as == SP_ROLE_NONE)
        as = (struct sp_assigned_role){ .role = sp_role_of(facts) };
    else if (run->as == SP_ROLE_IDENTITY)
        as.role = SP_ROLE_CONTACT;
    if (part->exported != NULL)
        why = read_exported(part->exported, &as, &uploaded, &origin);
    if (part->exported != NULL && why == NULL)
        done = note_exported(run, part, &as);
    sp_upload_at(run->upload, uploaded);
    sp_upload_origin(run->upload, origin);
    sp_upload_only_for(run->upload, part->exported != NULL ? part->exported->only_for : NULL);
    if (run->import != NULL && shim_import_doubts(run, part, as.role)) {
        sp_facts_free(facts);
        return doubt(run, part, as.role);
    }
    if (why == NULL && done && (as.role != SP_ROLE_NONE || run->undecided_count == UNDECIDED_MAX))
        return take(run, part, facts, &as);
    sp_facts_free(facts);
    if (why != NULL) {
        shim_uploading_unreadable(run, part, why);
        return true;
    }
    run->undecided_count++;
    return done && shim_waiting_add(run, &run->undecided, part) != NULL;
}

/* Is a certificate of |cursor|, which is freed, the issuer of |cert|?  -1 if that failed. */
static int is_issued_by(struct sp_cursor *cursor, X509 *cert)
{
    struct shim_records records = { .cursor = cursor };
    bool issued = false;

    while (!issued && shim_records_next(&records)) {
        X509 *issuer = sp_record_cert(&records.record);

        issued = issuer != NULL && sp_has_issued(issuer, cert);
        X509_free(issuer);
    }
    shim_records_end(&records);
    return records.failed ? -1 : issued;
}

/*
 * Decide the role of |undecided| by what is known so far; the role stays SP_ROLE_NONE
 * if nothing decides.
 */
static bool decide(struct shim_uploading *run, const struct shim_waiting *undecided,
                   struct sp_assigned_role *as)
{
    X509 *cert = undecided->cert;
    const X509_NAME *issuer = X509_get_issuer_name(cert);
    const struct sp_query cas = { .index = SP_BY_SUBJECT,
                                  .name = issuer,
                                  .roles = SP_ROLE_BIT(SP_ROLE_CA) };
    struct sp_keyid id = sp_keyid_of_cert(NULL, cert);
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    struct sp_standing standing;
    bool failed = false;
    int issued;

    *as = (struct sp_assigned_role){ .source = SP_ROLE_FROM_USER };
    if (X509_digest(cert, EVP_sha256(), fingerprint, NULL) != 1)
        return shim_uploading_failed(run);
    standing = sp_keyring_standing(run->keyring, fingerprint, &failed);
    if (failed)
        return shim_uploading_failed(run);
    if (!sp_is_never_anchor(standing))
        as->role = standing.role;
    if (as->role == SP_ROLE_NONE && undecided->content != SP_ROLE_CA && id.known &&
        shim_uploading_has_key(run, id.hash))
        as->role = SP_ROLE_CONTACT;
    if (as->role != SP_ROLE_NONE)
        return true;
    issued = is_issued_by(sp_upload_find_cas(run->upload, issuer), cert);
    if (issued == 0)
        issued = is_issued_by(sp_keyring_find(run->keyring, &cas), cert);
    if (issued == 1 && undecided->content != SP_ROLE_NONE)
        *as = (struct sp_assigned_role){ .role = undecided->content };
    else if (issued == 1)
        *as = (struct sp_assigned_role){ .role = SP_ROLE_CA, .source = SP_ROLE_FROM_CHAIN };
    return issued >= 0 || shim_uploading_failed(run);
}

static bool take_undecided(struct shim_uploading *run, struct shim_waiting *undecided,
                           const struct sp_assigned_role *as)
{
    const struct shim_part part = { .path = undecided->path,
                                    .number = undecided->number,
                                    .cert = undecided->cert };
    struct sp_facts *facts;
    bool done;

    if (undecided->doubted && as->role == SP_ROLE_NONE) {
        done = shim_import_leave_out(run, &part, undecided->content);
    } else {
        facts = sp_facts_new(undecided->cert);
        done = facts != NULL ? take(run, &part, facts, as) : shim_uploading_no_memory(run);
    }
    X509_free(undecided->cert);
    undecided->cert = NULL;
    return done;
}

/* A decided certificate may decide others: each round goes one certificate down the chain. */
bool shim_uploading_undecided(struct shim_uploading *run)
{
    bool some = true;

    sp_upload_at(run->upload, 0);
    sp_upload_origin(run->upload, SP_ORIGIN_UPLOADED);
    for (int round = 0; some && round < LONGEST; round++) {
        some = false;
        for (struct shim_waiting *u = run->undecided; u != NULL; u = u->next) {
            struct sp_assigned_role as;

            if (u->cert == NULL)
                continue;
            if (!decide(run, u, &as))
                return false;
            if (as.role == SP_ROLE_NONE)
                continue;
            some = true;
            if (!take_undecided(run, u, &as))
                return false;
        }
    }
    for (struct shim_waiting *u = run->undecided; u != NULL; u = u->next)
        if (u->cert != NULL && !take_undecided(run, u, &(struct sp_assigned_role){ 0 }))
            return false;
    return true;
}
