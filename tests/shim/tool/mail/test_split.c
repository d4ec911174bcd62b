/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Splitting a multipart/signed.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tool/mail/mail.h"
#include "verdicts.h"

/* A body with the boundary "b", and its two parts; NULL if it is not clear that there are two. */
static const struct {
    const char *body;
    const char *content;
    const char *signature;
} rows[] = {
    { "--b\none\n--b\ntwo\n--b--\n", "one", "two" },
    { "preamble\n\n--b\none\n--b\ntwo\n--b--\nepilogue\n--b\n", "one", "two" },
    { "--b\r\none\r\n--b\r\ntwo\r\n--b--\r\n", "one", "two" },
    { "--b \t\none\n--b\ntwo\n--b--  \n", "one", "two" },
    { "--b\n\none\n\n--b\ntwo\n--b--\n", "\r\none\r\n", "two" },
    { "--b\none \nmore\t\n--b\ntwo\n--b--\n", "one \r\nmore\t", "two" },
    { "--b\no\rne\r\r\n--b\ntwo\n--b--\n", "o\rne", "two" },
    { "--b\n-\n--\n--a\n -b\n--b\ntwo\n--b--\n", "-\r\n--\r\n--a\r\n -b", "two" },
    { "--b\n\n--b\n\n--b--\n", "", "" },
    { "", NULL, NULL },
    { "nothing\n", NULL, NULL },
    { "--b\none\n--b\ntwo\n", NULL, NULL },
    { "--b\none\n--b--\n", NULL, NULL },
    { "--b--\n", NULL, NULL },
    { "--b\n--b\ntwo\n--b--\n", NULL, NULL },
    { "--b\none\n--b\n--b--\n", NULL, NULL },
    { "--b\none\n--b\ntwo\n--b\nthree\n--b--\n", NULL, NULL },
    { "--b\none\n--bb\n--b\ntwo\n--b--\n", NULL, NULL },
    { "--b\none\n--b-\n--b\ntwo\n--b--\n", NULL, NULL },
    { "--b\none\n--b\ntwo\n--b--x\n", NULL, NULL },
    { "--b\none\n--b\ntwo\n--b--", NULL, NULL },
};

static enum shim_split split(const char *body, size_t len, char **content, size_t *content_len,
                             BIO *signature)
{
    FILE *from = fmemopen(NULL, len + 1, "w+");
    FILE *to = open_memstream(content, content_len);
    enum shim_split result;

    ck_assert(from != NULL && to != NULL);
    ck_assert_uint_eq(fwrite(body, 1, len, from), len);
    ck_assert_int_eq(fflush(from), 0);
    rewind(from);
    /* A stream in memory ends with a NUL, which is no part of the body. */
    result = shim_split(from, "b", to, signature);
    fclose(from);
    fclose(to);
    return result;
}

START_TEST(parts)
{
    BIO *signature = BIO_new(BIO_s_mem());
    char *content = NULL;
    char *second;
    size_t len;
    enum shim_split result = split(rows[_i].body, strlen(rows[_i].body), &content, &len, signature);

    if (rows[_i].content == NULL) {
        ck_assert_int_eq(result, SPLIT_UNCLEAR);
    } else {
        long second_len = BIO_get_mem_data(signature, &second);

        ck_assert_int_eq(result, SPLIT_DONE);
        ck_assert_uint_eq(len, strlen(rows[_i].content));
        ck_assert_mem_eq(content, rows[_i].content, len);
        ck_assert_int_eq(second_len, (long)strlen(rows[_i].signature));
        ck_assert(second_len == 0 || memcmp(second, rows[_i].signature, (size_t)second_len) == 0);
    }
    free(content);
    BIO_free(signature);
}
END_TEST

/* Lines of every length around the ends of the blocks that are read. */
START_TEST(blocks)
{
    size_t fill = 65536 - 40 + (size_t)_i;
    char *body = malloc(fill + 64);
    BIO *signature = BIO_new(BIO_s_mem());
    char *content = NULL;
    size_t len, size;

    ck_assert_ptr_nonnull(body);
    memcpy(body, "--b\n", 4);
    memset(body + 4, 'x', fill);
    for (size_t i = 503; i < fill; i += 500)
        body[i] = '\n';
    memcpy(body + 4 + fill, "\r\nend\n--b\ntwo\n--b--\n", 20);
    size = 4 + fill + 20;
    ck_assert_int_eq(split(body, size, &content, &len, signature), SPLIT_DONE);
    ck_assert_mem_eq(content + len - 5, "\r\nend", 5);
    /* Each line end of the filling grew by a byte. */
    ck_assert_uint_eq(len, fill + 5 + (fill - 503 + 499) / 500);
    free(content);
    free(body);
    BIO_free(signature);
}
END_TEST

START_TEST(nul_is_unclear)
{
    static const char body[] = "--b\no\0e\n--b\ntwo\n--b--\n";
    BIO *signature = BIO_new(BIO_s_mem());
    char *content = NULL;
    size_t len;

    ck_assert_int_eq(split(body, sizeof(body) - 1, &content, &len, signature), SPLIT_UNCLEAR);
    free(content);
    BIO_free(signature);
}
END_TEST

/* A signature is small: an endless one is not stored. */
START_TEST(endless_signature)
{
    static const char line[] = "0123456789012345678901234567890123456789012345678901234567890123\n";
    size_t count = (17U << 20) / (sizeof(line) - 1);
    char *body = malloc(16 + count * sizeof(line));
    BIO *signature = BIO_new(BIO_s_mem());
    char *content = NULL;
    size_t at, len;

    ck_assert_ptr_nonnull(body);
    memcpy(body, "--b\none\n--b\n", 12);
    at = 12;
    for (size_t i = 0; i < count; i++, at += sizeof(line) - 1)
        memcpy(body + at, line, sizeof(line) - 1);
    ck_assert_int_eq(split(body, at, &content, &len, signature), SPLIT_UNCLEAR);
    free(content);
    free(body);
    BIO_free(signature);
}
END_TEST

START_TEST(no_room)
{
    static const char body[] = "--b\none\n--b\ntwo\n--b--\n";
    FILE *from = fmemopen(NULL, sizeof(body), "w+");
    FILE *full = fopen("/dev/full", "w");
    BIO *signature = BIO_new(BIO_s_mem());

    ck_assert(from != NULL && full != NULL);
    ck_assert_uint_eq(fwrite(body, 1, sizeof(body) - 1, from), sizeof(body) - 1);
    rewind(from);
    ck_assert_int_eq(shim_split(from, "b", full, signature), SPLIT_FAILED);
    fclose(from);
    (void)fclose(full);
    BIO_free(signature);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("split");
    TCase *tests = tcase_create("split");

    tcase_add_loop_test(tests, parts, 0, SP_ROWS(rows));
    tcase_add_loop_test(tests, blocks, 0, 60);
    tcase_add_test(tests, nul_is_unclear);
    tcase_add_test(tests, endless_signature);
    tcase_add_test(tests, no_room);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
