/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * smime-policy: runs the stock openssl under the S/MIME certificate rules.
 *
 * This is the launcher, which links libc alone.  What it does not do by itself the
 * tool does, which takes its place.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/limit.h"
#include "common/message.h"
#include "common/output.h"
#include "launcher/launch.h"
#include "stock/installed.h"

/* Were we started under the name `openssl`?  Then every command of stock may come. */
static bool is_called_openssl(const char *name)
{
    const char *slash = strrchr(name, '/');

    return strcmp(slash == NULL ? name : slash + 1, "openssl") == 0;
}

static bool is_mail_command(const char *name)
{
    return name != NULL && (strcmp(name, "cms") == 0 || strcmp(name, "smime") == 0);
}

/* Have |program| take our place. */
static int become(const char *program, char **argv)
{
    execv(program, argv);
    shim_error("cannot run %s: %s", program, strerror(errno));
    return SHIM_SYSTEM;
}

/* All other commands than those on mail are stock's. */
static int become_openssl(char **argv)
{
    const char *program = shim_stock_path();

    return program == NULL ? SHIM_SYSTEM : become(program, argv);
}

static int become_tool(char **argv)
{
    char *tool = shim_partner_path();

    return tool == NULL ? shim_no_memory() : become(tool, argv);
}

/* Is it a word by which we call the tool?  Nobody else may. */
static bool is_for_tool(const char *word)
{
    return word != NULL && (strcmp(word, SHIM_JUDGE) == 0 || strcmp(word, SHIM_JUDGE_LOGGED) == 0);
}

int main(int argc, char **argv)
{
    int code;

    if (argc > 0 && is_called_openssl(argv[0]) && !is_mail_command(argv[1]))
        return become_openssl(argv);
    if (argc > 0 && is_for_tool(argv[1]))
        return shim_usage("unknown option %s", argv[1]);
    shim_limit_begin();
    if (!shim_open_streams())
        return SHIM_SYSTEM;
    code = argc > 0 ? shim_launch(argc, argv) : SHIM_LEFT_TO_TOOL;
    if (code != SHIM_LEFT_TO_TOOL)
        return code;
    shim_limit_end();
    return become_tool(argv);
}
