/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/buffer.h>
#include <openssl/crypto.h>

#include "base/text.h"
#include "common/memory.h"
#include "common/memory_file.h"
#include "stock/environment.h"
#include "stock/installed.h"
#include "tool/run/provider_conf.h"
#include "tool/run/run.h"
#include "tool/run/watch.h"
#include "tool/run/whole_input.h"

static bool find_module(struct shim_run *run)
{
    char *slash;

    run->module = shim_module_path();
    run->module_dir = run->module == NULL ? NULL : OPENSSL_strdup(run->module);
    slash = run->module_dir == NULL ? NULL : strrchr(run->module_dir, '/');
    if (slash == NULL) {
        shim_no_memory();
        return false;
    }
    *slash = '\0';
    return true;
}

/* Write the keyring that the command uses into the settings. */
static bool know_keyring(const struct shim_operation *operation, smimepolicy_settings *settings)
{
    const char *path = operation->selection.path;

    return path == NULL || settings->keyring != NULL ||
           smimepolicy_settings_set(settings, "keyring", path, NULL);
}

/*
 * Write the configuration, with settings in which the command is stricter than the
 * provider's defaults.
 */
static bool write_conf(struct shim_run *run)
{
    smimepolicy_settings *settings = sp_settings_dup(run->operation->shim->settings);

    if (settings == NULL) {
        shim_no_memory();
        return false;
    }
    if (!know_keyring(run->operation, settings)) {
        smimepolicy_settings_free(settings);
        shim_no_memory();
        return false;
    }
    settings->refuse_unknown_keys = true;
    settings->pass_raw_keys = false;
    if (run->operation->manner->judges_signers) {
        settings->refuse_unverified_signers = true;
        settings->own_anchors_first = true;
    }
    run->conf = shim_provider_conf(run->module, settings);
    run->expect = sp_settings_text(settings);
    smimepolicy_settings_free(settings);
    if (run->expect == NULL)
        shim_no_memory();
    return run->conf >= 0 && run->expect != NULL;
}

/*
 * Hold back all signals that can be caught until the temporary files are gone; also
 * SIGPIPE, from a reader of stderr that has gone.
 */
static void hold_signals(sigset_t *before)
{
    sigset_t held;

    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGPIPE);
    sigprocmask(SIG_BLOCK, &held, before);
}

/* Only S/MIME output has a header. */
static bool writes_smime(const struct shim_args *args)
{
    const char *form = shim_args_value(args, "outform");

    return form == NULL || form[0] == 's' || form[0] == 'S';
}

/* With --headers: write the fields of the mail that stay outside. */
static bool write_header(const struct shim_run *run)
{
    const BUF_MEM *header = run->operation->selection.header;

    if (header == NULL || !writes_smime(run->operation->args) ||
        shim_write_all(run->sink, header->data, header->length))
        return true;
    shim_error("cannot write %s: %s", run->sink_name, strerror(errno));
    return false;
}

static bool run_begin(struct shim_run *run)
{
    if (!find_module(run) || !write_conf(run) || !shim_run_words(run))
        return false;
    if (run->sink < 0) {
        run->spools = true;
        run->sink_name = "a temporary file in $TMPDIR";
        run->sink = shim_spool();
    }
    if (run->sink < 0)
        shim_error("cannot make a temporary file in %s: %s; set TMPDIR to a directory that can be "
                   "written",
                   shim_spool_dir(), strerror(errno));
    return run->sink >= 0 && write_header(run);
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
    struct shim_stock stock = {
        .program = program,
        .argv = run->words,
        .conf = conf,
        .expect = run->expect,
        .pass = shim_environment_pass(run->operation->request->passin),
        .keep = keep,
        .out = run->sink,
        .for_people = run->operation->manner->for_people,
        .unverified = shim_args_has(run->operation->args, "noverify"),
        .capture = run->operation->capture,
        .progress = run->operation->manner->for_people && run->operation->takes_input,
        .in = run->operation->takes_input ? run->operation->input : STDIN_FILENO
    };
    bool started;

    list_kept(run, keep);
    started = conf != NULL && shim_watched_run(&stock, result);

    OPENSSL_free(conf);
    if (started && result->lost != 0) {
        shim_error("cannot write %s: %s", run->sink_name, strerror(result->lost));
        return false;
    }
    return started;
}

/*
 * Is the content not needed?  mutt verifies a signature and closes the pipe for the
 * content; stock's `smime -verify` counts that as a success.
 */
static bool is_content_optional(const struct shim_operation *operation)
{
    const char *asked = operation->request->operation;

    return operation->api == SHIM_SMIME && asked != NULL && strcmp(asked, "verify") == 0;
}

/* Make the existing output file private, and print that others could read it. */
static bool make_private(const struct shim_run *run)
{
    struct stat before;
    struct stat after;
    bool told = run->operation->manner->for_people && fstat(STDOUT_FILENO, &before) == 0 &&
                S_ISREG(before.st_mode) && before.st_size > 0;

    if (!shim_make_private(STDOUT_FILENO, shim_run_secrecy(run), "standard output"))
        return false;
    if (told && fstat(STDOUT_FILENO, &after) == 0 && after.st_mode != before.st_mode)
        shim_error("standard output is a file that others could read: from now on its owner alone "
                   "can (mode %04o, it was %04o)",
                   after.st_mode & 07777, before.st_mode & 07777);
    return true;
}

static bool hand_over(struct shim_run *run)
{
    bool optional = is_content_optional(run->operation);

    if (run->spools && !make_private(run))
        return false;
    for (size_t i = 0; i < run->output_count; i++)
        if (!shim_output_commit(&run->outputs[i]))
            return false;
    if (optional)
        signal(SIGPIPE, SIG_IGN);
    /* Signals act again from here on.  A pending one, such as SIGPIPE, ends us here. */
    sigprocmask(SIG_SETMASK, &run->before, NULL);
    if (!run->spools || shim_copy_all(run->sink, STDOUT_FILENO) || (optional && errno == EPIPE))
        return true;
    shim_error("cannot write to standard output: %s", strerror(errno));
    return false;
}

static void run_end(struct shim_run *run)
{
    for (size_t i = 0; i < run->output_count; i++)
        shim_output_end(&run->outputs[i]);
    sigprocmask(SIG_SETMASK, &run->before, NULL);
    if (run->sink >= 0)
        close(run->sink);
    if (run->conf >= 0)
        close(run->conf);
    OPENSSL_free(run->expect);
    OPENSSL_free(run->outputs);
    OPENSSL_free(run->words);
    OPENSSL_free(run->module_dir);
    OPENSSL_free(run->module);
}

int shim_operate(const struct shim_operation *operation, struct shim_stock_result *result)
{
    struct shim_run run = { .operation = operation, .conf = -1, .sink = -1 };
    const char *program = shim_stock_path();
    bool done;

    if (program == NULL)
        return SHIM_SYSTEM;
    hold_signals(&run.before);
    done = run_begin(&run) && shim_memory_sufficed() && run_stock(&run, program, result);
    if (done && result->code == 0 && !result->refused && !operation->withheld &&
        !shim_whole_made_nothing(operation, result, run.sink))
        done =
            shim_whole_was_read(operation, run.sink) && shim_memory_sufficed() && hand_over(&run);
    run_end(&run);
    return done ? SHIM_OK : SHIM_SYSTEM;
}
