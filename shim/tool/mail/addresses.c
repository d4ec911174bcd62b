/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The grammar is that of RFC 5322, 3.4, with UTF-8 (RFC 6532) and without its
 * obsolete forms, except the full stop in a display name.  Valid forms that some
 * readers take differently are refused, too: see read_local().
 */
#include <dlfcn.h>
#include <idn2.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>

#include "tool/mail/mail.h"
#include "base/symbol.h"
#include "base/text.h"
#include "common/message.h"

#define LITERAL_TEXT "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-"

#define MAX_DEPTH 10
/* RFC 5321, 4.5.3.1: the limits of the local part and of the domain, and the "@". */
#define MAX_ADDRESS (64 + 1 + 255)

struct reader {
    const unsigned char *at;
    const unsigned char *end;
    struct shim_addresses *list;
};

/* Some bytes of the field. */
struct span {
    const unsigned char *text;
    size_t len;
};

void shim_addresses_clear(struct shim_addresses *list)
{
    for (size_t i = 0; i < list->count; i++)
        OPENSSL_free(list->each[i]);
    OPENSSL_free(list->each);
    list->each = NULL;
    list->count = 0;
}

static bool fail(struct reader *reader, enum sp_unreadable why)
{
    if (reader->list->unreadable == SP_READABLE)
        reader->list->unreadable = why;
    return false;
}

static bool is_next(const struct reader *reader, char c)
{
    return reader->at < reader->end && *reader->at == (unsigned char)c;
}

static bool take_char(struct reader *reader, char c)
{
    if (!is_next(reader, c))
        return false;
    reader->at++;
    return true;
}

/* RFC 5322, 3.2.3: a character of an atom, or the dot of a dot-atom. */
static bool is_atom_text(unsigned char c)
{
    return c >= 0x80 || (c > ' ' && c < 0x7f && strchr("()<>[]:;@\\,\"", c) == NULL);
}

