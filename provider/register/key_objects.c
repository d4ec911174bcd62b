/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The key objects of the backend, found by their address.
 */
#include "register/register.h"

#include "register/key_table.h"
#include "register/locks.h"
#include "register/prints.h"

void sp_keys_loaded(const void *address, bool has_private, OSSL_FUNC_keymgmt_export_fn *export_key)
{
    struct sp_key key = { .address = address, .loaded = true };
    struct sp_cert *pending = sp_threads_pending();

    key.before_us = !has_private && !sp_register_saw_birth();
    if (pending != NULL && !has_private &&
        sp_cert_set_own_key(pending, address, export_key, &key.proved))
        key.own = sp_cert_ref(pending);
    sp_key_note(&key);
    /* A second key means that the certificate of the first one is complete. */
    if (key.own == NULL)
        sp_thread_event();
    sp_cert_unref(pending);
}

void sp_keys_generated(const void *address)
{
    sp_key_note(&(struct sp_key){ .address = address, .generated = true });
}

/*
 * The certificate whose own key |address| is, or NULL, and what else is known of the
 * key.  The first call compares the ids.
 */
static struct sp_cert *owner_of(const void *address, OSSL_FUNC_keymgmt_export_fn *export_key,
                                struct sp_key *news)
{
    struct sp_keyid id;

    sp_key_news(address, news);
    if (news->own == NULL || news->proved)
        return news->own;
    id = sp_keyid_of_key(sp_register_sha256(), export_key, address);
    if (sp_cert_has_other_key(news->own, &id)) {
        sp_keys_disown(address, news->own);
        sp_cert_unref(news->own);
        news->own = NULL;
    } else if (id.known) {
        sp_key_note_proof(address, news->own);
    }
    return news->own;
}

bool sp_keys_was_generated(const void *address)
{
    struct sp_key news;

    sp_key_news(address, &news);
    sp_cert_unref(news.own);
    return news.generated;
}

bool sp_keys_was_loaded(const void *address)
{
    struct sp_key news;

    sp_key_news(address, &news);
    sp_cert_unref(news.own);
    return news.loaded;
}

void sp_keys_matched(const void *a, const void *b, OSSL_FUNC_keymgmt_export_fn *export_key)
{
    struct sp_key a_news, b_news;
    struct sp_cert *cert_a = owner_of(a, export_key, &a_news);
    struct sp_cert *cert_b = owner_of(b, export_key, &b_news);
    struct sp_cert *cert = cert_a != NULL ? cert_a : cert_b;
    const void *private_key = cert_a != NULL ? b : a;
    bool before_us = a_news.before_us || b_news.before_us;
    struct sp_key *key;

    /* Both keys belong to certificates, so this says nothing about a private key. */
    if ((cert != NULL && (cert_a == NULL || cert_b == NULL)) || (cert == NULL && before_us)) {
        if (cert == NULL)
            private_key = a_news.before_us ? b : a;
        /* Its own key has come to a gate, so the parse is over, in whatever thread it was. */
        if (cert != NULL) {
            (void)sp_cert_settle(cert);
            atomic_store(&cert->was_compared, true);
        }
        sp_lock(sp_shard_of(private_key));
        key = sp_key_find_or_add(private_key);
        if (key != NULL && cert == NULL)
            key->before_us = true;
        if (key == NULL || (cert != NULL && !sp_compared_add(&key->compared, cert)))
            key = NULL;
        sp_unlock(sp_shard_of(private_key));
        if (key == NULL)
            sp_register_failed();
    }
    sp_cert_unref(cert_a);
    sp_cert_unref(cert_b);
}

void sp_keys_signed(const void *address, struct sp_owners *owners, bool allowed,
                    const struct sp_piece *what)
{
    struct sp_certs judged = { owners->certs, owners->count };
    struct sp_key *key = NULL;

    if (owners->via == SP_VIA_MATCH) {
        sp_lock(sp_shard_of(address));
        key = sp_key_find(address);
        if (key != NULL)
            sp_compared_conclude(&key->compared, &judged, allowed, what);
        sp_unlock(sp_shard_of(address));
    }
    sp_certs_clear(&judged);
    *owners = (struct sp_owners){ 0 };
}

bool sp_keys_depends(const void *address)
{
    const struct sp_key *key;
    bool depends;

    sp_lock(sp_shard_of(address));
    key = sp_key_find(address);
    depends = key != NULL && sp_compared_depends(&key->compared);
    sp_unlock(sp_shard_of(address));
    return depends;
}

void sp_keys_note_signed(const void *address, const struct sp_piece *what)
{
    struct sp_key *key;

    sp_lock(sp_shard_of(address));
    key = sp_key_find(address);
    if (key != NULL)
        sp_compared_note(&key->compared, what);
    sp_unlock(sp_shard_of(address));
}

/* Add references to the certificates it was compared with; false if out of memory. */
static bool compared_with(const void *address, const struct sp_piece *what,
                          struct sp_owners *owners)
{
    struct sp_certs found = { 0 };
    bool done = true;
    struct sp_key *key;

    sp_lock(sp_shard_of(address));
    key = sp_key_find(address);
    if (key != NULL)
        done = sp_compared_find(&key->compared, what, &found);
    sp_unlock(sp_shard_of(address));
    if (!done)
        sp_certs_clear(&found);
    owners->certs = found.certs;
    owners->count = found.count;
    return done;
}

bool sp_owners_find_equal(struct sp_owners *owners, const void *address,
                          OSSL_FUNC_keymgmt_export_fn *export_key)
{
    struct sp_keyid id = sp_keyid_of_key(sp_register_sha256(), export_key, address);
    int found;

    *owners = (struct sp_owners){ .via = SP_VIA_FINGERPRINT };
    found = id.known ? sp_prints_find(&id, &owners->certs) : -1;
    owners->count = found > 0 ? (size_t)found : 0;
    return found >= 0;
}

bool sp_owners_find(struct sp_owners *owners, const void *address,
                    OSSL_FUNC_keymgmt_export_fn *export_key, const struct sp_piece *what)
{
    struct sp_keyid id;
    struct sp_cert *own;
    struct sp_key news;
    int found;

    *owners = (struct sp_owners){ .via = SP_VIA_MATCH };
    if (!compared_with(address, what, owners))
        return false;
    if (owners->count > 0)
        return true;
    own = owner_of(address, export_key, &news);
    if (own != NULL) {
        owners->via = SP_VIA_OWN_KEY;
        owners->certs = OPENSSL_malloc(sizeof(*owners->certs));
        if (owners->certs == NULL) {
            sp_cert_unref(own);
            return false;
        }
        (void)sp_cert_settle(own);
        owners->certs[owners->count++] = own;
        return true;
    }
    id = sp_keyid_of_key(sp_register_sha256(), export_key, address);
    found = id.failed ? -1 : 0;
    if (id.known)
        found = sp_prints_find(&id, &owners->certs);
    owners->count = found > 0 ? (size_t)found : 0;
    owners->via = SP_VIA_FINGERPRINT;
    if (owners->count == 0)
        owners->via = news.before_us ? SP_VIA_FIRST : SP_VIA_NONE;
    return found >= 0;
}

void sp_owners_free(struct sp_owners *owners)
{
    for (size_t i = 0; i < owners->count; i++)
        sp_cert_unref(owners->certs[i]);
    OPENSSL_free(owners->certs);
    *owners = (struct sp_owners){ 0 };
}
