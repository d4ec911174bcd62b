/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/directory/late_ldap.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/symbol.h"
#include "tool/directory/directory.h"

/* OpenLDAP 2.6, and 2.5 as Debian 12 names it. */
static const char *const libraries[] = { "libldap.so.2", "libldap-2.5.so.0" };

/* The functions; NULL if one is not there.  libldap reads nothing before the first is called. */
static const struct shim_ldap *load(void)
{
    static struct shim_ldap loaded;
    void *library = NULL;
    bool complete;

    for (size_t i = 0; library == NULL && i < sizeof(libraries) / sizeof(libraries[0]); i++)
        library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return NULL;
    complete =
        sp_symbol(library, "ber_sockbuf_ctrl", &loaded.sockbuf_ctrl, sizeof(loaded.sockbuf_ctrl));
#define X(name)                                                                                    \
    complete = sp_symbol(library, "ldap_" #name, &loaded.name, sizeof(loaded.name)) && complete;
    SHIM_LDAP_FUNCTIONS(X)
#undef X
    return complete ? &loaded : NULL;
}

const struct shim_ldap *shim_ldap_load(void)
{
    /* Of libldap, of the TLS library and of the resolver. */
    if (clearenv() != 0 || setenv("LDAPNOINIT", "1", 1) != 0)
        return NULL;
    return load();
}

bool shim_directory_ready(char **why)
{
    const bool is_there = load() != NULL;

    *why = is_there ? NULL : OPENSSL_strdup(SHIM_NO_LDAP);
    return is_there;
}
