/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "base/text.h"
#include "tool/crls/crls.h"
#include "tool/crls/stored_crls.h"
#include "tool/keyring/keyring_at.h"

/* What lies beside the CRLs in their form. */
#define NO_CRL (SP_CRL_ISSUER | SP_CRL_OCSP)
/* A CRL ends soon within this time, and within the last quarter of its own. */
#define SOON (2 * INT64_C(86400))

bool shim_crl_name(const unsigned char key[SP_SHA256_LENGTH], uint64_t issuer, unsigned scope,
                   uint64_t part, bool delta, unsigned char name[SP_SHA256_LENGTH])
{
    const uint64_t numbers[] = { htobe64(issuer), htobe64(scope), htobe64(part), htobe64(delta) };
    const struct sp_piece pieces[] = { { key, SP_SHA256_LENGTH },
                                       { numbers, sizeof(numbers) },
                                       { NULL, 0 } };

    return sp_sha256(NULL, pieces, name);
}

static int compare_name(const void *name, const void *crl)
{
    return memcmp(name, ((const struct sp_hub_crl *)crl)->name, SP_SHA256_LENGTH);
}

const struct sp_hub_crl *shim_crl_on_hub(const struct sp_hub *hub,
                                         const unsigned char name[SP_SHA256_LENGTH])
{
    return hub->crl_count == 0
               ? NULL
               : bsearch(name, hub->crls, hub->crl_count, sizeof(*hub->crls), compare_name);
}

bool shim_crl_is_of_hub(const struct sp_hub *hub, const struct sp_crl_file *file)
{
    const struct sp_hub_crl *found;
    unsigned char name[SP_SHA256_LENGTH];

    for (int delta = 0; hub->crl_count > 0 && file->damage == NULL && delta <= 1; delta++) {
        if (!shim_crl_name(file->key, file->name, file->about.scope, file->about.part, delta == 1,
                           name)) {
            (void)shim_no_memory();
            return false;
        }
        found = shim_crl_on_hub(hub, name);
        if (found != NULL && found->state != SP_HUB_CRL_GONE &&
            memcmp(found->content, file->about.content, SP_SHA256_LENGTH) == 0)
            return true;
    }
    return false;
}

enum shim_crl_freshness shim_crl_state(const struct sp_crl_file *file, time_t at)
{
    const int64_t left = file->about.next_update - at;

    if (file->damage != NULL)
        return SHIM_CRL_DAMAGED;
    if (left < 0)
        return SHIM_CRL_STALE;
    return left < SOON && left < (file->about.next_update - file->about.this_update) / 4
               ? SHIM_CRL_ENDS
               : SHIM_CRL_FRESH;
}

const char *shim_crl_state_name(const struct shim_stored_crl *crl)
{
    static const char *const names[] = { "fresh", "ends", "stale", "damaged" };

    return names[crl->state];
}

struct walk {
    struct sp_keyring *keyring;
    struct sp_hub hub; /* owned */
    shim_stored_crl_fn *take;
    void *data;
    time_t now;
    int code;
};

static char *issuer_text(const struct sp_crl_file *file)
{
    const unsigned char *der = file->cert;
    X509 *cert = sp_cert_without_key(&der, (long)file->cert_length);
    char *text = cert == NULL ? OPENSSL_strdup("?") : sp_name_text(X509_get_subject_name(cert));

    X509_free(cert);
    return text;
}

/* Is a CA with this key stored? */
static int find_issuer(struct sp_keyring *keyring, const struct sp_crl_file *file, bool *found)
{
    const struct sp_query query = { .index = SP_BY_KEY,
                                    .hash = file->key,
                                    .roles = SP_ROLE_BIT(SP_ROLE_CA) |
                                             SP_ROLE_BIT(SP_ROLE_INTERMEDIATE) };
    struct shim_records records = { .cursor = sp_keyring_find(keyring, &query) };

    *found = shim_records_next(&records);
    shim_records_end(&records);
    return records.failed ? shim_keyring_failed(keyring) : SHIM_OK;
}

static bool take(const struct sp_crl_file *file, void *data)
{
    struct walk *walk = data;
    struct shim_stored_crl crl = { .file = file, .state = shim_crl_state(file, walk->now) };

    /* What is no CRL is told by what it does. */
    if (file->damage == NULL && (file->about.scope & NO_CRL) != 0)
        return true;
    if (crl.state != SHIM_CRL_DAMAGED)
        walk->code = find_issuer(walk->keyring, file, &crl.has_issuer);
    crl.is_of_hub = shim_crl_is_of_hub(&walk->hub, file);
    crl.issuer = crl.state != SHIM_CRL_DAMAGED ? issuer_text(file) : OPENSSL_strdup("?");
    if (walk->code == SHIM_OK)
        walk->code = crl.issuer == NULL ? shim_no_memory() : walk->take(&crl, walk->data);
    OPENSSL_free(crl.issuer);
    return walk->code == SHIM_OK;
}

