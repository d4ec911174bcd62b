/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy upload: puts certificates and private keys into the keyring.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "common/memory.h"
#include "common/progress.h"
#include "rules/rules.h"
#include "tool/crls/crls.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/uploading.h"

/* The value of --as for what `export` wrote. */
#define EXPORTED "exported"

static bool take_part(const struct shim_part *part, void *arg)
{
    struct shim_uploading *run = arg;
    bool more = true;

    run->parts++;
    shim_count_step();
    if (part->cert != NULL) {
        more = shim_uploading_cert(run, part);
    } else if (part->key != NULL) {
        more = shim_uploading_key(run, part);
    } else if (part->locked != NULL) {
        more = shim_uploading_locked(run, part);
    } else if (part->crl != NULL) {
        more = shim_uploading_crl(run, part);
    } else if (part->request != NULL) {
        more = shim_uploading_request(run, part);
    } else if (part->note != NULL) {
        shim_part_tell(part, part->path, run->notes);
    } else {
        shim_uploading_unreadable(run, part, part->why);
    }
    return more && run->outcome.fault == SHIM_OK;
}

static bool take_files(struct shim_uploading *run)
{
    bool more = run->import == NULL || shim_import_read(run);

    for (char **file = run->files; more && *file != NULL; file++) {
        size_t before = run->parts;

        run->has_last = false;
        more = shim_parts_read(&run->reading, *file);
        if (more && run->parts == before)
            more = take_part(&(struct shim_part){ .path = *file,
                                                  .why = "no file is in this folder; name hidden "
                                                         "ones by themselves" },
                             run);
    }
    return more && shim_uploading_undecided(run) && shim_uploading_keys(run);
}

/* Put it into its places; |*done|: it is there. */
static int put(struct shim_uploading *run, bool *done)
{
    int code = shim_uploading_put(run);

    if (code == SHIM_OK)
        code = shim_uploading_crls_store(run);
    if (code == SHIM_OK && run->crls_taken > 0)
        code = shim_uploading_tell_revoked(run);
    if (code == SHIM_OK && !sp_upload_commit(run->upload))
        code = shim_keyring_failed(run->keyring);
    *done = code == SHIM_OK;
    /* A CRL, or a ca, may change who is below a revoked ca. */
    if (*done && (run->crls_taken > 0 || run->has_cas))
        code = shim_crls_mark(run->shim->keyring_path, run->keyring, run->now, true);
    return code;
}

/* Store everything or nothing; with --keep-going, what is without fault.  |*done|: it would be. */
static int store(struct shim_uploading *run, bool *done)
{
    bool refused =
        run->crls_refused > 0 || (run->refused > 0 && run->settings->mode != SP_MODE_OBSERVE);
    int code = SHIM_OK;

    if ((refused || run->unreadable > 0) && !run->keep_going) {
        shim_error("nothing was stored: mend or leave out what is at fault, or store the rest "
                   "with --keep-going");
    } else {
        if (!shim_memory_sufficed())
            return SHIM_SYSTEM;
        *done = run->dry_run;
        if (!run->dry_run)
            code = put(run, done);
        if (code != SHIM_OK)
            return code;
    }
    if (refused)
        return SHIM_REFUSED;
    return run->unreadable > 0 ? SHIM_INPUT : SHIM_OK;
}

static int upload(struct shim_uploading *run)
{
    bool done = false;
    bool taken;
    int code;

    run->settings = run->shim->settings;
    run->outcome.settings = run->settings;
    run->upload = sp_upload_begin(run->keyring);
    if (run->upload == NULL)
        return shim_keyring_failed(run->keyring);
    shim_count_begin("certificates and keys read");
    taken = take_files(run);
    shim_count_end();
    taken = taken && run->outcome.fault == SHIM_OK && shim_uploading_crls(run);
    code = taken || run->outcome.fault != SHIM_OK ? run->outcome.fault : SHIM_SYSTEM;
    if (code == SHIM_OK)
        code = store(run, &done);
    return shim_uploading_report(run, code, done);
}

