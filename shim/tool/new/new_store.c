/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What was made is stored whole or not at all: certificate, key, and the file of the request.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "base/json_text.h"
#include "base/text.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/passphrase.h"
#include "common/print.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_key.h"
#include "tool/new/new.h"

static enum sp_role role_of(const struct shim_new *run)
{
    return run->ca != NULL ? SP_ROLE_CA : SP_ROLE_IDENTITY;
}

/* The new key, encrypted under a passphrase that somebody gives. */
static int lock_key(struct shim_new *run, struct sp_private_key *locked)
{
    const char *whose = run->ca != NULL ? run->name : run->names.each[0];
    struct shim_passphrase pass = { 0 };
    int code = shim_passphrase_read(&pass, "passout", run->passout);

    if (code == SHIM_OK && !pass.given &&
        !shim_passphrase_ask(&pass, "new passphrase for the private key", whose, true,
                             "give one with --passout fd:N or --passout file:PATH"))
        code = SHIM_INPUT;
    if (code == SHIM_OK && pass.text[0] == '\0') {
        shim_error("the passphrase is empty, and a new private key is kept under one; give "
                   "another");
        code = SHIM_INPUT;
    }
    if (code == SHIM_OK && !shim_stored_key_make(run->key, pass.text, locked))
        code = shim_no_memory();
    shim_passphrase_clear(&pass);
    return code;
}

/* With a request the key waits for its certificate. */
static bool add_request(const struct shim_new *run, struct sp_private_key *key)
{
    int length = run->asked == NULL ? 0 : i2d_X509_REQ(run->asked, &key->request);

    key->request_length = length > 0 ? (size_t)length : 0;
    return length >= 0;
}

/* The id of the key: it is what names one that waits. */
static struct sp_keyid id_of(const struct shim_new *run)
{
    return sp_keyid_of_spki(NULL, X509_get_X509_PUBKEY(run->cert));
}

/* Add what was made to |upload|: this is where a certificate of our own gets into a keyring. */
static bool add_all(const struct shim_new *run, struct sp_upload *upload,
                    struct sp_private_key *key)
{
    enum sp_role stored_as;
    struct sp_keyid id = id_of(run);

    sp_upload_origin(upload, SP_ORIGIN_MADE);
    return id.known &&
           (run->asked != NULL || sp_upload_add(upload, run->cert, run->made, role_of(run), true,
                                                &stored_as) == SP_ADD_NEW) &&
           (run->key_stays || sp_upload_add_key(upload, id.hash, key));
}

/* Store it; |*keyring| stays open for taking it back. */
static int store(struct shim_new *run, struct sp_private_key *key, struct sp_keyring **keyring)
{
    int code = shim_keyring_open(run->shim, SP_KEYRING_WRITE, keyring);
    struct sp_upload *upload = code == SHIM_OK ? sp_upload_begin(*keyring) : NULL;

    if (code != SHIM_OK)
        return code;
    if (upload == NULL || !add_all(run, upload, key) || !shim_memory_sufficed())
        code = shim_memory_sufficed() ? shim_keyring_failed(*keyring) : SHIM_SYSTEM;
    else
        code = shim_hub_commit(run->shim, *keyring, upload, run->local || run->asked != NULL);
    sp_upload_free(upload);
    return code;
}

static bool write_request(struct shim_output *output, X509_REQ *asked)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    int fd = -1;
    bool done = text != NULL && PEM_write_bio_X509_REQ(text, asked) == 1;
    long length = done ? BIO_get_mem_data(text, &bytes) : 0;

    if (!done)
        (void)shim_no_memory();
    else
        fd = shim_output_open(output);
    if (fd >= 0) {
        done = shim_write_all(fd, bytes, (size_t)length) && fsync(fd) == 0;
        if (!done)
            shim_error("cannot write %s: %s", output->wanted, strerror(errno));
        close(fd);
    }
    BIO_free(text);
    return done && fd >= 0;
}

/* Store the key, and let the request appear; if it cannot, the key is taken out again. */
static int store_request(struct shim_new *run, struct sp_private_key *key,
                         struct shim_output *output)
{
    struct sp_keyring *keyring = NULL;
    struct sp_keyid id = id_of(run);
    int code = run->key_stays ? SHIM_OK : store(run, key, &keyring);

