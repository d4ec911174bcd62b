/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The strict reader of plain header fields, beside the full one; and how a header is divided.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "header/divide.h"
#include "header/plain_fields.h"
#include "tool/mail/mail.h"
#include "verdicts.h"

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A320 A64 A64 A64 A64 A64

/* Lists, and the addresses in them; NULL: left to the full reader. */
static const struct {
    const char *text, *addresses;
} lists[] = {
    { "alice@example.org", "alice@example.org" },
    { " alice@example.org\r\n", "alice@example.org" },
    { "<alice@example.org>", "alice@example.org" },
    { "Alice <alice@example.org>", "alice@example.org" },
    { "Alice<alice@example.org>", "alice@example.org" },
    { "Alice B O'Hara\r\n\t<alice@example.org> ", "alice@example.org" },
    { "\"Hara, A. B.\" <a.b+c_d-e@x-1.example>", "a.b+c_d-e@x-1.example" },
    { "a@b,c@d", "a@b c@d" },
    { "A <a@b> ,\n \"C\"<c@d>, e@f", "a@b c@d e@f" },
    { "a@b, a@b", "a@b a@b" },

    { "", NULL },
    { " ", NULL },
    { ",", NULL },
    { "a@b,", NULL },
    { ",a@b", NULL },
    { "a@b,,c@d", NULL },
    { "a@b c@d", NULL },
    { "a@b;c@d", NULL },
    { "Alice", NULL },
    { "a", NULL },
    { "@b", NULL },
    { "a@", NULL },
    { "a@b@c", NULL },
    { ".a@b", NULL },
    { "a.@b", NULL },
    { "a..b@c", NULL },
    { "a@b.", NULL },
    { "a@.b", NULL },
    { "a@[127.0.0.1]", NULL },
    { "\"a\"@b", NULL },
    { "a @b", NULL },
    { "a@ b", NULL },
    { "a@b (Alice)", NULL },
    { "(Alice) a@b", NULL },
    { "Alice (A) <a@b>", NULL },
    { "a@b <c@d>", NULL },
    { "a@b <c@d", NULL },
    { "A <a@b", NULL },
    { "A a@b>", NULL },
    { "A <<a@b>>", NULL },
    { "A < a@b>", NULL },
    { "A <a@b >", NULL },
    { "A <a@b> B", NULL },
    { "A <@x:a@b>", NULL },
    { "A <a@b,c@d>", NULL },
    { "A <>", NULL },
    { "A.B <a@b>", NULL },
    { "\"A\" \"B\" <a@b>", NULL },
    { "\"A\" B <a@b>", NULL },
    { "A \"B\" <a@b>", NULL },
    { "\"A <a@b>", NULL },
    { "\"\" <a@b>", NULL },
    { "\"a@b\" <c@d>", NULL },
    { "\"A\\\"\" <a@b>", NULL },
    { "\"A\n B\" <a@b>", NULL },
    { "\"a@b>\" <c@d>", NULL },
    { "\"(\" <a@b>, \")\" <c@d>", NULL },
    { "=?utf-8?q?A?= <a@b>", NULL },
    { "\"=?utf-8?q?A?=\" <a@b>", NULL },
    { "=?utf-8?q?a?=@b", NULL },
    { "List: a@b;", NULL },
    { "List: a@b, c@d;", NULL },
    { "List:;", NULL },
    { "\xc3\x84 <a@b>", NULL },
    { "\xc3\xa4@b", NULL },
    { "a@\xc3\xa4", NULL },
    { "a%c@b", NULL },
    { "a/../c@b", NULL },
    { "a=b@c", NULL },
    { A320 "@b", NULL },
};

static char *joined(char *const *each, size_t count)
{
    struct sp_text text = { 0 };

    for (size_t i = 0; i < count; i++) {
        sp_text_add(&text, i == 0 ? "" : " ");
        sp_text_add(&text, each[i]);
    }
    return sp_text_take(&text);
}

START_TEST(lists_are_read)
{
    const char *text = lists[_i].text;
    struct shim_plain_list list = { .count = 0 };
    bool taken = shim_plain_list_read(&list, text, strlen(text));

    ck_assert_int_eq(taken, lists[_i].addresses != NULL);
    if (taken) {
        struct shim_addresses full = { 0 };
        char *strict_text = joined(list.each, list.count);
        char *full_text;

        shim_addresses_parse(&full, SHIM_MAILBOXES, text, strlen(text));
        full_text = joined(full.each, full.count);
        ck_assert_int_eq(full.unreadable, SP_READABLE);
        ck_assert_str_eq(strict_text, lists[_i].addresses);
        ck_assert_str_eq(full_text, lists[_i].addresses);
        shim_addresses_clear(&full);
        OPENSSL_free(strict_text);
        OPENSSL_free(full_text);
    }
    shim_plain_list_clear(&list);
}
END_TEST

