/*
 * Copyright 2026 The smime-policy authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Telling mail from other data, for every byte.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gates/classify.h"
#include "mail.h"

#define OID_CONTENT_TYPE   0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03
#define OID_MESSAGE_DIGEST 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04
#define OID_SIGNING_TIME   0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05
#define OID_DATA           0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01
#define TYPE_DATA          0x30, 0x18, OID_CONTENT_TYPE, 0x31, 0x0b, OID_DATA
#define OID_STAMP          0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04
#define TYPE_STAMP         0x30, 0x1a, OID_CONTENT_TYPE, 0x31, 0x0d, OID_STAMP
#define TYPE_BOTH          0x30, 0x25, OID_CONTENT_TYPE, 0x31, 0x18, OID_STAMP, OID_DATA
#define TYPE_EMPTY         0x30, 0x0d, OID_CONTENT_TYPE, 0x31, 0x00
#define DIGEST             0x30, 0x11, OID_MESSAGE_DIGEST, 0x31, 0x04, 0x04, 0x02, 0xaa, 0xbb
#define TIME               0x30, 0x0f, OID_SIGNING_TIME, 0x31, 0x02, 0x17, 0x00

static const struct row {
    const char *label;
    unsigned char bytes[80];
    size_t length;
    enum sp_kind kind;
} rows[] = {
    { "type and digest", { 0x31, 45, TYPE_DATA, DIGEST }, 47, SP_KIND_MAIL },
    { "digest and type", { 0x31, 45, DIGEST, TYPE_DATA }, 47, SP_KIND_MAIL },
    { "and a time", { 0x31, 62, TYPE_DATA, TIME, DIGEST }, 64, SP_KIND_MAIL },
    { "digest alone", { 0x31, 19, DIGEST }, 21, SP_KIND_MAIL },
    { "time stamp", { 0x31, 47, TYPE_STAMP, DIGEST }, 49, SP_KIND_STAMP },
    { "of two types", { 0x31, 73, TYPE_DATA, TYPE_STAMP, DIGEST }, 75, SP_KIND_MAIL },
    { "the other way", { 0x31, 73, TYPE_STAMP, TYPE_DATA, DIGEST }, 75, SP_KIND_MAIL },
    { "stamp and data", { 0x31, 58, TYPE_BOTH, DIGEST }, 60, SP_KIND_MAIL },
    { "type without a value", { 0x31, 34, TYPE_EMPTY, DIGEST }, 36, SP_KIND_MAIL },
    { "stamp without a digest", { 0x31, 28, TYPE_STAMP }, 30, SP_KIND_OTHER },
    { "type alone", { 0x31, 26, TYPE_DATA }, 28, SP_KIND_OTHER },
    { "time alone", { 0x31, 17, TIME }, 19, SP_KIND_OTHER },
    { "a byte too many", { 0x31, 45, TYPE_DATA, DIGEST, 0 }, 48, SP_KIND_OTHER },
    { "a byte missing", { 0x31, 45, TYPE_DATA, DIGEST }, 46, SP_KIND_OTHER },
    { "a primitive set", { 0x11, 45, TYPE_DATA, DIGEST }, 47, SP_KIND_OTHER },
    { "a sequence", { 0x30, 45, TYPE_DATA, DIGEST }, 47, SP_KIND_OTHER },
    { "implicit tag, as in a message", { 0xa0, 45, TYPE_DATA, DIGEST }, 47, SP_KIND_OTHER },
    { "indefinite length", { 0x31, 0x80, TYPE_DATA, DIGEST, 0, 0 }, 49, SP_KIND_OTHER },
    { "long form of the length", { 0x31, 0x81, 45, TYPE_DATA, DIGEST }, 48, SP_KIND_MAIL },
    { "long form of a tag",
      { 0x31, 46, 0x3f, 0x10, 0x18, OID_CONTENT_TYPE, 0x31, 0x0b, OID_DATA, DIGEST },
      48,
      SP_KIND_OTHER },
    { "something else at the end", { 0x31, 47, TYPE_DATA, DIGEST, 0x05, 0 }, 49, SP_KIND_OTHER },
    { "attribute without values",
      { 0x31, 32, TYPE_DATA, 0x30, 4, 0x06, 2, 0x2a, 3 },
      34,
      SP_KIND_OTHER },
    { "the beginning of the name of the digest",
      { 0x31, 44,   TYPE_DATA, 0x30, 0x10, 0x06, 8, 0x2a, 0x86, 0x48, 0x86,
        0xf7, 0x0d, 0x01,      0x09, 0x31, 4,    4, 2,    0xaa, 0xbb },
      46,
      SP_KIND_OTHER },
    { "attribute of another class",
      { 0x31, 45, TYPE_DATA, 0xb0, 0x11, OID_MESSAGE_DIGEST, 0x31, 4, 4, 2, 0xaa, 0xbb },
      47,
      SP_KIND_OTHER },
    { "values of indefinite length",
      { 0x31, 45, TYPE_DATA, 0x30, 0x11, OID_MESSAGE_DIGEST, 0x31, 0x80, 4, 2, 0, 0 },
      47,
      SP_KIND_OTHER },
    { "empty set", { 0x31, 0 }, 2, SP_KIND_OTHER },
    { "one byte", { 0x31 }, 1, SP_KIND_OTHER },
    { "nothing", { 0 }, 0, SP_KIND_OTHER },
    { "text", "1hello", 6, SP_KIND_OTHER },
};

START_TEST(attributes)
{
    const struct row *row = &rows[_i];
    /* Allocated with the exact size, so that a sanitizer sees reads past the end. */
    unsigned char *copy = malloc(row->length + (row->length == 0));

    memcpy(copy, row->bytes, row->length);
    ck_assert_msg(sp_kind_of(copy, row->length) == row->kind, "%s", row->label);
    free(copy);
}
END_TEST

