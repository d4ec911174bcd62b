/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading the header of a mail, also a hostile one.
 */
#include <stdlib.h>
#include <string.h>

#include "tool/mail/mail.h"
#include "verdicts.h"

/* One field, and its addresses joined by spaces; NULL: it cannot be read. */
static const struct {
    const char *from;
    const char *addresses;
    enum sp_unreadable why; /* 0 with NULL: SP_LIST_OTHER */
} fields[] = {
    { "alice@example.org", "alice@example.org", 0 },
    { "Alice <alice@example.org>", "alice@example.org", 0 },
    { "<alice@example.org>", "alice@example.org", 0 },
    { "\"bob@example.org\" <alice@example.org>", "alice@example.org", 0 },
    { "(bob@example.org) alice@example.org", "alice@example.org", 0 },
    { "=?utf-8?b?Ym9iQGV4YW1wbGUub3Jn?= <alice@example.org>", "alice@example.org", 0 },
    { "=?utf-8?q?M=C3=BCller=2C_J=C3=B6rg?= <alice@example.org>", "alice@example.org", 0 },
    { "=?iso-2022-jp?b?GyRCOzNFREJATzobKEI=?= <alice@example.org>", "alice@example.org", 0 },
    { "=?utf-8?q?bob=40example.net=3E=2C?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "=?unknown-8bit?q?M=FCller?= <alice@example.org>", "alice@example.org", 0 },
    /* Other readers decode incomplete base64, and charsets that we do not know. */
    { "=?utf-8?b?!PGJvYkBleGFtcGxlLm5ldD4s?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "=?utf-8?b?PGJvYkBl eGFtcGxlLm5ldD4s?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "=?utf-8?b?PGJvYkBleGFtcGxlLm5ldD4sIA?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "=?x?=?utf-8?q?=3Cbob=40example.net=3E=2C?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "=?utf_7?q?+ADw-bob+AEA-example.net+AD4-+ACw-?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "=?utf-7?b?PP8rQUR3LWJvYitBRUE=?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "\"=?utf-8?q?=22_=3Cbob@example.net=3E=2C?=\" <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "\"=?utf-8?q?=22?= <bob@example.net>, \" <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "=?utf-8*en?b?Ym9iQGV4YW1wbGUubmV0LA==?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "=?utf-7?q?bob+AEA-example.net+ACw-?= <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "(=?utf-8?q?=29bob=40example.net?=) <alice@example.org>", NULL, SP_LIST_ENCODED },
    { "alice (c) @ (c) example.org", NULL, 0 },
    { "alice@ example.org", NULL, 0 },
    { "alice @example.org", NULL, 0 },
    { "< alice@example.org>", NULL, 0 },
    { "<alice@example.org(c)>", NULL, 0 },
    { "Dr. A. Smith, M.D. <alice@example.org>", NULL, 0 },
    { "Dr. A. Smith <alice@example.org>", "alice@example.org", 0 },
    { "J\xc3\xb6rg <alice@example.org>", "alice@example.org", 0 },
    { "J\xf6rg <alice@example.org>", NULL, 0 },
    { "alice@example.org, bob@example.org", "alice@example.org bob@example.org", 0 },
    { "friends: alice@example.org, bob@example.org;", NULL, SP_LIST_GROUP },
    { "friends: alice@example.org;, bob@example.org", NULL, SP_LIST_GROUP },
    { "bob@example.org, friends: alice@example.org;", NULL, SP_LIST_GROUP },
    { "nobody:;", NULL, SP_LIST_GROUP },
    { "a: b: alice@example.org;;", NULL, SP_LIST_GROUP },
    { "\"alice\"@example.org", "alice@example.org", 0 },
    { "\"al.ice\"@example.org", "al.ice@example.org", 0 },
    { "\"al ice\"@example.org", NULL, 0 },
    { "\"\"@example.org", NULL, 0 },
    { "\"a\\\"b\"@example.org", NULL, 0 },
    { "\"bob@example.net\"@example.org", NULL, 0 },
    { "=?utf-8?q?bob=40example.net?=@example.org", NULL, 0 },
    { "alice@=?utf-8?q?example.net?=", NULL, 0 },
    { "alice@b\xc3\xbc"
      "cher.example",
      "alice@xn--bcher-kva.example", 0 },
    { "alice@xn--bcher-kva.example", "alice@xn--bcher-kva.example", 0 },
    { "alice@sub.b\xc3\xbc"
      "cher.example",
      "alice@sub.xn--bcher-kva.example", 0 },
    { "alice@exam\xe2\x80\x8bple.org", NULL, 0 },
    { "alice@exam\xc2\xadple.org", NULL, 0 },
    { "alice@\xef\xbd\x85xample.org", NULL, 0 },
    { "alice@example\xe3\x80\x82org", NULL, 0 },
    { "alice@[192.0.2.1]", "alice@[192.0.2.1]", 0 },
    { "alice@[IPv6:2001:db8::1]", "alice@[IPv6:2001:db8::1]", 0 },
    { "alice@[bob@example.net]", NULL, 0 },
    { "alice@[<.]", NULL, 0 },
    { "<@relay.example:alice@example.org>", NULL, 0 },
    { "Alice\r\n <alice@example.org>", "alice@example.org", 0 },
    { "Alice\n\t<alice@example.org>", "alice@example.org", 0 },
    { "alice", NULL, 0 },
    { "", NULL, 0 },
    { "<>", NULL, 0 },
    { "<>, alice@example.org", NULL, 0 },
    { ", alice@example.org", NULL, 0 },
    { "alice@example.org,", NULL, 0 },
    { "alice@example.org,, bob@example.org", NULL, 0 },
    { "\"The CEO\", <alice@example.org>", NULL, 0 },
    { "\"The CEO\", \xe2\x80\xb9"
      "alice@example.org\xe2\x80\xba",
      NULL, 0 },
    { "alice@example.org <bob@example.org>", NULL, 0 },
    { "alice@example.org bob@example.org", NULL, 0 },
    { "alice@example.org; bob@example.org", NULL, 0 },
    { "alice@bob@example.org", NULL, 0 },
    { "alice@example.org>", NULL, 0 },
    { "<alice@example.org", NULL, 0 },
    { "\"alice <alice@example.org>", NULL, 0 },
    { "(alice@example.org", NULL, 0 },
    { "alice) alice@example.org", NULL, 0 },
    { "Alice <alice@example.org> (", NULL, 0 },
    { "Alice <alice@example.org> Bob", NULL, 0 },
    { "Alice <alice@example.org>\x01", NULL, 0 },
    { "\"Ali\x0c"
      "ce\" <alice@example.org>",
      NULL, 0 },
    { ".alice@example.org", NULL, 0 },
    { "al..ice@example.org", NULL, 0 },
    { "alice.@example.org", NULL, 0 },
    { "alice@example.org.", NULL, 0 },
    { "\"al\".ice@example.org", NULL, 0 },
    { "alice@ex\xe4mple.org", NULL, 0 },
    { "alice@example.org, bob smith@@", NULL, 0 },
    { "((((((((((10 deep)))))))))) alice@example.org", "alice@example.org", 0 },
    { "(((((((((((11 deep))))))))))) alice@example.org", NULL, SP_LIST_DEEP },
};

static char *joined(const struct shim_mail *mail)
{
    char *text = calloc(1, 4096);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < mail->sender.from_count; i++) {
        ck_assert_uint_lt(strlen(text) + strlen(mail->sender.from[i]) + 2, 4096);
        strcat(strcat(text, i > 0 ? " " : ""), mail->sender.from[i]);
    }
    return text;
}

static void read_mail(struct shim_mail *mail, const char *header)
{
    ck_assert(shim_mail_read(header, strlen(header), mail));
}

START_TEST(addresses_of_a_field)
{
    char header[4096];
    struct shim_mail mail;
    char *found;

    ck_assert_int_lt(snprintf(header, sizeof(header), "Subject: x\nFrom: %s\n", fields[_i].from),
                     (int)sizeof(header));
    read_mail(&mail, header);
    found = joined(&mail);
    ck_assert(mail.sender.is_mail);
    ck_assert_uint_eq(mail.sender.from_fields, 1);
    ck_assert_str_eq(found, fields[_i].addresses != NULL ? fields[_i].addresses : "");
    if (fields[_i].addresses == NULL)
        ck_assert_int_eq(mail.sender.list,
                         fields[_i].why != SP_READABLE ? fields[_i].why : SP_LIST_OTHER);
    else
        ck_assert_int_eq(mail.sender.list, SP_READABLE);
    free(found);
    shim_mail_clear(&mail);
}
END_TEST

/* Whole headers: is it a mail, the number of From fields, the number of addresses, the Sender. */
static const struct {
    const char *header;
    bool is_mail;
    size_t fields;
    size_t addresses;
    const char *sender;
} headers[] = {
    { "", false, 0, 0, NULL },
    { "Subject: x\n", true, 0, 0, NULL },
    { "X-Note: x\n", true, 0, 0, NULL },
    { "From a@b.example Mon Jan  1\nMIME-Version: 1.0\n", true, 0, 0, NULL },
    { "From a@b.example Mon Jan  1 00:00:00\nFrom: a@b.example\n", true, 1, 1, NULL },
    { "MIME-Version: 1.0\nContent-Type: text/plain\n", false, 0, 0, NULL },
    { "mime-version: 1.0\ncontent-type:\n text/plain\n\n", false, 0, 0, NULL },
    { "From: a@b.example\nFrom: c@d.example\n", true, 2, 2, NULL },
    { "FROM:a@b.example\nfrom: c@d.example\n", true, 2, 2, NULL },
    { "Apparently-From: c@d.example\nFrom: a@b.example\n", true, 2, 0, NULL },
    { "Sender: a@b.example\n", true, 0, 0, "a@b.example" },
    { "From: a@b.example\nSender: c@d.example\n", true, 1, 1, "c@d.example" },
    { "From: a@b.example\nSender: c@d.example, e@f.example\n", true, 1, 1, NULL },
    { "From: a@b.example\nSender: c@d.example\nSender: c@d.example\n", true, 1, 1, NULL },
    { "From: a@b.example\nSender: c@d.example <\n", true, 1, 1, NULL },
    { "Resent-From: c@d.example\nFrom: a@b.example\n", true, 1, 1, NULL },
    { "X: a\n From: c@d.example\nFrom: a@b.example\n", true, 1, 1, NULL },
    { "X-From: c@d.example\nFrom: a@b.example\n", true, 1, 1, NULL },
    { "From: a@b.example, c@d.example <\nFrom: e@f.example\n", true, 2, 0, NULL },
    { "From: a@b.example\n\nFrom: c@d.example\n", true, 1, 1, NULL },
    { "From: a@b.example\r\n\r\nFrom: c@d.example\n", true, 1, 1, NULL },
};

START_TEST(whole_headers)
{
    struct shim_mail mail;

    read_mail(&mail, headers[_i].header);
    ck_assert_int_eq(mail.sender.header, SP_READABLE);
    ck_assert(mail.sender.is_mail == headers[_i].is_mail);
    ck_assert_uint_eq(mail.sender.from_fields, headers[_i].fields);
    ck_assert_uint_eq(mail.sender.from_count, headers[_i].addresses);
    if (headers[_i].sender == NULL)
        ck_assert_ptr_null(mail.sender.sender);
    else
        ck_assert_str_eq(mail.sender.sender, headers[_i].sender);
    shim_mail_clear(&mail);
}
END_TEST

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *header;
    size_t len;
    enum sp_unreadable why;
} unreadable[] = {
    { BYTES("X: a\0b\nFrom: a@b.example\n"), SP_HEADER_NUL },
    { BYTES("From: a@b.example\0\n"), SP_HEADER_NUL },
    { BYTES("\n"), SP_HEADER_EMPTY },
    { BYTES("\r\nFrom: a@b.example\n"), SP_HEADER_EMPTY },
    { BYTES("X: a\rFrom: c@d.example\nFrom: a@b.example\n"), SP_HEADER_CR },
    { BYTES("\rX: y\nFrom: a@b.example\n"), SP_HEADER_CR },
    { BYTES("From: a@b.example\r\r\n"), SP_HEADER_CR },
    { BYTES("From: \"c@d.example\r\" <a@b.example>\n"), SP_HEADER_CR },
    { BYTES("From: a@b.example\n\r"), SP_HEADER_CR },
    { BYTES("\xef\xbb\xbf"
            "From: a@b.example\n"),
      SP_HEADER_LINE },
    { BYTES("Subject: x\n\xef\xbb\xbf"
            "From: a@b.example\n"),
      SP_HEADER_LINE },
    { BYTES(" From: a@b.example\n"), SP_HEADER_LINE },
    { BYTES("From\xc2\xa0: c@d.example\nFrom: a@b.example\n"), SP_HEADER_LINE },
    { BYTES("From\x01: c@d.example\n"), SP_HEADER_LINE },
    { BYTES("From : c@d.example\n"), SP_HEADER_LINE },
    { BYTES("From\n : c@d.example\n"), SP_HEADER_LINE },
    { BYTES(": c@d.example\n"), SP_HEADER_LINE },
    { BYTES("From: a@b.example\njunk\n"), SP_HEADER_LINE },
    { BYTES("From: a@b.example\n \nX: y\n"), SP_HEADER_LINE },
    { BYTES("From: a@b.example\n\t\r\nX: y\n"), SP_HEADER_LINE },
    { BYTES("From: a@b.example\nFrom c@d.example Mon Jan  1\n"), SP_HEADER_LINE },
    { BYTES("From c@d.example Mon Jan  1\n x\nFrom: a@b.example\n"), SP_HEADER_LINE },
    { BYTES("From: a@b.example\n>From c@d.example Mon Jan  1\n"), SP_HEADER_LINE },
    { BYTES("From: a@b.example\n\r\nFrom: c@d.example\n\n"), SP_HEADER_END },
    { BYTES("From: a@b.example\nContent-Type: text/plain\nContent-Type: a/b\n\n"),
      SP_HEADER_TYPES },
    { BYTES("From: a@b.example\n\"Content-Type\": text/plain\n\n"), SP_HEADER_LINE },
    { BYTES("From: a@b.example\r\n\nFrom: c@d.example\n\n"), SP_HEADER_END },
};