START_TEST(a_given_list_is_one_line)
{
    struct shim_plain_list list = { .count = 0 };

    ck_assert(shim_plain_list_given(&list, "A <a@b>, c@d") && list.count == 2);
    ck_assert(!shim_plain_list_given(&list, "a@b,\n c@d"));
    ck_assert(!shim_plain_list_given(&list, "a@b\r"));
    shim_plain_list_clear(&list);
}
END_TEST

START_TEST(lists_are_bounded)
{
    struct shim_plain_list list = { .count = 0 };
    struct sp_text text = { 0 };

    for (size_t i = 0; i < SHIM_PLAIN_MOST; i++)
        sp_text_add_item(&text, "a@b");
    ck_assert(shim_plain_list_given(&list, text.data) && list.count == SHIM_PLAIN_MOST);
    ck_assert(!shim_plain_list_given(&list, "a@b") && list.count == SHIM_PLAIN_MOST);
    shim_plain_list_clear(&list);
    OPENSSL_free(text.data);
}
END_TEST

/* Headers, and what follows them; sender and recipients, or NULL. */
static const struct {
    const char *text, *from, *to;
} mails[] = {
    { "From: a@b\n\nx", "a@b", "" },
    { "From: a@b\r\n\r\nx\ny", "a@b", "" },
    { "from: A\n <a@b>\nTO: c@d,\n\te@f\nSubject: x: y\nCC: g@h\n\n", "a@b", "c@d e@f g@h" },
    { "Cc: g@h\nTo: c@d\nFrom: a@b\n\n", "a@b", "g@h c@d" },
    { "From: a@b\nContent-Type: x\nReceived: (\n\n", "a@b", "" },
    { "From:a@b\nResent-To: x\nReply-To: y z\n\n", "a@b", "" },

    { "", NULL, NULL },
    { "\n", NULL, NULL },
    { "From: a@b", NULL, NULL },
    { "From: a@b\n", NULL, NULL },
    { "\nFrom: a@b\n\n", NULL, NULL },
    { "To: a@b\n\n", NULL, NULL },
    { "From: a@b, c@d\n\n", NULL, NULL },
    { "From: a@b\nFrom: c@d\n\n", NULL, NULL },
    { "From: a@b\nFROM: a@b\n\n", NULL, NULL },
    { "From: a@b\nTo: c@d\nTo: e@f\n\n", NULL, NULL },
    { "From: a@b\nTo:\n\n", NULL, NULL },
    { "From: a@b\nTo: c\n\n", NULL, NULL },
    { "From: a@b\nSender: a@b\n\n", NULL, NULL },
    { "From: a@b\nApparently-From: a@b\n\n", NULL, NULL },
    { "From: a@b\nBcc: c@d\n\n", NULL, NULL },
    { "From: a@b\nContent-Type: x\nContent-Type: y\n\n", NULL, NULL },
    { "From : a@b\n\n", NULL, NULL },
    { "From a@b Mon\nFrom: a@b\n\n", NULL, NULL },
    { "From: a@b\n : x\n\n", NULL, NULL },
    { " From: a@b\n\n", NULL, NULL },
    { "From: a@b\n \n\n", NULL, NULL },
    { "From: a@b\nx\n\n", NULL, NULL },
    { "From: a@b\n: x\n\n", NULL, NULL },
    { "From: a@b\nx\"y: z\n\n", NULL, NULL },
    { "From: a@b\r\n\nx", NULL, NULL },
    { "From: a@b\n\r\nx", NULL, NULL },
    { "From: a@b\r\nTo: c@d\n\r\n", NULL, NULL },
    { "From: a@b\nTo: c@d\r\n\n", NULL, NULL },
    { "From: a@b\nX: \r\nTo: c@d\n\n", NULL, NULL },
    { "From: a@b\nX: \rTo: c@d\n\n", NULL, NULL },
    { "From: a@b\nX: \x7f\n\n", NULL, NULL },
    { "From: a@b\nX: \xc3\xa4\n\n", NULL, NULL },
    { "From: a@b\nX: \x1b\n\n", NULL, NULL },
    { "From: a@b\nX: " A320 A320 A320 A64 "\n\n", NULL, NULL },
};

static bool read_mail(struct shim_plain_mail *mail, const char *text, size_t len)
{
    size_t header = shim_plain_header_length(text, len);

    return header > 0 && header == shim_header_length(text, len) &&
           shim_plain_mail_read(mail, text, header);
}

