/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/launch.h"
#include "base/allocate.h"
#include "base/text.h"
#include "common/limit.h"
#include "common/memory_file.h"
#include "common/message.h"
#include "common/progress.h"
#include "launcher/launch_conf.h"
#include "launcher/told.h"
#include "settings/expect.h"
#include "stock/delivery.h"
#include "stock/environment.h"
#include "stock/installed.h"
#include "stock/stock_exit.h"
#include "stock/stock_said.h"
#include "stock/whole_input.h"

/* One run of stock. */
struct run {
    const struct shim_launch *launch;
    char *module;       /* owned; its directory is in |module_dir| */
    char *module_dir;   /* owned */
    char *keyring;      /* owned */
    const char **words; /* owned; the strings are borrowed */
    int conf;           /* the configuration */
    int input;          /* what stock reads instead of the file of -in; -1: nothing */
    off_t start;        /* where standard input began; -1: it can be read only once */
    struct shim_told told;
    struct shim_stock_pipe pipe;
    struct shim_delivery delivery;
    struct shim_stock_result result;
};

static bool find_module(struct run *run)
{
    char *slash;

    run->module = shim_module_path();
    run->module_dir = run->module == NULL ? NULL : OPENSSL_strdup(run->module);
    slash = run->module_dir == NULL ? NULL : strrchr(run->module_dir, '/');
    if (slash != NULL)
        *slash = '\0';
    return slash != NULL;
}