START_TEST(unreadable_headers)
{
    struct shim_mail mail;

    ck_assert(shim_mail_read(unreadable[_i].header, unreadable[_i].len, &mail));
    ck_assert_int_eq(mail.sender.header, unreadable[_i].why);
    ck_assert(sp_has_sender(&mail.sender));
    ck_assert_ptr_null(sp_sender_address(&mail.sender));
    ck_assert_uint_eq(mail.sender.from_count, 0);
    shim_mail_clear(&mail);
}
END_TEST

/* |count| copies of |piece| between |before| and |after|, to free. */
static char *repeated(const char *before, const char *piece, size_t count, const char *after)
{
    size_t len = strlen(piece);
    char *text = malloc(strlen(before) + len * count + strlen(after) + 1);
    char *at;

    ck_assert_ptr_nonnull(text);
    at = stpcpy(text, before);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, piece);
    strcpy(at, after);
    return text;
}

/* Input by which other readers run out of stack, time or memory. */
static const struct {
    const char *before;
    const char *piece;
    size_t count;
    const char *after;
    enum sp_unreadable header;
    enum sp_unreadable list;
} large[] = {
    { "From: ", "a:", 80000, "\n", SP_READABLE, SP_LIST_GROUP },
    { "From: ", "(", 80000, "\n", SP_READABLE, SP_LIST_DEEP },
    { "From: ", "a@b.example,", 80000, "a@b.example\n", SP_READABLE, SP_LIST_MANY },
    { "From: ", "a@b.example,", 999, "a@b.example\n", SP_READABLE, SP_READABLE },
    { "From: ", "a@b.example,", 1000, "a@b.example\n", SP_READABLE, SP_LIST_MANY },
    { "From: ", "a", 64, "@b.example\n", SP_READABLE, SP_READABLE },
    { "From: ", "a", 80000, "@b.example\n", SP_READABLE, SP_LIST_OTHER },
    { "From: ", "\xc3\xbc.", 200, "example\n", SP_READABLE, SP_LIST_OTHER },
    { "From: a@", "\xc3\xbc.", 200, "example\n", SP_READABLE, SP_LIST_OTHER },
    { "From: a@b.example\nX: ", "x", 1 << 20, "\n", SP_HEADER_LONG, SP_READABLE },
    { "From: a@b.example\n", "X: y\n", 200000, "\n", SP_READABLE, SP_READABLE },
    { "From: a@b.example\nX:", " ", 997, "From: c@d.example\n", SP_HEADER_CUT, SP_READABLE },
    { "From: a@b.example\nX:", " ", 995, "From: c@d.example\n", SP_READABLE, SP_READABLE },
    { "From: a@b.example\nX:", "x", 2000, " sender : c\n", SP_HEADER_CUT, SP_READABLE },
    { "From: a@b.example\nX:", "x", 2000, " from us\n", SP_READABLE, SP_READABLE },
};

