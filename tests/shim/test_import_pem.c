/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file that `export` wrote, block by block, whole or damaged.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/text.h"
#include "capture.h"
#include "keyrings.h"
#include "tool/upload/import_pem.h"

#define BEGIN  "-----BEGIN CERTIFICATE-----\n"
#define END    "-----END CERTIFICATE-----\n"
#define BLOCK  BEGIN "MAMCAQE=\n" END
#define KEY    "-----BEGIN PRIVATE KEY-----\nMAMCAQI=\n-----END PRIVATE KEY-----\n"
#define ROLE   "smime-policy-role: "
#define LOADED "smime-policy-uploaded: "
#define URI    "smime-policy-key: "

/*
 * What a file holds: "TYPE@LINE" with the value of each line of text before it, and the
 * fault that ends it, if any, with its place.
 */
static const struct {
    const char *text;
    const char *blocks;
    const char *fault;
} rows[] = {
    { "", "", NULL },
    { "text\nmore text", "", NULL },
    { BLOCK, "CERTIFICATE@1", NULL },
    { BLOCK KEY BLOCK, "CERTIFICATE@1 PRIVATE KEY@4 CERTIFICATE@7", NULL },
    { "subject: x\n\n" BLOCK, "CERTIFICATE@3", NULL },
    { ROLE "ca\n" LOADED "2024-01-01T00:00:00Z\n" URI "pkcs11:a\n" BLOCK,
      "CERTIFICATE@4 role=ca uploaded=2024-01-01T00:00:00Z key=pkcs11:a", NULL },
    { ROLE "ca\r\n" BLOCK, "CERTIFICATE@2 role=ca", NULL },
    { ROLE "ca\n" ROLE "identity\n" BLOCK, "CERTIFICATE@3 role=identity", NULL },
    { ROLE "\n" BLOCK, "CERTIFICATE@2 role=", NULL },
    /* Text is about the block that follows it, and about no other. */
    { ROLE "ca\n" BLOCK BLOCK, "CERTIFICATE@2 role=ca CERTIFICATE@5", NULL },
    { BLOCK ROLE "ca\n", "CERTIFICATE@1", NULL },
    { " " ROLE "ca\nx " ROLE "ca\n" BLOCK, "CERTIFICATE@3", NULL },
    { "-----BEGIN CERTIFICATE-----\r\nMAMCAQE=\r\n-----END CERTIFICATE-----\r\n", "CERTIFICATE@1",
      NULL },
    { BEGIN "MAMCAQE=\n-----END CERTIFICATE-----", "CERTIFICATE@1", NULL },

    { BLOCK BEGIN "MAMCAQE=\n", "CERTIFICATE@1", "line 4: a block without end; the file was cut" },
    { BEGIN "%%%%\n" END, "", "line 1: a damaged block" },
    { BEGIN END, "", "line 1: a damaged block" },
    { "\n" BEGIN "MAMCAQE=\n-----END PRIVATE KEY-----\n", "", "line 2: a damaged block" },
    { "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n"
      "MAMCAQI=\n-----END RSA PRIVATE KEY-----\n" BLOCK,
      "", "line 1: a form of key that 'smime-policy upload' reads" },
};

static char *place;

static void set_up(void)
{
    place = sp_make_place();
}

static void tear_down(void)
{
    sp_remove_place(place);
}

static void write_file(const void *text, size_t length)
{
    FILE *file = fopen(place, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static void add(struct sp_text *text, const char *name, const char *value)
{
    char *piece = value == NULL ? NULL : sp_format("%s%s", name, value);

    if (piece != NULL)
        sp_text_add_bytes(text, piece, strlen(piece));
    OPENSSL_free(piece);
}

/* All blocks, as the rows write them; the last answer, and what was said, in |fault|. */
static void expect_blocks(const char *expected, const char *fault)
{
    struct sp_text text = { 0 };
    struct shim_blocks blocks;
    struct shim_block block;
    char number[30];
    char *found;
    int next;

    sp_capture_begin(STDERR_FILENO);
    ck_assert(shim_blocks_begin(&blocks, place));
    while ((next = shim_blocks_next(&blocks, &block)) == 1) {
        snprintf(number, sizeof(number), "@%zu", block.line);
        add(&text, text.len > 0 ? " " : "", block.type);
        add(&text, number, "");
        add(&text, " role=", block.role);
        add(&text, " uploaded=", block.uploaded);
        add(&text, " key=", block.key_uri);
        ck_assert_int_eq(block.length, 5);
        shim_block_clear(&block);
    }
    shim_block_clear(&block);
    shim_blocks_end(&blocks);
    sp_expect_captured(STDERR_FILENO, fault);
    ck_assert_int_eq(next, fault == NULL ? 0 : -1);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    found = sp_text_take(&text);
    ck_assert_str_eq(found == NULL ? "" : found, expected);
    OPENSSL_free(found);
}

START_TEST(blocks_are_read)
{
    write_file(rows[_i].text, strlen(rows[_i].text));
    expect_blocks(rows[_i].blocks, rows[_i].fault);
}
END_TEST

START_TEST(a_nul_is_no_text)
{
    static const char text[] = "\0\n" BLOCK;

    write_file(text, sizeof(text) - 1);
    expect_blocks("", "line 1: a line without end; give a file that 'smime-policy export' wrote");
}
END_TEST

/* Longer than any certificate: a line, or a block of short ones. */
START_TEST(what_has_no_end_is_not_kept)
{
    size_t length = 17U << 20;
    char *text = malloc(length);

    ck_assert_ptr_nonnull(text);
    memset(text, 'A', length);
    memcpy(text, BEGIN, strlen(BEGIN));
    for (size_t i = strlen(BEGIN) + 64; _i == 0 && i < length; i += 65)
        text[i] = '\n';
    write_file(text, length);
    expect_blocks("", _i == 0 ? "line 1: a block without end\n" : "line 2: a line without end");
    free(text);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named)
{
    struct shim_blocks blocks;

    sp_capture_begin(STDERR_FILENO);
    ck_assert(!shim_blocks_begin(&blocks, "/nonexistent/x"));
    sp_expect_captured(STDERR_FILENO, "cannot read /nonexistent/x: No such file or directory");
    shim_blocks_end(&blocks);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("import_pem");
    TCase *tests = tcase_create("import_pem");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, blocks_are_read, 0, SP_ROWS(rows));
    tcase_add_test(tests, a_nul_is_no_text);
    tcase_add_loop_test(tests, what_has_no_end_is_not_kept, 0, 2);
    tcase_add_test(tests, a_file_that_cannot_be_read_is_named);
    suite_add_tcase(suite, tests);
    return sp_run(suite);
}