static bool open_report(struct run *run)
{
    int ends[2];

    if (!shim_told_begin(&run->told) || pipe2(ends, O_CLOEXEC) != 0 ||
        fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        return false;
    run->pipe = (struct shim_stock_pipe){ ends[0], ends[1], shim_told_hear, &run->told };
    run->told.use = run->launch->use;
    return true;
}

/* Can the tool read the message again, from where it began? */
static bool can_start_again(const struct run *run)
{
    return shim_args_value(&run->launch->args, "in") != NULL || run->start >= 0;
}

static bool write_conf(struct run *run)
{
    run->conf = shim_launch_conf(run->launch, run->module, run->told.nonce, run->pipe.write,
                                 can_start_again(run), &run->keyring);
    run->told.keyring = run->launch->keyring != NULL ? run->keyring : NULL;
    return run->conf >= 0;
}

/* Have stock read the file of -in as its standard input: then we know how far it has read. */
static void open_input(struct run *run)
{
    const struct shim_launch *launch = run->launch;
    const char *in = shim_args_value(&launch->args, "in");

    run->input = shim_whole_open(&launch->args, &launch->request);
    if (run->input < 0 && in != NULL && launch->manner->for_people)
        run->input = shim_progress_open(in);
    run->start = lseek(STDIN_FILENO, 0, SEEK_CUR);
}

static bool make_words(struct run *run)
{
    run->words = shim_launch_words(run->launch, run->module_dir, run->input >= 0);
    return run->words != NULL;
}

static bool open_output(struct run *run)
{
    const char *out = shim_args_value(&run->launch->args, "out");

    run->delivery.outputs = OPENSSL_zalloc(sizeof(*run->delivery.outputs));
    return run->delivery.outputs != NULL &&
           (out == NULL || shim_delivery_to(&run->delivery, out)) &&
           shim_delivery_open(&run->delivery);
}

/* Prepare everything; false if the tool has to do it, and to report why it cannot. */
static bool begin(struct run *run)
{
    run->delivery.secrecy = shim_secrecy_of(&run->launch->request);
    run->delivery.for_people = run->launch->manner->for_people;
    shim_delivery_hold(&run->delivery);
    open_input(run);
    return find_module(run) && open_report(run) && write_conf(run) && make_words(run) &&
           open_output(run);
}

static bool run_stock(struct run *run, const char *program)
{
    const struct shim_launch *launch = run->launch;
    const int keep[] = { run->conf, run->pipe.write, -1 };
    char *conf = shim_fd_path(run->conf);
    char *expect = sp_format(SP_EXPECT_REPORT "%s", run->told.nonce);
    char **argv;
    bool started;

    memcpy(&argv, &run->words, sizeof(argv)); /* exec does not write to its words */
    started = conf != NULL && expect != NULL &&
              shim_stock_run(
                  &(struct shim_stock){ .program = program,
                                        .argv = argv,
                                        .conf = conf,
                                        .expect = expect,
                                        .pass = shim_environment_pass(launch->request.passin),
                                        .keep = keep,
                                        .in = run->input >= 0 ? run->input : STDIN_FILENO,
                                        .out = run->delivery.sink,
                                        .capture = true,
                                        .progress = launch->manner->for_people && run->input >= 0,
                                        .pipe = &run->pipe },
                  &run->result);
    OPENSSL_free(expect);
    OPENSSL_free(conf);
    return started;
}

static void end(struct run *run)
{
    shim_delivery_end(&run->delivery);
    for (size_t i = 0; i < 4; i++) {
        const int fds[] = { run->conf, run->input, run->pipe.read, run->pipe.write };

        if (fds[i] >= 0)
            close(fds[i]);
    }
    shim_told_end(&run->told);
    OPENSSL_free(run->result.said);
    OPENSSL_free(run->words);
    OPENSSL_free(run->keyring);
    OPENSSL_free(run->module_dir);
    OPENSSL_free(run->module);
}

/* Pass on what stock said. */
static void pass_on(const struct run *run)
{
    struct shim_said said = { .shows =
                                  run->launch->manner->for_people || isatty(STDERR_FILENO) == 1 };
    const char *text = run->result.said != NULL ? run->result.said : "";

    shim_said_feed(&said, text, strlen(text));
    shim_said_flush(&said);
}

/* Print what the provider reported, which has escaped it. */
static void print(const struct sp_text *lines)
{
    if (lines->len > 0)
        (void)shim_write_all(STDERR_FILENO, lines->data, lines->len);
}

/* What a person is told although it was done.  Programs find it in the decision log. */
static void tell_notes(const struct run *run)
{
    print(&run->told.observed);
    if (!run->launch->manner->for_people)
        return;
    if (run->told.observed.len > 0)
        shim_error("going ahead all the same: mode = observe");
    print(&run->told.notes);
}

static int hand_over(struct run *run)
{
    const struct shim_launch *launch = run->launch;

    tell_notes(run);
    pass_on(run);
    return shim_whole_was_read(&launch->args, &launch->request, run->input, run->delivery.sink) &&
                   shim_delivery_hand_over(&run->delivery, false)
               ? SHIM_OK
               : SHIM_SYSTEM;
}

/* Stock succeeded, and nothing shows that the policy was asked: its output is not to be had. */
static int refuse_unproven(const struct run *run)
{
    const struct shim_told *told = &run->told;

    pass_on(run);
    shim_error("openssl ran without the policy: %s; nothing was written",
               !told->is_ready   ? "the provider did not report that it is in force"
               : told->is_broken ? "the report of the provider is damaged"
                                 : "it used a key or certificate that the provider did not judge");
    return SHIM_REFUSED;
}

/*
 * Have the tool judge and report.  Returns its exit code: SHIM_OK if it has found
 * nothing, SHIM_SYSTEM if it could not be run to its end.
 */
static int let_tool_judge(bool is_logged, int argc, char **argv)
{
    char *tool = shim_partner_path();
    const char **words = OPENSSL_zalloc(((size_t)argc + 2) * sizeof(*words));
    int status = 0;
    pid_t child = -1;
    char **given = NULL;

    if (tool != NULL && words != NULL) {
        words[0] = argv[0];
        words[1] = is_logged ? SHIM_JUDGE_LOGGED : SHIM_JUDGE;
        for (int i = 1; i < argc; i++)
            words[i + 1] = argv[i];
        memcpy(&given, &words, sizeof(given));
        /* If it is ignored the exit code of a child is lost. */
        signal(SIGCHLD, SIG_DFL);
        child = fork();
    }
    if (child == 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        shim_limit_end();
        if (null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO)
            execv(tool, given);
        shim_error("cannot run %s: %s", tool, strerror(errno));
        _exit(SHIM_SYSTEM);
    }
    if (child < 0)
        shim_error("cannot run %s: %s", tool != NULL ? tool : "smime-policy-tool", strerror(errno));
    OPENSSL_free(words);
    OPENSSL_free(tool);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child < 0 || !WIFEXITED(status) ? SHIM_SYSTEM : WEXITSTATUS(status);
}

/* Have the message begin again for the tool. */
static bool start_again(const struct run *run)
{
    /* Stock loads keys before it opens the message. */
    return run->told.asks ||
           (can_start_again(run) &&
            (run->start < 0 || lseek(STDIN_FILENO, run->start, SEEK_SET) == run->start));
}

/* Did stock print an error of the provider? */
static bool printed_refusal(const struct run *run)
{
    return run->result.said != NULL && strstr(run->result.said, ":smimepolicy:") != NULL;
}

static int exit_code(const struct run *run)
{
    bool in_force = run->told.is_ready && run->result.code != 0;

    if (run->told.is_refused || (!in_force && printed_refusal(run)))
        return SHIM_REFUSED;
    return run->launch->manner == &shim_manner_verb ? shim_verb_exit(&run->result)
                                                    : shim_stock_exit(&run->result);
}

/* Stock failed.  The tool says why, and does what it can do in another way. */
static int conclude_failure(struct run *run, int argc, char **argv)
{
    int code = SHIM_OK;

    /* From here on signals act, and nothing is left of the output. */
    shim_delivery_end(&run->delivery);
    run->delivery.outputs = NULL;
    run->delivery.output_count = 0;
    run->delivery.sink = -1;
    if (run->result.signal == 0) {
        if (!run->told.is_refused && start_again(run))
            return SHIM_LEFT_TO_TOOL;
        code = let_tool_judge(run->told.is_refused, argc, argv);
    }
    /* What was refused stays refused, though the tool cannot say why. */
    if (code != SHIM_OK && !(code == SHIM_SYSTEM && run->told.is_refused))
        return code;
    print(&run->told.refusals);
    if (!run->told.is_refused)
        pass_on(run);
    return exit_code(run);
}

static int conclude(struct run *run, int argc, char **argv)
{
    const struct shim_launch *launch = run->launch;
    bool complained = run->result.said != NULL && run->result.said[0] != '\0';

    if (run->result.lost != 0) {
        shim_error("cannot write %s: %s", run->delivery.sink_name, strerror(run->result.lost));
        return SHIM_SYSTEM;
    }
    if (run->result.code != 0 || printed_refusal(run) || run->told.is_refused || run->told.asks ||
        run->told.other_keyring || run->told.is_odd ||
        shim_whole_made_nothing(launch->api, &launch->request, complained, run->delivery.sink))
        return conclude_failure(run, argc, argv);
    return shim_told_proves(&run->told, launch->wanted, launch->uri_count) ? hand_over(run)
                                                                           : refuse_unproven(run);
}

/* Take an option before the name that was not given yet; it may be `NAME VALUE` or `NAME=VALUE`. */
static bool take_option(const char *name, const char **value, char ***words)
{
    size_t len = strlen(name);
    char *word = **words;

    if (*value != NULL || strncmp(word, name, len) != 0)
        return false;
    if (word[len] == '=') {
        *value = word + len + 1;
        *words += 1;
        return true;
    }
    if (word[len] != '\0' || (*words)[1] == NULL)
        return false;
    *value = (*words)[1];
    *words += 2;
    return true;
}

/* Read the options before the name; false if there is another one than the launcher's. */
static bool read_name(struct shim_launch *launch, char ***argv)
{
    static const char *const names[] = { "sign", "encrypt", "decrypt", "cms", "smime" };
    char **words = *argv;

    while (*words != NULL && (take_option("--policy", &launch->policy, &words) ||
                              take_option("--keyring", &launch->keyring, &words)))
        ;
    for (size_t i = 0; *words != NULL && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(*words, names[i]) == 0)
            launch->name = names[i];
    if (launch->name == NULL)
        return false;
    launch->api = strcmp(launch->name, "cms") == 0     ? SHIM_CMS
                  : strcmp(launch->name, "smime") == 0 ? SHIM_SMIME
                                                       : SHIM_VERB;
    launch->manner = launch->api == SHIM_VERB ? &shim_manner_verb : &shim_manner_stock;
    *argv = words + 1;
    return true;
}

/* The provider judges the cipher: it refuses what libcrypto does not have. */
static bool may_be_cipher(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] ==
               '\0';
}