static bool is_white(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Skip a character inside of quotes or a comment; false for a control character. */
static bool skip_quoted_char(struct reader *reader)
{
    if (take_char(reader, '\\') &&
        (reader->at == reader->end || *reader->at < ' ' || *reader->at >= 0x7f))
        return false;
    if (reader->at == reader->end || (*reader->at < ' ' && !is_white(*reader->at)) ||
        *reader->at == 0x7f)
        return false;
    reader->at++;
    return true;
}

static bool skip_comment(struct reader *reader)
{
    size_t depth = 0;

    do {
        if (take_char(reader, '(')) {
            if (++depth > MAX_DEPTH)
                return fail(reader, SP_LIST_DEEP);
        } else if (take_char(reader, ')')) {
            depth--;
        } else if (!skip_quoted_char(reader)) {
            return fail(reader, SP_LIST_OTHER);
        }
    } while (depth > 0);
    return true;
}

/* Skip white space and comments between two words; false if a comment does not end. */
static bool skip_between(struct reader *reader)
{
    while (reader->at < reader->end) {
        if (is_white(*reader->at))
            reader->at++;
        else if (!is_next(reader, '('))
            return true;
        else if (!skip_comment(reader))
            return false;
    }
    return true;
}

/* Read an atom or a quoted string.  |word| includes the quotes. */
static bool read_word(struct reader *reader, struct span *word)
{
    word->text = reader->at;
    if (take_char(reader, '"')) {
        while (!is_next(reader, '"'))
            if (!skip_quoted_char(reader))
                return false;
        reader->at++;
    } else {
        while (reader->at < reader->end && is_atom_text(*reader->at))
            reader->at++;
    }
    word->len = (size_t)(reader->at - word->text);
    return word->len > 0;
}

/*
 * Is it words with single dots between them?  "=?" is refused: RFC 2047, 5 forbids
 * encoded words in an address, but a reader may decode them.
 */
static bool is_dot_atom(struct span span)
{
    for (size_t i = 0; i < span.len; i++) {
        bool is_dot = span.text[i] == '.';

        if (!is_atom_text(span.text[i]) ||
            (is_dot && (i == 0 || i + 1 == span.len || span.text[i + 1] == '.')) ||
            (span.text[i] == '=' && i + 1 < span.len && span.text[i + 1] == '?'))
            return false;
    }
    return span.len > 0;
}

/*
 * Read the local part.  "alice"@example.org and alice@example.org are one mailbox
 * (RFC 5321, 4.1.2).  A local part that needs its quotes is refused: nobody has such
 * an address, and some readers see another one in it.
 */
static bool read_local(struct span word, struct span *local)
{
    *local = word;
    if (word.len >= 2 && word.text[0] == '"')
        *local = (struct span){ word.text + 1, word.len - 2 };
    return is_dot_atom(*local);
}

/*
 * Read a domain literal.  RFC 5321, 4.1.3: an IP address in brackets, perhaps with a
 * tag before it; RFC 5322 would accept more.
 */
static bool read_literal(struct reader *reader, struct span *domain)
{
    domain->text = reader->at++;
    while (reader->at < reader->end && *reader->at != '\0' &&
           strchr(LITERAL_TEXT, *reader->at) != NULL)
        reader->at++;
    if (!take_char(reader, ']'))
        return false;
    domain->len = (size_t)(reader->at - domain->text);
    return true;
}

static bool read_domain(struct reader *reader, struct span *domain)
{
    if (is_next(reader, '['))
        return read_literal(reader, domain);
    return reader->at < reader->end && is_atom_text(*reader->at) && read_word(reader, domain) &&
           is_dot_atom(*domain);
}

/*
 * libidn2, for international domains.  It is loaded for the first one, as most commands
 * never see any, and then kept: a mail may have a thousand.  Without it we exit as the
 * dynamic loader would: no output has been written yet.
 */
struct idn {
    __typeof__(idn2_to_ascii_8z) *to_ascii;
    __typeof__(idn2_free) *free;
};

static const struct idn *load_idn(void)
{
    static struct idn loaded;
    static bool complete;

    complete =
        complete || sp_symbols_load("libidn2.so.0\0", "idn2_to_ascii_8z\0idn2_free\0", &loaded);
    if (!complete) {
        shim_error("cannot read an international domain: %s", dlerror());
        exit(SHIM_SYSTEM);
    }
    return &loaded;
}

/*
 * The A-labels (RFC 5891) of |domain|, in UTF-8.  NULL if out of memory, or if a label
 * is not valid, or only after mapping (an invisible space, a wide letter): such a
 * domain looks like another one.
 */
static char *to_ascii(struct reader *reader, const char *domain)
{
    const struct idn *idn = load_idn();
    char *made = NULL;
    char *ascii = NULL;

    if (idn->to_ascii(domain, &made, IDN2_NO_TR46) == IDN2_OK) {
        ascii = OPENSSL_strdup(made);
        reader->list->failed = reader->list->failed || ascii == NULL;
    }
    idn->free(made);
    return ascii;
}

/* The domain in the form for comparing; NULL if it is none, or out of memory. */
static char *read_labels(struct reader *reader, struct span domain)
{
    char *text = OPENSSL_strndup((const char *)domain.text, domain.len);
    char *ascii;

    reader->list->failed = reader->list->failed || text == NULL;
    for (size_t i = 0; text != NULL && i < domain.len; i++)
        if (domain.text[i] >= 0x80) {
            ascii = to_ascii(reader, text);
            OPENSSL_free(text);
            return ascii;
        }
    return text;
}

static bool add(struct reader *reader, struct span local, struct span domain)
{
    struct shim_addresses *list = reader->list;
    char *labels, *address;
    char **longer;

    if (local.len + 1 + domain.len > MAX_ADDRESS)
        return fail(reader, SP_LIST_OTHER);
    if (list->count >= SHIM_MOST_ADDRESSES)
        return fail(reader, SP_LIST_MANY);
    labels = read_labels(reader, domain);
    if (labels == NULL)
        return fail(reader, SP_LIST_OTHER);
    address = sp_format("%.*s@%s", (int)local.len, (const char *)local.text, labels);
    OPENSSL_free(labels);
    longer = OPENSSL_realloc(list->each, (list->count + 1) * sizeof(*list->each));
    if (longer != NULL)
        list->each = longer;
    if (longer == NULL || address == NULL) {
        OPENSSL_free(address);
        list->failed = true;
        return false;
    }
    longer[list->count++] = address;
    return true;
}

/*
 * Read the rest of an address behind its local part.  Space and comments inside an
 * address are valid (RFC 5322, 3.4.1), but refused: they have no use, and some
 * readers take them as a part of it.
 */
static bool read_rest(struct reader *reader, struct span word, char closing)
{
    struct span local, domain;

    if (!read_local(word, &local) || !take_char(reader, '@') || !read_domain(reader, &domain) ||
        (closing != '\0' && !take_char(reader, closing)))
        return fail(reader, SP_LIST_OTHER);
    return skip_between(reader) && add(reader, local, domain);
}

/* Read a mailbox, or the name of a group with its colon. */
static bool read_entry(struct reader *reader, bool *is_group)
{
    struct span word;
    size_t words = 0;

    *is_group = false;
    if (!skip_between(reader))
        return false;
    while (reader->at < reader->end && (is_atom_text(*reader->at) || is_next(reader, '"'))) {
        if (!read_word(reader, &word))
            return fail(reader, SP_LIST_OTHER);
        if (++words == 1 && is_next(reader, '@'))
            return read_rest(reader, word, '\0');
        if (!skip_between(reader))
            return false;
    }
    *is_group = words > 0 && take_char(reader, ':');
    if (*is_group)
        return true;
    if (!take_char(reader, '<') || !read_word(reader, &word))
        return fail(reader, SP_LIST_OTHER);
    return read_rest(reader, word, '>');
}

static bool read_list(struct reader *reader, enum shim_list kind)
{
    bool in_group = false;
    bool is_group, more;

    do {
        if (!read_entry(reader, &is_group))
            return false;
        /* Groups do not nest. */
        if (is_group && (in_group || kind == SHIM_MAILBOXES))
            return fail(reader, SP_LIST_GROUP);
        in_group = in_group || is_group;
        if (!skip_between(reader))
            return false;
        /* The first member of a group follows its name. */
        more = is_group && !is_next(reader, ';');
        if (!more && in_group && take_char(reader, ';')) {
            in_group = false;
            if (!skip_between(reader))
                return false;
        }
    } while (more || take_char(reader, ','));
    return (!in_group && reader->at == reader->end) || fail(reader, SP_LIST_OTHER);
}

static bool is_utf8(const char *raw, size_t len)
{
    unsigned long value;

    for (size_t at = 0; at < len;) {
        int used = UTF8_getc((const unsigned char *)raw + at, (int)(len - at), &value);

        if (used <= 0)
            return false;
        at += (size_t)used;
    }
    return true;
}

void shim_addresses_parse(struct shim_addresses *list, enum shim_list kind, const char *raw,
                          size_t len)
{
    struct reader reader = { .at = (const unsigned char *)raw,
                             .end = (const unsigned char *)raw + len,
                             .list = list };

    size_t before = list->count;
    bool hides = false;

    if (!is_utf8(raw, len))
        (void)fail(&reader, SP_LIST_OTHER);
    else if (read_list(&reader, kind) && list->unreadable == SP_READABLE &&
             !shim_encoded_hides(raw, len, list->count - before, &hides))
        list->failed = true;
    if (hides)
        (void)fail(&reader, SP_LIST_ENCODED);
}
