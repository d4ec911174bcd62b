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
 * What the kernel was told to execute, for a system without /proc.  The auxiliary
 * vector holds the pointer as a number.
 */
static const char *executed(void)
{
    union {
        unsigned long number;
        const char *path;
    } file = { getauxval(AT_EXECFN) };

    return file.path;
}

/* Our directory, into |own|; false if it is not known. */
static bool find_own_dir(char own[PATH_MAX])
{
    ssize_t len = readlink(SELF, own, PATH_MAX - 1);

    if (len > 0)
        own[len] = '\0';
    else if (realpath(executed(), own) == NULL)
        return false;
    *strrchr(own, '/') = '\0';
    return true;
}

/* The path of |relative| from |own|, a directory without symbolic links: `..` leads to its parent.
 */
static char *path_from(const char *own, const char *relative)
{
    int len = (int)strlen(own);

    for (; strncmp(relative, "../", 3) == 0; relative += 3)
        while (len > 0 && own[--len] != '/')
            ;
    return sp_format("%.*s/%s", len, own, relative);
}

char *shim_absolute(const char *path)
{
    char here[PATH_MAX];

    if (path[0] == '/')
        return OPENSSL_strdup(path);
    return getcwd(here, sizeof(here)) == NULL ? NULL : sp_format("%s/%s", here, path);
}

/* The first of |relatives| to our directory that exists, or NULL. */
static char *find_beside(const char *const *relatives)
{
    char own[PATH_MAX];
    char *path = NULL;

    for (bool known = find_own_dir(own); known && path == NULL && *relatives != NULL; relatives++) {
        path = path_from(own, *relatives);
        if (path != NULL && access(path, F_OK) != 0) {
            OPENSSL_free(path);
            path = NULL;
        }
    }
    return path;
}

char *shim_module_path(void)
{
    /* In a build tree; then in an installed or staged one. */
    static const char *const beside[] = { "../provider/" MODULE_NAME,
                                          SHIM_MODULES_FROM_HERE "/" MODULE_NAME, NULL };
    char *found = find_beside(beside);

    return found != NULL ? found : OPENSSL_strdup(SHIM_MODULES_DIR "/" MODULE_NAME);
}

bool shim_find_module(char **module, char **folder)
{
    char *slash;

    *module = shim_module_path();
    *folder = *module == NULL ? NULL : OPENSSL_strdup(*module);
    slash = *folder == NULL ? NULL : strrchr(*folder, '/');
    if (slash != NULL)
        *slash = '\0';
    return slash != NULL;
}

char *shim_partner_path(void)
{
    static const char *const partners[] = { SHIM_PARTNER, SHIM_PARTNER_FROM_HERE, NULL };
    char *found = find_beside(partners);

    return found != NULL ? found : OPENSSL_strdup(SHIM_PARTNER_PATH);
}

/* Find our own file. */
static bool find_ourselves(struct stat *own)
{
    return stat(SELF, own) == 0 || stat(executed(), own) == 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Is |program| the other program of the two, which would run this one? */
static bool is_partner(const struct stat *program)
{
    char *path = shim_partner_path();
    struct stat is;
    bool found = path == NULL || (stat(path, &is) == 0 && is_same(program, &is));

    OPENSSL_free(path);
    return found;
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
    if (is_same(&program, &own) || is_partner(&program)) {
        shim_error("%s is this command itself; set SMIME_POLICY_OPENSSL to the real openssl", path);
        return NULL;
    }
    return path;
}