/*
 * Read and prepare all; nothing is printed, because the tool reports the faults.  The
 * words are moved about in |copy|.
 */
static bool prepare(struct shim_launch *launch, char **copy, struct run *run)
{
    return read_name(launch, &copy) &&
           shim_request_parse(launch->api, copy, may_be_cipher, &launch->args, &launch->request) ==
               SHIM_OK &&
           shim_launch_is_usual(launch) && begin(run);
}

int shim_launch(int argc, char **argv)
{
    struct shim_launch launch = { .name = NULL };
    struct run run = { .launch = &launch,
                       .conf = -1,
                       .input = -1,
                       .pipe = { .read = -1, .write = -1 },
                       .delivery = { .sink = -1 } };
    char **copy = OPENSSL_zalloc(((size_t)argc + 1) * sizeof(*copy));
    const char *program = NULL;
    int code = SHIM_LEFT_TO_TOOL;

    sigprocmask(SIG_SETMASK, NULL, &run.delivery.before);
    shim_errors_mute(true);
    if (copy != NULL) {
        memcpy(copy, argv + 1, (size_t)argc * sizeof(*copy));
        if (prepare(&launch, copy, &run))
            program = shim_stock_path();
    }
    if (program != NULL && run_stock(&run, program)) {
        shim_errors_mute(false);
        code = conclude(&run, argc, argv);
    }
    shim_errors_mute(false);
    end(&run);
    shim_launch_clear(&launch);
    OPENSSL_free(copy);
    return code;
}
