/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Room header: the header of a mail that goes out.  It links libc alone.
 *
 * This header: addresses in the plainest form, which every reader reads in the same way.
 * What has another form may be right, and is left to tool/mail.
 */
#ifndef SHIM_PLAIN_FIELDS_H
#define SHIM_PLAIN_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

/* The most addresses in a list, and bytes in a header. */
#define SHIM_PLAIN_MOST   256
#define SHIM_PLAIN_HEADER (64 << 10)

/* Zero-initialise it. */
struct shim_plain_list {
    char *each[SHIM_PLAIN_MOST]; /* owned: "alice@example.org", without the display names */
    size_t count;
};

struct shim_plain_mail {
    struct shim_plain_list from; /* one address */
    struct shim_plain_list to;   /* of To and Cc, in the order of the header */
};

/*
 * Add the addresses in |text|, which may be folded: a list with commas of addresses, each
 * perhaps in angle brackets behind a name of atoms or in quotes.
 *
 * @return false if it has another form, or if memory ran out
 */
bool shim_plain_list_read(struct shim_plain_list *list, const char *text, size_t len);
/* The same for a list that a person gave, which is one line. */
bool shim_plain_list_given(struct shim_plain_list *list, const char *text);
void shim_plain_list_clear(struct shim_plain_list *list);

/*
 * The length of the header that |text| begins with, and of its empty line; 0 if a line of
 * it has another form than a field in printable ASCII, or another end than the first line.
 */
size_t shim_plain_header_length(const char *text, size_t len);

/*
 * Read a header that shim_plain_header_length() has measured: one From field with one
 * address, and at most one To and one Cc field.  Zero-initialise |mail|, and clear it in
 * any case.
 *
 * @return false if a field that names sender, recipients or content is there that is not plain
 */
bool shim_plain_mail_read(struct shim_plain_mail *mail, const char *header, size_t len);
/* Has a header that was measured fields of MIME alone, and at most one Content-Type? */
bool shim_plain_is_bare(const char *header, size_t len);
void shim_plain_mail_clear(struct shim_plain_mail *mail);

#endif
