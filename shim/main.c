/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy: the stock openssl under the S/MIME certificate rules.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "help.h"
#include "place.h"
#include "shim.h"

static const struct {
    const char *name;
    shim_command_fn *run;
} commands[] = {
    { "sign", shim_run_verb },    { "encrypt", shim_run_verb },  { "verify", shim_run_verb },
    { "decrypt", shim_run_verb }, { "cms", shim_run_stock },     { "smime", shim_run_stock },
    { "check", shim_run_check },  { "config", shim_run_config },
};

int shim_load_settings(struct shim *shim)
{
    struct stat is;
    char *why = NULL;

    shim->settings = smimepolicy_settings_new();
    if (shim->settings == NULL)
        return shim_no_memory();
    if (!shim->policy_named && stat(shim->policy_file, &is) != 0 &&
        (errno == ENOENT || errno == ENOTDIR))
        return SHIM_OK;
    if (smimepolicy_settings_load(shim->settings, shim->policy_file, &why))
        return SHIM_OK;
    if (why == NULL)
        return shim_no_memory();
    fprintf(stderr, "refused: the policy is locked: %s; mend the file, nothing is done before\n",
            why);
    smimepolicy_free(why);
    return SHIM_REFUSED;
}

static int run_command(struct shim *shim, int argc, char **argv)
{
    if (argc == 0)
        return shim_usage("no command given");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, argv[0]) == 0)
            return commands[i].run(shim, argc, argv);
    return shim_usage("no such command: %s", argv[0]);
}

/* Options before the command; then the command. */
static int run(struct shim *shim, int argc, char **argv)
{
    static const char policy[] = "--policy";
    const size_t len = sizeof(policy) - 1;

    while (argc > 0 && argv[0][0] == '-') {
        const char *value = NULL;

        if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
            return shim_help();
        if (strcmp(argv[0], "--version") == 0)
            return shim_version();
        if (strcmp(argv[0], "--explain") == 0) {
            shim->explain = true;
            argc--;
            argv++;
            continue;
        }
        if (strncmp(argv[0], policy, len) == 0 && argv[0][len] == '=')
            value = argv[0] + len + 1;
        else if (strcmp(argv[0], policy) != 0)
            return shim_usage("unknown option %s", argv[0]);
        else if (argc < 2)
            return shim_usage("option --policy needs a value");
        shim->policy_file = value != NULL ? value : argv[1];
        shim->policy_named = true;
        argc -= value != NULL ? 1 : 2;
        argv += value != NULL ? 1 : 2;
    }
    return run_command(shim, argc, argv);
}

/* A stream that was closed would become one of our files. */
static void open_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* Under the name of stock we are asked for everything that it does. */
static bool is_called_openssl(const char *name)
{
    const char *slash = strrchr(name, '/');

    return strcmp(slash == NULL ? name : slash + 1, "openssl") == 0;
}

/* Everything but mail is stock's own business: it takes our place. */
static int become_openssl(char **argv)
{
    const char *program = shim_stock_path();

    if (program == NULL)
        return SHIM_SYSTEM;
    execv(program, argv);
    shim_error("cannot run %s: %s", program, strerror(errno));
    return SHIM_SYSTEM;
}

static bool is_mail_command(const char *name)
{
    return name != NULL && (strcmp(name, "cms") == 0 || strcmp(name, "smime") == 0);
}

int main(int argc, char **argv)
{
    struct shim shim = { .policy_file = SHIM_CONFIG_DIR "/policy.cnf" };
    int code;

    if (argc > 0 && is_called_openssl(argv[0]) && !is_mail_command(argv[1]))
        return become_openssl(argv);
    open_streams();
    /* A configuration of the system's would load providers into the judge itself. */
    if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
        return shim_no_memory();
    code = argc == 0 ? SHIM_USAGE : run(&shim, argc - 1, argv + 1);
    smimepolicy_settings_free(shim.settings);
    if (fflush(stdout) != 0 && code == SHIM_OK) {
        shim_error("cannot write to standard output: %s", strerror(errno));
        code = SHIM_SYSTEM;
    }
    return code;
}
