/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy export: certificates and keys as PEM, for `upload --as exported` and others.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "base/json_text.h"
#include "common/output.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"

struct exporting {
    struct shim *shim;          /* borrowed */
    struct sp_keyring *keyring; /* borrowed */
    bool all, keys;
    json_t *json; /* owned: the certificates that were written; NULL without --json */
    const char *out;
    FILE *to; /* borrowed */
    struct shim_picks picks;
    struct shim_picks written; /* the ids of the keys written, each of which is written once */
    size_t plain, key_count;   /* keys without a passphrase, and all */
};

/* Get the private key to write behind |entry|: 1, 0 without one, or -1 after a fault. */
static int key_behind(struct exporting *exporting, const struct shim_entry *entry,
                      struct sp_private_key *key)
{
    size_t before = exporting->written.count;

    if (!exporting->keys || entry->record.role == SP_ROLE_CONTACT)
        return 0;
    if (!shim_picks_add(&exporting->written, entry->record.key)) {
        (void)shim_no_memory();
        return -1;
    }
    if (exporting->written.count == before)
        return 0;
    return shim_stored_key(exporting->keyring, &entry->record, key);
}

static int export_one(const struct shim_entry *entry, void *data)
{
    struct exporting *exporting = data;
    struct sp_private_key key = { 0 };
    char *found_by = NULL;
    int found;
    bool done;

    /* Then nothing is written, and the signal acts. */
    if (shim_is_to_end())
        return SHIM_SYSTEM;
    found = key_behind(exporting, entry, &key);
    if (found < 0 || !shim_entry_found_by(exporting->keyring, entry, &found_by)) {
        sp_private_key_clear(&key);
        return SHIM_SYSTEM;
    }
    if (found == 1 && key.uri == NULL && !key.encrypted)
        exporting->plain++;
    exporting->key_count += found == 1;
    if (exporting->json != NULL)
        json_array_append_new(exporting->json, shim_entry_json(entry));
    done = shim_pem_write_entry(exporting->to, entry, found_by, found == 1 ? &key : NULL);
    OPENSSL_free(found_by);
    sp_private_key_clear(&key);
    if (done)
        return SHIM_OK;
    shim_error("cannot write %s: %s", exporting->out != NULL ? exporting->out : "standard output",
               strerror(errno));
    return SHIM_SYSTEM;
}

static int export_all(struct exporting *exporting)
{
    time_t now = time(NULL);
    int code;

    if (!exporting->all)
        return shim_picks_each(exporting->shim, exporting->keyring, &exporting->picks, now,
                               export_one, exporting);
    code = shim_entry_each(exporting->shim, exporting->keyring,
                           &(struct sp_query){ .index = SP_ALL }, now, export_one, exporting);
    if (code == SHIM_OK && exporting->keys)
        code = shim_waiting_each(exporting->keyring, export_one, exporting);
    return code;
}

static int write_all(FILE *to, void *data)
{
    struct exporting *exporting = data;

    exporting->to = to;
    return export_all(exporting);
}

static int export_selected(struct exporting *exporting, char **words)
{
    int code = exporting->keys ? shim_keys_needed(exporting->shim) : SHIM_OK;

    if (code == SHIM_OK)
        code = shim_pick_all(exporting->shim, exporting->keyring, words, &exporting->picks);
    if (code != SHIM_OK)
        return code;
    exporting->to = stdout;
    if (exporting->out != NULL)
        code = shim_output_stream(exporting->out, exporting->keys ? SHIM_KEYS : SHIM_PUBLIC,
                                  write_all, exporting);
    else
        code = exporting->keys && !shim_make_private(STDOUT_FILENO, SHIM_KEYS, "standard output")
                   ? SHIM_SYSTEM
                   : export_all(exporting);
    if (code == SHIM_OK && exporting->plain > 0)
        shim_print(stderr,
                   "warning: export: %zu private key%s written without a passphrase; keep the file "
                   "to yourself\n",
                   exporting->plain, exporting->plain == 1 ? " was" : "s were");
    return code;
}

static int print_json(const struct exporting *exporting, int code)
{
    if (code != SHIM_OK)
        json_array_clear(exporting->json);
    return shim_json_keyring_report(
        exporting->shim, "export", code,
        json_pack("{s:o, s:b, s:I, s:O}", "output", sp_json_text(exporting->out), "done",
                  code == SHIM_OK, "keys", code == SHIM_OK ? (json_int_t)exporting->key_count : 0,
                  "certificates", exporting->json));
}

int shim_run_export(struct shim *shim, const struct shim_long *line)
{
    struct exporting exporting = { .shim = shim,
                                   .all = shim_long_has(line, "all"),
                                   .keys = shim_long_has(line, "keys"),
                                   .out = shim_long_value(line, "output", 0) };
    int code;

    if ((*line->operands == NULL) != exporting.all)
        return shim_usage(exporting.all ? "export: --all takes no certificate beside it"
                                        : "export: no certificate named; give an address, a "
                                          "fingerprint or --all");
    if (shim_long_has(line, "json") && exporting.out == NULL)
        return shim_usage("export: --json needs --output FILE: the certificates themselves go to "
                          "standard output");
    exporting.json = shim_long_has(line, "json") ? json_array() : NULL;
    code = shim_keyring_open(shim, SP_KEYRING_READ, &exporting.keyring);
    if (code == SHIM_OK)
        code = export_selected(&exporting, line->operands);
    if (exporting.keyring != NULL && exporting.json != NULL)
        code = print_json(&exporting, code);
    json_decref(exporting.json);
    sp_keyring_close(exporting.keyring);
    shim_picks_clear(&exporting.picks);
    shim_picks_clear(&exporting.written);
    return code;
}
