/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The functions of a keyring, which call those of the storage that it is in.
 */
#include "keyring/keyring.h"

#include <string.h>

#include <openssl/crypto.h>

#include "keyring/storage.h"

/* One row for each.  What is in no other is in the first, or will be made there. */
static const struct sp_storage *const storages[] = { &sp_sqlite_storage };

#define STORAGES (sizeof(storages) / sizeof(storages[0]))

/* The storage of the keyring in |path|. */
static const struct sp_storage *storage_of(const char *path)
{
    for (size_t i = 1; i < STORAGES; i++)
        if (storages[i]->exists(path))
            return storages[i];
    return storages[0];
}

bool sp_keyring_exists(const char *path)
{
    return storage_of(path)->exists(path);
}

bool sp_keyring_is_own(const char *path, char **why)
{
    return storage_of(path)->is_own(path, why);
}

bool sp_keyring_keys_readable(const char *path)
{
    return storage_of(path)->keys_readable(path);
}

struct sp_keyring *sp_keyring_open(const char *path, enum sp_access access, char **why)
{
    return storage_of(path)->open(path, access, why);
}

void sp_keyring_close(struct sp_keyring *keyring)
{
    if (keyring != NULL)
        keyring->storage->close(keyring);
}

const char *sp_keyring_why(const struct sp_keyring *keyring)
{
    return keyring->storage->why(keyring);
}

X509 *sp_record_cert(const struct sp_record *record)
{
    const unsigned char *der = record->der;

    return d2i_X509_AUX(NULL, &der, (long)record->der_length);
}

X509 *sp_record_cert_without_key(const struct sp_record *record)
{
    const unsigned char *der = record->der;
    X509 *cert = sp_cert_without_key(&der, (long)record->der_length);

    if (der == record->der + record->der_length)
        return cert;
    /* It has trust settings. */
    X509_free(cert);
    return sp_record_cert(record);
}

void sp_record_clear(struct sp_record *record)
{
    OPENSSL_free(record->der);
    *record = (struct sp_record){ 0 };
}

struct sp_cursor *sp_keyring_find(struct sp_keyring *keyring, const struct sp_query *query)
{
    return keyring->storage->find(keyring, query);
}

int sp_cursor_next(struct sp_cursor *cursor, struct sp_record *record)
{
    return cursor->storage->next(cursor, record);
}

void sp_cursor_free(struct sp_cursor *cursor)
{
    if (cursor != NULL)
        cursor->storage->end(cursor);
}

struct sp_standing sp_keyring_standing(struct sp_keyring *keyring,
                                       const unsigned char fingerprint[SP_SHA256_LENGTH],
                                       bool *failed)
{
    return keyring->storage->standing(keyring, fingerprint, failed);
}

enum sp_role sp_keyring_role(struct sp_keyring *keyring,
                             const unsigned char fingerprint[SP_SHA256_LENGTH], bool *failed)
{
    return sp_keyring_standing(keyring, fingerprint, failed).role;
}

bool sp_keyring_count(struct sp_keyring *keyring, int64_t counts[SP_ROLE_COUNT])
{
    return keyring->storage->count(keyring, counts);
}

int sp_keyring_key(struct sp_keyring *keyring, const unsigned char key[SP_SHA256_LENGTH],
                   struct sp_private_key *private_key)
{
    return keyring->storage->key(keyring, key, private_key);
}

int sp_keyring_change_key(struct sp_keyring *keyring, const unsigned char key[SP_SHA256_LENGTH],
                          const struct sp_private_key *was, const struct sp_private_key *now)
{
    return keyring->storage->change_key(keyring, key, was, now);
}

void sp_private_key_clear(struct sp_private_key *key)
{
    OPENSSL_clear_free(key->pkcs8, key->length);
    OPENSSL_free(key->uri);
    OPENSSL_free(key->request);
    *key = (struct sp_private_key){ 0 };
}

bool sp_keyring_remove(struct sp_keyring *keyring,
                       const unsigned char (*fingerprints)[SP_SHA256_LENGTH], size_t count)
{
    return keyring->storage->remove(keyring, fingerprints, count);
}

bool sp_keyring_check(struct sp_keyring *keyring, sp_tell_fn *tell, void *data,
                      struct sp_checked *checked)
{
    return keyring->storage->check(keyring, tell, data, checked);
}

bool sp_keyring_backup(struct sp_keyring *keyring, const char *path, sp_step_fn *step)
{
    return keyring->storage->backup(keyring, path, step);
}

