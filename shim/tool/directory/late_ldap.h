/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * libldap, loaded when a directory is asked: most commands never ask one.
 */
#ifndef SHIM_LATE_LDAP_H
#define SHIM_LATE_LDAP_H

#include <ldap.h>

/* The functions that are called, without the "ldap_" of their names. */
#define SHIM_LDAP_FUNCTIONS(X)                                                                     \
    X(bv2escaped_filter_value)                                                                     \
    X(err2string)                                                                                  \
    X(first_attribute)                                                                             \
    X(first_entry)                                                                                 \
    X(get_option)                                                                                  \
    X(get_values_len)                                                                              \
    X(initialize)                                                                                  \
    X(next_attribute)                                                                              \
    X(next_entry)                                                                                  \
    X(sasl_bind_s)                                                                                 \
    X(search_ext_s)                                                                                \
    X(set_option)                                                                                  \
    X(start_tls_s)                                                                                 \
    X(url_desc2str)                                                                                \
    X(url_parse)

struct shim_ldap {
#define X(name) __typeof__(ldap_##name) *name;
    SHIM_LDAP_FUNCTIONS(X)
#undef X
    __typeof__(ber_sockbuf_ctrl) *sockbuf_ctrl;
};

#define SHIM_NO_LDAP                                                                               \
    "libldap is not installed or older than 2.5; install OpenLDAP's library (Debian: "             \
    "libldap-2.5-0 or libldap2)"

/*
 * Load the library, and have it read no file and no variable with defaults of its own.
 * The environment of this process is emptied for that.  NULL: it is not installed.
 */
const struct shim_ldap *shim_ldap_load(void);

#endif