START_TEST(mails_are_read)
{
    const char *text = mails[_i].text;
    struct shim_plain_mail mail = { .from.count = 0 };
    bool taken = read_mail(&mail, text, strlen(text));

    ck_assert_int_eq(taken, mails[_i].to != NULL);
    if (taken) {
        char *to = joined(mail.to.each, mail.to.count);

        ck_assert_str_eq(mail.from.each[0], mails[_i].from);
        ck_assert_str_eq(to, mails[_i].to);
        OPENSSL_free(to);
    }
    shim_plain_mail_clear(&mail);
}
END_TEST

/* A byte that is not printable is refused wherever it stands. */
START_TEST(every_other_byte_is_refused)
{
    static const char mail[] = "From: a@b\nX-Y: z\n\n";

    for (size_t at = 0; at < sizeof(mail) - 1; at++)
        for (int byte = 0; byte < 256; byte++) {
            struct shim_plain_mail read = { .from.count = 0 };
            char text[sizeof(mail)];

            if ((byte >= ' ' && byte <= '~') || byte == '\t' || byte == '\n')
                continue;
            memcpy(text, mail, sizeof(mail));
            text[at] = (char)byte;
            ck_assert_msg(!read_mail(&read, text, sizeof(mail) - 1), "%d at %zu", byte, at);
            shim_plain_mail_clear(&read);
        }
}
END_TEST

static const struct {
    const char *header, *outside, *inside;
} headers[] = {
    { "From: a@b\n\n", "From: a@b\n", "\r\n" },
    { "From: a\r\n b\r\nMIME-Version: 1.0\r\n x\r\nTo: c\r\n\r\n", "From: a\n b\nTo: c\n", "\r\n" },
    { "content-type: x;\r\n y\r\nmime-version : 1\r\nTo: c\r\nContent-ID: z\r\n\r\n", "To: c\n",
      "content-type: x;\r\n y\r\nContent-ID: z\r\n\r\n" },
    { "MIME-Versions: x\nContent: y\n\n", "MIME-Versions: x\nContent: y\n", "\r\n" },
    { "To: c", "To: c", "\r\n" },
    { "Content-Type: x\n\n", "", "Content-Type: x\n\r\n" },
    { "", "", "\r\n" },
};

START_TEST(headers_are_divided)
{
    struct sp_text outside = { 0 };
    struct sp_text inside = { 0 };
    char *text;

    shim_header_divide(headers[_i].header, strlen(headers[_i].header), &outside, &inside);
    text = sp_text_take(&outside);
    ck_assert_str_eq(text, headers[_i].outside);
    ck_assert_str_eq(inside.data, headers[_i].inside);
    OPENSSL_free(text);
    OPENSSL_free(inside.data);
}
END_TEST

static const struct {
    bool is_bare;
    const char *text;
} bare[] = {
    { true, "MIME-Version: 1.0\nContent-Type: a/b;\n c=d\n\n" },
    { true, "content-type: a/b\r\nCONTENT-X: y\r\n\r\n" },
    { false, "MIME-Version: 1.0\nFrom: a@b\n\n" },
    { false, "X: y\n\n" },
    { false, "MIME-Versions: 1.0\n\n" },
    { false, "Content-: x\n\n" },
    { false, "Content: x\n\n" },
    { false, "Content-Type: a/b\nContent-type: c/d\n\n" },
};

START_TEST(fields_of_mime_alone)
{
    const char *text = bare[_i].text;
    struct shim_mail full;

    ck_assert_uint_eq(shim_plain_header_length(text, strlen(text)), strlen(text));
    ck_assert_int_eq(shim_plain_is_bare(text, strlen(text)), bare[_i].is_bare);
    ck_assert(shim_mail_read(text, strlen(text), &full));
    ck_assert_int_eq(!sp_has_sender(&full.sender), bare[_i].is_bare);
    shim_mail_clear(&full);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plain_fields");
    TCase *tests = tcase_create("plain_fields");

    tcase_add_loop_test(tests, lists_are_read, 0, SP_ROWS(lists));
    tcase_add_test(tests, a_given_list_is_one_line);
    tcase_add_test(tests, lists_are_bounded);
    tcase_add_loop_test(tests, mails_are_read, 0, SP_ROWS(mails));
    tcase_add_test(tests, every_other_byte_is_refused);
    tcase_add_loop_test(tests, headers_are_divided, 0, SP_ROWS(headers));
    tcase_add_loop_test(tests, fields_of_mime_alone, 0, SP_ROWS(bare));
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
