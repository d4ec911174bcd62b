/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is read in the header of a mail, hostile ones included.
 */
#include <stdlib.h>
#include <string.h>

#include "mail.h"
#include "verdicts.h"

/* One field as it came, and its addresses joined by spaces; NULL: none that count. */
static const struct {
    const char *from;
    const char *addresses;
} fields[] = {
    { "alice@example.org", "alice@example.org" },
    { "Alice <alice@example.org>", "alice@example.org" },
    { "\"bob@example.org\" <alice@example.org>", "alice@example.org" },
    { "(bob@example.org) alice@example.org", "alice@example.org" },
    { "alice (c) @ (c) example.org", "alice@example.org" },
    { "=?utf-8?b?Ym9iQGV4YW1wbGUub3Jn?= <alice@example.org>", "alice@example.org" },
    { "alice@example.org, bob@example.org", "alice@example.org bob@example.org" },
    { "friends: alice@example.org, bob@example.org;", "alice@example.org bob@example.org" },
    { "friends: alice@example.org;, bob@example.org", "alice@example.org bob@example.org" },
    { "nobody:;", NULL },
    { "\"alice\"@example.org", "alice@example.org" },
    { "\"al.ice\"@example.org", "al.ice@example.org" },
    { "\"al ice\"@example.org", "\"al ice\"@example.org" },
    { "\"\"@example.org", "\"\"@example.org" },
    { "\"a\\\"b\"@example.org", "\"a\\\"b\"@example.org" },
    { "alice@b\xc3\xbc"
      "cher.example",
      "alice@xn--bcher-kva.example" },
    { "alice@xn--bcher-kva.example", "alice@xn--bcher-kva.example" },
    { "alice@sub.b\xc3\xbc"
      "cher.example",
      "alice@sub.xn--bcher-kva.example" },
    { "alice@exam\xe2\x80\x8bple.org", NULL },
    { "alice@exam\xc2\xadple.org", NULL },
    { "alice@\xef\xbd\x85xample.org", NULL },
    { "alice@example\xe3\x80\x82org", NULL },
    { "alice@[192.0.2.1]", "alice@[192.0.2.1]" },
    { "<@relay.example:alice@example.org>", "alice@example.org" },
    { "Alice\r\n <alice@example.org>", "alice@example.org" },
    { "alice", "alice" },
    { "", NULL },
    { "<>", NULL },
    { "alice@example.org <bob@example.org>", NULL },
    { "alice@example.org bob@example.org", NULL },
    { "alice@example.org; bob@example.org", NULL },
    { "alice@bob@example.org", NULL },
    { "alice@example.org>", NULL },
    { "<alice@example.org", NULL },
    { ".alice@example.org", NULL },
    { "alice@ex\xe4mple.org", NULL },
    { "alice@example.org, bob smith@@", NULL },
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
    ck_assert(mail.is_mail);
    ck_assert_uint_eq(mail.sender.from_fields, 1);
    ck_assert_str_eq(found, fields[_i].addresses != NULL ? fields[_i].addresses : "");
    free(found);
    shim_mail_clear(&mail);
}
END_TEST

