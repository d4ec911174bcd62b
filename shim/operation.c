/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "defaults.h"
#include "files.h"
#include "operation.h"
#include "place.h"
#include "provider_conf.h"
#include "text.h"

/* Our own words of a command line: at most 6 before the verb, 10 after it, "--" and the NULL. */
#define OWN_WORDS (20 + SHIM_DEFAULT_WORDS)

/* Everything that one run needs; prepared step by step, undone by run_end(). */
struct run {
    const struct shim_operation *operation;
    char *module;                /* owned */
    char *module_dir;            /* owned */
    char **words;                /* owned, the strings borrowed */
    struct shim_output *outputs; /* owned */
    size_t output_count;
    int conf;
    int sink;              /* what stock writes goes there */
    const char *sink_name; /* borrowed */
    bool spools; /* that is no file of the user's, and is copied to standard output at the end */
    sigset_t before;
};

static bool is_output(const struct run *run, const struct shim_given *given)
{
    const char *operation = run->operation->request->operation;

    if (given->option->role == ROLE_OUTPUT)
        return true;
    return given->option->role == ROLE_SIGNER && operation != NULL &&
           shim_operation_verifies(operation);
}

/* Of an output given twice stock writes the last. */
static bool is_overridden(const struct shim_args *args, size_t index)
{
    for (size_t i = index + 1; i < args->count; i++)
        if (args->given[i].option == args->given[index].option)
            return true;
    return false;
}

/* strdup() of a literal for every word would be for nothing: exec does not write to them. */
static void add_word(struct run *run, size_t *count, const char *word)
{
    memcpy(&run->words[(*count)++], &word, sizeof(word));
}

/*
 * Stock does not look whether the last of what it writes has reached the disk:
 * the message itself comes to us through its standard output, and we write it.
 */
static bool add_message(struct run *run, const char *path)
{
    struct shim_output *output = &run->outputs[run->output_count];

    if (strcmp(path, "-") == 0)
        return true;
    run->output_count++;
    if (!shim_output_begin(output, path))
        return false;
    run->sink = shim_output_open(output);
    run->sink_name = output->wanted;
    return run->sink >= 0;
}

static bool add_output(struct run *run, size_t *count, const struct shim_given *given)
{
    struct shim_output *output = &run->outputs[run->output_count];

    if (strcmp(given->option->name, "out") == 0)
        return add_message(run, given->value);
    run->output_count++;
    if (!shim_output_begin(output, given->value))
        return false;
    output->certificates = true;
    add_word(run, count, given->option->role == ROLE_SIGNER ? "-signer" : "-certsout");
    add_word(run, count, output->temporary);
    return true;
}

/* An option that our own words take the place of, or that stock does not know. */
static bool is_replaced(const struct shim_operation *operation, const struct shim_option *option)
{
    return shim_option_is_own(option) ||
           (operation->takes_input && strcmp(option->name, "in") == 0) ||
           (operation->content_path != NULL && strcmp(option->name, "inform") == 0);
}

static void add_kdf(struct run *run, size_t *count)
{
    add_word(run, count, "-keyopt");
    add_word(run, count, "ecdh_kdf_md:sha256");
}

static bool add_given(struct run *run, size_t *count, size_t index)
{
    const struct shim_args *args = run->operation->args;
    const struct shim_given *given = &args->given[index];

    if (is_replaced(run->operation, given->option))
        return true;
    if (is_output(run, given))
        return is_overridden(args, index) || add_output(run, count, given);
    add_word(run, count, given->word);
    if (given->value != NULL && strchr(given->word, '=') == NULL)
        add_word(run, count, given->value);
    if (given->option->role == ROLE_RECIP && shim_default_kdf(run->operation, given->value))
        add_kdf(run, count);
    return true;
}

static void add_own_words(struct run *run, size_t *count)
{
    const struct shim_operation *operation = run->operation;
    const char *asked = operation->request->operation;

    add_word(run, count, "openssl");
    add_word(run, count, operation->api == SHIM_CMS ? "cms" : "smime");
    add_word(run, count, "-provider-path");
    add_word(run, count, run->module_dir);
    add_word(run, count, "-provider");
    add_word(run, count, "smimepolicy");
    if (operation->verb != NULL)
        add_word(run, count, operation->verb);
    for (const char *const *word = shim_default_words(operation); *word != NULL; word++)
        add_word(run, count, *word);
    /* No sender is trusted because the system trusts its issuer (rule distrust-default). */
    if (asked != NULL && shim_operation_verifies(asked)) {
        add_word(run, count, "-no-CAfile");
        add_word(run, count, "-no-CApath");
        add_word(run, count, "-no-CAstore");
    }
    if (operation->timeless)
        add_word(run, count, "-no_check_time");
    if (operation->content_path != NULL) {
        add_word(run, count, "-inform");
        add_word(run, count, "DER");
        add_word(run, count, "-content");
        add_word(run, count, operation->content_path);
    }
}

