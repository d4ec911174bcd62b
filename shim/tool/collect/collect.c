/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy collect: takes the certificates of senders out of mails, and those of
 * addresses out of directories.
 */
#include <stdio.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "base/text.h"
#include "common/memory.h"
#include "common/print.h"
#include "tool/collect/collecting.h"
#include "tool/hub/hub.h"
#include "tool/keyring/keyring_at.h"
#include "tool/report/outcome.h"

void shim_collect_refuse(struct shim_collecting *run, const struct shim_mail_at *at, int code,
                         const char *why)
{
    char *name = at->number == 0 ? sp_format("%s", at->path)
                                 : sp_format("%s, mail %u", at->path, at->number);

    run->refused++;
    if (at->alone && run->named == SHIM_OK)
        run->named = code;
    if (run->json)
        json_array_append_new(run->left_out,
                              json_pack("{s:o, s:i, s:o}", "file", sp_json_text(at->path), "mail",
                                        (int)at->number, "why", sp_json_text(why)));
    else
        shim_print(stderr, "not collected: %s: %s\n", name != NULL ? name : at->path, why);
    OPENSSL_free(name);
}

void shim_collect_note(struct shim_collecting *run, const struct shim_mail_at *at, const X509 *cert,
                       const struct sp_facts *facts, enum sp_role role, const char *address)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char fingerprint[SP_FINGERPRINT_TEXT];
    json_t *object = NULL;

    if (X509_digest(cert, EVP_sha256(), digest, NULL) == 1) {
        sp_fingerprint_text(digest, fingerprint);
        object = json_pack("{s:o, s:i, s:s, s:s, s:s, s:o}", "file", sp_json_text(at->path), "mail",
                           (int)at->number, "fingerprint", fingerprint, "role", sp_role_name(role),
                           "subject", sp_facts_subject(facts), "address",
                           address == NULL ? json_null() : sp_json_text(address));
    }
    if (object == NULL || json_array_append_new(run->taken, object) != 0)
        run->fault = shim_no_memory();
    run->collected += role == SP_ROLE_CONTACT;
}

static const char *text_in(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text != NULL ? text : "";
}

static void print_taken(const struct shim_collecting *run, const json_t *taken, FILE *to)
{
    const char *address = text_in(taken, "address");
    const char *subject = text_in(taken, "subject");
    const json_int_t number = json_integer_value(json_object_get(taken, "mail"));

    shim_print(to, "%s as %s: %s%s%s, SHA-256 %.16s%s from %s",
               run->dry_run ? "would be collected" : "collected", text_in(taken, "role"), address,
               address[0] != '\0' ? " (" : "", subject[0] != '\0' ? subject : "no subject",
               text_in(taken, "fingerprint"), address[0] != '\0' ? ")" : "",
               text_in(taken, "file"));
    if (number > 0)
        shim_print(to, ", mail %lld", (long long)number);
    shim_print(to, "\n");
}

static void print_counts(const struct shim_collecting *run)
{
    shim_print(stdout,
               "%zu %scollected, %zu already there, %zu not collected, %zu not signed, of %zu "
               "mail%s (keyring %s)\n",
               run->collected, run->dry_run ? "would be " : "", run->already, run->refused,
               run->not_signed, run->mails, run->mails == 1 ? "" : "s", run->shim->keyring_path);
}

static int print_json(const struct shim_collecting *run, int code)
{
    const bool done = run->fault == SHIM_OK;

    return shim_json_keyring_report(
        run->shim, "collect", code,
        json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:O}", "dry_run", run->dry_run, "done",
                  done && !run->dry_run, "mails", (json_int_t)run->mails, "collected",
                  done ? (json_int_t)run->collected : 0, "already", (json_int_t)run->already,
                  "not_collected", (json_int_t)run->refused, "not_signed",
                  (json_int_t)run->not_signed, "certificates",
                  done ? json_incref(run->taken) : json_array(), "left_out", run->left_out));
}

