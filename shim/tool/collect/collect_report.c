/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What `collect` tells, as it goes and at the end.
 */
#include <stdio.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "base/text.h"
#include "common/print.h"
#include "tool/collect/collecting.h"
#include "tool/report/outcome.h"

/* "box", or "box, mail 3"; owned by the caller. */
static char *name_of(const struct shim_mail_at *at)
{
    return at->number == 0 ? sp_format("%s", at->path)
                           : sp_format("%s, mail %u", at->path, at->number);
}

void shim_collect_refuse(struct shim_collecting *run, const struct shim_mail_at *at, int code,
                         const char *why)
{
    char *name = name_of(at);

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

int shim_collect_report(const struct shim_collecting *run, int code, bool brief)
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
