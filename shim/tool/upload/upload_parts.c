/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Judging and adding the certificates and keys of an upload.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "rules/rules.h"
#include "tool/certs/load.h"
#include "choice/stored_issuers.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

/* How many are named one by one; the rest is counted. */
#define NAMED_MAX 100
/* How many may wait for their role; the rest of a larger bundle is refused as ambiguous. */
#define UNDECIDED_MAX 1000
/* The longest chain: real ones are shorter. */
#define LONGEST 16

static void note(struct shim_uploading *run, const struct shim_part *part,
                 const unsigned char *fingerprint, const struct sp_facts *facts,
                 enum sp_added added)
{
    char text[SHIM_FINGERPRINT_TEXT];
    const char *address = sp_facts_address(facts, 0);
    json_t *addresses;

    if (!run->options->json && json_array_size(run->certificates) >= NAMED_MAX)
        return;
    shim_fingerprint_text(fingerprint, text);
    addresses = json_array();
    for (size_t i = 0; sp_facts_address(facts, i) != NULL; i++)
        json_array_append_new(addresses, json_string(sp_facts_address(facts, i)));
    json_array_append_new(run->certificates,
                          json_pack("{s:o, s:i, s:s, s:s?, s:o, s:s, s:s}", "file",
                                    sp_json_text(part->path), "part", (int)part->number,
                                    "fingerprint", text, "address", address, "addresses", addresses,
                                    "subject", sp_facts_subject(facts), "state",
                                    added == SP_ADD_STORED ? "already" : "stored"));
}

static bool add(struct shim_uploading *run, const struct shim_part *part,
                const struct sp_facts *facts, enum sp_role role)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    unsigned int length = 0;
    enum sp_role stored_as;
    enum sp_added added =
        sp_upload_add(run->upload, part->cert, facts, role, run->as != SP_ROLE_NONE, &stored_as);

    if (added == SP_ADD_FAILED || X509_digest(part->cert, EVP_sha256(), fingerprint, &length) != 1)
        return shim_uploading_failed(run);
    if (added == SP_ADD_NEW)
        run->added++;
    else
        run->stored_before++;
    if (added != SP_ADD_AGAIN)
        note(run, part, fingerprint, facts, added);
    return true;
}

/*
 * Take a certificate.  Its private key may come later: until then it counts as a
 * contact, for which the rules are the same.
 */
static bool take(struct shim_uploading *run, const struct shim_part *part,
                 const struct sp_facts *facts, const struct sp_assigned_role *as)
{
    enum sp_role role = as->role == SP_ROLE_NONE ? SP_ROLE_CONTACT : as->role;

    shim_uploading_at(run, part->path, part->number);
    /* Parsed again, because keys are compared with its decoded key. */
    if (run->first_client == NULL && role != SP_ROLE_CA)
        run->first_client = X509_dup(part->cert);
    return !shim_uploading_judged(run, sp_judge_upload(facts, as, run->now, run->settings)) ||
           add(run, part, facts, role);
}

static bool keep(struct shim_uploading *run, struct shim_undecided **end,
                 const struct shim_part *part)
{
    struct shim_undecided *undecided = OPENSSL_zalloc(sizeof(*undecided));

    if (undecided != NULL) {
        undecided->path = OPENSSL_strdup(part->path);
        undecided->number = part->number;
        if (X509_up_ref(part->cert) == 1)
            undecided->cert = part->cert;
    }
    while (*end != NULL)
        end = &(*end)->next;
    *end = undecided;
    if (undecided != NULL && undecided->path != NULL && undecided->cert != NULL)
        return true;
    run->outcome.fault = shim_no_memory();
    return false;
}

static bool keep_undecided(struct shim_uploading *run, const struct shim_part *part)
{
    run->undecided_count++;
    return keep(run, &run->undecided, part);
}

static struct shim_given_key *add_key(struct shim_uploading *run, const struct shim_part *part)
{
    struct shim_given_key *key = OPENSSL_zalloc(sizeof(*key));
    struct shim_given_key **end = &run->keys;

    if (key != NULL) {
        key->path = OPENSSL_strdup(part->path);
        key->number = part->number;
        key->as_exported = run->exported;
    }
    while (*end != NULL)
        end = &(*end)->next;
    *end = key;
    if (key != NULL && key->path != NULL)
        return key;
    run->outcome.fault = shim_no_memory();
    return NULL;
}