/* Whole headers: is it a mail, how many From fields, how many addresses, the Sender. */
static const struct {
    const char *header;
    bool is_mail;
    size_t fields;
    size_t addresses;
    const char *sender;
} headers[] = {
    { "", false, 0, 0, NULL },
    { "Subject: x\n", false, 0, 0, NULL },
    { "MIME-Version: 1.0\nContent-Type: text/plain\n", false, 0, 0, NULL },
    { "From: a@b.example\nFrom: c@d.example\n", true, 2, 2, NULL },
    { "FROM:a@b.example\nfrom : c@d.example\n", true, 2, 2, NULL },
    { "Sender: a@b.example\n", true, 0, 0, "a@b.example" },
    { "From: a@b.example\nSender: c@d.example\n", true, 1, 1, "c@d.example" },
    { "From: a@b.example\nSender: c@d.example, e@f.example\n", true, 1, 1, NULL },
    { "From: a@b.example\nSender: c@d.example\nSender: c@d.example\n", true, 1, 1, NULL },
    { "From: a@b.example\nSender: c@d.example <\n", true, 1, 1, NULL },
    { "Resent-From: c@d.example\nFrom: a@b.example\n", true, 1, 1, NULL },
    { "X: a\rFrom: c@d.example\nFrom: a@b.example\n", true, 2, 0, NULL },
    { "X: a\n From: c@d.example\nFrom: a@b.example\n", true, 1, 1, NULL },
    { "\xef\xbb\xbf"
      "From: a@b.example\n",
      true, 1, 0, NULL },
    { "Subject: x\n\xef\xbb\xbf"
      "From: a@b.example\n",
      true, 1, 0, NULL },
    { " From: a@b.example\n", true, 1, 0, NULL },
    { "From\xc2\xa0: c@d.example\nFrom: a@b.example\n", true, 2, 0, NULL },
    { "From\x01: c@d.example\n", true, 1, 0, NULL },
    { "X-From: c@d.example\nFrom: a@b.example\n", true, 1, 1, NULL },
    { "From: a@b.example, c@d.example <\nFrom: e@f.example\n", true, 2, 0, NULL },
};

START_TEST(whole_headers)
{
    struct shim_mail mail;

    read_mail(&mail, headers[_i].header);
    ck_assert(mail.is_mail == headers[_i].is_mail);
    ck_assert_uint_eq(mail.sender.from_fields, headers[_i].fields);
    ck_assert_uint_eq(mail.sender.from_count, headers[_i].addresses);
    if (headers[_i].sender == NULL)
        ck_assert_ptr_null(mail.sender.sender);
    else
        ck_assert_str_eq(mail.sender.sender, headers[_i].sender);
    shim_mail_clear(&mail);
}
END_TEST

/* A mail that begins with an empty line; GMime's complaint would be the end. */
START_TEST(empty_header)
{
    struct shim_mail mail;

    ck_assert(shim_mail_read(NULL, 0, &mail));
    ck_assert(!mail.is_mail);
    ck_assert_uint_eq(mail.sender.from_fields, 0);
    shim_mail_clear(&mail);
}
END_TEST

START_TEST(nul_in_the_header)
{
    static const char header[] = "X: a\0b\nFrom: a@b.example\n";
    struct shim_mail mail;

    ck_assert(shim_mail_read(header, sizeof(header) - 1, &mail));
    ck_assert(mail.is_mail);
    ck_assert_uint_eq(mail.sender.from_fields, 1);
    ck_assert_uint_eq(mail.sender.from_count, 0);
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
}
END_TEST

/* Every header cut short, and with each byte changed: nothing but an answer. */
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

/*
 * For AddressSanitizer: GMime 3.2 loses the display name of an address that it
 * gives up on.  Only whole stacks show that it is GMime's.  And the thread-local
 * memory of libraries that are loaded later is not looked for: gcc 12's runtime
 * guesses where it is, and dies of a wrong guess as it looks for leaks.
 */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0:intercept_tls_get_addr=0";
}

const char *__lsan_default_suppressions(void)
{
    return "leak:libgmime-3.0\n";
}

int main(void)
{
    Suite *suite = suite_create("mail");
    TCase *tests = tcase_create("mail");

    /* Under a sanitizer on a busy machine. */
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, addresses_of_a_field, 0, SP_ROWS(fields));
    tcase_add_loop_test(tests, whole_headers, 0, SP_ROWS(headers));
    tcase_add_test(tests, empty_header);
    tcase_add_test(tests, nul_in_the_header);
    tcase_add_loop_test(tests, boundary_of_a_signed_mail, 0, SP_ROWS(boundaries));
    tcase_add_test(tests, address_from_a_person);
    tcase_add_test(tests, damaged_headers);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