START_TEST(fixtures)
{
    ck_assert(sp_kind_of(sp_mail_attributes, sizeof(sp_mail_attributes)) == SP_KIND_MAIL);
    ck_assert(sp_kind_of(sp_stamp_attributes, sizeof(sp_stamp_attributes)) == SP_KIND_STAMP);
}
END_TEST

START_TEST(every_truncation)
{
    for (size_t length = 0; length < sizeof(sp_mail_attributes); length++) {
        unsigned char *copy = malloc(length + (length == 0));

        memcpy(copy, sp_mail_attributes, length);
        ck_assert_msg(sp_kind_of(copy, length) == SP_KIND_OTHER, "%zu", length);
        ck_assert_msg(sp_attributes_begin(copy, length) == (length > 0), "%zu", length);
        free(copy);
    }
}
END_TEST

/* If a byte of the structure changes it is no mail; with a byte of a value it is. */
START_TEST(every_byte_changed)
{
    size_t mail = 0;

    for (size_t i = 0; i < sizeof(sp_mail_attributes); i++) {
        unsigned char *copy = malloc(sizeof(sp_mail_attributes));

        memcpy(copy, sp_mail_attributes, sizeof(sp_mail_attributes));
        copy[i] ^= 0x40;
        mail += sp_kind_of(copy, sizeof(sp_mail_attributes)) == SP_KIND_MAIL;
        free(copy);
    }
    /* The content type (9 of its name, 11 of its value) and the digest (34). */
    ck_assert_uint_eq(mail, 9 + 11 + 34);
}
END_TEST

START_TEST(random_bytes)
{
    unsigned int state = 12345;

    for (int i = 0; i < 200000; i++) {
        unsigned char noise[64];

        for (size_t j = 0; j < sizeof(noise); j++) {
            state = state * 1103515245 + 12345;
            noise[j] = (unsigned char)(state >> 16);
        }
        noise[0] = 0x31;
        noise[1] = 62;
        ck_assert(sp_kind_of(noise, sizeof(noise)) == SP_KIND_OTHER);
    }
}
END_TEST