int shim_stored_crls_each(const char *path, struct sp_keyring *keyring, time_t now,
                          shim_stored_crl_fn *taken, void *data)
{
    struct walk walk = { .keyring = keyring, .take = taken, .data = data, .now = now };
    char *why = NULL;

    if (!sp_keyring_hub(keyring, &walk.hub))
        walk.code = shim_keyring_failed(keyring);
    else if (!sp_crl_files_each(path, take, &walk, &why))
        walk.code = shim_keyring_fault(why);
    sp_hub_clear(&walk.hub);
    return walk.code;
}

char *shim_stored_crl_line(const struct shim_stored_crl *crl)
{
    char key[SP_FINGERPRINT_TEXT];

    if (crl->state == SHIM_CRL_DAMAGED)
        return sp_format("CRL %s", crl->file->path);
    sp_fingerprint_text(crl->file->key, key);
    return sp_format("CRL of %s (key %.16s)", crl->issuer, key);
}

char *shim_stored_crl_scope(const struct shim_stored_crl *crl)
{
    const unsigned scope = crl->file->about.scope;
    const bool part = (scope & (SP_CRL_REASONS | SP_CRL_PART)) != 0;
    const bool indirect = (scope & SP_CRL_INDIRECT) != 0;

    return sp_format("%s%s%s",
                     (scope & SP_CRL_USERS) != 0 ? "users"
                     : (scope & SP_CRL_CAS) != 0 ? "cas"
                                                 : "all",
                     part ? " (a part)" : "", indirect ? " (indirect)" : "");
}

json_t *shim_stored_crl_json(const struct shim_stored_crl *crl)
{
    const struct sp_crl_file *file = crl->file;
    const bool damaged = crl->state == SHIM_CRL_DAMAGED;
    const struct sp_crl_number of_it = shim_crl_number_of(&file->about);
    char *number = damaged ? NULL : shim_crl_number_text(&of_it);
    char *last = damaged ? NULL : sp_format_time((time_t)file->about.this_update);
    char *next = damaged ? NULL : sp_format_time((time_t)file->about.next_update);
    char *scope = damaged ? NULL : shim_stored_crl_scope(crl);
    char key[SP_FINGERPRINT_TEXT] = "";
    json_t *object;

    sp_fingerprint_text(file->key, key);
    object =
        json_pack("{s:o, s:s?, s:b, s:s, s:s?, s:s?, s:s?, s:s?, s:I, s:s, s:o, s:o}", "issuer",
                  damaged ? json_null() : sp_json_text(crl->issuer), "key", damaged ? NULL : key,
                  "issuer_stored", crl->has_issuer, "origin", crl->is_of_hub ? "hub" : "here",
                  "number", number, "this_update", last, "next_update", next, "scope", scope,
                  "entries", damaged ? (json_int_t)0 : (json_int_t)file->count, "state",
                  shim_crl_state_name(crl), "file", sp_json_text(file->path), "why",
                  damaged ? sp_json_text(file->damage) : json_null());
    OPENSSL_free(number);
    OPENSSL_free(last);
    OPENSSL_free(next);
    OPENSSL_free(scope);
    return object;
}

struct check {
    sp_tell_fn *tell;
    void *data;
    int64_t count, faults;
    bool failed;
};

static bool check_one(const struct sp_crl_file *file, void *data)
{
    struct check *check = data;
    char *why = file->damage == NULL ? NULL : OPENSSL_strdup(file->damage);
    bool sound = file->damage == NULL && sp_crl_file_check(file->path, &why);

    check->count += (file->about.scope & NO_CRL) == 0;
    if (!sound) {
        check->faults++;
        check->failed = why == NULL;
        if (why != NULL)
            check->tell(why, check->data);
    }
    OPENSSL_free(why);
    return !check->failed;
}

bool shim_crls_check(const char *path, sp_tell_fn *tell, void *data, int64_t *count,
                     int64_t *faults)
{
    struct check check = { .tell = tell, .data = data };
    char *why = NULL;
    bool done = sp_crl_files_each(path, check_one, &check, &why);

    if (!done)
        (void)shim_keyring_fault(why);
    else if (check.failed)
        (void)shim_no_memory();
    *count = check.count;
    *faults += check.faults;
    return done && !check.failed;
}
