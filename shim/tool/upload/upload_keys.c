/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The private keys of an upload: to which certificates they belong.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "rules/rules.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

struct shim_waiting *shim_waiting_add(struct shim_uploading *run, struct shim_waiting **list,
                                      const struct shim_part *part)
{
    struct shim_waiting *waiting = OPENSSL_zalloc(sizeof(*waiting));

    while (*list != NULL)
        list = &(*list)->next;
    *list = waiting;
    if (waiting != NULL) {
        waiting->path = OPENSSL_strdup(part->path);
        waiting->number = part->number;
        waiting->as_exported = run->reading.exported;
        if (part->cert != NULL && X509_up_ref(part->cert) == 1)
            waiting->cert = part->cert;
    }
    if (waiting != NULL && waiting->path != NULL && waiting->cert == part->cert)
        return waiting;
    (void)shim_uploading_no_memory(run);
    return NULL;
}

void shim_waiting_free(struct shim_waiting *list)
{
    while (list != NULL) {
        struct shim_waiting *next = list->next;

        X509_free(list->cert);
        EVP_PKEY_free(list->key);
        if (list->pass != NULL)
            OPENSSL_clear_free(list->pass, strlen(list->pass));
        sp_private_key_clear(&list->stored);
        OPENSSL_free(list->path);
        OPENSSL_free(list);
        list = next;
    }
}

/* Set the key, up-ref'd, with its id. */
static bool set_key(struct shim_uploading *run, struct shim_waiting *waiting, EVP_PKEY *key)
{
    X509_PUBKEY *spki = NULL;
    struct sp_keyid id = { 0 };

    if (EVP_PKEY_up_ref(key) != 1)
        return shim_uploading_no_memory(run);
    waiting->key = key;
    if (X509_PUBKEY_set(&spki, key) == 1)
        id = sp_keyid_of_spki(NULL, spki);
    X509_PUBKEY_free(spki);
    ERR_clear_error();
    waiting->known = id.known;
    if (id.known)
        memcpy(waiting->id, id.hash, sizeof(waiting->id));
    return true;
}

bool shim_uploading_key(struct shim_uploading *run, const struct shim_part *part)
{
    struct shim_waiting *waiting = shim_waiting_add(run, &run->keys, part);

    run->has_last = false;
    if (waiting == NULL || !set_key(run, waiting, part->key))
        return false;
    waiting->pass = part->pass == NULL ? NULL : OPENSSL_strdup(part->pass);
    return true;
}

/*
 * Judge the owner of a private key in the role it will have; |has_key|: that key is
 * at hand.
 */
static smimepolicy_verdict *judge_owner(const struct shim_uploading *run,
                                        const struct sp_record *record, bool has_key)
{
    /* A CA that was made by `new --ca`, and exported with its key. */
    bool is_ca = run->reading.exported && record->role == SP_ROLE_CA;
    enum sp_role role = run->as != SP_ROLE_NONE ? run->as : is_ca ? SP_ROLE_CA : SP_ROLE_IDENTITY;
    X509 *cert = sp_record_cert(record);
    struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);
    smimepolicy_verdict *verdict =
        facts == NULL
            ? NULL
            : sp_judge_upload(
                  facts, &(struct sp_assigned_role){ role, SP_ROLE_FROM_USER, has_key && !is_ca },
                  run->now, run->settings);

    sp_facts_free(facts);
    X509_free(cert);
    return verdict;
}

/*
 * Count and judge the certificates of |cursor|; -1 if that failed.  |*allowed|: all
 * may own the key.
 */
static int judge_owners(struct shim_uploading *run, struct sp_cursor *cursor, bool *allowed)
{
    struct shim_records records = { .cursor = cursor };
    int count = 0;

    for (; shim_records_next(&records); count++) {
        smimepolicy_verdict *verdict = judge_owner(run, &records.record, true);

        /* Other findings on the certificate were printed when it was read. */
        if (verdict != NULL && smimepolicy_verdict_allowed(verdict))
            smimepolicy_verdict_free(verdict);
        else
            *allowed = shim_uploading_judged(run, verdict) && *allowed;
    }
    return records.failed ? -1 : count;
}

static struct sp_cursor *find_stored(struct shim_uploading *run, const struct shim_waiting *key)
{
    return sp_keyring_find(run->keyring, &(struct sp_query){ .index = SP_BY_KEY, .hash = key->id });
}

/* Refuse a key of no given certificate, and name the stored one it belongs to. */
static void refuse_stranger(struct shim_uploading *run, const struct shim_waiting *key)
{
    struct shim_records stored = { .cursor = find_stored(run, key) };
    STACK_OF(X509) *owner = sk_X509_new_null();
    X509 *cert = shim_records_next(&stored) ? sp_record_cert(&stored.record) : NULL;

    if (owner == NULL || cert == NULL || sk_X509_push(owner, cert) <= 0)
        X509_free(cert);
    (void)shim_uploading_judged(
        run, key->key != NULL && run->first_client != NULL
                 ? smimepolicy_evaluate_key(run->settings, key->key, run->first_client, owner)
                 : sp_refuse_lone_key());
    shim_records_end(&stored);
    sk_X509_pop_free(owner, X509_free);
}