START_TEST(large_headers)
{
    char *header = repeated(large[_i].before, large[_i].piece, large[_i].count, large[_i].after);
    struct shim_mail mail;

    read_mail(&mail, header);
    ck_assert_int_eq(mail.sender.header, large[_i].header);
    ck_assert_int_eq(mail.sender.list, large[_i].list);
    shim_mail_clear(&mail);
    free(header);
}
END_TEST

/* A mail that begins with an empty line. */
START_TEST(empty_header)
{
    struct shim_mail mail;

    ck_assert(shim_mail_read(NULL, 0, &mail));
    ck_assert(!sp_has_sender(&mail.sender));
    ck_assert_uint_eq(mail.sender.from_fields, 0);
    shim_mail_clear(&mail);
}
END_TEST

/* A group of recipients counts as its members (RFC 5322, 3.4). */
static const struct {
    const char *to;
    size_t count;
    enum sp_unreadable why;
} recipients[] = {
    { "a@b.example", 1, SP_READABLE },
    { "friends: a@b.example, c@d.example;", 2, SP_READABLE },
    { "friends: a@b.example;, c@d.example", 2, SP_READABLE },
    { "undisclosed-recipients:;", 0, SP_READABLE },
    { "nobody: (c) ; (c)", 0, SP_READABLE },
    { "x:;, y:;, a@b.example", 1, SP_READABLE },
    { "x: a@b.example, y: c@d.example;;", 0, SP_LIST_GROUP },
    { "x: y:;;", 0, SP_LIST_GROUP },
    { "x: a@b.example", 0, SP_LIST_OTHER },
    { "x: a@b.example,;", 0, SP_LIST_OTHER },
    { "a@b.example;", 0, SP_LIST_OTHER },
    { "x:; y:;", 0, SP_LIST_OTHER },
    { ":;", 0, SP_LIST_OTHER },
    { "a@b.example, no address", 0, SP_LIST_OTHER },
};

