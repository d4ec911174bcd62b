/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a mail.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/mail.h"
#include "verdicts.h"

#define A    "Content-Type: multipart/mixed; boundary=a\n\n"
#define B    "Content-Type: multipart/mixed; boundary=b\n\n"
#define S    "Content-Type: multipart/signed; boundary=s\n\n"
#define PART "\none"

/* A mail, and its parts as "parent type body;"; or a part of the fault. */
static const struct {
    const char *mail;
    const char *parts;
    const char *fault;
} rows[] = {
    { "X: y\n\nbody", "0 text/plain body;", NULL },
    { "X: y\n\n", "0 text/plain ;", NULL },
    { "CONTENT-type:\tApplication/PKCS7-Mime;x=y\n\nb", "0 application/pkcs7-mime b;", NULL },
    { A "--a\n\none\n--a--\n", "0 multipart/mixed *;0 text/plain one;", NULL },
    { A "--a\n\none\r\n--a--", "0 multipart/mixed *;0 text/plain one;", NULL },
    { A "--a \t\r\n\r\none\n\n--a--  \n", "0 multipart/mixed *;0 text/plain one\n;", NULL },
    { A "--a\n\n--a--\n", "0 multipart/mixed *;0 text/plain ;", NULL },
    { A "before\n--a\nContent-Type: a/b\n\none\n--a\n\ntwo\n--a--\nafter\n",
      "0 multipart/mixed *;0 a/b one;0 text/plain two;", NULL },
    { A "--a\n" B "--b\n\none\n--b--\n\n--a\n\ntwo\n--a--\n",
      "0 multipart/mixed *;0 multipart/mixed *;1 text/plain one;0 text/plain two;", NULL },
    { A "--a\nContent-Type: message/rfc822\n\n" B "--b\n\none\n--b--\n--a--\n",
      "0 multipart/mixed *;0 message/rfc822 *;", NULL },
    { S "--s\n" A "--a\n\none\n--s\n\ntwo\n--s--\n",
      "0 multipart/signed *;0 multipart/mixed *;0 text/plain two;", NULL },
    { S "--s\nno header\n--s\n\ntwo\n--s--\n",
      "0 multipart/signed *;0 text/plain no header;0 text/plain two;", NULL },
    { S "--s\nContent-Type: a/b\nContent-Type: c/d\n\none\n--s\n\ntwo\n--s--\n",
      "0 multipart/signed *;0 c/d *;0 text/plain two;", NULL },
    { A "--a\n\n--b\n-- a\n -- --a\n--b--\n--a--\n",
      "0 multipart/mixed *;0 text/plain --b\n-- a\n -- --a\n--b--;", NULL },
    { A "--a\n\nx\ry\r--b\n--a--\n", "0 multipart/mixed *;0 text/plain x\ry\r--b;", NULL },

    { "", NULL, "header has no end" },
    { "X: y", NULL, "header has no end" },
    { "\nbody", NULL, "header cannot be read" },
    { A "--a\n\none\n", NULL, "not closed" },
    { A "--a\n\none\n--a", NULL, "boundary" },
    { A "--a\n\none", NULL, "not closed" },
    { A, NULL, "not closed" },
    { S "--s\n--s\n\ntwo\n--s--\n", NULL, "boundary" },
    { S "--s\n\none\n--s\nno header\n--s--\n", NULL, "header" },
    { A "--a--\n", NULL, "without parts" },
    { A "--a\n--a--\n", NULL, "header" },
    { A "--a\n--a\n\none\n--a--\n", NULL, "header" },
    { A "--a\nX: y\n--a\n\none\n--a--\n", NULL, "header" },
    { "Content-Type: multipart/mixed; boundary=\"a:\"\n\n--a:\n--a:\n\none\n--a:--\n", NULL,
      "header" },
    { A "--a\n\none\n--ab\n--a--\n", NULL, "boundary" },
    { A "--a\n\none\n--a-\n--a--\n", NULL, "boundary" },
    { A "--a\n\none\n--a-- x\n--a--\n", NULL, "boundary" },
    { A "--a\n\none\r--a\n\ntwo\n--a--\n", NULL, "boundary" },
    { A "--a\n\none\n--a\r\rx\n--a--\n", NULL, "boundary" },
    { A "--a\n\none\n--a--\n--a\n\ntwo\n--a--\n", NULL, "after its end" },
    { A "--a\n" A "--a\n\none\n--a--\n--a--\n", NULL, "after its end" },
    { A "--a\nContent-Type: multipart/mixed; boundary=aa\n\n--aa\n\none\n--aa--\n--a--\n", NULL,
      "boundary" },
    { A "--a\n" B "--b\n\none\n--a--\n", NULL, "not closed before" },
    { A "--a\n" B "--b\n\none\n--a\n\n--b--\n--a--\n", NULL, "not closed before" },
    { A "--a\n" B "--b\n\none\n--b--\n--b\n\ntwo\n--b--\n--a--\n", NULL, "after its end" },
    { A "--a\nContent-Type: a/b\nContent-Type: c/d\n\none\n--a--\n", NULL, "twice" },
    { A "--a\nContent-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\none\n--a--\n",
      NULL, "twice" },
    { A "--a\nno field\n\none\n--a--\n", NULL, "header cannot be read" },
    { A "--a\nX: y\r\n\none\n--a--\n", NULL, "header cannot be read" },
    { A "--a\nContent-Type: (c) application/pkcs7-mime\n\none\n--a--\n", NULL, "Content-Type" },
    { A "--a\nContent-Type: application/PKCS7-mime (c)\n\none\n--a--\n", NULL, "Content-Type" },
    { A "--a\nContent-Type: (c) a/b\n\none\n--a--\n", "0 multipart/mixed *;0 unknown one;", NULL },
    { "Content-Type: multipart/mixed\n\n--a\n\none\n--a--\n", NULL, "boundary" },
    { "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\none\n----\n", NULL, "boundary" },
    { "Content-Type: multipart/mixed; boundary=\"a \"\n\n--a \n\none\n--a --\n", NULL, "boundary" },
    { "Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\none\n--a--\n", NULL,
      "boundary" },
    { "Content-Type: multipart/mixed; boundary*=a\n\n--a\n\none\n--a--\n", NULL, "boundary" },
    { "Content-Type: multipart/mixed; boundary=a (c)\n\n--a\n\none\n--a--\n", NULL, "boundary" },
    { "Content-Transfer-Encoding: base64\n" A "--a\n\none\n--a--\n", NULL, "transfer encoding" },
};