/* A key option goes with the -recip before it, so such a recipient becomes one. */
static void add_operands(struct run *run, size_t *count)
{
    char *const *operands = run->operation->args->operands;
    size_t plain = 0;

    for (size_t i = 0; operands[i] != NULL; i++) {
        if (!shim_default_kdf(run->operation, operands[i])) {
            plain++;
            continue;
        }
        add_word(run, count, "-recip");
        add_word(run, count, operands[i]);
        add_kdf(run, count);
    }
    if (plain > 0)
        add_word(run, count, "--");
    for (size_t i = 0; plain > 0 && operands[i] != NULL; i++)
        if (!shim_default_kdf(run->operation, operands[i]))
            add_word(run, count, operands[i]);
}

/* The command line of stock, and the files that it writes instead of those asked for. */
static bool build_words(struct run *run)
{
    const struct shim_args *args = run->operation->args;
    size_t operands = 0;
    size_t count = 0;

    while (args->operands[operands] != NULL)
        operands++;
    /* A recipient is at most four words. */
    run->words = OPENSSL_zalloc((4 * (args->count + operands) + OWN_WORDS) * sizeof(*run->words));
    run->outputs = OPENSSL_zalloc((args->count + 1) * sizeof(*run->outputs));
    if (run->words == NULL || run->outputs == NULL) {
        shim_no_memory();
        return false;
    }
    add_own_words(run, &count);
    for (size_t i = 0; i < args->count; i++)
        if (!add_given(run, &count, i))
            return false;
    add_operands(run, &count);
    return true;
}

static bool find_module(struct run *run)
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

/* What the command is stricter about than a program that knows no policy. */
static bool write_conf(struct run *run)
{
    smimepolicy_settings *settings = sp_settings_dup(run->operation->shim->settings);

    if (settings == NULL) {
        shim_no_memory();
        return false;
    }
    settings->refuse_unknown_keys = true;
    if (run->operation->verb != NULL)
        settings->refuse_unverified_signers = true;
    run->conf = shim_provider_conf(run->module, settings);
    smimepolicy_settings_free(settings);
    return run->conf >= 0;
}

/*
 * From the first temporary file to the last nothing may end us but what nobody
 * can catch; a reader of our stderr that went away least of all.
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

static bool run_begin(struct run *run)
{
    if (!find_module(run) || !write_conf(run) || !build_words(run))
        return false;
    if (run->sink >= 0)
        return true;
    run->spools = true;
    run->sink_name = "a temporary file in $TMPDIR";
    run->sink = shim_spool();
    if (run->sink < 0)
        shim_error("cannot make a temporary file: %s", strerror(errno));
    return run->sink >= 0;
}

static bool run_stock(const struct run *run, const char *program, struct shim_stock_result *result)
{
    bool split = run->operation->content_path != NULL;
    const int keep[] = { run->conf, split ? run->operation->content : -1, -1 };
    char *conf = sp_format("/proc/self/fd/%d", run->conf);
    struct shim_stock stock = {
        .program = program,
        .argv = run->words,
        .conf = conf,
        .keep = keep,
        .out = run->sink,
        .unverified = shim_args_has(run->operation->args, "noverify"),
        .capture = run->operation->capture,
        .progress = run->operation->verb != NULL && run->operation->takes_input,
        .in = run->operation->takes_input ? run->operation->input : STDIN_FILENO
    };
    bool started = conf != NULL && shim_stock_run(&stock, result);

    OPENSSL_free(conf);
    if (started && result->lost != 0) {
        shim_error("cannot write %s: %s", run->sink_name, strerror(result->lost));
        return false;
    }
    return started;
}

static bool hand_over(struct run *run)
{
    for (size_t i = 0; i < run->output_count; i++)
        if (!shim_output_commit(&run->outputs[i]))
            return false;
    /* A reader that went away ends us here, or never. */
    sigprocmask(SIG_SETMASK, &run->before, NULL);
    if (!run->spools || shim_copy_all(run->sink, STDOUT_FILENO))
        return true;
    shim_error("cannot write to standard output: %s", strerror(errno));
    return false;
}

static void run_end(struct run *run)
{
    for (size_t i = 0; i < run->output_count; i++)
        shim_output_end(&run->outputs[i]);
    sigprocmask(SIG_SETMASK, &run->before, NULL);
    if (run->sink >= 0)
        close(run->sink);
    if (run->conf >= 0)
        close(run->conf);
    OPENSSL_free(run->outputs);
    OPENSSL_free(run->words);
    OPENSSL_free(run->module_dir);
    OPENSSL_free(run->module);
}

int shim_operate(const struct shim_operation *operation, struct shim_stock_result *result)
{
    struct run run = { .operation = operation, .conf = -1, .sink = -1 };
    const char *program = shim_stock_path();
    bool done;

    if (program == NULL)
        return SHIM_SYSTEM;
    hold_signals(&run.before);
    done = run_begin(&run) && run_stock(&run, program, result);
    if (done && result->code == 0 && !result->refused && !operation->withheld)
        done = hand_over(&run);
    run_end(&run);
    return done ? SHIM_OK : SHIM_SYSTEM;
}