struct sp_upload *sp_upload_begin(struct sp_keyring *keyring)
{
    return keyring->storage->upload(keyring);
}

enum sp_added sp_upload_add(struct sp_upload *upload, const X509 *cert,
                            const struct sp_facts *facts, enum sp_role role, bool overrides,
                            enum sp_role *stored_as)
{
    return upload->storage->add(upload, cert, facts, role, overrides, stored_as);
}

void sp_upload_at(struct sp_upload *upload, int64_t when)
{
    upload->storage->at(upload, when);
}

void sp_upload_origin(struct sp_upload *upload, enum sp_origin origin)
{
    upload->storage->origin(upload, origin);
}

void sp_upload_only_for(struct sp_upload *upload, const char *addresses)
{
    upload->storage->only_for(upload, addresses);
}

struct sp_cursor *sp_upload_find(struct sp_upload *upload,
                                 const unsigned char key[SP_SHA256_LENGTH])
{
    return upload->storage->find_staged(upload,
                                        &(struct sp_query){ .index = SP_BY_KEY, .hash = key });
}

struct sp_cursor *sp_upload_find_cas(struct sp_upload *upload, const X509_NAME *name)
{
    return upload->storage->find_staged(
        upload, &(struct sp_query){
                    .index = SP_BY_SUBJECT, .name = name, .roles = SP_ROLE_BIT(SP_ROLE_CA) });
}

struct sp_cursor *sp_upload_all(struct sp_upload *upload)
{
    return upload->storage->find_staged(upload, &(struct sp_query){ .index = SP_ALL });
}

bool sp_upload_add_key(struct sp_upload *upload, const unsigned char key[SP_SHA256_LENGTH],
                       struct sp_private_key *private_key)
{
    return upload->storage->add_key(upload, key, private_key);
}

void sp_hub_clear(struct sp_hub *hub)
{
    OPENSSL_free(hub->realm);
    OPENSSL_free(hub->epoch);
    OPENSSL_free(hub->anchors);
    OPENSSL_free(hub->crls);
    *hub = (struct sp_hub){ 0 };
}

bool sp_keyring_hub(struct sp_keyring *keyring, struct sp_hub *hub)
{
    *hub = (struct sp_hub){ 0 };
    return keyring->storage->hub(keyring, hub);
}

int sp_keyring_members(struct sp_keyring *keyring, const unsigned char *after,
                       struct sp_member *members, int room)
{
    unsigned char from[SP_SHA256_LENGTH];

    if (after == NULL)
        return keyring->storage->members(keyring, NULL, members, room);
    memcpy(from, after, SP_SHA256_LENGTH);
    for (size_t i = SP_SHA256_LENGTH; i-- > 0;)
        if (++from[i] != 0)
            return keyring->storage->members(keyring, from, members, room);
    return 0;
}

int sp_keyring_member(struct sp_keyring *keyring, const unsigned char fingerprint[SP_SHA256_LENGTH],
                      struct sp_member *member)
{
    int found = keyring->storage->members(keyring, fingerprint, member, 1);

    return found == 1 ? memcmp(member->fingerprint, fingerprint, SP_SHA256_LENGTH) == 0 : found;
}

void sp_upload_member(struct sp_upload *upload, const struct sp_member *member)
{
    upload->storage->member(upload, member);
}

bool sp_upload_leave(struct sp_upload *upload, const unsigned char fingerprint[SP_SHA256_LENGTH],
                     bool with_key)
{
    return upload->storage->leave(upload, fingerprint, with_key);
}

bool sp_upload_relabel(struct sp_upload *upload, const unsigned char fingerprint[SP_SHA256_LENGTH],
                       enum sp_origin origin)
{
    return upload->storage->relabel(upload, fingerprint, origin);
}

void sp_upload_hub(struct sp_upload *upload, const struct sp_hub *hub)
{
    upload->storage->reach(upload, hub);
}

void sp_upload_hand_over(struct sp_upload *upload)
{
    upload->storage->hand_over(upload);
}

bool sp_upload_found_by(struct sp_upload *upload, const struct sp_record *record, char **addresses)
{
    return upload->storage->found_by(upload, record, addresses);
}

bool sp_upload_keys(struct sp_upload *upload, sp_key_fn *each, void *data)
{
    return upload->storage->keys(upload, each, data);
}

bool sp_upload_commit(struct sp_upload *upload)
{
    return upload->storage->commit(upload);
}

void sp_upload_free(struct sp_upload *upload)
{
    if (upload != NULL)
        upload->storage->forget(upload);
}