/* The head of an attribute of messageDigest whose value has the length of a file. */
START_TEST(more_than_a_file_has)
{
    static const unsigned char head[] = {
        0x31, 0x84, 0x7f, 0xff, 0xff, 0xf9, 0x30, 0x84, 0x7f, 0xff, 0xff, 0xf3, OID_MESSAGE_DIGEST,
        0x31, 0x84, 0x7f, 0xff, 0xff, 0xe2
    };
    const size_t most = 0x7fffffff, page = 4096;
    /* Only the first page of it is there. */
    unsigned char *data =
        mmap(NULL, most + page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    ck_assert(data != MAP_FAILED && mprotect(data, page, PROT_READ | PROT_WRITE) == 0);
    memcpy(data, head, sizeof(head));
    ck_assert(sp_kind_of(data, most) == SP_KIND_MAIL);
    /* One byte more in each of the three. */
    data[5]++, data[11]++, data[28]++;
    ck_assert(sp_kind_of(data, most + 1) == SP_KIND_OTHER);
    ck_assert_int_eq(munmap(data, most + page), 0);
}
END_TEST

/* Data that may become attributes are collected, within limits. */
START_TEST(beginnings)
{
    static const struct {
        unsigned char bytes[8];
        size_t length;
        bool begins;
    } heads[] = { { { 0x31 }, 1, true },
                  { { 0x31, 0xff }, 1, true },
                  { { 0x31, 2 }, 2, true },
                  { { 0x31, 2, 0x30 }, 3, true },
                  { { 0x31, 2, 0x30, 0 }, 4, false },
                  { { 0x31, 0 }, 2, false },
                  { { 0x31, 0x80 }, 2, false },
                  { { 0x31, 0x81 }, 2, true },
                  { { 0x31, 0x81, 0 }, 3, false },
                  { { 0x31, 0x81, 1 }, 3, true },
                  { { 0x31, 0x81, 1, 0 }, 4, false },
                  { { 0x31, 0x82, 1 }, 3, true },
                  { { 0x31, 0x82, 0xff, 0xff }, 3, true },
                  { { 0x31, 0x83, 0x10, 0, 0 }, 5, true },
                  { { 0x31, 0x83, 0x10, 0, 1 }, 5, false },
                  { { 0x31, 0x84, 0, 0, 0, 1 }, 6, true },
                  { { 0x31, 0x84, 0xff, 0xff, 0xff, 0xff }, 6, false },
                  { { 0x31, 0x85, 0, 0, 0, 0, 1 }, 7, false },
                  { { 0x30, 2 }, 2, false },
                  { { 0x31 }, 0, false } };

    for (int i = 0; i < SP_ROWS(heads); i++)
        ck_assert_msg(sp_attributes_begin(heads[i].bytes, heads[i].length) == heads[i].begins,
                      "row %d", i);
}
END_TEST

START_TEST(premaster)
{
    static const unsigned int versions[] = {
        0x0300, 0x0301, 0x0302, 0x0303, 0xfefd, 0xfeff, 0x0100
    };
    unsigned char bytes[64] = { 3, 3 };
    int found = 0;

    for (size_t length = 0; length <= sizeof(bytes); length++)
        ck_assert_int_eq(sp_is_tls_premaster(bytes, length), length == 48);
    for (unsigned int version = 0; version <= 0xffff; version++) {
        bytes[0] = (unsigned char)(version >> 8);
        bytes[1] = (unsigned char)version;
        found += sp_is_tls_premaster(bytes, 48);
    }
    ck_assert_int_eq(found, SP_ROWS(versions));
    for (int i = 0; i < SP_ROWS(versions); i++) {
        bytes[0] = (unsigned char)(versions[i] >> 8);
        bytes[1] = (unsigned char)versions[i];
        ck_assert(sp_is_tls_premaster(bytes, 48));
        ck_assert(!sp_is_tls_premaster(bytes, 47));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("classify");
    TCase *tests = sp_case(suite, "classify");

    tcase_add_loop_test(tests, attributes, 0, SP_ROWS(rows));
    tcase_add_test(tests, fixtures);
    tcase_add_test(tests, every_truncation);
    tcase_add_test(tests, every_byte_changed);
    tcase_add_test(tests, random_bytes);
    tcase_add_test(tests, more_than_a_file_has);
    tcase_add_test(tests, beginnings);
    tcase_add_test(tests, premaster);
    return sp_run_forked(suite);
}