/* Find the owner: one of the given certificates, or, if there are none, a stored one. */
static bool find_owner(struct shim_uploading *run, const struct shim_waiting *key, bool *allowed)
{
    int count = judge_owners(run, sp_upload_find(run->upload, key->id), allowed);

    if (count == 0 && run->first_client == NULL)
        count = judge_owners(run, find_stored(run, key), allowed);
    if (count < 0)
        return shim_uploading_failed(run);
    if (count > 0)
        return true;
    if (run->unreadable == 0)
        refuse_stranger(run, key);
    else
        shim_error("note: %s: the private key is left out: its certificate may be among what "
                   "could not be read",
                   key->path);
    *allowed = false;
    return true;
}

static bool is_stored(struct shim_uploading *run, const unsigned char id[SP_SHA256_LENGTH])
{
    struct sp_private_key stored;
    int found = sp_keyring_key(run->keyring, id, &stored);

    if (found == 1)
        sp_private_key_clear(&stored);
    return found == 1;
}

static bool take_key(struct shim_uploading *run, struct shim_waiting *key)
{
    struct sp_private_key encoded;
    bool allowed = true;

    shim_uploading_at(run, key->path, key->number);
    if (key->key != NULL)
        allowed = shim_uploading_judged(
                      run, smimepolicy_evaluate_key(run->settings, key->key, NULL, NULL)) &&
                  key->known;
    if (!allowed)
        return true;
    if (key->stored.request == NULL && !find_owner(run, key, &allowed))
        return false;
    /* What another program has may be imported again and again: it changes no stored key. */
    if (!allowed || ((key->as_exported || run->import != NULL) && is_stored(run, key->id)))
        return true;
    if (!shim_uploading_encode(run, key, &encoded))
        return false;
    run->keys_added++;
    key->taken = true;
    return run->dry_run || sp_upload_add_key(run->upload, key->id, &encoded) ||
           shim_uploading_failed(run);
}

bool shim_uploading_has_key(struct shim_uploading *run, const unsigned char id[SP_SHA256_LENGTH])
{
    for (const struct shim_waiting *key = run->keys; key != NULL; key = key->next)
        if (memcmp(key->id, id, SP_SHA256_LENGTH) == 0)
            return true;
    return is_stored(run, id);
}

/* With --as identity every certificate must have its key. */
static bool require_keys(struct shim_uploading *run)
{
    struct shim_records records = { .cursor = sp_upload_all(run->upload) };

    shim_uploading_at(run, NULL, 0);
    while (shim_records_next(&records))
        if (!shim_uploading_has_key(run, records.record.key))
            (void)shim_uploading_judged(run, judge_owner(run, &records.record, false));
    return !records.failed || shim_uploading_failed(run);
}

/* The id of a key at a URI: of the key itself if that is a file, else of the first certificate. */
static bool name_uri(struct shim_uploading *run, struct shim_waiting *key)
{
    struct shim_secret secret = { .pass = run->reading.pass.text };
    struct shim_loaded loaded = { 0 };
    struct sp_keyid id;
    bool done = true;

    if (strncmp(key->path, "file:", 5) == 0) {
        done = shim_load(key->path, WANT_KEY, &secret, &loaded) == LOADED;
        if (done) {
            done = set_key(run, key, loaded.key);
        } else {
            shim_error("cannot read the private key %s: %s; correct the path, or --passin",
                       key->path,
                       loaded.why != NULL ? loaded.why : "it holds none, or needs a passphrase");
            run->outcome.fault = SHIM_INPUT;
        }
        shim_loaded_clear(&loaded);
    } else if (run->first_client != NULL) {
        id = sp_keyid_of_cert(NULL, run->first_client);
        memcpy(key->id, id.hash, sizeof(key->id));
        shim_error("%s is not looked at: that it is the key of the certificate shows when it "
                   "signs",
                   key->path);
    }
    return done;
}

/* Take the key of --key-uri.  If it can be loaded it must be the right one. */
static bool take_uri(struct shim_uploading *run, const char *uri)
{
    struct shim_waiting *key =
        shim_waiting_add(run, &run->keys, &(struct shim_part){ .path = uri });

    if (key == NULL)
        return false;
    key->stored.uri = OPENSSL_strdup(uri);
    if (key->stored.uri == NULL)
        return shim_uploading_no_memory(run);
    return name_uri(run, key) && take_key(run, key);
}

/* What `export` called an identity, and what it locked. */
static void tell_exported(struct shim_uploading *run, size_t locked)
{
    for (const struct shim_waiting *each = run->identities; each != NULL; each = each->next) {
        struct sp_facts *facts;

        if (each->known && shim_uploading_has_key(run, each->id))
            continue;
        facts = sp_facts_new(each->cert);
        shim_uploading_at(run, each->path, each->number);
        (void)shim_uploading_judged(run, facts == NULL ? NULL : sp_note_lone_identity(facts));
        sp_facts_free(facts);
    }
    if (locked > 0)
        shim_error("note: %zu private key%s encrypted and could not be compared with %s", locked,
                   locked == 1 ? " is" : "s are",
                   locked == 1 ? "its certificate" : "their certificates");
}

bool shim_uploading_keys(struct shim_uploading *run)
{
    size_t locked = 0;

    for (struct shim_waiting *key = run->keys; key != NULL; key = key->next) {
        locked += key->stored.encrypted;
        if (!take_key(run, key))
            return false;
    }
    tell_exported(run, locked);
    if (run->key_uri != NULL && !take_uri(run, run->key_uri))
        return false;
    return run->as != SP_ROLE_IDENTITY || require_keys(run);
}
