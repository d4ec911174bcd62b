/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy check: prints every finding on every certificate, and changes
 * nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>

#include "base/text.h"
#include "common/memory.h"
#include "tool/certs/certs.h"
#include "tool/check/checking.h"
#include "tool/keyring/crl_answers.h"
#include "tool/report/outcome.h"

/* A private key in the files.  It is judged when all certificates are known. */
struct found_key {
    EVP_PKEY *key; /* owned */
    const char *path;
    unsigned number; /* as in struct shim_part */
    bool asked_for;  /* it is the key of --key */
    struct found_key *next;
};

/* One run of check. */
struct checking {
    const struct shim_check *check;
    const struct shim *shim; /* borrowed */
    struct shim_reading_parts reading;
    json_t *told; /* owned: the object that --json prints; else what is in it does not matter */
    STACK_OF(X509) *seen; /* owned: certificates that the keys may belong to */
    struct found_key *keys, **last;
    const char *path;   /* borrowed: the file that is being read, as it was named */
    bool wants_key;     /* it is the file of --key */
    bool found, unread; /* it held something wanted; something could not be read */
    bool denied;
    int fault;
};

static void unreadable(struct checking *checking, const struct shim_part *part)
{
    shim_part_tell(part, checking->path, json_object_get(checking->told, "unreadable"));
    checking->unread = true;
    if (checking->fault == SHIM_OK)
        checking->fault = SHIM_INPUT;
}

static void refuse_file(struct checking *checking, const char *why)
{
    unreadable(checking, &(struct shim_part){ .why = why });
}

static void report(struct checking *checking, struct shim_report *judged)
{
    shim_report_add(checking->check->json ? checking->told : NULL, judged);
    for (int use = 0; use < SHIM_USES; use++) {
        smimepolicy_verdict *verdict = judged->verdicts[use];

        checking->denied =
            checking->denied || (verdict != NULL && !smimepolicy_verdict_allowed(verdict));
        smimepolicy_verdict_free(verdict);
    }
}

static void check_cert(struct checking *checking, const struct shim_part *part)
{
    struct shim_report judged = { .path = checking->path,
                                  .number = part->number,
                                  .cert = part->cert };
    X509 *copy;

    for (int use = 0; use < SHIM_USES; use++) {
        if (!checking->check->wanted[use])
            continue;
        judged.verdicts[use] = shim_evaluate(checking->shim, part->cert, NULL, (smimepolicy_use)use,
                                             checking->check->at);
        if (judged.verdicts[use] == NULL)
            checking->fault = shim_no_memory();
    }
    report(checking, &judged);
    /* Parsed again, because keys are compared with its decoded key. */
    copy = X509_dup(part->cert);
    if (copy == NULL || sk_X509_push(checking->seen, copy) <= 0) {
        X509_free(copy);
        checking->fault = shim_no_memory();
    }
}

static void keep_key(struct checking *checking, EVP_PKEY *key, unsigned number)
{
    struct found_key *found = OPENSSL_zalloc(sizeof(*found));

    if (found == NULL || EVP_PKEY_up_ref(key) != 1) {
        OPENSSL_free(found);
        checking->fault = shim_no_memory();
        return;
    }
    *found = (struct found_key){
        .key = key, .path = checking->path, .number = number, .asked_for = checking->wants_key
    };
    *checking->last = found;
    checking->last = &found->next;
}

/* Take one part.  In the file of --key the first key counts, in other files every part. */
static bool take_part(const struct shim_part *part, void *arg)
{
    struct checking *checking = arg;
    bool wanted = checking->wants_key ? part->key != NULL : part->cert != NULL;

    checking->found = checking->found || wanted;
    if (part->why != NULL)
        unreadable(checking, part);
    else if (part->note != NULL)
        shim_part_tell(part, checking->path, json_object_get(checking->told, "notes"));
    else if (part->key != NULL)
        keep_key(checking, part->key, part->number);
    else if (!checking->wants_key)
        check_cert(checking, part);
    return checking->fault != SHIM_SYSTEM && !(checking->wants_key && wanted);
}

/* Read what is in no file: a token, or anything else that libcrypto can load. */
static void read_uri(struct checking *checking, const char *uri)
{
    const struct shim_secret secret = { .pass = checking->reading.pass.text };
    enum shim_want want = checking->wants_key ? WANT_KEY : WANT_CERTS;
    struct shim_loaded loaded;
    enum shim_load state = shim_load(uri, want, &secret, &loaded);

    if (state == LOADED && loaded.key != NULL)
        (void)take_part(&(struct shim_part){ .key = loaded.key }, checking);
    for (int i = 0; state == LOADED && i < sk_X509_num(loaded.certs); i++)
        (void)take_part(&(struct shim_part){ .cert = sk_X509_value(loaded.certs, i) }, checking);
    if (state == LOAD_LOCKED)
        refuse_file(checking, "it needs a passphrase, or another one; give it with --passin");
    else if (state == LOAD_FAILED)
        refuse_file(checking, "nothing can be loaded from there; correct the address, or give a "
                              "file");
    shim_loaded_clear(&loaded);
}

static void read_parts(struct checking *checking, const char *path)
{
    struct stat is;
    bool there = stat(path, &is) == 0;

    if (there && S_ISDIR(is.st_mode))
        refuse_file(checking, "it is a directory; name the files in it");
    else if (there && !S_ISREG(is.st_mode))
        refuse_file(checking, "it is not a regular file; copy it to one");
    else if (there && is.st_size > SHIM_LONGEST_PART)
        refuse_file(checking, "it is larger than 16 MB; give what is in it one by one");
    else
        (void)shim_parts_read(&checking->reading, path);
}