static int begin(struct shim_uploading *run)
{
    int code;

    run->outcome.names_file = true;
    run->outcome.alone = true;
    run->outcome.explains = run->dry_run;
    run->now = time(NULL);
    run->last = &run->taken;
    run->reading.each = take_part;
    run->reading.arg = run;
    run->reading.crls = run->import == NULL;
    run->unread = json_array();
    run->notes = json_array();
    if (run->json)
        run->outcome.json = json_array();
    code = shim_passphrase_read(&run->reading.pass, "passin", run->passin);
    return code == SHIM_OK ? shim_passphrase_read(&run->passout, "passout", run->new_pass) : code;
}

static void free_taken(struct shim_taken *taken)
{
    while (taken != NULL) {
        struct shim_taken *next = taken->next;

        sp_facts_free(taken->facts);
        OPENSSL_free(taken->path);
        OPENSSL_free(taken);
        taken = next;
    }
}

static void end(struct shim_uploading *run)
{
    sp_upload_free(run->upload);
    sp_keyring_close(run->keyring);
    shim_waiting_free(run->keys);
    shim_waiting_free(run->undecided);
    shim_waiting_free(run->identities);
    free_taken(run->taken);
    shim_uploading_crls_free(run);
    shim_picks_clear(&run->told);
    shim_passphrase_clear(&run->reading.pass);
    shim_passphrase_clear(&run->passout);
    X509_free(run->first_client);
    X509_REQ_free(run->last_request);
    shim_outcome_clear(&run->outcome);
    json_decref(run->unread);
    json_decref(run->notes);
}

int shim_upload(struct shim_uploading *run)
{
    int code;

    if (run->no_passphrase && run->new_pass != NULL)
        return shim_usage("--passout and --no-passphrase exclude each other");
    run->reading.exported = run->as_word != NULL && strcmp(run->as_word, EXPORTED) == 0;
    if (run->as_word != NULL && !run->reading.exported)
        run->as = sp_role_named(run->as_word);
    code = begin(run);
    if (code == SHIM_OK)
        code = shim_keyring_open(run->shim, SP_KEYRING_WRITE, &run->keyring);
    if (code == SHIM_OK)
        code = upload(run);
    end(run);
    return code;
}

static int check(const struct shim_uploading *run)
{
    if (run->files[0] == NULL)
        return shim_usage("upload: no file given");
    if (run->as_word != NULL && strcmp(run->as_word, EXPORTED) == 0) {
        if (run->new_pass != NULL || run->no_passphrase || run->replace || run->key_uri != NULL)
            return shim_usage("--as " EXPORTED " keeps private keys as they are; leave --passout, "
                              "--no-passphrase, --replace and --key-uri out");
    } else if (run->as_word != NULL && (sp_role_named(run->as_word) == SP_ROLE_NONE ||
                                        sp_role_named(run->as_word) == SP_ROLE_INTERMEDIATE)) {
        return shim_usage("--as %s: no such role; there are identity, contact and ca, and " EXPORTED
                          " for what 'smime-policy export' wrote",
                          run->as_word);
    }
    return SHIM_OK;
}

int shim_run_upload(struct shim *shim, const struct shim_long *line)
{
    struct shim_uploading run = {
        .shim = shim,
        .files = line->operands,
        .as_word = shim_long_value(line, "as", 0),
        .passin = shim_long_value(line, "passin", 0),
        .new_pass = shim_long_value(line, "passout", 0),
        .key_uri = shim_long_value(line, "key-uri", 0),
        .no_passphrase = shim_long_has(line, "no-passphrase"),
        .keep_going = shim_long_has(line, "keep-going"),
        .replace = shim_long_has(line, "replace"),
        .json = shim_long_has(line, "json"),
        .local = shim_long_has(line, "local"),
        .dry_run = shim->explain || shim_long_has(line, "dry-run"),
    };
    int code = check(&run);

    return code == SHIM_OK ? shim_upload(&run) : code;
}
