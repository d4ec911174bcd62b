/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What `upload` tells, as it goes and at the end.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

/* How many certificates are named one by one in text; the rest is counted. */
#define NAMED_MAX 100
/* A ca vouches for these addresses, so they are shown, up to this number; more are counted. */
#define SHOWN_MAX 20

void shim_uploading_at(struct shim_uploading *run, const char *path, unsigned number)
{
    run->outcome.file = path;
    run->outcome.part = number;
}

bool shim_uploading_judged(struct shim_uploading *run, smimepolicy_verdict *verdict)
{
    bool allowed = verdict != NULL && smimepolicy_verdict_allowed(verdict);

    shim_outcome_add(&run->outcome, verdict);
    if (!allowed)
        run->refused++;
    return allowed || run->settings->mode == SP_MODE_OBSERVE;
}

bool shim_uploading_failed(struct shim_uploading *run)
{
    if (run->outcome.fault == SHIM_OK)
        run->outcome.fault = shim_keyring_failed(run->keyring);
    return false;
}

bool shim_uploading_no_memory(struct shim_uploading *run)
{
    run->outcome.fault = shim_no_memory();
    return false;
}

void shim_uploading_unreadable(struct shim_uploading *run, const struct shim_part *part,
                               const char *why)
{
    struct shim_part broken = { .path = part->path, .number = part->number, .why = why };

    run->unreadable++;
    /* What follows belongs to this part, and to none before it. */
    run->has_last = false;
    shim_part_tell(&broken, part->path, run->unread);
}

bool shim_uploading_taken(struct shim_uploading *run, const struct shim_part *part,
                          struct sp_facts *facts, enum sp_role role, bool already)
{
    bool named = run->json || run->taken_count < NAMED_MAX;
    struct shim_taken *taken = named ? OPENSSL_zalloc(sizeof(*taken)) : NULL;

    if (taken == NULL) {
        sp_facts_free(facts);
        return !named || shim_uploading_no_memory(run);
    }
    taken->facts = facts;
    taken->number = part->number;
    taken->key = sp_keyid_of_cert(NULL, part->cert);
    taken->role = role;
    taken->already = already;
    taken->path = OPENSSL_strdup(part->path);
    run->taken_count++;
    *run->last = taken;
    run->last = &taken->next;
    return (taken->path != NULL &&
            X509_digest(part->cert, EVP_sha256(), taken->fingerprint, NULL) == 1) ||
           shim_uploading_no_memory(run);
}

static void print_addresses(const struct sp_facts *facts)
{
    const char *address;
    size_t i = 0;

    for (; (address = sp_facts_address(facts, i)) != NULL; i++)
        if (i < SHOWN_MAX)
            shim_print(stdout, "%s%s", i > 0 ? ", " : "", address);
    if (i == 0)
        shim_print(stdout, "no address");
    if (i > SHOWN_MAX)
        shim_print(stdout, " and %zu more", i - SHOWN_MAX);
}

static void print_taken(const struct shim_uploading *run, const struct shim_taken *taken,
                        const char *role, const char *fingerprint)
{
    const char *subject = sp_facts_subject(taken->facts);

    shim_print(stdout, "%s as %s: ",
               taken->already ? "already there"
               : run->dry_run ? "would be stored"
                              : "stored",
               role != NULL ? role : "?");
    print_addresses(taken->facts);
    shim_print(stdout, " (%s, SHA-256 %.16s)\n", *subject != '\0' ? subject : "no subject",
               fingerprint);
}

static json_t *taken_json(const struct shim_taken *taken, const char *role, const char *fingerprint)
{
    return json_pack("{s:o, s:i, s:s, s:s?, s:o, s:s, s:s, s:s?}", "file",
                     sp_json_text(taken->path), "part", (int)taken->number, "fingerprint",
                     fingerprint, "address", sp_facts_address(taken->facts, 0), "addresses",
                     shim_addresses_json(taken->facts), "subject", sp_facts_subject(taken->facts),
                     "state", taken->already ? "already" : "stored", "role", role);
}

/*
 * The role of the certificate: in the keyring, where it is looked up, as a key may have come
 * after it; or with --dry-run what it would be.
 */
static enum sp_role role_of(struct shim_uploading *run, const struct shim_taken *taken,
                            bool *failed)
{
    if (!run->dry_run)
        return sp_keyring_role(run->keyring, taken->fingerprint, failed);
    for (const struct shim_waiting *key = run->keys; key != NULL; key = key->next)
        if (taken->role == SP_ROLE_CONTACT && key->taken && taken->key.known &&
            memcmp(key->id, taken->key.hash, SP_SHA256_LENGTH) == 0)
            return SP_ROLE_IDENTITY;
    return taken->role;
}

/* Print each certificate, or add it to |list|.  False if the role of one is not known. */
static bool tell_taken(struct shim_uploading *run, json_t *list)
{
    bool known = true;

    for (const struct shim_taken *taken = run->taken; taken != NULL; taken = taken->next) {
        char fingerprint[SP_FINGERPRINT_TEXT];
        bool failed = false;
        const char *role = sp_role_name(role_of(run, taken, &failed));

        known = known && !failed;
        sp_fingerprint_text(taken->fingerprint, fingerprint);
        if (list != NULL)
            json_array_append_new(list, taken_json(taken, role, fingerprint));
        else
            print_taken(run, taken, role, fingerprint);
    }
    return known;
}

static void print_text(const struct shim_uploading *run)
{
    shim_print(stdout, "%zu %sstored, %zu already there, %zu private key%s", run->added,
               run->dry_run ? "would be " : "", run->stored_before, run->keys_added,
               run->keys_added == 1 ? "" : "s");
    if (run->crl_count > 0)
        shim_print(stdout, ", %zu CRL%s", run->crls_taken, run->crls_taken == 1 ? "" : "s");
    if (run->refused + run->crls_refused + run->unreadable > 0)
        shim_print(stdout, "; %zu refused, %zu unreadable", run->refused + run->crls_refused,
                   run->unreadable);
    if (run->left_out > 0)
        shim_print(stdout, "; %zu left out", run->left_out);
    shim_print(stdout, " (keyring %s)\n", run->shim->keyring_path);
}

static int print_json(const struct shim_uploading *run, json_t *certificates, int code, bool done)
{
    return shim_json_keyring_report(
        run->shim, run->import != NULL ? "import" : "upload", code,
        json_pack("{s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:O, s:O, s:O}", "allowed",
                  run->refused + run->crls_refused == 0 && code == SHIM_OK, "dry_run", run->dry_run,
                  "done", done && !run->dry_run, "stored", done ? (json_int_t)run->added : 0,
                  "already", (json_int_t)run->stored_before, "refused",
                  (json_int_t)run->refused + (json_int_t)run->crls_refused, "left_out",
                  (json_int_t)run->left_out, "keys", done ? (json_int_t)run->keys_added : 0,
                  "certificates", certificates, "crls", shim_uploading_crls_json(run), "unreadable",
                  run->unread, "notes", run->notes, "verdicts", run->outcome.json));
}

int shim_uploading_report(struct shim_uploading *run, int code, bool done)
{
    json_t *certificates = run->json ? json_array() : NULL;

    /* It is stored, but cannot be reported completely. */
    if (done && !tell_taken(run, certificates))
        code = shim_keyring_failed(run->keyring);
    if (run->json)
        return print_json(run, certificates, code, done);
    if (done) {
        shim_uploading_crls_print(run);
        print_text(run);
    }
    return code;
}