/* A key that stays as it was exported: of the certificate before it. */
static bool add_exported_key(struct shim_uploading *run, const struct shim_part *part,
                             const struct sp_private_key *exported)
{
    struct shim_given_key *key = add_key(run, part);

    if (key == NULL)
        return false;
    memcpy(key->id, run->last_key, sizeof(key->id));
    run->has_last = false;
    key->exported.encrypted = exported->encrypted;
    key->exported.length = exported->length;
    if (exported->uri != NULL)
        key->exported.uri = OPENSSL_strdup(exported->uri);
    else
        key->exported.pkcs8 = OPENSSL_memdup(exported->pkcs8, exported->length);
    key->uri = key->exported.uri;
    if (key->exported.uri != NULL || key->exported.pkcs8 != NULL)
        return true;
    run->outcome.fault = shim_no_memory();
    return false;
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

/* Why the lines before the certificate cannot be obeyed; NULL: |*as| and |*uploaded| say how. */
static const char *read_exported(const struct shim_exported *exported, struct sp_assigned_role *as,
                                 time_t *uploaded)
{
    struct tm tm = { 0 };
    const char *end;

    *uploaded = 0;
    if (exported->role != NULL) {
        *as = (struct sp_assigned_role){ .role = sp_role_named(exported->role),
                                         .source = SP_ROLE_FROM_USER };
        if (as->role == SP_ROLE_NONE)
            return "its role is none of identity, contact and ca; mend the line before it";
    }
    if (exported->uploaded != NULL) {
        end = strptime(exported->uploaded, "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (end == NULL || *end != '\0')
            return "the time of its upload cannot be read; mend the line before it";
        *uploaded = timegm(&tm);
    }
    return NULL;
}

/* What follows the certificate in the file is its key; without one it is a contact. */
static bool note_exported(struct shim_uploading *run, const struct shim_part *part,
                          struct sp_assigned_role *as)
{
    struct sp_keyid id = sp_keyid_of_cert(NULL, part->cert);

    run->has_last = id.known;
    if (id.known)
        memcpy(run->last_key, id.hash, sizeof(run->last_key));
    if (id.known && part->exported->key_uri != NULL &&
        !add_exported_key(run, part, &(struct sp_private_key){ .uri = part->exported->key_uri }))
        return false;
    if (as->role != SP_ROLE_IDENTITY)
        return true;
    as->role = SP_ROLE_CONTACT;
    return keep(run, &run->identities, part);
}

bool shim_uploading_cert(struct shim_uploading *run, const struct shim_part *part)
{
    struct sp_facts *facts = sp_facts_new(part->cert);
    struct sp_assigned_role as = { .role = run->as, .source = SP_ROLE_FROM_USER };
    const char *why = NULL;
    time_t uploaded = 0;
    bool done = true;

    if (facts == NULL) {
        run->outcome.fault = shim_no_memory();
        return false;
    }
    if (run->as == SP_ROLE_NONE)
        as = (struct sp_assigned_role){ .role = sp_role_of(facts, false) };
    else if (run->as == SP_ROLE_IDENTITY)
        as.role = SP_ROLE_CONTACT;
    if (part->exported != NULL)
        why = read_exported(part->exported, &as, &uploaded);
    if (part->exported != NULL && why == NULL)
        done = note_exported(run, part, &as);
    sp_upload_at(run->upload, uploaded);
    if (why != NULL)
        shim_uploading_unreadable(run, part, why);
    else if (done && as.role == SP_ROLE_NONE && run->undecided_count < UNDECIDED_MAX)
        done = keep_undecided(run, part);
    else if (done)
        done = take(run, part, facts, &as);
    sp_facts_free(facts);
    return done;
}

/* Is a certificate of |cursor|, which is freed, the issuer of |cert|?  -1 if that failed. */
static int is_issued_by(struct sp_cursor *cursor, X509 *cert)
{
    struct sp_record record;
    int found = -1;
    bool issued = false;

    while (!issued && cursor != NULL && (found = sp_cursor_next(cursor, &record)) == 1) {
        X509 *issuer = sp_record_cert(&record);

        issued = issuer != NULL && sp_has_issued(issuer, cert);
        X509_free(issuer);
        sp_record_clear(&record);
    }
    sp_cursor_free(cursor);
    return issued ? 1 : found;
}

/*
 * Decide the role of |cert| by what is known so far; the role stays SP_ROLE_NONE if
 * nothing decides.
 */
static bool decide(struct shim_uploading *run, X509 *cert, struct sp_assigned_role *as)
{
    const X509_NAME *issuer = X509_get_issuer_name(cert);
    const struct sp_query cas = { .index = SP_BY_SUBJECT,
                                  .name = issuer,
                                  .roles = SP_ROLE_BIT(SP_ROLE_CA) };
    struct sp_keyid id = sp_keyid_of_cert(NULL, cert);
    unsigned char fingerprint[EVP_MAX_MD_SIZE];
    bool failed = false;
    int issued;

    *as = (struct sp_assigned_role){ .source = SP_ROLE_FROM_USER };
    if (X509_digest(cert, EVP_sha256(), fingerprint, NULL) != 1)
        return shim_uploading_failed(run);
    as->role = sp_keyring_role(run->keyring, fingerprint, &failed);
    if (failed)
        return shim_uploading_failed(run);
    if (as->role == SP_ROLE_NONE && id.known && shim_uploading_has_key(run, id.hash))
        as->role = SP_ROLE_CONTACT;
    if (as->role != SP_ROLE_NONE)
        return true;
    issued = is_issued_by(sp_upload_find_cas(run->upload, issuer), cert);
    if (issued == 0)
        issued = is_issued_by(sp_keyring_find(run->keyring, &cas), cert);
    if (issued == 1)
        *as = (struct sp_assigned_role){ .role = SP_ROLE_CA, .source = SP_ROLE_FROM_CHAIN };
    return issued >= 0 || shim_uploading_failed(run);
}

static bool take_undecided(struct shim_uploading *run, struct shim_undecided *undecided,
                           const struct sp_assigned_role *as)
{
    const struct shim_part part = { .path = undecided->path,
                                    .number = undecided->number,
                                    .cert = undecided->cert };
    struct sp_facts *facts = sp_facts_new(undecided->cert);
    bool done = facts != NULL && take(run, &part, facts, as);

    if (facts == NULL)
        run->outcome.fault = shim_no_memory();
    sp_facts_free(facts);
    X509_free(undecided->cert);
    undecided->cert = NULL;
    return done;
}

/* A decided certificate may decide others: each round goes one certificate down the chain. */
bool shim_uploading_undecided(struct shim_uploading *run)
{
    bool some = true;

    sp_upload_at(run->upload, 0);
    for (int round = 0; some && round < LONGEST; round++) {
        some = false;
        for (struct shim_undecided *u = run->undecided; u != NULL; u = u->next) {
            struct sp_assigned_role as;

            if (u->cert == NULL)
                continue;
            if (!decide(run, u->cert, &as))
                return false;
            if (as.role == SP_ROLE_NONE)
                continue;
            some = true;
            if (!take_undecided(run, u, &as))
                return false;
        }
    }
    for (struct shim_undecided *u = run->undecided; u != NULL; u = u->next)
        if (u->cert != NULL && !take_undecided(run, u, &(struct sp_assigned_role){ 0 }))
            return false;
    return true;
}

static void free_all(struct shim_undecided *each)
{
    while (each != NULL) {
        struct shim_undecided *next = each->next;

        X509_free(each->cert);
        OPENSSL_free(each->path);
        OPENSSL_free(each);
        each = next;
    }
}

void shim_uploading_free_undecided(struct shim_uploading *run)
{
    free_all(run->undecided);
    free_all(run->identities);
    run->undecided = run->identities = NULL;
}

bool shim_uploading_key(struct shim_uploading *run, const struct shim_part *part)
{
    struct shim_given_key *key = add_key(run, part);

    run->has_last = false;
    if (key == NULL)
        return false;
    if (EVP_PKEY_up_ref(part->key) == 1)
        key->key = part->key;
    key->pass = part->pass == NULL ? NULL : OPENSSL_strdup(part->pass);
    (void)shim_given_key_name(key);
    return true;
}

void shim_uploading_free_keys(struct shim_uploading *run)
{
    while (run->keys != NULL) {
        struct shim_given_key *next = run->keys->next;

        EVP_PKEY_free(run->keys->key);
        if (run->keys->pass != NULL)
            OPENSSL_clear_free(run->keys->pass, strlen(run->keys->pass));
        sp_private_key_clear(&run->keys->exported);
        OPENSSL_free(run->keys->path);
        OPENSSL_free(run->keys);
        run->keys = next;
    }
}