static void read_source(struct checking *checking, const char *uri, bool wants_key)
{
    const char *path = shim_load_path(uri);

    checking->path = uri;
    checking->wants_key = wants_key;
    checking->found = checking->unread = false;
    if (path != NULL)
        read_parts(checking, path);
    else
        read_uri(checking, uri);
    if (checking->found || checking->unread || checking->fault == SHIM_SYSTEM)
        return;
    refuse_file(checking, wants_key ? "it holds no private key; give one in PEM, DER or PKCS#12"
                                    : "it holds no certificate; give one in PEM, DER, PKCS#12 or "
                                      "PKCS#7, and a private key with --key");
}

/* Judge the keys.  With one certificate a key is meant for it; with several, for one of them. */
static void check_keys(struct checking *checking)
{
    /* If a certificate could not be read, it may be the one of the key. */
    const STACK_OF(X509) *certs = checking->fault == SHIM_OK ? checking->seen : NULL;
    const X509 *only = sk_X509_num(certs) == 1 ? sk_X509_value(certs, 0) : NULL;

    for (struct found_key *found = checking->keys; found != NULL; found = found->next) {
        struct shim_report judged = { .path = found->path,
                                      .number = found->number,
                                      .asked_for = found->asked_for };

        judged.verdicts[0] =
            smimepolicy_evaluate_key(checking->shim->settings, found->key, only, certs);
        if (judged.verdicts[0] != NULL)
            report(checking, &judged);
        else
            checking->fault = shim_no_memory();
    }
}

static void free_keys(struct checking *checking)
{
    while (checking->keys != NULL) {
        struct found_key *next = checking->keys->next;

        EVP_PKEY_free(checking->keys->key);
        OPENSSL_free(checking->keys);
        checking->keys = next;
    }
}

static void read_all(struct checking *checking)
{
    const struct shim_check *check = checking->check;

    for (char **file = check->files; checking->fault != SHIM_SYSTEM && *file != NULL; file++)
        read_source(checking, *file, false);
    if (check->key_path != NULL && checking->fault != SHIM_SYSTEM)
        read_source(checking, check->key_path, true);
    if (checking->fault != SHIM_SYSTEM)
        check_keys(checking);
}

static void end(struct checking *checking)
{
    json_object_set_new(
        checking->told, "allowed",
        json_boolean(!checking->denied && checking->fault == SHIM_OK && shim_memory_sufficed()));
    if (checking->check->json)
        (void)shim_json_line(checking->told);
    else
        json_decref(checking->told);
    sk_X509_pop_free(checking->seen, X509_free);
    free_keys(checking);
    shim_passphrase_clear(&checking->reading.pass);
}

static int run(struct shim *shim, const struct shim_check *check)
{
    struct checking checking = { .check = check,
                                 .shim = shim,
                                 .reading = { .each = take_part, .arg = &checking },
                                 .last = &checking.keys };
    int code = shim_passphrase_read(&checking.reading.pass, "passin", check->passin);
    char *at;

    if (code != SHIM_OK)
        return code;
    at = sp_format_time(check->at);
    checking.told =
        json_pack("{s:s, s:s?, s:b, s:[], s:n, s:[], s:[], s:[]}", "policy", SMIMEPOLICY_VERSION,
                  "at", at, "allowed", false, "certificates", "key", "keys", "unreadable", "notes");
    OPENSSL_free(at);
    checking.seen = sk_X509_new_null();
    if (checking.seen == NULL || checking.told == NULL)
        checking.fault = shim_no_memory();
    else
        read_all(&checking);
    end(&checking);
    if (checking.fault != SHIM_OK)
        return checking.fault;
    return checking.denied ? SHIM_REFUSED : SHIM_OK;
}

static bool add_use(struct shim_check *check, const char *name)
{
    for (int use = 0; use < SHIM_USES; use++)
        if (strcmp(name, smimepolicy_use_name((smimepolicy_use)use)) == 0) {
            check->wanted[use] = true;
            return true;
        }
    shim_usage("--for %s: no such use; there are upload, sign, encrypt, verify and decrypt", name);
    return false;
}

static bool set_time(struct shim_check *check, const char *text)
{
    struct tm tm = { 0 };
    char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    long long seconds;

    if (end != NULL && *end == '\0') {
        check->at = timegm(&tm);
        return true;
    }
    errno = 0;
    seconds = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && errno == 0) {
        check->at = (time_t)seconds;
        return true;
    }
    shim_usage("--at %s: not a time; like 2024-07-31T14:20:28Z, or seconds since 1970", text);
    return false;
}

int shim_check_options(const struct shim_long *line, struct shim_check *check)
{
    const char *value = shim_long_value(line, "at", 0);

    check->files = line->operands;
    check->key_path = shim_long_value(line, "key", 0);
    check->passin = shim_long_value(line, "passin", 0);
    check->json = shim_long_has(line, "json");
    check->at = time(NULL);
    if (value != NULL && !set_time(check, value))
        return SHIM_USAGE;
    for (size_t i = 0; (value = shim_long_value(line, "for", i)) != NULL; i++)
        if (!add_use(check, value))
            return SHIM_USAGE;
    for (int use = 0; use < SHIM_USES && !shim_long_has(line, "for"); use++)
        check->wanted[use] = true;
    if (check->files[0] == NULL && check->key_path == NULL)
        return shim_usage("check: no certificate given");
    return SHIM_OK;
}

int shim_run_check(struct shim *shim, const struct shim_long *line)
{
    struct shim_check check = { 0 };
    int code = shim_check_options(line, &check);

    if (code == SHIM_OK)
        code = shim_load_settings(shim);
    if (code == SHIM_OK)
        code = shim_crls_find(shim);
    return code == SHIM_OK ? run(shim, &check) : code;
}