static void check_part(const struct shim_tree *tree, size_t index, const char **expected)
{
    const struct shim_mime *part = &tree->parts[index];
    char text[200];
    size_t wanted = strcspn(*expected, ";") + 1;
    bool any = wanted >= 2 && (*expected)[wanted - 2] == '*';
    int len = snprintf(text, sizeof(text), "%zu %s %.*s;", part->parent, part->type,
                       any ? 1 : (int)part->len, any ? "*" : part->body);

    ck_assert_int_eq(len, (int)wanted);
    ck_assert_mem_eq(text, *expected, wanted);
    *expected += wanted;
}

START_TEST(trees)
{
    const char *expected = rows[_i].parts;
    struct shim_tree tree;

    ck_assert(shim_tree_read(rows[_i].mail, strlen(rows[_i].mail), &tree));
    if (rows[_i].fault == NULL) {
        ck_assert_msg(tree.fault == NULL, "%s", tree.fault);
        for (size_t i = 0; i < tree.count; i++)
            check_part(&tree, i, &expected);
        ck_assert_str_eq(expected, "");
    } else {
        ck_assert_ptr_nonnull(tree.fault);
        ck_assert_msg(strstr(tree.fault, rows[_i].fault) != NULL, "%s", tree.fault);
    }
    shim_tree_clear(&tree);
}
END_TEST