START_TEST(recipients_of_a_mail)
{
    char header[256];
    struct shim_mail mail;

    ck_assert_int_lt(
        snprintf(header, sizeof(header), "To: %s\nCc: e@f.example\n", recipients[_i].to),
        (int)sizeof(header));
    read_mail(&mail, header);
    ck_assert_int_eq(mail.to.unreadable, recipients[_i].why);
    ck_assert_uint_eq(mail.to.count,
                      recipients[_i].why == SP_READABLE ? recipients[_i].count + 1 : 0);
    shim_mail_clear(&mail);
}
END_TEST

/* Who is hidden: how many there are, and whether there is a field. */
static const struct {
    const char *fields;
    size_t count;
    enum sp_unreadable why;
    bool is_there, is_resent;
} hidden[] = {
    { "", 0, SP_READABLE, false, false },
    { "X-Bcc: a@b.example\nBcc2: a@b.example\n", 0, SP_READABLE, false, false },
    { "Bcc: a@b.example\n", 1, SP_READABLE, true, false },
    { "BCC: a@b.example\nbcc:\n c@d.example, x: e@f.example;\n", 3, SP_READABLE, true, false },
    { "Bcc:\n", 0, SP_READABLE, true, false },
    { "Bcc: \t \n", 0, SP_READABLE, true, false },
    { "Bcc: x\n", 0, SP_LIST_OTHER, true, false },
    { "Bcc: a@b.example\nBcc: x\n", 0, SP_LIST_OTHER, true, false },
    { "Bcc: a@b.example\nContent-Type: a/b\nContent-Type: a/b\n", 0, SP_READABLE, true, false },
    { "resent-bcc: a@b.example\n", 0, SP_READABLE, false, true },
};

