/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room tool: the program smime-policy-tool, which has every command of smime-policy.
 * The launcher becomes it for all that it does not do by itself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "common/help.h"
#include "common/limit.h"
#include "common/long_options.h"
#include "common/memory.h"
#include "common/output.h"
#include "common/shim.h"
#include "stock/installed.h"
#include "tool/check/checking.h"
#include "tool/collect/collecting.h"
#include "tool/commands/commands.h"
#include "tool/config/config.h"
#include "tool/hub/hub.h"
#include "tool/maintain/maintain.h"
#include "tool/new/new.h"
#include "tool/overview/overview.h"
#include "tool/start.h"
#include "tool/upload/uploading.h"
#include "verbs/verbs.h"

static const struct command {
    const char *name;
    shim_command_fn *run; /* NULL: |verb| */
    enum shim_start start;
    const char *instead; /* what to use where --explain is refused; NULL: --explain is obeyed */
    shim_verb_fn *verb;  /* reads its words by itself */
} commands[] = {
    { "sign", NULL, START_WHOLE, NULL, shim_run_verb },
    { "encrypt", NULL, START_WHOLE, NULL, shim_run_verb },
    { "verify", NULL, START_MESSAGE, NULL, shim_run_verb },
    { "decrypt", NULL, START_WHOLE, NULL, shim_run_verb },
    { "cms", NULL, START_WHOLE, NULL, shim_run_stock },
    { "smime", NULL, START_WHOLE, NULL, shim_run_stock },
    { "check", shim_run_check, START_WHOLE, NULL, NULL },
    { "config", shim_run_config, START_WHOLE, NULL, NULL },
    { "upload", shim_run_upload, START_WHOLE, NULL, NULL },
    { "import", shim_run_import, START_WHOLE, NULL, NULL },
    { "collect", shim_run_collect, START_WHOLE, NULL, NULL },
    { "new", shim_run_new, START_WHOLE, "'smime-policy help new' tells what it makes", NULL },
    { "list", shim_run_list, START_KEYRING, NULL, NULL },
    { "show", shim_run_show, START_KEYRING, NULL, NULL },
    { "remove", shim_run_remove, START_WHOLE, NULL, NULL },
    { "export", shim_run_export, START_WHOLE, "'smime-policy show' tells what is in the keyring",
      NULL },
    { "trust", shim_run_trust, START_KEYRING, NULL, NULL },
    { "keyring", shim_run_keyring, START_WHOLE, NULL, NULL },
    { "hub", shim_run_hub, START_WHOLE, NULL, NULL },
    { "sync", shim_run_sync, START_WHOLE, "'smime-policy hub status' tells how the hub is", NULL },
    { "demo", shim_run_demo, START_WHOLE, "'smime-policy help demo' tells what it does", NULL },
    { "doctor", shim_run_doctor, START_WHOLE, NULL, NULL },
    { "maintain", shim_run_maintain, START_WHOLE,
      "'smime-policy list --expiring 90d' tells what expires", NULL },
    { "report", shim_run_report, START_WHOLE, "'smime-policy list' tells what is in the keyring",
      NULL },
};

/* The command |name|, or NULL. */
static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int no_command(const char *before, const char *word)
{
    struct shim_nearest nearest = { .word = word, .length = strlen(word) };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        shim_nearest_try(&nearest, commands[i].name);
    return nearest.name == NULL
               ? shim_usage("%sno such command: %s", before, word)
               : shim_usage("%sno such command: %s; did you mean %s?", before, word, nearest.name);
}

static int show_version(void)
{
    printf("smime-policy %s (%s)\n", SMIMEPOLICY_VERSION, OpenSSL_version(OPENSSL_VERSION));
    return SHIM_OK;
}

/* Run `help [COMMAND]`. */
static int run_help(char **argv)
{
    const struct command *command;

    if (argv[1] == NULL || shim_help_wanted(argv[1]))
        return shim_help_verb("general");
    if (argv[2] != NULL)
        return shim_usage("help: takes one command");
    command = find_command(argv[1]);
    if (command == NULL)
        return no_command("help: ", argv[1]);
    return shim_help_verb(command->verb == shim_run_stock ? "names" : command->name);
}

/* Does the command line name files that may hold private keys?  Then they are read too. */
static bool names_key_files(char **argv)
{
    static const char *const options[] = { "certfile", "CAstore", "signer", "recip", "inkey" };

    for (; *argv != NULL; argv++)
        for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
            if (strstr(*argv, options[i]) != NULL)
                return true;
    return false;
}

static int run_command(struct shim *shim, char **argv)
{
    const struct command *command;
    struct shim_long line;
    int code;

    if (argv[0] == NULL)
        return shim_usage("no command given");
    if (strcmp(argv[0], "help") == 0)
        return run_help(argv);
    if (strcmp(argv[0], "version") == 0)
        return argv[1] != NULL ? shim_usage("version: takes no argument") : show_version();
    command = find_command(argv[0]);
    if (command == NULL)
        return no_command("", argv[0]);
    shim_usage_is_of(argv[0]);
    if (shim->explain && command->instead != NULL)
        return shim_explains_not(argv[0], command->instead);
    if (!shim_start(names_key_files(argv + 1) ? START_WHOLE : command->start))
        return shim_no_memory();
    if (command->run == NULL)
        return command->verb(shim, argv);
    code = shim_long_parse(shim, argv, &line);
    if (code != SHIM_OK)
        return code == -1 ? SHIM_OK : code;
    return command->run(shim, &line);
}

/*
 * The launcher's words before those of the user, when stock has failed: judge and report
 * as without them, but ask for no passphrase and run nothing.  The exit code is 0 if there
 * is nothing to report.  The launcher accepts no such word from its caller.
 */
static void read_judging(struct shim *shim, char ***argv)
{
    shim->is_logged = **argv != NULL && strcmp(**argv, SHIM_JUDGE_LOGGED) == 0;
    shim->judges = shim->is_logged || (**argv != NULL && strcmp(**argv, SHIM_JUDGE) == 0);
    *argv += shim->judges ? 1 : 0;
}

/* Read the options before the command, and run the command. */
static int run(struct shim *shim, char **argv)
{
    struct shim_long line;
    int code;

    read_judging(shim, &argv);
    code = shim_long_before(shim, &argv, &line);
    if (code != SHIM_OK)
        return code == -1 ? SHIM_OK : code;
    if (shim_long_has(&line, "version"))
        return show_version();
    return run_command(shim, argv);
}

/*
 * Flush the output; returns the exit code to use instead of |code|.  A write may
 * have failed earlier.
 */
static int end_output(int code)
{
    const char *why = fflush(stdout) != 0 ? strerror(errno)
                      : ferror(stdout)    ? "a part of it is lost"
                                          : NULL;

    if (why == NULL || code != SHIM_OK)
        return code;
    shim_error("cannot write to standard output: %s", why);
    return SHIM_SYSTEM;
}

int main(int argc, char **argv)
{
    struct shim shim = { .policy_file = SHIM_CONFIG_DIR "/policy.cnf" };
    int code;

    shim_limit_begin();
    shim_memory_watch();
    if (!shim_open_streams())
        return SHIM_SYSTEM;
    code = argc == 0 ? SHIM_USAGE : run(&shim, argv + 1);
    smimepolicy_settings_free(shim.settings);
    OPENSSL_free(shim.keyring_path);
    return shim_memory_end(end_output(code));
}
