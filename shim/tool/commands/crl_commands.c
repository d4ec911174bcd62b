/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy list --crls, and remove --crls.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tool/commands/commands.h"
#include "base/text.h"
#include "common/memory.h"
#include "common/print.h"
#include "tool/crls/crls.h"
#include "tool/crls/stored_crls.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"

#define FEWEST_DIGITS 8

struct listing_crls {
    bool json, begun, damaged; /* |begun|: the headline was printed */
};

static int print_row(const struct shim_stored_crl *crl, struct listing_crls *listing)
{
    char *next = sp_format_time((time_t)crl->file->about.next_update);
    char *scope = shim_stored_crl_scope(crl);
    bool whole = scope != NULL && strcmp(scope, "all") == 0;
    char key[SP_FINGERPRINT_TEXT];

    if (!listing->begun)
        shim_print(stdout, "STATE    NEXT UPDATE           REVOKED    KEY               ISSUER\n");
    listing->begun = true;
    sp_fingerprint_text(crl->file->key, key);
    if (next != NULL && scope != NULL)
        shim_print(stdout, "%-7s  %-20s  %-9llu  %.16s  %s%s%s%s%s\n", shim_crl_state_name(crl),
                   next, (unsigned long long)crl->file->count, key, crl->issuer,
                   whole ? "" : "; covers ", whole ? "" : scope,
                   crl->is_of_hub ? "; of the hub" : "",
                   crl->has_issuer ? "" : "; its issuer is not stored");
    OPENSSL_free(next);
    OPENSSL_free(scope);
    return next != NULL && scope != NULL ? SHIM_OK : shim_no_memory();
}

static int list_one(const struct shim_stored_crl *crl, void *data)
{
    struct listing_crls *listing = data;

    if (crl->state == SHIM_CRL_DAMAGED) {
        listing->damaged = true;
        shim_error("%s", crl->file->damage);
    }
    if (listing->json)
        return shim_json_line(shim_stored_crl_json(crl));
    return crl->state == SHIM_CRL_DAMAGED ? SHIM_OK : print_row(crl, listing);
}

int shim_list_crls(struct shim *shim, const struct shim_long *line)
{
    struct sp_keyring *keyring;
    struct listing_crls listing = { .json = shim_long_has(line, "json") };
    int code = shim_keyring_open(shim, SP_KEYRING_READ, &keyring);

    if (code != SHIM_OK)
        return code;
    code = shim_stored_crls_each(shim->keyring_path, keyring, time(NULL), list_one, &listing);
    sp_keyring_close(keyring);
    return code == SHIM_OK && listing.damaged ? SHIM_SYSTEM : code;
}

struct removing_crls {
    struct shim *shim; /* borrowed */
    bool dry_run;
    const char *word;          /* borrowed */
    struct sp_crl_file *files; /* owned, with their paths; nothing else is owned in them */
    json_t *json;              /* owned: what is told of each */
    struct sp_text lines;      /* the same as text */
    size_t count, found;
    unsigned char key[SP_SHA256_LENGTH]; /* of the first that |word| names */
};

/* Is it named by the digits of its issuer's key, or of the issuer's certificate? */
static bool is_named(const struct shim_stored_crl *crl, const char *word)
{
    const struct sp_piece cert[] = { { crl->file->cert, crl->file->cert_length }, { NULL, 0 } };
    unsigned char fingerprint[SP_SHA256_LENGTH];
    char digits[SP_FINGERPRINT_TEXT];
    size_t length = strlen(word);

    if (crl->state == SHIM_CRL_DAMAGED)
        return strcmp(crl->file->path, word) == 0;
    if (length < FEWEST_DIGITS || length >= sizeof(digits))
        return false;
    sp_fingerprint_text(crl->file->key, digits);
    if (strncasecmp(digits, word, length) == 0)
        return true;
    if (!sp_sha256(NULL, cert, fingerprint))
        return false;
    sp_fingerprint_text(fingerprint, digits);
    return strncasecmp(digits, word, length) == 0;
}

