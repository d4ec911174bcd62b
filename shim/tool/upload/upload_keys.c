/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The private keys of an upload: to which certificates they belong, and how they are
 * encrypted.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "rules/rules.h"
#include "tool/certs/certs.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

/* OWASP's number for PBKDF2 with HMAC-SHA256 (2023).  It takes a third of a second. */
#define ITERATIONS  600000
#define SALT_LENGTH 16

static X509_SIG *lock_key(PKCS8_PRIV_KEY_INFO *plain, const char *pass)
{
    X509_ALGOR *how = PKCS5_pbe2_set_iv_ex(EVP_aes_256_cbc(), ITERATIONS, NULL, SALT_LENGTH, NULL,
                                           NID_hmacWithSHA256, NULL);
    X509_SIG *locked = how == NULL ? NULL : PKCS8_set0_pbe(pass, (int)strlen(pass), plain, how);

    if (locked == NULL)
        X509_ALGOR_free(how);
    return locked;
}

bool shim_key_encode(EVP_PKEY *key, const char *pass, struct sp_private_key *encoded)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    X509_SIG *locked = plain == NULL || pass == NULL ? NULL : lock_key(plain, pass);
    int length = -1;

    *encoded = (struct sp_private_key){ .encrypted = pass != NULL };
    if (locked != NULL)
        length = i2d_X509_SIG(locked, &encoded->pkcs8);
    else if (plain != NULL && pass == NULL)
        length = i2d_PKCS8_PRIV_KEY_INFO(plain, &encoded->pkcs8);
    encoded->length = length > 0 ? (size_t)length : 0;
    X509_SIG_free(locked);
    PKCS8_PRIV_KEY_INFO_free(plain);
    ERR_clear_error();
    return length > 0;
}

bool shim_given_key_name(struct shim_given_key *key)
{
    X509_PUBKEY *spki = NULL;
    struct sp_keyid id = { 0 };

    if (X509_PUBKEY_set(&spki, key->key) == 1)
        id = sp_keyid_of_spki(NULL, spki);
    X509_PUBKEY_free(spki);
    ERR_clear_error();
    if (id.known)
        memcpy(key->id, id.hash, sizeof(key->id));
    return id.known;
}

/* Judge a certificate with the key, in the role it will have. */
static bool judge_owner(struct shim_uploading *run, const struct sp_record *record)
{
    enum sp_role role = run->as == SP_ROLE_NONE ? SP_ROLE_IDENTITY : run->as;
    X509 *cert = sp_record_cert(record);
    struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);
    smimepolicy_verdict *verdict =
        facts == NULL
            ? NULL
            : sp_judge_upload(facts, &(struct sp_assigned_role){ role, SP_ROLE_FROM_USER, true },
                              run->now, run->settings);
    bool allowed;

    /* Other findings on the certificate were printed when it was read. */
    allowed = verdict != NULL && smimepolicy_verdict_allowed(verdict);
    if (allowed)
        smimepolicy_verdict_free(verdict);
    else
        allowed = shim_uploading_judged(run, verdict);
    sp_facts_free(facts);
    X509_free(cert);
    return allowed;
}

/*
 * Count and judge the certificates of |cursor|; -1 if that failed.  |*allowed|: all
 * may own the key.
 */
static int judge_owners(struct shim_uploading *run, struct sp_cursor *cursor, bool *allowed)
{
    struct sp_record record;
    int count = 0;
    int found = -1;

    while (cursor != NULL && (found = sp_cursor_next(cursor, &record)) == 1) {
        count++;
        *allowed = judge_owner(run, &record) && *allowed;
        sp_record_clear(&record);
    }
    sp_cursor_free(cursor);
    return found == 0 ? count : -1;
}

static struct sp_cursor *find_stored(struct shim_uploading *run, const struct shim_given_key *key)
{
    return sp_keyring_find(run->keyring, &(struct sp_query){ .index = SP_BY_KEY, .hash = key->id });
}

/* The first stored certificate with the key, alone in a stack. */
static STACK_OF(X509) *stored_owner(struct shim_uploading *run, const struct shim_given_key *key)
{
    STACK_OF(X509) *owner = sk_X509_new_null();
    struct sp_cursor *cursor = find_stored(run, key);
    struct sp_record record;

    if (cursor != NULL && sp_cursor_next(cursor, &record) == 1) {
        X509 *cert = sp_record_cert(&record);

        if (owner == NULL || cert == NULL || sk_X509_push(owner, cert) <= 0)
            X509_free(cert);
        sp_record_clear(&record);
    }
    sp_cursor_free(cursor);
    return owner;
}

