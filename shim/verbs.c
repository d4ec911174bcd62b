/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * sign, encrypt, verify, decrypt; and the stock names cms and smime.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "help.h"
#include "judge.h"
#include "operation.h"
#include "shim.h"

static const struct verb {
    const char *name;
    const char *option;
    smimepolicy_use use;
} verbs[] = {
    { "sign", "-sign", SMIMEPOLICY_SIGN },
    { "encrypt", "-encrypt", SMIMEPOLICY_ENCRYPT },
    { "verify", "-verify", SMIMEPOLICY_VERIFY },
    { "decrypt", "-decrypt", SMIMEPOLICY_DECRYPT },
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* The way out for each option that is refused. */
static const char *alternative(const char *name)
{
    static const struct {
        const char *name;
        const char *text;
    } rows[] = {
        { "noverify", "name the sender's issuing CA with -CAfile" },
        { "no_signer_cert_verify", "name the sender's issuing CA with -CAfile" },
        { "nochain", "name the sender's issuing CA with -CAfile, intermediates with -certfile" },
        { "purpose", "leave it out: the signer is judged for S/MIME" },
        { "verify_name", "leave it out: the signer is judged for S/MIME" },
        { "no_check_time", "leave it out, or ask the sender for a current certificate" },
        { "engine", "give the key in a file" },
        { "config", "put settings into the policy file (smime-policy --policy FILE)" },
        { "propquery", "leave it out: all algorithms come through the policy provider" },
        { "provider", "set `backend` in the policy file" },
        { "provider-path", "set `backend` in the policy file" },
        { "provparam", "put settings into the policy file (smime-policy --policy FILE)" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].text;
    return "leave it out: a signature that does not verify is none";
}

/* Options that would take the policy out of the way. */
static bool has_refused_option(const struct shim_args *args, const char *what, bool like_stock)
{
    bool found = false;

    for (size_t i = 0; i < args->count; i++) {
        const struct shim_option *option = args->given[i].option;

        if (option->role != ROLE_FOREIGN && (option->role != ROLE_UNCHECKED || like_stock))
            continue;
        fprintf(stderr, "refused: %s: -%s would %s; %s\n", what, option->name,
                option->role == ROLE_FOREIGN ? "take the operation out of the policy's hands"
                                             : "switch a check off",
                alternative(option->name));
        found = true;
    }
    return found;
}

/* What stock's exit codes mean, and what we saw ourselves. */
static int verb_exit(const struct shim_stock_result *result)
{
    if (result->refused || (result->distrusted && result->code != 0))
        return SHIM_REFUSED;
    switch (result->code) {
    case 0:
        return SHIM_OK;
    case 1:
        return SHIM_USAGE;
    case 2:
        return SHIM_INPUT;
    case -1: /* ended by a signal */
    case 5:  /* a file could not be written */
    case 6:
        return SHIM_SYSTEM;
    default:
        return SHIM_CRYPTO;
    }
}

static int stock_exit(const struct shim_stock_result *result)
{
    if (result->signal != 0)
        return 128 + result->signal;
    /* Some of smime's failures exit 0; a refusal never does. */
    return result->refused && result->code == 0 ? SHIM_REFUSED : result->code;
}

static int judge(struct shim *shim, const struct shim_request *request, bool like_stock)
{
    struct shim_judge judge = { .now = time(NULL), .like_stock = like_stock };
    int code = shim_load_settings(shim);

    if (code != SHIM_OK)
        return code;
    judge.settings = shim->settings;
    return request->operation == NULL || request->help ? SHIM_OK
                                                       : shim_judge_request(&judge, request);
}

/* An operation among the options would turn the verb into another one. */
static int check_operation(const struct verb *verb, struct shim_request *request)
{
    if (request->operation == NULL || strcmp(request->operation, verb->name) == 0) {
        request->operation = verb->name;
        return SHIM_OK;
    }
    if (verb->use == SMIMEPOLICY_ENCRYPT &&
        strcmp(request->operation, "EncryptedData_encrypt") == 0)
        return SHIM_OK;
    return shim_usage("%s: -%s is another operation; see 'smime-policy cms'", verb->name,
                      request->operation);
}

static int run_verb(struct shim *shim, const struct verb *verb, const struct shim_args *args,
                    struct shim_request *request)
{
    struct shim_operation operation = {
        .shim = shim, .api = SHIM_CMS, .args = args, .request = request, .verb = verb->option
    };
    struct shim_stock_result result;
    int code;

    if (request->help)
        return shim_help_verb(verb->name);
    code = check_operation(verb, request);
    if (code == SHIM_OK && has_refused_option(args, verb->name, false))
        code = SHIM_REFUSED;
    if (code == SHIM_OK)
        code = judge(shim, request, false);
    /* Stock 3.0 would take 3DES. */
    if (verb->use == SMIMEPOLICY_ENCRYPT && shim_args_last(args, ROLE_CIPHER) == NULL)
        operation.cipher = "-aes256";
    if (code == SHIM_OK)
        code = shim_operate(&operation, &result);
    if (code == SHIM_OK)
        shim_judge_sender(&result);
    return code == SHIM_OK ? verb_exit(&result) : code;
}

static int run_stock(struct shim *shim, enum shim_api api, const char *name,
                     const struct shim_args *args, const struct shim_request *request)
{
    struct shim_operation operation = {
        .shim = shim, .api = api, .args = args, .request = request
    };
    struct shim_stock_result result;
    int code;

    if (has_refused_option(args, request->operation != NULL ? request->operation : name, true))
        return SHIM_REFUSED;
    code = judge(shim, request, true);
    if (code == SHIM_OK)
        code = shim_operate(&operation, &result);
    if (code == SHIM_OK)
        shim_judge_sender(&result);
    return code == SHIM_OK ? stock_exit(&result) : code;
}

int shim_run_verb(struct shim *shim, int argc, char **argv)
{
    struct shim_args args = { 0 };
    struct shim_request request = { 0 };
    int code = shim_args_parse(SHIM_CMS, argv + 1, &args);

    (void)argc;
    if (code == SHIM_OK && !shim_request_read(&args, &request))
        code = shim_no_memory();
    if (code == SHIM_OK)
        code = run_verb(shim, find_verb(argv[0]), &args, &request);
    shim_request_clear(&request);
    shim_args_free(&args);
    return code;
}

int shim_run_stock(struct shim *shim, int argc, char **argv)
{
    enum shim_api api = strcmp(argv[0], "cms") == 0 ? SHIM_CMS : SHIM_SMIME;
    struct shim_args args = { 0 };
    struct shim_request request = { 0 };
    int code = shim_args_parse(api, argv + 1, &args);

    (void)argc;
    if (code == SHIM_OK && !shim_request_read(&args, &request))
        code = shim_no_memory();
    if (code == SHIM_OK)
        code = run_stock(shim, api, argv[0], &args, &request);
    shim_request_clear(&request);
    shim_args_free(&args);
    return code;
}
