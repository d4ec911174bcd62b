/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Importing a certificate with the private key behind it: it is judged as for an
 * upload, and stored with its old role and date.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/importing.h"

void shim_pending_clear(struct shim_pending *pending)
{
    X509_free(pending->cert);
    sp_facts_free(pending->facts);
    sp_private_key_clear(&pending->private_key);
    EVP_PKEY_free(pending->plain);
    *pending = (struct shim_pending){ 0 };
}

bool shim_import_refused(const struct shim_importing *importing)
{
    return importing->outcome.denied && importing->shim->settings->mode != SP_MODE_OBSERVE;
}

static bool came(const struct shim_picks *keys, const unsigned char *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->each[i], key, SP_SHA256_LENGTH) == 0)
            return true;
    return false;
}

static bool is_stored(struct shim_importing *importing, int *code)
{
    struct sp_private_key key;
    int found = sp_keyring_key(importing->keyring, importing->pending.key, &key);

    sp_private_key_clear(&key);
    if (found < 0)
        *code = shim_keyring_failed(importing->keyring);
    return found == 1;
}

/* Print "FILE: line 7: WHAT contact 0123456789abcdef bob@example.org (CN=Bob)". */
static int tell(struct shim_importing *importing, FILE *to, enum sp_role role, const char *what)
{
    struct shim_pending *pending = &importing->pending;
    struct shim_entry entry = { .cert = pending->cert, .facts = pending->facts };
    char *line = NULL;

    entry.record.role = role;
    memcpy(entry.record.fingerprint, pending->fingerprint, SP_SHA256_LENGTH);
    if (sp_judge_stored(pending->facts, role, importing->now, importing->shim->settings,
                        &entry.stored))
        line = shim_entry_line(&entry);
    if (line != NULL)
        shim_print(to, "%s: line %zu: %s: %s\n", importing->path, pending->line, what, line);
    sp_stored_verdicts_clear(&entry.stored);
    OPENSSL_free(line);
    return line != NULL ? SHIM_OK : shim_no_memory();
}

/* Settle the role.  An identity without its key becomes a contact. */
static int settle_role(struct shim_importing *importing, bool has_key)
{
    struct shim_pending *pending = &importing->pending;

    if (pending->role == SP_ROLE_NONE)
        pending->role = sp_role_of(pending->facts, has_key);
    if (pending->role != SP_ROLE_IDENTITY || has_key)
        return SHIM_OK;
    pending->role = SP_ROLE_CONTACT;
    return tell(importing, stderr, SP_ROLE_CONTACT,
                "note: an identity without its private key is kept as a contact");
}

/* Judge whether the key belongs to the certificate, which was read without decoding its own. */
static smimepolicy_verdict *judge_key(const struct shim_importing *importing)
{
    const struct shim_pending *pending = &importing->pending;
    unsigned char *der = NULL;
    int length = i2d_X509(pending->cert, &der);
    const unsigned char *end = der;
    X509 *whole = length > 0 ? d2i_X509(NULL, &end, length) : NULL;
    smimepolicy_verdict *verdict = NULL;

    if (whole != NULL)
        verdict = smimepolicy_evaluate_key(importing->shim->settings, pending->plain, whole, NULL);
    X509_free(whole);
    OPENSSL_free(der);
    return verdict;
}

static void judge(struct shim_importing *importing, enum sp_role_source source, bool has_key)
{
    struct shim_pending *pending = &importing->pending;

    importing->outcome.file = importing->path;
    shim_outcome_add(&importing->outcome,
                     sp_judge_upload(pending->facts,
                                     &(struct sp_assigned_role){ pending->role, source, has_key },
                                     importing->now, importing->shim->settings));
    if (pending->plain != NULL)
        shim_outcome_add(&importing->outcome, judge_key(importing));
}

static int add_cert(struct shim_importing *importing, bool as_told)
{
    struct shim_pending *pending = &importing->pending;
    enum sp_role stored_as;
    enum sp_added added;

    sp_upload_at(importing->upload, pending->uploaded);
    added = sp_upload_add(importing->upload, pending->cert, pending->facts, pending->role, as_told,
                          &stored_as);
    if (added == SP_ADD_FAILED)
        return shim_keyring_failed(importing->keyring);
    if (added != SP_ADD_AGAIN) {
        importing->certificates++;
        return SHIM_OK;
    }
    importing->known++;
    return tell(importing, stdout, pending->role, "twice in what is imported");
}

static int add_key(struct shim_importing *importing)
{
    struct shim_pending *pending = &importing->pending;

    if (!pending->has_key)
        return SHIM_OK;
    importing->private_keys++;
    importing->encrypted += pending->private_key.encrypted;
    return sp_upload_add_key(importing->upload, pending->key, &pending->private_key)
               ? SHIM_OK
               : shim_keyring_failed(importing->keyring);
}

static int take(struct shim_importing *importing)
{
    struct shim_pending *pending = &importing->pending;
    bool as_told = pending->role != SP_ROLE_NONE;
    int code = SHIM_OK;
    bool failed;
    enum sp_role stored = sp_keyring_role(importing->keyring, pending->fingerprint, &failed);
    bool key_stored = is_stored(importing, &code);
    bool has_key = pending->has_key || key_stored || came(&importing->keys, pending->key);

    if (failed)
        code = shim_keyring_failed(importing->keyring);
    if (pending->has_key && !shim_picks_add(&importing->keys, pending->key))
        code = shim_no_memory();
    if (code == SHIM_OK && stored == SP_ROLE_NONE)
        code = settle_role(importing, has_key);
    else if (stored != SP_ROLE_NONE)
        /* A contact that comes with its key becomes an identity, as by an upload. */
        pending->role = stored == SP_ROLE_CONTACT && has_key ? SP_ROLE_IDENTITY : stored;
    if (code != SHIM_OK)
        return code;
    judge(importing, as_told || stored != SP_ROLE_NONE ? SP_ROLE_FROM_USER : SP_ROLE_FROM_CONTENT,
          has_key);
    /*
     * The role is ambiguous, which is refused.  In observe mode it becomes a contact,
     * which vouches for no other.
     */
    if (pending->role == SP_ROLE_NONE)
        pending->role = SP_ROLE_CONTACT;
    if (key_stored)
        pending->has_key = false;
    if (shim_import_refused(importing))
        return importing->outcome.fault;
    if (stored != SP_ROLE_NONE) {
        importing->known++;
        code = tell(importing, stdout, stored, "stored already");
    } else {
        code = add_cert(importing, as_told);
    }
    return code == SHIM_OK ? add_key(importing) : code;
}

int shim_import_pending(struct shim_importing *importing)
{
    int code = importing->pending.cert == NULL ? SHIM_OK : take(importing);

    shim_pending_clear(&importing->pending);
    return code != SHIM_OK ? code : importing->outcome.fault;
}