START_TEST(hidden_recipients)
{
    struct shim_mail mail;

    ck_assert(shim_mail_read(hidden[_i].fields, strlen(hidden[_i].fields), &mail));
    ck_assert_int_eq(mail.bcc.unreadable, hidden[_i].why);
    ck_assert_uint_eq(mail.bcc.count, hidden[_i].count);
    ck_assert_int_eq(mail.has_bcc, hidden[_i].is_there);
    ck_assert_int_eq(mail.has_resent_bcc, hidden[_i].is_resent);
    ck_assert_uint_eq(mail.to.count, 0);
    shim_mail_clear(&mail);
}
END_TEST

#define SIGNED "multipart/signed; protocol=\"application/pkcs7-signature\"; "

static const struct {
    const char *header;
    const char *boundary;
} boundaries[] = {
    { "Content-Type: " SIGNED "boundary=abc\n", "abc" },
    { "content-type: Multipart/Signed;\n\tBoundary=\"a b\"\n", "a b" },
    { "Content-Type: " SIGNED "\n", NULL },
    { "Content-Type: " SIGNED "boundary=\"\"\n", NULL },
    { "Content-Type: multipart/mixed; boundary=abc\n", NULL },
    { "Content-Type: application/pkcs7-mime; boundary=abc\n", NULL },
    { "Content-Type: " SIGNED "boundary=abc; boundary=def\n", NULL },
    { "Content-Type: " SIGNED "boundary=abc; boundary=abc\n", NULL },
    { "Content-Type: " SIGNED "boundary*=utf-8''abc\n", NULL },
    { "Content-Type: " SIGNED "boundary*0=a; boundary*1=bc\n", NULL },
    { "Content-Type: " SIGNED "boundary=abc;\n", "abc" },
    { "Content-Type: " SIGNED "boundary=(c)abc\n", NULL },
    { "Content-Type: " SIGNED "boundary=\"a\\bc\"\n", NULL },
    { "Content-Type: " SIGNED "boundary=\"abc\n", NULL },
    { "Content-Type: " SIGNED "boundary=abc junk\n", NULL },
    { "Content-Type: " SIGNED "boundary=abc; x\n", NULL },
    { "Content-Type: " SIGNED "boundary=\"a\n bc\"\n", NULL },
    { "Content-Type: multipart/signedx; boundary=abc\n", NULL },
    { "Content-Type: " SIGNED "boundary=abc\nContent-Type: " SIGNED "boundary=def\n", NULL },
};

