/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/memory.h"
#include "common/memory_file.h"
#include "rules/rules.h"
#include "stock/environment.h"
#include "stock/installed.h"
#include "stock/stock_exit.h"
#include "stock/whole_input.h"
#include "tool/run/copies.h"
#include "tool/run/conf_text.h"
#include "tool/run/run.h"
#include "tool/run/watch.h"

bool shim_operation_signs(const char *operation)
{
    return strcmp(operation, "sign") == 0 || strcmp(operation, "resign") == 0 ||
           strcmp(operation, "sign_receipt") == 0;
}

bool shim_operation_verifies(const char *operation)
{
    return strcmp(operation, "verify") == 0 || strcmp(operation, "verify_receipt") == 0;
}

/* Write the keyring that the command uses into the settings. */
static bool know_keyring(const struct shim_operation *operation, smimepolicy_settings *settings)
{
    const char *path = operation->selection.path;

    return path == NULL || settings->keyring != NULL ||
           smimepolicy_settings_set(settings, "keyring", path, NULL);
}

/* Does stock open the message with keys of the keyring alone, which are all for mail? */
static bool opens_with_mail_keys(const struct shim_operation *operation)
{
    const struct shim_request *request = operation->request;
    const struct shim_selection *selection = &operation->selection;
    size_t i = 0;

    while (i < selection->recipient_count && sp_has_key_of_mail(selection->recipients[i].cert))
        i++;
    return i > 0 && i == selection->recipient_count && request->recipient_count == 0 &&
           request->inkey == NULL && strcmp(request->operation, "decrypt") == 0;
}

/*
 * Was every certificate judged here, and asked about by OCSP?  Then the provider, which opens no
 * socket, need not have a CRL that answers.
 */
static bool are_answered(const struct shim_operation *operation)
{
    const smimepolicy_settings *settings = operation->shim->settings;

    return settings->asks_ocsp && settings->revocation == SP_REVOCATION_HARD &&
           operation->verb != NULL && !operation->shim->left_to_provider;
}

/*
 * Write the configuration, with settings in which the command is stricter than the
 * provider's defaults.
 */
static bool write_conf(struct shim_run *run)
{
    smimepolicy_settings *settings = sp_settings_dup(run->operation->shim->settings);

    if (settings == NULL || !know_keyring(run->operation, settings)) {
        smimepolicy_settings_free(settings);
        shim_no_memory();
        return false;
    }
    settings->refuse_unknown_keys = true;
    settings->pass_raw_keys = false;
    settings->refuse_signer_path = true;
    settings->mail_keys_only = settings->mail_keys_only || run->operation->mail_keys_only ||
                               opens_with_mail_keys(run->operation);
    if (are_answered(run->operation))
        settings->revocation = SP_REVOCATION_SOFT;
    if (run->operation->manner->judges_signers) {
        settings->refuse_unverified_signers = true;
        settings->own_anchors_first = true;
        /* The provider would ask as of now.  As of the time that a person gave it is judged here.
         */
        if (strcmp(run->operation->request->operation, "verify") == 0 &&
            shim_args_has(run->operation->args, "attime"))
            settings->revocation = SP_REVOCATION_OFF;
    }
    run->conf = shim_provider_conf(run->module, settings);
    run->expect = sp_settings_text(settings);
    smimepolicy_settings_free(settings);
    if (run->expect == NULL)
        shim_no_memory();
    return run->conf >= 0 && run->expect != NULL;
}

/* With --headers: write the fields of the mail that stay outside. */
static bool write_header(const struct shim_run *run)
{
    const char *header = run->operation->selection.header;

    if (header == NULL || !shim_writes_header(run->operation->args) ||
        shim_write_all(run->delivery.sink, header, strlen(header)))
        return true;
    shim_error("cannot write %s: %s", run->delivery.sink_name, strerror(errno));
    return false;
}

static bool run_begin(struct shim_run *run)
{
    if (!shim_find_module(&run->module, &run->module_dir)) {
        shim_no_memory();
        return false;
    }
    if (!write_conf(run) || !shim_run_words(run))
        return false;
    return shim_delivery_open(&run->delivery) && write_header(run);
}

#define SHIM_KEEP_MAX 5

/* List the descriptors by which stock opens files; the last is -1. */
static void list_kept(const struct shim_run *run, int keep[SHIM_KEEP_MAX + 1])
{
    const struct shim_operation *operation = run->operation;
    const int all[SHIM_KEEP_MAX] = { run->conf,
                                     operation->content_path != NULL ? operation->content : -1,
                                     operation->selection.issuers, operation->selection.anchors,
                                     operation->selection.passphrase };
    size_t count = 0;

    for (size_t i = 0; i < SHIM_KEEP_MAX; i++)
        if (all[i] >= 0)
            keep[count++] = all[i];
    keep[count] = -1;
}

