/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and keys of an upload, judged and added.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "json_text.h"
#include "keyring_at.h"
#include "load.h"
#include "rules.h"
#include "uploading.h"

/* More are counted, and not named one by one. */
#define NAMED_MAX 100

static void note(struct shim_uploading *run, const struct shim_part *part,
                 const unsigned char *fingerprint, const struct sp_facts *facts,
                 enum sp_added added)
{
    char text[SHIM_FINGERPRINT_TEXT];
    const char *address = sp_facts_address(facts, 0);

    if (!run->options->json && json_array_size(run->certificates) >= NAMED_MAX)
        return;
    shim_fingerprint_text(fingerprint, text);
    json_array_append_new(
        run->certificates,
        json_pack("{s:o, s:i, s:s, s:s?, s:s, s:s}", "file", sp_json_text(part->path), "part",
                  (int)part->number, "fingerprint", text, "address", address, "subject",
                  sp_facts_subject(facts), "state", added == SP_ADD_STORED ? "already" : "stored"));
}

static bool add(struct shim_uploading *run, const struct shim_part *part,
                const struct sp_facts *facts, enum sp_role role)
{
    unsigned char fingerprint[SP_SHA256_LENGTH];
    unsigned int length = 0;
    enum sp_role kept;
    enum sp_added added =
        sp_upload_add(run->upload, part->cert, facts, role, run->as != SP_ROLE_NONE, &kept);

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
 * Whether it has a private key shows when all parts were read: until then it
 * is a contact's, for which the rules are the same.
 */
bool shim_uploading_cert(struct shim_uploading *run, const struct shim_part *part)
{
    struct sp_facts *facts = sp_facts_new(part->cert);
    enum sp_role role = facts == NULL ? SP_ROLE_NONE : sp_role_of(facts, false);
    bool done = facts != NULL;

    if (run->as == SP_ROLE_CA || run->as == SP_ROLE_CONTACT)
        role = run->as;
    else if (run->as == SP_ROLE_IDENTITY)
        role = SP_ROLE_CONTACT;
    if (facts == NULL)
        run->outcome.fault = shim_no_memory();
    shim_uploading_at(run, part->path, part->number);
    if (done &&
        shim_uploading_judged(run, sp_judge_upload(facts, role, false, run->now, run->settings)))
        done = add(run, part, facts, role);
    /* Parsed anew: keys are compared with its own. */
    if (run->first_client == NULL && role != SP_ROLE_CA)
        run->first_client = X509_dup(part->cert);
    sp_facts_free(facts);
    return done;
}

bool shim_uploading_key(struct shim_uploading *run, const struct shim_part *part)
{
    struct shim_given_key *key = OPENSSL_zalloc(sizeof(*key));
    struct shim_given_key **end = &run->keys;

    if (key != NULL && EVP_PKEY_up_ref(part->key) == 1)
        key->key = part->key;
    if (key != NULL) {
        key->path = OPENSSL_strdup(part->path);
        key->number = part->number;
        key->pass = part->pass == NULL ? NULL : OPENSSL_strdup(part->pass);
    }
    while (*end != NULL)
        end = &(*end)->next;
    *end = key;
    if (key != NULL && key->path != NULL)
        return true;
    run->outcome.fault = shim_no_memory();
    return false;
}

void shim_uploading_free_keys(struct shim_uploading *run)
{
    while (run->keys != NULL) {
        struct shim_given_key *next = run->keys->next;

        EVP_PKEY_free(run->keys->key);
        if (run->keys->pass != NULL)
            OPENSSL_clear_free(run->keys->pass, strlen(run->keys->pass));
        OPENSSL_free(run->keys->path);
        OPENSSL_free(run->keys);
        run->keys = next;
    }
}