START_TEST(boundary_of_a_signed_mail)
{
    struct shim_mail mail;

    read_mail(&mail, boundaries[_i].header);
    if (boundaries[_i].boundary == NULL)
        ck_assert_ptr_null(mail.boundary);
    else
        ck_assert_str_eq(mail.boundary, boundaries[_i].boundary);
    shim_mail_clear(&mail);
}
END_TEST

START_TEST(address_from_a_person)
{
    struct shim_mail mail;

    ck_assert(shim_mail_from("Alice <alice@example.org>", &mail));
    ck_assert_uint_eq(mail.sender.from_fields, 1);
    ck_assert_uint_eq(mail.sender.from_count, 1);
    ck_assert_str_eq(mail.sender.from[0], "alice@example.org");
    shim_mail_clear(&mail);
    ck_assert(shim_mail_from("Alice\n <alice@example.org>", &mail));
    ck_assert_uint_eq(mail.sender.from_count, 0);
    shim_mail_clear(&mail);
}
END_TEST

/* Headers that are cut anywhere, or have any byte changed, give an answer. */
START_TEST(damaged_headers)
{
    static const char whole[] =
        "From: \"A\" <a@b.example>, g: c@d.example;\r\nSender: =?utf-8?q?x?= <a@b.example>\r\n"
        "Content-Type: " SIGNED "boundary*0=\"a\"; boundary*1=b\r\n";
    char copy[sizeof(whole)];
    struct shim_mail mail;

    for (size_t len = 0; len < sizeof(whole); len++) {
        memcpy(copy, whole, sizeof(whole));
        ck_assert(shim_mail_read(copy, len, &mail));
        shim_mail_clear(&mail);
        for (int bit = 0; bit < 8; bit += 3) {
            copy[len] = (char)(whole[len] ^ (1 << bit));
            ck_assert(shim_mail_read(copy, sizeof(whole) - 1, &mail));
            shim_mail_clear(&mail);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mail");
    TCase *tests = tcase_create("mail");

    /* For a sanitizer on a busy machine. */
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, addresses_of_a_field, 0, SP_ROWS(fields));
    tcase_add_loop_test(tests, whole_headers, 0, SP_ROWS(headers));
    tcase_add_test(tests, empty_header);
    tcase_add_loop_test(tests, unreadable_headers, 0, SP_ROWS(unreadable));
    tcase_add_loop_test(tests, large_headers, 0, SP_ROWS(large));
    tcase_add_loop_test(tests, recipients_of_a_mail, 0, SP_ROWS(recipients));
    tcase_add_loop_test(tests, hidden_recipients, 0, SP_ROWS(hidden));
    tcase_add_loop_test(tests, boundary_of_a_signed_mail, 0, SP_ROWS(boundaries));
    tcase_add_test(tests, address_from_a_person);
    tcase_add_test(tests, damaged_headers);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
