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

#include "common/message.h"
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

int main(int argc, char **argv)
{
    if (argc > 0 && is_called_openssl(argv[0]) && !is_mail_command(argv[1]))
        return become_openssl(argv);
    return become_tool(argv);
}
