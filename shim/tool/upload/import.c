/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy import: stores what `export` wrote, with its roles and dates.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/key_id.h"
#include "common/long_options.h"
#include "common/memory.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/upload/importing.h"

static int fault(const struct shim_importing *importing, const struct shim_block *block,
                 const char *what)
{
    shim_error("%s: line %zu: %s", importing->path, block->line, what);
    return SHIM_INPUT;
}

static bool name_pending(struct shim_pending *pending)
{
    struct sp_keyid id = sp_keyid_of_cert(NULL, pending->cert);
    unsigned length;

    if (X509_digest(pending->cert, EVP_sha256(), pending->fingerprint, &length) != 1)
        return false;
    memcpy(pending->key, id.known ? id.hash : pending->fingerprint, SP_SHA256_LENGTH);
    pending->facts = sp_facts_new(pending->cert);
    return pending->facts != NULL;
}

static int read_lines(struct shim_importing *importing, struct shim_block *block)
{
    struct shim_pending *pending = &importing->pending;
    struct tm tm = { 0 };
    char *end;

    if (block->role != NULL) {
        pending->role = sp_role_named(block->role);
        if (pending->role == SP_ROLE_NONE)
            return fault(importing, block, "its role is none of identity, contact and ca");
    }
    if (block->uploaded != NULL) {
        end = strptime(block->uploaded, "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (end == NULL || *end != '\0')
            return fault(importing, block, "the time of its upload cannot be read");
        pending->uploaded = timegm(&tm);
    }
    if (block->key_uri != NULL) {
        pending->private_key.uri = block->key_uri;
        pending->has_key = true;
        block->key_uri = NULL;
    }
    return SHIM_OK;
}

static int take_cert(struct shim_importing *importing, struct shim_block *block)
{
    const unsigned char *der = block->der;
    struct shim_pending *pending = &importing->pending;
    int code = shim_import_pending(importing);

    if (code != SHIM_OK)
        return code;
    pending->line = block->line;
    if (strcmp(block->type, PEM_STRING_X509_TRUSTED) == 0)
        pending->cert = d2i_X509_AUX(NULL, &der, block->length);
    else
        pending->cert = sp_cert_without_key(&der, block->length);
    ERR_clear_error();
    if (pending->cert == NULL || der != block->der + block->length)
        return fault(importing, block, "it is not a certificate");
    return name_pending(pending) ? read_lines(importing, block) : shim_no_memory();
}

/* Check the form of a key.  The content of an encrypted one cannot be checked. */
static const char *look_at_key(struct shim_pending *pending, const struct shim_block *block,
                               bool encrypted)
{
    const unsigned char *der = block->der;
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    X509_SIG *shrouded = NULL;

    if (encrypted)
        shrouded = d2i_X509_SIG(NULL, &der, block->length);
    else
        plain = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, block->length);
    if (plain != NULL)
        pending->plain = EVP_PKCS82PKEY(plain);
    PKCS8_PRIV_KEY_INFO_free(plain);
    X509_SIG_free(shrouded);
    ERR_clear_error();
    return (encrypted ? shrouded != NULL : pending->plain != NULL) ? NULL
                                                                   : "it is not a private key";
}

static int take_key(struct shim_importing *importing, struct shim_block *block, bool encrypted)
{
    struct shim_pending *pending = &importing->pending;
    const char *why = NULL;

    if (pending->cert == NULL || pending->has_key)
        why = "a private key that follows no certificate; put it behind the one it belongs to";
    else
        why = look_at_key(pending, block, encrypted);
    if (why != NULL)
        return fault(importing, block, why);
    pending->has_key = true;
    pending->private_key = (struct sp_private_key){ .pkcs8 = block->der,
                                                    .length = (size_t)block->length,
                                                    .encrypted = encrypted };
    block->der = NULL;
    return SHIM_OK;
}

