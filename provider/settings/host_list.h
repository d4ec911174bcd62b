/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The setting fetch_from: a list of hosts, HOST or HOST:PORT, with spaces between them.
 */
#ifndef SP_HOST_LIST_H
#define SP_HOST_LIST_H

#include <stdbool.h>

/*
 * Is |list| one?  A host is a name of letters, digits, '-' and '.', an IPv4 address, or an IPv6
 * address in brackets.  With a leading dot it stands for all hosts below it.
 */
bool sp_host_list_accepts(const char *list);

/*
 * Does the accepted |list| name |host| with |port|?  An entry without a port names 80 and 443.
 *
 * @param host  without a port, an IPv6 address in brackets; in any case of letters
 */
bool sp_host_list_names(const char *list, const char *host, long port);

#endif