/* Print what was stored; with |brief| that alone, and on standard error.  Returns |code|. */
static int report(const struct shim_collecting *run, int code, bool brief)
{
    const json_t *taken;
    size_t i;

    if (run->json)
        return print_json(run, code);
    if (run->fault != SHIM_OK)
        return code;
    json_array_foreach(run->taken, i, taken)
    {
        print_taken(run, taken, brief ? stderr : stdout);
    }
    if (!brief)
        print_counts(run);
    return code;
}

bool shim_collects(struct shim *shim)
{
    if (!shim->settings->collects_nothing)
        return true;
    shim_error("refused: the setting collect = off lets no certificate be taken out of a mail; "
               "upload the sender's certificate, or set collect = chain");
    return false;
}

/* Open the keyring and begin; |run| is to be ended in any case. */
static int begin(struct shim_collecting *run, struct shim *shim)
{
    int code;

    run->shim = shim;
    run->now = time(NULL);
    run->taken = json_array();
    run->left_out = json_array();
    /* What vouches was uploaded before, so there is a keyring. */
    code = shim_keyring_change(shim, SP_KEYRING_WRITE, &run->keyring);
    if (code == SHIM_OK) {
        run->upload = sp_upload_begin(run->keyring);
        code = run->upload != NULL ? SHIM_OK : shim_keyring_failed(run->keyring);
    }
    return code;
}

/* Store what was collected; nothing of it after a fault. */
static int store(struct shim_collecting *run)
{
    if (run->fault == SHIM_OK && !shim_memory_sufficed())
        run->fault = SHIM_SYSTEM;
    if (run->fault == SHIM_OK && !run->dry_run && json_array_size(run->taken) + run->already > 0)
        run->fault = shim_hub_commit(run->shim, run->keyring, run->upload, run->local);
    if (run->fault == SHIM_OK && !run->dry_run)
        run->fault = shim_directory_remove(&run->directory);
    return run->fault;
}

static void end(struct shim_collecting *run)
{
    if (run->upload != NULL)
        sp_upload_free(run->upload);
    shim_directory_end(&run->directory);
    sp_keyring_close(run->keyring);
    json_decref(run->taken);
    json_decref(run->left_out);
}

/* Is a mail among |words|?  The setting `collect` is about mails. */
static bool names_mail(char **words)
{
    while (*words != NULL && shim_collect_is_address(*words))
        words++;
    return *words != NULL;
}

static int collect_all(struct shim_collecting *run, char **paths)
{
    int code;

    for (; *paths != NULL && run->fault == SHIM_OK; paths++)
        if (shim_collect_is_address(*paths))
            shim_collect_address(run, *paths);
        else
            shim_mails_read(run, *paths);
    code = store(run);
    return report(run, code != SHIM_OK ? code : run->named, false);
}

int shim_collect_after(const struct shim_operation *operation, const char *name,
                       struct shim_incoming *incoming)
{
    struct shim_collecting run = { 0 };
    int code = begin(&run, operation->shim);

    if (code == SHIM_OK) {
        shim_collect_verified(&run, &(struct shim_mail_at){ .path = name }, incoming, operation);
        code = report(&run, store(&run), true);
    }
    end(&run);
    return code;
}

int shim_run_collect(struct shim *shim, const struct shim_long *line)
{
    struct shim_collecting run = { .json = shim_long_has(line, "json"),
                                   .local = shim_long_has(line, "local"),
                                   .dry_run = shim->explain || shim_long_has(line, "dry-run") };
    int code;

    if (*line->operands == NULL)
        return shim_usage("collect: no mail named; give files, mboxes, Maildirs, - for "
                          "standard input, or addresses for a directory");
    code = shim_load_settings(shim);
    if (code == SHIM_OK && names_mail(line->operands) && !shim_collects(shim))
        code = SHIM_REFUSED;
    if (code == SHIM_OK)
        code = begin(&run, shim);
    if (code == SHIM_OK)
        code = collect_all(&run, line->operands);
    end(&run);
    return code;
}
