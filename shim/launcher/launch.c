/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "launcher/launch.h"
#include "base/allocate.h"
#include "base/text.h"
#include "common/memory_file.h"
#include "common/message.h"
#include "common/progress.h"
#include "launcher/launch_run.h"
#include "settings/expect.h"
#include "stock/environment.h"
#include "stock/installed.h"
#include "stock/whole_input.h"

static bool open_report(struct shim_launch_run *run)
{
    int ends[2] = { -1, -1 };
    bool done = shim_told_begin(&run->told) && pipe2(ends, O_CLOEXEC) == 0 &&
                fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;

    run->pipe = (struct shim_stock_pipe){ ends[0], ends[1], shim_told_hear, &run->told };
    run->told.use = run->launch->use;
    return done;
}

static bool write_conf(struct shim_launch_run *run)
{
    run->conf = shim_launch_conf(run->launch, run->module, run->told.nonce, run->pipe.write,
                                 shim_launch_can_start_again(run), &run->keyring);
    run->told.keyring = run->launch->keyring != NULL ? run->keyring : NULL;
    if (strcmp(run->launch->use, "verify") != 0)
        return run->conf >= 0;
    if (shim_args_has(&run->launch->args, "CAfile") || run->launch->manner->judges_signers)
        run->told.keyring = run->keyring != NULL ? run->keyring : "";
    /*
     * A verb uses of a keyring what the message needs, which the tool knows.  With all of it,
     * libcrypto would end a chain at a contact, who vouches for nobody else.
     */
    return run->conf >= 0 && (run->keyring == NULL || !run->launch->manner->judges_signers);
}

/* Have stock read the file of -in as its standard input: then we know how far it has read. */
static void open_input(struct shim_launch_run *run)
{
    const struct shim_launch *launch = run->launch;
    const char *in = shim_args_value(&launch->args, "in");

    run->input =
        launch->content >= 0 ? launch->content : shim_whole_open(&launch->args, &launch->request);
    if (run->input < 0 && in != NULL && launch->manner->for_people)
        run->input = shim_progress_open(in);
    run->start = lseek(STDIN_FILENO, 0, SEEK_CUR);
}

static bool make_words(struct shim_launch_run *run)
{
    run->words =
        shim_launch_words(run->launch, run->module_dir, run->input >= 0, run->keyring != NULL);
    return run->words != NULL;
}

/* With --headers: write the fields of the mail that stay outside. */
static bool write_header(const struct shim_launch_run *run)
{
    const char *header = run->launch->header;

    return header == NULL || !shim_writes_header(&run->launch->args) ||
           shim_write_all(run->delivery.sink, header, strlen(header));
}

static bool open_output(struct shim_launch_run *run)
{
    const char *out = shim_args_value(&run->launch->args, "out");

    run->delivery.outputs = OPENSSL_zalloc(sizeof(*run->delivery.outputs));
    return run->delivery.outputs != NULL &&
           (out == NULL || shim_delivery_to(&run->delivery, out)) &&
           shim_delivery_open(&run->delivery) && write_header(run);
}

/* Prepare everything; false if the tool has to do it, and to report why it cannot. */
static bool begin(struct shim_launch_run *run)
{
    run->delivery.secrecy = shim_secrecy_of(&run->launch->request);
    run->delivery.for_people = run->launch->manner->for_people;
    shim_hold_signals(&run->delivery.before);
    open_input(run);
    return shim_find_module(&run->module, &run->module_dir) && open_report(run) &&
           write_conf(run) && make_words(run) && open_output(run);
}

static bool run_stock(struct shim_launch_run *run, const char *program)
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

static void close_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

static void end(struct shim_launch_run *run)
{
    shim_delivery_end(&run->delivery);
    close_open(run->conf);
    close_open(run->pipe.read);
    close_open(run->pipe.write);
    /* The content is the launch's. */
    if (run->input != run->launch->content)
        close_open(run->input);
    shim_told_end(&run->told);
    OPENSSL_free(run->result.said);
    OPENSSL_free(run->words);
    OPENSSL_free(run->keyring);
    OPENSSL_free(run->module_dir);
    OPENSSL_free(run->module);
}

/*
 * Take an option before the name that was not given yet; it may be `NAME VALUE` or `NAME=VALUE`.
 * NULL stands at the end twice, for an option without its value.
 */
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
    if (word[len] != '\0')
        return false;
    *value = (*words)[1];
    *words += 2;
    return true;
}

/* Read the options before the name; false if there is another one than the launcher's. */
static bool read_name(struct shim_launch *launch, char ***argv)
{
    static const char *const names[] = { "sign", "encrypt", "verify", "decrypt",
                                         "cms",  "smime",   NULL };
    char **words = *argv;
    size_t i = 0;

    while (*words != NULL && (take_option("--policy", &launch->policy, &words) ||
                              take_option("--keyring", &launch->keyring, &words)))
        ;
    while (names[i] != NULL && (*words == NULL || strcmp(*words, names[i]) != 0))
        i++;
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
    static const char characters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

    return strspn(name, characters) == strlen(name);
}

/*
 * Read and prepare all; nothing is printed, because the tool reports the faults.  The
 * words are moved about in |copy|.
 */
static bool prepare(struct shim_launch *launch, char **copy, struct shim_launch_run *run)
{
    return read_name(launch, &copy) &&
           shim_request_parse(launch->api, copy, may_be_cipher, &launch->args, &launch->request) ==
               SHIM_OK &&
           shim_launch_is_usual(launch) && begin(run);
}

int shim_launch(int argc, char **argv)
{
    struct shim_launch launch = { .content = -1 };
    struct shim_launch_run run = { .launch = &launch,
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
        code = shim_launch_conclude(&run, argc, argv);
    }
    shim_errors_mute(false);
    if (launch.lost != 0) {
        shim_error("cannot keep a copy of standard input in %s: %s", shim_spool_dir(),
                   strerror(launch.lost));
        code = SHIM_SYSTEM;
    }
    end(&run);
    shim_launch_clear(&launch);
    OPENSSL_free(copy);
    return code;
}
