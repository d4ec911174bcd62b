/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tool/directory/late_ldap.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/symbol.h"
#include "tool/directory/directory.h"

/* OpenLDAP 2.6, and 2.5 as Debian 12 names it. */
#define LIBRARIES "libldap.so.2\0libldap-2.5.so.0\0"

/* The functions; NULL if one is not there.  libldap reads nothing before the first is called. */
static const struct shim_ldap *load(void)
{
    static struct shim_ldap loaded;

#define X(name) "ldap_" #name "\0"
    return sp_symbols_load(LIBRARIES, SHIM_LDAP_FUNCTIONS(X) "ber_sockbuf_ctrl\0", &loaded)
               ? &loaded
               : NULL;
#undef X
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
