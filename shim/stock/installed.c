/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stock/installed.h"
#include "base/allocate.h"
#include "base/text.h"
#include "common/message.h"

#define SELF        "/proc/self/exe"
#define MODULE_NAME "smimepolicy.so"

/*
 * Resolve the path, because one with `..` in it would appear in messages; NULL if it
 * does not exist.
 */
static char *resolve_beside(const char *own_dir, const char *relative)
{
    char found[PATH_MAX];
    char *path = sp_format("%s/%s/" MODULE_NAME, own_dir, relative);
    char *copy = path != NULL && realpath(path, found) != NULL ? OPENSSL_strdup(found) : NULL;

    OPENSSL_free(path);
    return copy;
}

char *shim_module_path(void)
{
    /* In a build tree; then in an installed or staged one. */
    static const char *const beside[] = { "../provider", SHIM_MODULES_FROM_BIN };
    char own[PATH_MAX];
    ssize_t len = readlink(SELF, own, sizeof(own) - 1);
    char *found = NULL;

    if (len > 0) {
        own[len] = '\0';
        *strrchr(own, '/') = '\0';
        for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]) && found == NULL; i++)
            found = resolve_beside(own, beside[i]);
    }
    return found != NULL ? found : OPENSSL_strdup(SHIM_MODULES_DIR "/" MODULE_NAME);
}

/* Find our own file.  Without /proc, by the path that the kernel was told to execute. */
static bool find_ourselves(struct stat *own)
{
    union {
        unsigned long number;
        const char *path;
    } executed = { getauxval(AT_EXECFN) };

    return stat(SELF, own) == 0 || (executed.number != 0 && stat(executed.path, own) == 0);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

const char *shim_stock_path(void)
{
    const char *path = secure_getenv("SMIME_POLICY_OPENSSL");
    struct stat program;
    struct stat own;

    if (path == NULL)
        path = SHIM_OPENSSL;
    if (stat(path, &program) != 0) {
        shim_error("cannot run %s: %s", path, strerror(errno));
        return NULL;
    }
    if (!find_ourselves(&own)) {
        shim_error("cannot tell %s from this command: " SELF ": %s; mount /proc", path,
                   strerror(errno));
        return NULL;
    }
    if (is_same(&program, &own)) {
        shim_error("%s is this command itself; set SMIME_POLICY_OPENSSL to the real openssl", path);
        return NULL;
    }
    return path;
}