    if (code == SHIM_OK && !shim_output_commit(output)) {
        code = SHIM_SYSTEM;
        if (keyring != NULL &&
            !sp_keyring_remove(keyring, (const unsigned char(*)[SP_SHA256_LENGTH])id.hash, 1))
            (void)shim_keyring_failed(keyring);
    }
    sp_keyring_close(keyring);
    return code;
}

int shim_new_store(struct shim_new *run)
{
    struct sp_private_key key = { 0 };
    struct shim_output output = { 0 };
    struct sp_keyring *keyring = NULL;
    int code = run->key_stays ? SHIM_OK : lock_key(run, &key);

    if (code == SHIM_OK && !add_request(run, &key))
        code = shim_no_memory();
    if (code == SHIM_OK && run->asked == NULL) {
        code = store(run, &key, &keyring);
        sp_keyring_close(keyring);
    } else if (code == SHIM_OK) {
        code = shim_output_begin(&output, run->request, SHIM_PUBLIC) &&
                       write_request(&output, run->asked)
                   ? store_request(run, &key, &output)
                   : SHIM_SYSTEM;
        shim_output_end(&output);
    }
    sp_private_key_clear(&key);
    run->done = code == SHIM_OK;
    return code;
}

/* As an entry of the keyring; nothing of it is owned but the verdicts. */
static bool as_entry(const struct shim_new *run, struct shim_entry *entry)
{
    struct sp_keyid id = id_of(run);

    *entry = (struct shim_entry){ .cert = run->cert, .facts = run->made };
    entry->waits = run->asked != NULL;
    entry->record.role = role_of(run);
    entry->record.origin = SP_ORIGIN_MADE;
    entry->record.uploaded = run->now;
    memcpy(entry->record.fingerprint, id.hash, SP_SHA256_LENGTH);
    return entry->waits ||
           (X509_digest(run->cert, EVP_sha256(), entry->record.fingerprint, NULL) == 1 &&
            sp_judge_stored(entry->facts, entry->record.role, run->now, run->shim->settings, NULL,
                            &entry->stored));
}

static bool print_request(const struct shim_new *run, const struct shim_entry *entry)
{
    char *addresses = shim_entry_addresses(entry);
    char key[SP_FINGERPRINT_TEXT];

    sp_fingerprint_text(entry->record.fingerprint, key);
    if (addresses != NULL)
        shim_print(stdout,
                   "made %s: a request for %s (%s); send it to the CA, and give what comes back "
                   "to 'smime-policy upload'\n",
                   run->request, addresses, shim_entry_subject(entry));
    if (addresses != NULL && !run->key_stays)
        shim_print(stdout, "its private key %.16s waits for the certificate (keyring %s)\n", key,
                   run->shim->keyring_path);
    OPENSSL_free(addresses);
    return addresses != NULL;
}

static bool print_made(const struct shim_new *run, const struct shim_entry *entry)
{
    char *line = shim_entry_line(entry);
    char *until = sp_format_time(run->to);
    bool done = line != NULL && until != NULL;

    if (done)
        shim_print(stdout, "made %s, valid until %s (keyring %s)\n", line, until,
                   run->shim->keyring_path);
    OPENSSL_free(line);
    OPENSSL_free(until);
    return done;
}

static int print_json(const struct shim_new *run, const struct shim_entry *entry, int code)
{
    return shim_json_keyring_report(run->shim, "new", code,
                                    json_pack("{s:b, s:o?, s:o, s:O}", "done", run->done, "made",
                                              run->done ? shim_entry_json(entry) : json_null(),
                                              "request", sp_json_text(run->request), "verdicts",
                                              run->outcome.json));
}

int shim_new_report(struct shim_new *run, int code)
{
    struct shim_entry entry = { 0 };
    bool told = !run->done || as_entry(run, &entry);

    if (told && run->json)
        code = print_json(run, &entry, code);
    else if (told && run->done)
        told = run->asked != NULL ? print_request(run, &entry) : print_made(run, &entry);
    sp_stored_verdicts_clear(&entry.stored);
    return told ? code : shim_no_memory();
}
