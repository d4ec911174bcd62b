/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The output of `upload`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/json_text.h"
#include "common/print.h"
#include "tool/keyring/keyring_at.h"
#include "tool/keyring/stored_entry.h"
#include "tool/upload/uploading.h"

#define BAR_WIDTH  30
#define REFRESH_NS 200000000L
#define SECOND_NS  1000000000L

void shim_uploading_progress(struct shim_uploading *run)
{
    struct timespec now;
    size_t count = run->added + run->stored_before + run->refused;
    off_t at = shim_parts_position(&run->reading);
    int filled;

    if (run->size == 0 || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return;
    if (run->refresh.tv_sec == 0)
        run->refresh = now;
    if ((now.tv_sec - run->refresh.tv_sec) * SECOND_NS + now.tv_nsec - run->refresh.tv_nsec <
        REFRESH_NS)
        return;
    run->refresh = now;
    filled = at >= run->size ? BAR_WIDTH : (int)(at * BAR_WIDTH / run->size);
    fprintf(stderr, "\r[%.*s%*s] %zu certificate%s", filled, "##############################",
            BAR_WIDTH - filled, "", count, count == 1 ? "" : "s");
}

void shim_uploading_progress_end(struct shim_uploading *run)
{
    if (run->size != 0)
        fputs("\r\033[K", stderr);
    run->size = 0;
}

/* Add the roles now: a key may have come after its certificate. */
static bool add_role(struct shim_uploading *run, json_t *row)
{
    const char *text = json_string_value(json_object_get(row, "fingerprint"));
    unsigned char fingerprint[SP_SHA256_LENGTH];
    size_t length = 0;
    bool failed = true;
    enum sp_role role = SP_ROLE_NONE;

    if (OPENSSL_hexstr2buf_ex(fingerprint, sizeof(fingerprint), &length, text, '\0') == 1)
        role = sp_keyring_role(run->keyring, fingerprint, &failed);
    json_object_set_new(row, "role",
                        failed || role == SP_ROLE_NONE ? json_null()
                                                       : json_string(sp_role_name(role)));
    return !failed;
}

/* A ca vouches for these addresses, so they are shown, up to this number; more are counted. */
#define SHOWN_MAX 20

static void print_addresses(const json_t *addresses)
{
    size_t count = json_array_size(addresses);

    if (count == 0)
        shim_print(stdout, "no address");
    for (size_t i = 0; i < count && i < SHOWN_MAX; i++)
        shim_print(stdout, "%s%s", i > 0 ? ", " : "",
                   json_string_value(json_array_get(addresses, i)));
    if (count > SHOWN_MAX)
        shim_print(stdout, " and %zu more", count - SHOWN_MAX);
}

static void print_row(const json_t *row)
{
    const char *subject = json_string_value(json_object_get(row, "subject"));
    const char *role = json_string_value(json_object_get(row, "role"));
    bool already = strcmp(json_string_value(json_object_get(row, "state")), "already") == 0;

    shim_print(stdout, "%s as %s: ", already ? "already there" : "stored",
               role != NULL ? role : "?");
    print_addresses(json_object_get(row, "addresses"));
    shim_print(stdout, " (%s, SHA-256 %.16s)\n", *subject != '\0' ? subject : "no subject",
               json_string_value(json_object_get(row, "fingerprint")));
}

static void print_text(const struct shim_uploading *run)
{
    for (size_t i = 0; i < json_array_size(run->certificates); i++)
        print_row(json_array_get(run->certificates, i));
    shim_print(stdout, "%zu stored, %zu already there, %zu private key%s", run->added,
               run->stored_before, run->keys_added, run->keys_added == 1 ? "" : "s");
    if (run->refused + run->unreadable > 0)
        shim_print(stdout, "; %zu refused, %zu unreadable", run->refused, run->unreadable);
    shim_print(stdout, " (keyring %s)\n", run->shim->keyring_path);
}

static int print_json(const struct shim_uploading *run, int code, bool done)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:o, s:b, s:b, s:i, s:I, s:I, s:I, s:I, s:O, s:O, s:O, s:O}", "policy",
        SMIMEPOLICY_VERSION, "operation", "upload", "keyring",
        sp_json_text(run->shim->keyring_path), "allowed", run->refused == 0 && code == SHIM_OK,
        "done", done, "exit", code, "stored", done ? (json_int_t)run->added : 0, "already",
        (json_int_t)run->stored_before, "refused", (json_int_t)run->refused, "keys",
        done ? (json_int_t)run->keys_added : 0, "certificates", run->certificates, "unreadable",
        run->unread, "notes", run->notes, "verdicts", run->outcome.json);
    int printed = shim_json_line(object);

    return printed == SHIM_OK ? code : printed;
}

int shim_uploading_report(struct shim_uploading *run, int code, bool done)
{
    bool known = true;

    if (!done)
        json_array_clear(run->certificates);
    for (size_t i = 0; i < json_array_size(run->certificates); i++)
        known = add_role(run, json_array_get(run->certificates, i)) && known;
    /* It is stored, but cannot be reported completely. */
    if (!known)
        code = shim_keyring_failed(run->keyring);
    if (run->options->json)
        return print_json(run, code, done);
    if (done)
        print_text(run);
    return code;
}
