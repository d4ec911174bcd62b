/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room base: strings, what may be shown of them, SHA-256, ids of keys, owners of
 * paths, and differences between OpenSSL versions, for all other rooms.
 *
 * This header: new strings and growing text.  Every string returned is freed with
 * OPENSSL_free().
 */
#ifndef SP_TEXT_H
#define SP_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Format a new string as printf() does; NULL if out of memory. */
char *sp_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *sp_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* A string that grows.  Zero-initialise it.  After running out of memory |failed| stays set. */
struct sp_text {
    char *data; /* owned */
    size_t len;
    size_t size;
    bool failed;
};

void sp_text_add(struct sp_text *text, const char *string);
void sp_text_add_bytes(struct sp_text *text, const char *bytes, size_t len);
/* Add |item|, with ", " before it unless it is the first. */
void sp_text_add_item(struct sp_text *text, const char *item);
/* Add each byte as \HH. */
void sp_text_add_octets(struct sp_text *text, const void *bytes, size_t len);
/*
 * Add bytes from outside.  A byte that is not printable ASCII, and `\`, becomes \HH
 * as in RFC 2253.
 */
void sp_text_add_escaped(struct sp_text *text, const void *bytes, size_t len);
/* Move the string out: "" if nothing was added, NULL if |failed|. */
char *sp_text_take(struct sp_text *text);

char *sp_escape(const void *bytes, size_t len);

/* An ASCII letter in lower case, in every locale: addresses are compared without case. */
char sp_fold(char c);

/* RFC 3339 in UTC, "2024-07-31T14:20:28Z". */
char *sp_format_tm(const struct tm *tm);
char *sp_format_time(time_t at);

#endif