static bool run_stock(const struct shim_run *run, const char *program,
                      struct shim_stock_result *result)
{
    int keep[SHIM_KEEP_MAX + 1];
    char *conf = shim_fd_path(run->conf);
    struct shim_unverified unverified = { .len = 0 };
    struct shim_stock stock = {
        .program = program,
        .argv = run->words,
        .conf = conf,
        .expect = run->expect,
        .pass = shim_environment_pass(run->operation->request->passin),
        .keep = keep,
        .out = run->delivery.sink,
        .for_people = run->operation->manner->for_people,
        .filter = shim_args_has(run->operation->args, "noverify") ? shim_unverified_hear : NULL,
        .filter_listener = &unverified,
        .capture = run->operation->capture,
        .progress = run->operation->manner->for_people && run->operation->takes_input,
        .in = run->operation->takes_input ? run->operation->input : STDIN_FILENO
    };
    bool started;

    list_kept(run, keep);
    started = conf != NULL && shim_watched_run(&stock, result);
    shim_unverified_end(&unverified);
    OPENSSL_free(conf);
    if (started && result->lost != 0) {
        shim_error("cannot write %s: %s", run->delivery.sink_name, strerror(result->lost));
        return false;
    }
    return started;
}

/* Close what was open for stock alone: there may be many copies. */
static void run_close(struct shim_run *run)
{
    if (run->conf >= 0)
        close(run->conf);
    run->conf = -1;
    if (!run->delivery.spools && run->delivery.sink >= 0) {
        close(run->delivery.sink);
        run->delivery.sink = -1;
    }
}

static void run_end(struct shim_run *run)
{
    run_close(run);
    shim_delivery_end(&run->delivery);
    OPENSSL_free(run->out);
    OPENSSL_free(run->expect);
    OPENSSL_free(run->words);
    OPENSSL_free(run->module_dir);
    OPENSSL_free(run->module);
}

int shim_take_whole(struct shim_operation *operation)
{
    int fd = operation->takes_input ? -1 : shim_whole_open(operation->args, operation->request);

    if (fd >= 0) {
        operation->takes_input = true;
        operation->input = fd;
    }
    return fd;
}

/* Hold signals back, and name the file of the copy; false with the reason on stderr. */
static bool run_init(struct shim_run *run, const struct shim_operation *operation, size_t copy)
{
    *run = (struct shim_run){ .operation = operation,
                              .copy = copy,
                              .conf = -1,
                              .delivery = { .secrecy = shim_secrecy_of(operation->request),
                                            .for_people = operation->manner->for_people,
                                            .sink = -1 } };
    shim_hold_signals(&run->delivery.before);
    if (copy > 0)
        run->out = shim_copy_file(operation, copy);
    if (copy > 0 && run->out == NULL)
        shim_no_memory();
    return copy == 0 || run->out != NULL;
}

/*
 * Make one copy, and hold it back.  |*made|: it may be handed over.  False with the reason on
 * stderr.
 */
static bool make(struct shim_run *run, const char *program, struct shim_stock_result *result,
                 bool *made)
{
    const struct shim_operation *operation = run->operation;

    *made = false;
    if (!run_begin(run) || !shim_memory_sufficed() || !run_stock(run, program, result))
        return false;
    shim_stock_tell_signal(result);
    if (result->code != 0 || result->refused || operation->withheld ||
        shim_whole_made_nothing(operation->api, operation->request, result->complained,
                                run->delivery.sink))
        return true;
    *made =
        shim_whole_was_read(operation->args, operation->request,
                            operation->takes_input ? operation->input : -1, run->delivery.sink) &&
        shim_memory_sufficed();
    return *made;
}

/* Remove a copy again.  There was no file in its place. */
static void take_back(const struct shim_run *run)
{
    for (size_t i = 0; i < run->delivery.output_count; i++)
        if (run->delivery.outputs[i].temporary == NULL && !run->delivery.outputs[i].in_place &&
            run->delivery.outputs[i].wanted != NULL)
            unlink(run->delivery.outputs[i].wanted);
}

/*
 * Hand over all copies or none.  The first may replace a file, so it is the last one.  Signals act
 * again only after it.
 */
static bool hand_over(struct shim_run *runs, size_t count)
{
    const struct shim_operation *operation = runs[0].operation;
    bool optional = shim_content_is_optional(operation->api, operation->request);
    size_t left = count;

    while (left > 0 && shim_delivery_hand_over(&runs[left - 1].delivery, optional))
        left--;
    for (size_t i = left; left > 0 && i < count; i++)
        take_back(&runs[i]);
    return left == 0;
}

int shim_operate(const struct shim_operation *operation, struct shim_stock_result *result)
{
    const char *program = shim_stock_path();
    size_t first = shim_copy_first(&operation->selection);
    size_t copies = operation->selection.bcc_copies + 1 - first;
    size_t begun = 0;
    bool made = true;
    bool done = true;
    struct shim_run *runs;

    if (program == NULL)
        return SHIM_SYSTEM;
    runs = OPENSSL_zalloc(copies * sizeof(*runs));
    if (runs == NULL)
        return shim_no_memory();
    while (done && made && begun < copies) {
        struct shim_run *run = &runs[begun];

        if (begun > 0)
            OPENSSL_free(result->said);
        *result = (struct shim_stock_result){ 0 };
        done = run_init(run, operation, first + begun++) && make(run, program, result, &made);
        if (copies > 1)
            run_close(run);
    }
    if (done && made)
        done = hand_over(runs, copies);
    while (begun > 0)
        run_end(&runs[--begun]);
    OPENSSL_free(runs);
    return done ? SHIM_OK : SHIM_SYSTEM;
}
