/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "stock/provider_conf.h"
#include "base/text.h"
#include "common/output.h"
#include "common/shim.h"
#include "stock/conf_text.h"

int shim_memory_file(const char *name, const char *bytes, size_t len)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd >= 0 && shim_write_all(fd, bytes, len))
        return fd;
    shim_error("cannot make a file in memory: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

char *shim_fd_path(int fd)
{
    char *path = sp_format("/proc/self/fd/%d", fd);

    if (path == NULL) {
        shim_no_memory();
    } else if (access(path, R_OK) != 0) {
        /* Without its configuration openssl would go on silently. */
        shim_error("cannot hand files to openssl: %s: %s; mount /proc", path, strerror(errno));
        OPENSSL_free(path);
        path = NULL;
    }
    return path;
}

int shim_provider_conf(const char *module, const smimepolicy_settings *settings)
{
    char *why;
    char *text = shim_conf_text(module, settings, &why);
    int fd = -1;

    if (text != NULL)
        fd = shim_memory_file("openssl.cnf", text, strlen(text));
    else if (why != NULL)
        shim_error("%s", why);
    else
        shim_no_memory();
    OPENSSL_free(why);
    OPENSSL_free(text);
    return fd;
}
