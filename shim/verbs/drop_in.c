/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The drop-in for stock's names: `smime-policy cms` and `smime-policy smime`.
 */
#include <string.h>
#include <unistd.h>

#include "verbs/verbs.h"
#include "stock/refused_options.h"
#include "stock/stock_exit.h"
#include "tool/run/ciphers.h"
#include "stock/empty_input.h"

/* Refuse options for the sender in operations that compare none. */
static int check_sender(const struct shim_args *args, const struct shim_request *request)
{
    if (shim_args_last(args, ROLE_SENDER) == NULL ||
        (request->operation != NULL && strcmp(request->operation, "verify") == 0 &&
         !shim_args_has(args, "noverify")))
        return SHIM_OK;
    return shim_usage("-sender is for -verify, and not with -noverify, which verifies nobody");
}

/* Does anything depend on the message itself: is its sender or digest logged or refused? */
static bool reads_message(const struct shim_operation *operation)
{
    const smimepolicy_settings *settings = operation->shim->settings;
    const struct shim_request *request = operation->request;

    /* An extraction verifies nothing. */
    return !request->help && request->operation != NULL &&
           strcmp(request->operation, "verify") == 0 &&
           !shim_args_has(operation->args, "noverify") &&
           (settings->refuse_other_senders || settings->decision_log != NULL ||
            shim_verification_refuses_digests(settings) ||
            shim_args_last(operation->args, ROLE_SENDER) != NULL);
}

/* Judge the message, and run stock unless it has run. */
static int operate(struct shim_operation *operation, struct shim_outcome *outcome)
{
    const bool judges = operation->shim->judges;
    struct shim_verification verification = { 0 };
    struct shim_stock_result result;
    int in = judges ? -1 : shim_take_whole(operation);
    int code = SHIM_OK;

    if (reads_message(operation))
        code = shim_verification_prepare(&verification, operation, outcome);
    if (code == SHIM_OK && !judges)
        code = shim_operate(operation, &result);
    shim_verification_clear(&verification);
    if (in >= 0)
        close(in);
    if (code != SHIM_OK || judges)
        return code;
    shim_judge_trust(&result, outcome);
    if (result.code == 0 && !result.refused && operation->withheld) {
        shim_error("the message cannot be read well enough to compare its sender");
        return SHIM_REFUSED;
    }
    return shim_stock_exit(&result);
}

static int run_stock(struct shim *shim, enum shim_api api, const char *name,
                     const struct shim_args *args, const struct shim_request *request)
{
    struct shim_operation operation = {
        .shim = shim, .api = api, .manner = &shim_manner_stock, .args = args, .request = request
    };
    struct shim_outcome outcome = { .denials_only = !shim->explain,
                                    .explains = shim->explain || shim->is_logged };
    int code;

    if (shim_has_refused_option(args, request->operation != NULL ? request->operation : name,
                                operation.manner))
        return SHIM_REFUSED;
    shim_selection_init(&operation.selection);
    code = shim_select(&operation, &outcome);
    if (code == SHIM_OK)
        code = shim_judge_request(&operation, &outcome);
    if (code == SHIM_OK && !shim->judges &&
        (shim_input_is_unfit(args, request, operation.manner) ||
         (!shim->explain && shim_input_is_empty(args, request))))
        code = SHIM_INPUT;
    if (shim->explain) {
        shim_outcome_tell_held(&outcome);
        code = shim_verb_report_plan(&(struct shim_verb_report){
            .operation = &operation, .outcome = &outcome, .code = code });
    } else if (code == SHIM_OK)
        code = operate(&operation, &outcome);
    shim_selection_clear(&operation.selection);
    shim_outcome_clear(&outcome);
    return code;
}

int shim_run_stock(struct shim *shim, char **argv)
{
    enum shim_api api = strcmp(argv[0], "cms") == 0 ? SHIM_CMS : SHIM_SMIME;
    struct shim_args args = { 0 };
    struct shim_request request = { 0 };
    int code = shim_request_parse(api, argv + 1, shim_cipher_is_known, &args, &request);

    if (code == SHIM_OK)
        code = check_sender(&args, &request);
    if (code == SHIM_OK)
        code = shim_args_repeated(&args);
    if (code == SHIM_OK)
        code = run_stock(shim, api, argv[0], &args, &request);
    shim_request_clear(&request);
    shim_args_free(&args);
    return code;
}
