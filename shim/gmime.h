/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * GMime, loaded when there is a mail to read: with it come twenty libraries,
 * and three quarters of what the loader had to do for a command without mail.
 */
#ifndef SHIM_GMIME_H
#define SHIM_GMIME_H

/* Casts without a look at the type, which would be one more function. */
#define G_DISABLE_CAST_CHECKS
#include <gmime/gmime.h>

#define SHIM_GMIME_FUNCTIONS(X)                                                                    \
    X(g_mime_content_type_get_parameter)                                                           \
    X(g_mime_content_type_is_type)                                                                 \
    X(g_mime_header_get_name)                                                                      \
    X(g_mime_header_get_raw_value)                                                                 \
    X(g_mime_header_list_get_count)                                                                \
    X(g_mime_header_list_get_header)                                                               \
    X(g_mime_header_list_get_header_at)                                                            \
    X(g_mime_init)                                                                                 \
    X(g_mime_message_get_mime_part)                                                                \
    X(g_mime_object_get_content_type)                                                              \
    X(g_mime_object_get_header_list)                                                               \
    X(g_mime_parser_construct_message)                                                             \
    X(g_mime_parser_new_with_stream)                                                               \
    X(g_mime_parser_options_free)                                                                  \
    X(g_mime_parser_options_new)                                                                   \
    X(g_mime_parser_options_set_address_compliance_mode)                                           \
    X(g_mime_parser_options_set_allow_addresses_without_domain)                                    \
    X(g_mime_parser_options_set_warning_callback)                                                  \
    X(g_mime_stream_mem_new_with_buffer)                                                           \
    X(g_mime_stream_seek)                                                                          \
    X(g_mime_stream_write_string)                                                                  \
    X(g_object_unref)                                                                              \
    X(g_type_check_instance_is_a)                                                                  \
    X(internet_address_group_get_members)                                                          \
    X(internet_address_group_get_type)                                                             \
    X(internet_address_list_get_address)                                                           \
    X(internet_address_list_length)                                                                \
    X(internet_address_list_parse)                                                                 \
    X(internet_address_mailbox_get_addr)                                                           \
    X(internet_address_mailbox_get_idn_addr)

struct shim_gmime {
#define X(name) __typeof__((name)) *name;
    SHIM_GMIME_FUNCTIONS(X)
#undef X
};

/* Started; never NULL: a command whose library is missing ends with a line that says so. */
const struct shim_gmime *shim_gmime(void);

#endif