/* Refuse a key of no given certificate, and name the stored one it belongs to. */
static void refuse_stranger(struct shim_uploading *run, const struct shim_given_key *key)
{
    STACK_OF(X509) *owner = run->first_client == NULL ? NULL : stored_owner(run, key);

    if (run->first_client != NULL && key->key != NULL)
        (void)shim_uploading_judged(
            run, smimepolicy_evaluate_key(run->settings, key->key, run->first_client, owner));
    else
        (void)shim_uploading_judged(
            run, sp_refuse(SP_PRIVATE_KEY_MATCH, NULL, SMIMEPOLICY_UPLOAD,
                           "private key belongs to no certificate",
                           "a key of none of the certificates that are given or stored",
                           "the private key of a certificate", "upload its certificate with it"));
    sk_X509_pop_free(owner, X509_free);
}

/* Find the owner: one of the given certificates, or, if there are none, a stored one. */
static bool find_owner(struct shim_uploading *run, const struct shim_given_key *key, bool *allowed)
{
    int count = judge_owners(run, sp_upload_find(run->upload, key->id), allowed);

    if (count == 0 && run->first_client == NULL)
        count = judge_owners(run, find_stored(run, key), allowed);
    if (count < 0)
        return shim_uploading_failed(run);
    if (count == 0) {
        if (run->unreadable == 0)
            refuse_stranger(run, key);
        else
            shim_error("note: %s: the private key is left out: its certificate may be among what "
                       "could not be read",
                       key->path);
        *allowed = false;
    }
    return true;
}

/*
 * The passphrase for storing the key: NULL with |*plain| for none, else NULL with
 * the reason on stderr.
 */
static const char *pass_for(struct shim_uploading *run, const struct shim_given_key *key,
                            bool *plain)
{
    *plain = run->options->no_passphrase;
    if (*plain)
        return NULL;
    if (!run->passout.given && key->pass != NULL && key->pass[0] != '\0')
        return key->pass;
    if (!run->passout.given &&
        !shim_passphrase_ask(&run->passout, "new passphrase for the private key", key->path, true,
                             "give one with --passout fd:N or --passout file:PATH, or keep the "
                             "key open to whoever reads it with --no-passphrase"))
        return NULL;
    if (run->passout.text[0] != '\0')
        return run->passout.text;
    shim_error("the passphrase is empty; to keep the private key without one, say "
               "--no-passphrase");
    return NULL;
}

static bool encode(struct shim_uploading *run, struct shim_given_key *key,
                   struct sp_private_key *encoded)
{
    bool plain;
    const char *pass;

    if (key->exported.pkcs8 != NULL || key->exported.uri != NULL) {
        *encoded = key->exported;
        key->exported = (struct sp_private_key){ 0 };
        return true;
    }
    if (key->as_exported)
        return shim_key_encode(key->key, NULL, encoded);
    if (key->uri != NULL) {
        if (!shim_uploading_may_replace(run, key, NULL))
            return false;
        *encoded = (struct sp_private_key){ .uri = OPENSSL_strdup(key->uri) };
        return encoded->uri != NULL;
    }
    pass = pass_for(run, key, &plain);
    if (pass == NULL && !plain) {
        run->outcome.fault = SHIM_INPUT;
        return false;
    }
    if (!shim_uploading_may_replace(run, key, pass))
        return false;
    if (plain)
        shim_error("the private key of %s is kept without a passphrase: whoever can read %s "
                   "can sign with it",
                   key->path, run->shim->keyring_path);
    if (shim_key_encode(key->key, pass, encoded))
        return true;
    run->outcome.fault = shim_no_memory();
    return false;
}

static bool is_stored(struct shim_uploading *run, const unsigned char id[SP_SHA256_LENGTH])
{
    struct sp_private_key stored;
    int found = sp_keyring_key(run->keyring, id, &stored);

    if (found == 1)
        sp_private_key_clear(&stored);
    return found == 1;
}

