/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside (file names, arguments, URIs), made safe to show to people,
 * terminals and logs.
 */
#ifndef SP_SHOWN_H
#define SP_SHOWN_H

/*
 * Mask PINs: the value of a URI attribute pin-value or pin-source (RFC 7512) becomes
 * "***".
 *
 * @return a new string, NULL if out of memory
 */
char *sp_masked(const char *text);

/* As sp_masked(), and a byte that is no UTF-8 becomes \HH, as in RFC 2253. */
char *sp_readable(const char *text);

/*
 * As sp_readable(), for one line on a terminal: line ends, control characters and
 * direction marks become \HH, too.
 */
char *sp_shown(const char *text);

#endif
