/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside (file names, words of a command line, URIs) as people,
 * their terminals and their logs may be shown it.
 */
#ifndef SP_SHOWN_H
#define SP_SHOWN_H

/*
 * The value of an attribute of a URI that is a PIN or leads to one (pin-value,
 * pin-source; RFC 7512) becomes "***".  A new string, NULL if out of memory.
 */
char *sp_masked(const char *text);

/* The same; and a byte that is no UTF-8 becomes \HH, as in RFC 2253. */
char *sp_readable(const char *text);

/* The same on one line, for a terminal: what ends a line, moves a cursor or turns the direction
 * of writing becomes \HH too. */
char *sp_shown(const char *text);

#endif