/* A mail with |first|, |count| copies of |text| with their numbers, and |rest|. */
static char *repeat(const char *first, const char *text, unsigned count, const char *rest)
{
    size_t size = strlen(first) + count * (strlen(text) + 20) + strlen(rest) + 1;
    char *mail = malloc(size);
    size_t len;

    ck_assert_ptr_nonnull(mail);
    len = (size_t)snprintf(mail, size, "%s", first);
    for (unsigned i = 1; i <= count; i++)
        len += (size_t)snprintf(mail + len, size - len, text, i, i);
    snprintf(mail + len, size - len, "%s", rest);
    return mail;
}

static void check_fault(char *mail, const char *fault, size_t count)
{
    struct shim_tree tree;

    ck_assert(shim_tree_read(mail, strlen(mail), &tree));
    if (fault == NULL)
        ck_assert_ptr_null(tree.fault);
    else
        ck_assert_ptr_nonnull(strstr(tree.fault, fault));
    ck_assert_uint_eq(tree.count, count);
    shim_tree_clear(&tree);
    free(mail);
}

#define LEVEL "Content-Type: multipart/mixed; boundary=%u.\n\n--%u.\n"

/* So many multiparts, one in the other. */
static char *levels(unsigned count)
{
    char *mail = repeat("", LEVEL, count, "\none\n");
    size_t len = strlen(mail);

    mail = realloc(mail, len + count * 20);
    ck_assert_ptr_nonnull(mail);
    for (unsigned i = count; i > 0; i--)
        len += (size_t)snprintf(mail + len, 20, "--%u.--\n", i);
    return mail;
}

/* The thread sanitizer looks at all that memmem() may read, each time. */
#ifdef __SANITIZE_THREAD__
#define MANY 1000
#else
#define MANY 100000
#endif

START_TEST(bounds)
{
    check_fault(repeat(A, "--a\n\n%u\n", SHIM_MOST_PARTS - 1, "--a--\n"), NULL, SHIM_MOST_PARTS);
    check_fault(repeat(A, "--a\n\n%u\n", SHIM_MOST_PARTS, "--a--\n"), "1000 parts",
                SHIM_MOST_PARTS);
    check_fault(levels(SHIM_MOST_LEVELS), NULL, SHIM_MOST_LEVELS + 1);
    check_fault(levels(SHIM_MOST_LEVELS + 1), "10 deep", SHIM_MOST_LEVELS + 1);
    check_fault(levels(MANY / 5), "10 deep", SHIM_MOST_LEVELS + 1);
    check_fault(repeat("", LEVEL, MANY, "\none\n"), "not closed", 1);
}
END_TEST

/* Ways to write a file name, where it tells what the content is. */
static const struct {
    const char *fields;
    bool named;
} names[] = {
    { "Content-Type: a/b; name=smime.p7m", true },
    { "Content-Type: a/b; name=\"smime.P7S\"", true },
    { "Content-Type: a/b; name=\"smime.p7m\" ; x=y", true },
    { "Content-Type: a/b; name=smime.p7m;x=y", true },
    { "Content-Disposition: attachment;\n filename=\"a b.p7m\"", true },
    { "Content-Disposition: attachment; filename*=utf-8''a%20b.p7m", true },
    { "Content-Disposition: attachment; filename=\"=?utf-8?q?=C3=BC.p7m?=\"", true },
    { "Content-Type: a/b; name=a.pdf\nContent-Disposition: x; filename=a.p7m", true },
    { "Content-Type: a/b; name=smime.p7m.exe", false },
    { "Content-Type: a/b; name=p7m", false },
    { "Content-Type: a/b; name=smime.p7mx", false },
    { "X: smime.p7m", false },
};

START_TEST(file_names)
{
    char mail[200];
    struct shim_tree tree;

    snprintf(mail, sizeof(mail), "%s\n\nx", names[_i].fields);
    ck_assert(shim_tree_read(mail, strlen(mail), &tree));
    ck_assert_ptr_null(tree.fault);
    ck_assert_int_eq(tree.parts[0].named_p7, names[_i].named);
    shim_tree_clear(&tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tree");
    TCase *tests = tcase_create("tree");

    tcase_add_loop_test(tests, trees, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, file_names, 0, SP_ROWS(names));
    tcase_add_test(tests, bounds);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