static int take(const struct shim_stored_crl *crl, void *data)
{
    struct removing_crls *removing = data;
    struct sp_crl_file *longer;
    char *line;

    if (!is_named(crl, removing->word))
        return SHIM_OK;
    if (removing->found++ == 0)
        memcpy(removing->key, crl->file->key, sizeof(removing->key));
    if (memcmp(removing->key, crl->file->key, sizeof(removing->key)) != 0) {
        shim_error("%s names the CRLs of several issuers; give more digits ('smime-policy list "
                   "--crls --json' has all of them)",
                   removing->word);
        return SHIM_USAGE;
    }
    longer = OPENSSL_realloc(removing->files, (removing->count + 1) * sizeof(*removing->files));
    line = shim_stored_crl_line(crl);
    if (longer != NULL) {
        removing->files = longer;
        longer[removing->count] = *crl->file;
        longer[removing->count++].path = OPENSSL_strdup(crl->file->path);
    }
    if (longer == NULL || longer[removing->count - 1].path == NULL || line == NULL) {
        OPENSSL_free(line);
        return shim_no_memory();
    }
    json_array_append_new(removing->json, shim_stored_crl_json(crl));
    sp_text_add(&removing->lines, removing->dry_run ? "would remove " : "removed ");
    sp_text_add(&removing->lines, line);
    sp_text_add(&removing->lines, "\n");
    OPENSSL_free(line);
    return SHIM_OK;
}

/* |words| are digits of keys or certificates. */
static int find_all(struct removing_crls *removing, struct sp_keyring *keyring, char **words)
{
    int code = SHIM_OK;

    for (; code == SHIM_OK && *words != NULL; words++) {
        removing->word = *words;
        removing->found = 0;
        code = shim_stored_crls_each(removing->shim->keyring_path, keyring, time(NULL), take,
                                     removing);
        if (code == SHIM_OK && removing->found == 0) {
            shim_error("no stored CRL is found by %s; 'smime-policy list --crls' shows the keys "
                       "of their issuers",
                       *words);
            code = SHIM_INPUT;
        }
    }
    return code == SHIM_OK ? shim_memory_end(code) : code;
}

/* What the hub had was removed with its copy. */
static int unlink_all(const struct removing_crls *removing)
{
    for (size_t i = 0; i < removing->count; i++) {
        const char *path = removing->files[i].path;
        char *why = NULL;

        if (removing->shim->settings->hub != NULL && access(path, F_OK) != 0 && errno == ENOENT)
            continue;
        if (!sp_crl_file_remove(path, &why))
            return shim_keyring_fault(why);
    }
    return SHIM_OK;
}

static int print_json(struct removing_crls *removing, int code)
{
    return shim_json_keyring_report(
        removing->shim, "remove", code,
        json_pack("{s:b, s:b, s:[], s:o}", "dry_run", removing->dry_run, "done",
                  code == SHIM_OK && !removing->dry_run, "certificates", "crls",
                  code == SHIM_OK ? json_incref(removing->json) : json_array()));
}

int shim_remove_crls(struct shim *shim, const struct shim_long *line)
{
    struct removing_crls removing = { .shim = shim,
                                      .dry_run = shim->explain || shim_long_has(line, "dry-run"),
                                      .json = json_array() };
    struct sp_keyring *keyring = NULL;
    int code =
        shim_keyring_change(shim, removing.dry_run ? SP_KEYRING_READ : SP_KEYRING_WRITE, &keyring);

    if (code == SHIM_OK)
        code = find_all(&removing, keyring, line->operands);
    if (code == SHIM_OK && !removing.dry_run)
        code = shim_hub_remove_crls(shim, keyring, removing.files, removing.count,
                                    shim_long_has(line, "local"));
    if (code == SHIM_OK && !removing.dry_run)
        code = unlink_all(&removing);
    if (code == SHIM_OK && !removing.dry_run)
        code = shim_crls_mark(shim->keyring_path, keyring, time(NULL), true);
    if (keyring != NULL && shim_long_has(line, "json"))
        code = print_json(&removing, code);
    else if (code == SHIM_OK && removing.lines.data != NULL)
        shim_print(stdout, "%s", removing.lines.data);
    sp_keyring_close(keyring);
    for (size_t i = 0; i < removing.count; i++)
        OPENSSL_free(removing.files[i].path);
    OPENSSL_free(removing.files);
    OPENSSL_free(removing.lines.data);
    json_decref(removing.json);
    return code;
}
