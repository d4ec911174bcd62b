/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzing: a file that is uploaded: certificates, bundles and private keys in
 * every form, encrypted under the passphrase "x" or not at all.  Then the same
 * bytes as the file of the passphrase.
 */
#include <string.h>

#include <openssl/err.h>

#include "common/shim.h"
#include "memory_file.h"
#include "tool/certs/certs.h"
#include "rules/rules.h"

#define NOW ((time_t)1701388800)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void judge_cert(X509 *cert)
{
    struct sp_facts *facts = sp_facts_new(cert);
    smimepolicy_settings *settings = smimepolicy_settings_new();

    for (int has_key = 0; facts != NULL && settings != NULL && has_key < 2; has_key++) {
        enum sp_role role = has_key != 0 ? SP_ROLE_IDENTITY : sp_role_of(facts);

        smimepolicy_verdict_free(sp_judge_upload(
            facts, &(struct sp_assigned_role){ role, SP_ROLE_FROM_CONTENT, has_key != 0 }, NOW,
            settings));
    }
    smimepolicy_settings_free(settings);
    sp_facts_free(facts);
}

/* A part has exactly one of the five. */
static bool take(const struct shim_part *part, void *arg)
{
    (void)arg;
    if ((part->cert != NULL) + (part->key != NULL) + (part->crl != NULL) + (part->why != NULL) +
            (part->note != NULL) !=
        1)
        abort();
    if (part->cert != NULL)
        judge_cert(part->cert);
    if (part->key != NULL)
        smimepolicy_verdict_free(smimepolicy_evaluate_key(NULL, part->key, NULL, NULL));
    return true;
}

/* Only the first line is read. */
static void read_passphrase(const unsigned char *data, size_t size)
{
    struct shim_passphrase pass = { 0 };
    char source[64];

    (void)snprintf(source, sizeof(source), "file:%s", sp_memory_file(data, size));
    if (shim_passphrase_read(&pass, "passin", source) != SHIM_OK ||
        strchr(pass.text, '\n') != NULL ||
        strncmp(pass.text, (const char *)data, strlen(pass.text)) != 0)
        abort();
    shim_passphrase_clear(&pass);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct shim_reading_parts reading = { .each = take, .crls = true };

    reading.pass = (struct shim_passphrase){ OPENSSL_strdup("x"), true };
    (void)shim_parts_read(&reading, sp_memory_file(data, size));
    shim_passphrase_clear(&reading.pass);
    read_passphrase(data, size);
    ERR_clear_error();
    return 0;
}