static int take_block(struct shim_importing *importing, struct shim_block *block)
{
    if (strcmp(block->type, PEM_STRING_X509) == 0 ||
        strcmp(block->type, PEM_STRING_X509_TRUSTED) == 0)
        return take_cert(importing, block);
    if (strcmp(block->type, PEM_STRING_PKCS8) == 0)
        return take_key(importing, block, true);
    if (strcmp(block->type, PEM_STRING_PKCS8INF) == 0)
        return take_key(importing, block, false);
    return fault(importing, block,
                 "not what 'smime-policy export' writes; 'smime-policy upload' "
                 "reads other forms");
}

static int read_file(struct shim_importing *importing, const char *path)
{
    struct shim_blocks blocks;
    bool any = false;
    int found = 0;
    int code = SHIM_OK;

    importing->path = path;
    if (!shim_blocks_begin(&blocks, path))
        code = SHIM_INPUT;
    while (code == SHIM_OK) {
        struct shim_block block;

        found = shim_blocks_next(&blocks, &block);
        if (found == 1)
            code = take_block(importing, &block);
        any = any || found == 1;
        shim_block_clear(&block);
        if (found != 1)
            break;
    }
    shim_blocks_end(&blocks);
    if (found < 0)
        code = SHIM_INPUT;
    if (code == SHIM_OK && !any) {
        shim_error("%s: it holds nothing that 'smime-policy export' writes", path);
        code = SHIM_INPUT;
    }
    return code == SHIM_OK ? shim_import_pending(importing) : code;
}

static void report(const struct shim_importing *importing)
{
    shim_print(stdout, "imported %zu certificate%s and %zu private key%s", importing->certificates,
               importing->certificates == 1 ? "" : "s", importing->private_keys,
               importing->private_keys == 1 ? "" : "s");
    if (importing->known > 0)
        shim_print(stdout, "; %zu certificate%s there already", importing->known,
                   importing->known == 1 ? " was" : "s were");
    if (importing->encrypted > 0)
        shim_print(stdout, "; %zu key%s encrypted and could not be compared with %s",
                   importing->encrypted, importing->encrypted == 1 ? " is" : "s are",
                   importing->encrypted == 1 ? "its certificate" : "their certificates");
    puts("");
}

static int import_all(struct shim_importing *importing, char **files)
{
    int code = SHIM_OK;

    importing->upload = sp_upload_begin(importing->keyring);
    if (importing->upload == NULL)
        return shim_keyring_failed(importing->keyring);
    for (; code == SHIM_OK && *files != NULL; files++)
        code = read_file(importing, *files);
    if (code == SHIM_OK && shim_import_refused(importing))
        code = SHIM_REFUSED;
    if (code == SHIM_OK)
        code = shim_memory_end(code);
    if (code == SHIM_OK && !sp_upload_commit(importing->upload))
        code = shim_keyring_failed(importing->keyring);
    if (code == SHIM_OK)
        report(importing);
    else
        shim_error("nothing was imported");
    return code;
}

int shim_run_import(struct shim *shim, int argc, char **argv)
{
    struct shim_importing importing = { .shim = shim, .now = time(NULL) };
    const struct shim_long options[] = { { NULL, LONG_FLAG, NULL } };
    char **files;
    int code = shim_long_parse(shim, argc, argv, options, &files);

    if (code != SHIM_OK)
        return code == -1 ? SHIM_OK : code;
    if (*files == NULL)
        return shim_usage("import: no file given");
    code = shim_keyring_open(shim, SP_KEYRING_WRITE, &importing.keyring);
    if (code == SHIM_OK) {
        importing.outcome.settings = shim->settings;
        importing.outcome.denials_only = true;
        importing.outcome.names_file = true;
        code = import_all(&importing, files);
    }
    shim_pending_clear(&importing.pending);
    shim_outcome_clear(&importing.outcome);
    shim_picks_clear(&importing.keys);
    sp_upload_free(importing.upload);
    sp_keyring_close(importing.keyring);
    return code;
}