static bool take_key(struct shim_uploading *run, struct shim_given_key *key)
{
    struct sp_private_key encoded;
    bool allowed = true;

    shim_uploading_at(run, key->path, key->number);
    if (key->key != NULL) {
        allowed = shim_uploading_judged(
            run, smimepolicy_evaluate_key(run->settings, key->key, NULL, NULL));
        if (!allowed || !shim_given_key_name(key))
            return true;
    }
    if (!find_owner(run, key, &allowed))
        return false;
    if (!allowed || (key->as_exported && is_stored(run, key->id)))
        return true;
    if (!encode(run, key, &encoded))
        return false;
    run->keys_added++;
    return sp_upload_add_key(run->upload, key->id, &encoded) || shim_uploading_failed(run);
}

bool shim_uploading_has_key(struct shim_uploading *run, const unsigned char id[SP_SHA256_LENGTH])
{
    for (const struct shim_given_key *key = run->keys; key != NULL; key = key->next)
        if (memcmp(key->id, id, SP_SHA256_LENGTH) == 0)
            return true;
    return is_stored(run, id);
}

static void require_key(struct shim_uploading *run, const struct sp_record *record)
{
    X509 *cert = sp_record_cert(record);
    struct sp_facts *facts = cert == NULL ? NULL : sp_facts_new(cert);

    shim_uploading_at(run, NULL, 0);
    (void)shim_uploading_judged(
        run, facts == NULL ? NULL
                           : sp_judge_upload(facts,
                                             &(struct sp_assigned_role){ SP_ROLE_IDENTITY,
                                                                         SP_ROLE_FROM_USER, false },
                                             run->now, run->settings));
    sp_facts_free(facts);
    X509_free(cert);
}

/* With --as identity every certificate must have its key. */
static bool require_keys(struct shim_uploading *run)
{
    struct sp_cursor *cursor = sp_upload_all(run->upload);
    struct sp_record record;
    int found = -1;

    while (cursor != NULL && (found = sp_cursor_next(cursor, &record)) == 1) {
        if (!shim_uploading_has_key(run, record.key))
            require_key(run, &record);
        sp_record_clear(&record);
    }
    sp_cursor_free(cursor);
    return found == 0 || shim_uploading_failed(run);
}

/* Take a key by its URI.  If it can be loaded it must be the right one. */
static bool take_uri(struct shim_uploading *run)
{
    const char *uri = run->options->key_uri;
    struct shim_secret secret = { .pass = run->reading.pass.text };
    struct shim_loaded loaded = { 0 };
    struct shim_given_key key = { .uri = uri };
    bool done = true;

    key.path = OPENSSL_strdup(uri);
    if (strncmp(uri, "file:", 5) == 0) {
        if (shim_load(uri, WANT_KEY, &secret, &loaded) != LOADED) {
            shim_error("cannot read the private key %s: %s; correct the path, or --passin", uri,
                       loaded.why != NULL ? loaded.why : "it holds none, or needs a passphrase");
            run->outcome.fault = SHIM_INPUT;
            done = false;
        }
        key.key = loaded.key;
    } else if (run->first_client != NULL) {
        struct sp_keyid id = sp_keyid_of_cert(NULL, run->first_client);

        memcpy(key.id, id.hash, sizeof(key.id));
        shim_error("%s is not looked at: that it is the key of the certificate shows when it "
                   "signs",
                   uri);
    }
    if (done && key.path != NULL)
        done = take_key(run, &key);
    OPENSSL_free(key.path);
    shim_loaded_clear(&loaded);
    return done;
}

/* What `export` called an identity, and what it locked. */
static void tell_exported(struct shim_uploading *run, size_t locked)
{
    for (const struct shim_undecided *u = run->identities; u != NULL; u = u->next) {
        struct sp_keyid id = sp_keyid_of_cert(NULL, u->cert);

        if (!id.known || !shim_uploading_has_key(run, id.hash))
            shim_error("note: %s, part %u: an identity without its private key is kept as a "
                       "contact",
                       u->path, u->number);
    }
    if (locked > 0)
        shim_error("note: %zu private key%s encrypted and could not be compared with %s", locked,
                   locked == 1 ? " is" : "s are",
                   locked == 1 ? "its certificate" : "their certificates");
}

bool shim_uploading_keys(struct shim_uploading *run)
{
    size_t locked = 0;

    for (struct shim_given_key *key = run->keys; key != NULL; key = key->next) {
        locked += key->exported.encrypted;
        if (!take_key(run, key))
            return false;
    }
    tell_exported(run, locked);
    if (run->options->key_uri != NULL && !take_uri(run))
        return false;
    return run->as != SP_ROLE_IDENTITY || require_keys(run);
}
