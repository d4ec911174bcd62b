/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The verbs: sign, encrypt, verify, decrypt.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "verbs/verbs.h"
#include "common/help.h"
#include "common/progress.h"
#include "stock/refused_options.h"
#include "stock/stock_exit.h"
#include "tool/collect/collecting.h"
#include "tool/keyring/ocsp_answers.h"
#include "tool/run/ciphers.h"
#include "tool/run/copies.h"
#include "stock/empty_input.h"

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

/* Refuse an option that names another operation than the verb's. */
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

static bool takes(const char *verb, const char *option)
{
    return shim_option_row(shim_help_find(verb)->options, option, strlen(option)) != NULL;
}

/*
 * Refuse options of ours that the help of the verb does not have: they would be ignored.  --quiet
 * and --verbose may be given to every verb.
 */
static int check_own_options(const struct verb *verb, const struct shim_args *args)
{
    for (size_t i = 0; i < args->count; i++) {
        const struct shim_option *option = args->given[i].option;
        const struct verb *other = verbs;

        if (!shim_option_is_own(option) || option->role == ROLE_QUIET ||
            option->role == ROLE_VERBOSE || takes(verb->name, option->name))
            continue;
        while (!takes(other->name, option->name) && other->use != SMIMEPOLICY_DECRYPT)
            other++;
        return shim_usage("%s: --%s is for %s", verb->name, option->name, other->name);
    }
    return SHIM_OK;
}

/* Refuse operands, except for encrypt: they would be ignored. */
static int check_operands(const struct verb *verb, const struct shim_args *args)
{
    const char *word = args->operands[0];

    if (word == NULL || verb->use == SMIMEPOLICY_ENCRYPT)
        return SHIM_OK;
    return shim_usage("%s: %s is not an option, and nothing else is taken; name a message with -in",
                      verb->name, word);
}

/*
 * Read and judge the message to verify.  With --explain a message on standard input
 * is left alone, because it could be read only once.
 */
static int prepare(struct shim_operation *operation, struct shim_outcome *outcome,
                   struct shim_verification *verification)
{
    const char *in = shim_args_value(operation->args, "in");

    if (strcmp(operation->request->operation, "verify") != 0)
        return SHIM_OK;
    if (operation->explain && (in == NULL || strcmp(in, "-") == 0)) {
        shim_error("the message is on standard input: it is not read, and not judged");
        return SHIM_OK;
    }
    return shim_verification_prepare(verification, operation, outcome);
}

/* Will stock try a key whose certificate the message does not name? */
static bool tries_key(const struct shim_operation *operation)
{
    const struct shim_selection *selection = &operation->selection;

    return selection->recipient_count > 0 && selection->recipients[0].uri == NULL;
}

/* Judge the result of stock. */
static int conclude(const struct shim_operation *operation, const struct shim_stock_result *result,
                    struct shim_outcome *outcome)
{
    int code = shim_verb_exit(result);

    /* If we could follow the chain, an untrusted signer was reported before, by name. */
    if (!outcome->denied)
        shim_judge_trust(result, outcome);
    if (code == SHIM_OK && operation->withheld) {
        shim_error("the message cannot be read well enough to say who signed it; "
                   "ask the sender for it in another form");
        return SHIM_INPUT;
    }
    if (code == SHIM_OK && !operation->capture)
        shim_covered_tell(&operation->selection.covered, operation->request->operation);
    if (code == SHIM_OK)
        shim_outcome_tell_held(outcome);
    if (code == SHIM_OK && !operation->capture &&
        shim_args_last(operation->args, ROLE_QUIET) == NULL)
        shim_copies_tell(operation);
    /* For one that -recip names stock ends as after wrong usage. */
    if ((code == SHIM_INPUT || code == SHIM_USAGE) && shim_judge_unopened(operation))
        code = SHIM_INPUT;
    if (code == SHIM_CRYPTO && tries_key(operation))
        shim_error("the message names none of the certificates in the keyring %s, and the key of "
                   "its one identity that could be tried does not open it",
                   operation->selection.path);
    return code;
}

/* Run stock with the file as its standard input, so that we see its progress. */
static int run_watched(struct shim_operation *operation, struct shim_stock_result *result)
{
    const char *in = shim_args_value(operation->args, "in");
    int opened = shim_take_whole(operation);
    int code;

    if (opened < 0 && in != NULL && !operation->takes_input &&
        !shim_request_reads_stdin(operation->request)) {
        opened = shim_progress_open(in);
        operation->takes_input = opened >= 0;
        operation->input = opened;
    }
    code = shim_operate(operation, result);
    if (opened >= 0)
        close(opened);
    return code;
}

/* The state of one run, until it is reported. */
struct verb_run {
    struct shim_operation operation;
    struct shim_outcome outcome;
    struct shim_verification verification;
    struct shim_stock_result result;
};

static int operate(struct verb_run *run)
{
    int code = prepare(&run->operation, &run->outcome, &run->verification);

    if (code != SHIM_OK)
        return code;
    if (run->operation.explain) {
        shim_outcome_tell_held(&run->outcome);
        return SHIM_OK;
    }
    if (run->operation.shim->judges)
        return SHIM_OK;
    code = run_watched(&run->operation, &run->result);
    return code == SHIM_OK ? conclude(&run->operation, &run->result, &run->outcome) : code;
}

static int decide_and_do(struct verb_run *run, const struct verb *verb)
{
    const struct shim_operation *operation = &run->operation;
    int code;

    if (shim_has_refused_option(operation->args, verb->name, operation->manner))
        return SHIM_REFUSED;
    /* --explain does not wait for the first byte of a pipe, as it runs nothing. */
    if (!operation->shim->judges &&
        (shim_input_is_unfit(operation->args, operation->request, operation->manner) ||
         (!operation->explain && shim_input_is_empty(operation->args, operation->request))))
        return SHIM_INPUT;
    code = shim_load_settings(operation->shim);
    /* Of a message that is not understood it stays so. */
    operation->shim->left_to_provider = verb->use == SMIMEPOLICY_VERIFY;
    if (code == SHIM_OK && verb->use != SMIMEPOLICY_DECRYPT)
        code = shim_ocsp_begin(operation->shim, !operation->explain, SHIM_OCSP_PATIENCE);
    shim_ocsp_prints(!operation->capture && shim_args_last(operation->args, ROLE_QUIET) == NULL);
    if (code == SHIM_OK)
        code = shim_select(&run->operation, &run->outcome);
    if (code == SHIM_OK)
        code = shim_judge_request(&run->operation, &run->outcome);
    /* What is judged of a verification is the message. */
    if (operation->shim->judges && verb->use != SMIMEPOLICY_VERIFY)
        return code;
    if (code == SHIM_OK && !operation->explain)
        code = shim_select_unlock(&run->operation);
    return code == SHIM_OK ? operate(run) : code;
}

/* Refuse --json if the message goes to standard output, too. */
static int check_json(const struct shim_operation *operation)
{
    const char *out = shim_args_value(operation->args, "out");

    if (!operation->capture || operation->explain || (out != NULL && strcmp(out, "-") != 0))
        return SHIM_OK;
    return shim_usage("--json writes to standard output; name a file for the message with -out");
}

/* --collect stores what was verified; what cannot be stored is refused before. */
static int check_collect(const struct shim_operation *operation)
{
    int code = SHIM_OK;

    if (shim_args_last(operation->args, ROLE_COLLECT) == NULL)
        return SHIM_OK;
    if (operation->capture)
        return shim_usage("--collect and --json exclude each other; 'smime-policy collect --json' "
                          "tells what was collected");
    code = shim_load_settings(operation->shim);
    if (code == SHIM_OK && !shim_collects(operation->shim))
        code = SHIM_REFUSED;
    return code;
}

/* Collect from the message that was verified. */
static int collect(struct verb_run *run)
{
    const char *in = shim_args_value(run->operation.args, "in");

    if (shim_args_last(run->operation.args, ROLE_COLLECT) == NULL || run->operation.explain)
        return SHIM_OK;
    return shim_collect_after(&run->operation, in == NULL ? "standard input" : in,
                              &run->verification.incoming);
}

/* Print who signed; or, if not all of several signatures passed, which ones did. */
static void tell_signers(struct verb_run *run, int code)
{
    const struct shim_operation *operation = &run->operation;
    struct shim_incoming *incoming = &run->verification.incoming;

    if (operation->explain || incoming->count == 0 || (operation->shim->judges && code == SHIM_OK))
        return;
    if (code != SHIM_OK)
        shim_signers_test(incoming, operation->args);
    if (operation->capture)
        return;
    if (code != SHIM_OK)
        shim_signers_tell_failed(incoming);
    else if (shim_args_last(operation->args, ROLE_QUIET) == NULL)
        shim_signers_tell(incoming);
}

static int run_verb(struct shim *shim, const struct verb *verb, const struct shim_args *args,
                    struct shim_request *request)
{
    struct verb_run run = { .operation = { .shim = shim,
                                           .api = SHIM_CMS,
                                           .manner = &shim_manner_verb,
                                           .args = args,
                                           .request = request,
                                           .verb = verb->option,
                                           .explain = shim->explain ||
                                                      shim_args_last(args, ROLE_EXPLAIN) != NULL,
                                           .capture = shim_args_last(args, ROLE_JSON) != NULL } };
    struct shim_verb_report report = { .operation = &run.operation, .outcome = &run.outcome };

    if (request->help)
        return shim_help_verb(verb->name);
    shim_selection_init(&run.operation.selection);
    run.outcome.explains = run.operation.explain || shim->is_logged;
    if (run.operation.capture)
        run.outcome.json = json_array();
    report.code = check_operation(verb, request);
    if (report.code == SHIM_OK)
        report.code = check_own_options(verb, args);
    if (report.code == SHIM_OK)
        report.code = check_operands(verb, args);
    if (report.code == SHIM_OK)
        report.code = shim_args_repeated(args);
    if (report.code == SHIM_OK)
        report.code = check_json(&run.operation);
    if (report.code == SHIM_OK)
        report.code = check_collect(&run.operation);
    if (report.code == SHIM_OK)
        report.code = decide_and_do(&run, verb);
    report.said = run.result.said;
    if (verb->use == SMIMEPOLICY_VERIFY) {
        report.incoming = &run.verification.incoming;
        tell_signers(&run, report.code);
        if (report.code == SHIM_OK)
            report.code = collect(&run);
    }
    if (run.operation.capture)
        report.code = shim_verb_report_json(&report);
    else if (run.operation.explain && report.code != SHIM_USAGE)
        report.code = shim_verb_report_plan(&report);
    OPENSSL_free(run.result.said);
    shim_verification_clear(&run.verification);
    shim_selection_clear(&run.operation.selection);
    shim_outcome_clear(&run.outcome);
    return report.code;
}

int shim_run_verb(struct shim *shim, char **argv)
{
    struct shim_args args = { 0 };
    struct shim_request request = { 0 };
    int code = shim_request_parse(SHIM_VERB, argv + 1, shim_cipher_is_known, &args, &request);

    if (code == SHIM_OK)
        code = run_verb(shim, find_verb(argv[0]), &args, &request);
    shim_request_clear(&request);
    shim_args_free(&args);
    return code;
}
